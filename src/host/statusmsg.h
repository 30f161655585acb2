/* statusmsg.h - status messages: the STATMSG line in the component's log and a row for people.
 *
 * statusmsg.def says for each ID severity, text (%1 … are the insertion strings) and which strings
 * become attributes. (Spec: status messages, form 1.1.)
 */
#pragma once

#include "base/error.h"
#include "db/db.h"
#include "host/component.h"

typedef struct {
        int id;
        char severity;          /* 'I', 'W', 'E' */
        const char *text;       /* "Package %1 …" */
        const char *attributes; /* "400=0 404=+0": attribute ID = insertion string, or +extra; "" */
} StatusDef;

/* One message, as it is stored. */
typedef struct {
        int id;
        char severity;
        const char *component;
        const char *machine; /* FQDN */
        const char *site;
        gint64 time_us;
        int pid, tid;
        const char *strings[10]; /* never NULL */
        int attribute_count;
        int attribute_ids[4];
        const char *attribute_values[4];
        const char *trace;
} StatusMsg;

/* Stores a message in the transaction; given by the role (sitedb). */
typedef bool (*StatusSink)(DbTx *tx, const StatusMsg *msg, GError **error);

/* Raises message id with insertion strings (NULL-terminated list, at most ten): the row in tx
 * (NULL: in a transaction of its own), then the log line. BROKEN for an ID without a row in the
 * table. Values that the table asks for as "+0", "+1" (attributes that are no insertion string)
 * follow the insertion strings in the list. */
bool statusmsg_raise(Component *c, DbTx *tx, int id, GError **error, ...) G_GNUC_NULL_TERMINATED;
/* As above for a failure: appends " LE=0X<hex>" to the line. */
bool statusmsg_raise_failure(Component *c, DbTx *tx, int id, guint32 last_error, GError **error,
                             ...) G_GNUC_NULL_TERMINATED;

/* The STATMSG line of a message, with failed_with behind it unless that is 0; the caller's. */
char *statusmsg_line(const StatusMsg *msg, guint32 failed_with);

/* The table; *count_out rows. */
const StatusDef *statusmsg_table(gsize *count_out);
/* The row of an ID, or NULL. */
const StatusDef *statusmsg_find(int id);
/* The text with its strings put in; the caller's. */
char *statusmsg_text(int id, const char *const strings[10]);
