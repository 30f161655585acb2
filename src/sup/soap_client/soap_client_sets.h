/* soap_client_sets.h - which evaluation sets are for a machine, and the sets, as ready bytes.
 *
 *   catalogue --products and sets, on each change--> SetsView --> answers and files for clients
 *
 * Machines that announce the same get the same answer, kept until the catalogue changes. Safe from
 * any thread; the Db is the calling thread's own.
 */
#pragma once

#include "db/db.h"
#include "net/http_server.h"
#include "wire/wsussets.h"

typedef struct Sets Sets;

Sets *soap_client_sets_new(void);
void soap_client_sets_free(Sets *sets);
/* Takes over what the catalogue has now, if that is another than before. */
bool soap_client_sets_refresh(Sets *sets, Db *db, GError **error) UK_MUST_USE;
/* GUID of the catalogue, the caller's, and its last change number. */
char *soap_client_sets_epoch(Sets *sets, gint64 *change_out);
/* Whether a synchronization has ended on it, so that what it does not name is not there. */
bool soap_client_sets_ended(Sets *sets);
/* The element of the answer to an announcement; the caller's. */
char *soap_client_sets_answer(Sets *sets, Db *db, const SetsAnnouncement *announcement,
                              GError **error) UK_MUST_USE;
/* A file by the last part of its path: "<sha256>", or "<from>.<to>" for a step. NOT_FOUND when
 * there is none any more. The caller unrefs it. */
HttpCached *soap_client_sets_file(Sets *sets, Db *db, const char *name, GError **error) UK_MUST_USE;
