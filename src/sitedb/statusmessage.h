/* statusmessage.h - status messages as rows (spec: status messages, OQ-M02), with their text in
 * words, so that an administrator's query shows more than numbers.
 *
 * What a role raises comes through its status sink, which copies the host's message into this form:
 * the floors forbid either to know the other.
 */
#pragma once

#include "db/db.h"

#define STATUSMESSAGE_STRINGS    10
#define STATUSMESSAGE_ATTRIBUTES 4

typedef struct {
        int id;
        char severity; /* 'I', 'W', 'E' */
        const char *component;
        const char *machine; /* FQDN */
        const char *site;
        gint64 time_us;
        int pid, tid;
        const char *strings[STATUSMESSAGE_STRINGS]; /* NULL is "" */
        int attribute_count;
        int attribute_ids[STATUSMESSAGE_ATTRIBUTES];
        const char *attribute_values[STATUSMESSAGE_ATTRIBUTES];
        const char *text; /* in words, with its strings put in; NULL is "" */
        const char *trace;
} StatusMessage;

/* Stores a message. INVALID for another severity. */
bool statusmessage_add(DbTx *tx, const StatusMessage *message, GError **error) UK_MUST_USE;

/* What a list is to hold; zero and NULL mean any. */
typedef struct {
        const char *component;
        gint64 id;
        char severity;
        gint64 since_us;
        const char *attribute; /* value of any attribute: a package, a distribution point */
        gint64 before;         /* RecordID of the last row of the page before */
        guint limit;           /* 0: 1000 */
} StatusMessageFilter;

/* Rows of a page, newest first, with the columns of v_StatusMessage and InsString1 to InsString10.
 * The caller frees them. */
DbRows *statusmessage_rows(Db *db, const StatusMessageFilter *filter, GError **error) UK_MUST_USE;
/* Removes what is older; *removed_out may be NULL. */
bool
statusmessage_trim(DbTx *tx, gint64 before_us, gint64 *removed_out, GError **error) UK_MUST_USE;
/* Whether that very message is stored already, as one that comes twice is. */
bool statusmessage_known(Db *db, const StatusMessage *message, bool *known_out,
                         GError **error) UK_MUST_USE;
