/* accesslog.h - one line per request, in the W3C form that administrators filter on.
 *
 * date time <server ip> <METHOD> <path> <query> <port> - <client ip> <agent> - <status> 0 <win32>
 * <bytes> <ms>; '-' where there is nothing, blanks of a field as '+' (93-logs.md, 7.2). win32 is 0,
 * or 64 when the connection broke before the answer was out.
 */
#pragma once

#include "base/error.h"

typedef struct AccessLog AccessLog;

typedef struct {
        const char *server_ip;
        const char *method;
        const char *path;
        const char *query; /* NULL: none */
        guint16 port;
        const char *client_ip;
        const char *agent; /* NULL: none */
        unsigned status;
        bool broken;
        gint64 bytes; /* of the body sent */
        gint64 ms;
} AccessRecord;

/* Opens path for appending; its folder is made. Above max_bytes (0: 20 MB) the file is renamed to
 * <name>.lo_, older ones to .lo_.1 and on, `keep` files in all. The caller closes it. */
AccessLog *accesslog_open(const char *path, const char *server_name, gint64 max_bytes,
                          unsigned keep, GError **error) UK_MUST_USE;
void accesslog_close(AccessLog *log); /* NULL is fine */
/* Appends a record, from any thread. A record that cannot be written is lost and counted: the
 * request was answered all the same. */
void accesslog_write(AccessLog *log, const AccessRecord *record);
/* Records lost so far. */
guint64 accesslog_lost(AccessLog *log);
