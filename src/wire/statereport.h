/* statereport.h - state messages on their way up (spec: state messages, 2).
 *
 *   StateMessage (client), PullDP --Report, UTF-16 or UTF-8--> management point --.SMX--> StateSys
 *
 * The reader is on the hottest path of a site: one pass, callbacks, no tree.
 */
#pragma once

#include "base/error.h"

#define STATEREPORT_MAX_BYTES    (16 * 1024 * 1024)
#define STATEREPORT_MAX_MESSAGES 100000
#define STATEREPORT_PARAMS       5

/* The head of a report. */
typedef struct {
        char *client_id; /* "GUID:A1006D0E-…" without the prefix and blanks: the GUID */
        char *client_version;
        char *name; /* NetBIOSName */
        bool client_installed;
        int priority;  /* 0, 1, 5, 10; 5 if absent */
        char *content; /* "State Message Data" or "StateMessage" */
        gint64 date_us;
        char *trace; /* of our namespace (attribute upkeep:trace of Report), "" if absent */
} StateReportHead;

/* One state message. Texts are borrowed until the callback returns. */
typedef struct {
        gint64 time_us; /* MessageTime */
        gint64 serial;  /* SerialNumber */
        int topic_type;
        int id_type;
        const char *topic_id;
        const char *user;
        int state_id;
        guint param_count;
        const char *params[STATEREPORT_PARAMS];
        /* Text of the element StateDetails, "" if absent: for topic 500 the packages that make the
         * update missing, one a line: "name architecture installed new" (DEB-041); for topic 501
         * the counts and digest of the scan (OQ-C27). */
        const char *details;
} StateReportMessage;

typedef struct {
        /* After the head, before the first message; may be NULL. */
        bool (*head)(gpointer user, const StateReportHead *head, GError **error);
        bool (*message)(gpointer user, const StateReportMessage *message, GError **error);
        /* Told of a message that cannot be read (bad time, no topic); it is passed over and
         * counted. May be NULL. */
        void (*invalid)(gpointer user, const char *why);
        gpointer user;
} StateReportSink;

/* Reads a report (UTF-8, or UTF-16 with or without byte order mark; a trailing NUL is allowed).
 * PARSE, LIMIT, or the callback's error. */
bool statereport_read(const void *data, gsize size, const StateReportSink *sink,
                      GError **error) UK_MUST_USE;
/* Only the head, for the management point: stops at the body. The caller frees it. */
StateReportHead *statereport_read_head(const void *data, gsize size, GError **error) UK_MUST_USE;
void statereport_head_free(StateReportHead *head);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StateReportHead, statereport_head_free)

/* Writes a whole report (UTF-8 text with the declaration encoding="UTF-16", as it is before the
 * messaging turns it into UTF-16). The caller frees it. */
char *
statereport_write(const StateReportHead *head, const StateReportMessage *messages, guint count);

/* The CIM form "20140120171855.573000+000" and back (any offset is taken). */
char *statereport_time(gint64 us);
bool statereport_parse_time(const char *text, gint64 *us_out);
