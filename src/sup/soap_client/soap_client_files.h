/* soap_client_files.h - which update has a file, by the digest that the exchange uses.
 *
 * Made when the first client asks after a change of the catalogue; safe from any thread.
 */
#pragma once

#include "sup/soap_client/scope.h"

typedef struct Files Files;

Files *soap_client_files_new(void);
void soap_client_files_free(Files *files);
/* Appends to locations (of WsusFileLocation) where the files with these digests (of char *, base64)
 * are; those that nothing in scope has are left out. */
bool soap_client_files_find(Files *files, Db *db, const Scope *scope, const GPtrArray *digests,
                            GPtrArray *locations, GError **error) UK_MUST_USE;
/* Appends the locations of all files of an update. */
void soap_client_files_of(const Scope *scope, const CatalogUpdate *update, GPtrArray *locations);
