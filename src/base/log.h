/* log.h - the log files that administrators read, in the forms that log viewers know.
 *
 * The log is an interface: texts come from the specification word for word, each record is one
 * line, and the component is bound to the thread by the host, so no call names it. Text from
 * outside is cleaned of control characters here. One file may be written by many threads and
 * processes: each record is a single append. Lines end in CR LF, as log viewers expect; times are
 * local with the bias (minutes to add to get UTC), in the engine's form UTC.
 */
#pragma once

#include "base/error.h"

typedef enum {
        UK_LOG_SERVER, /* text  $$<COMPONENT><MM-DD-YYYY hh:mm:ss.mmm+bias><thread=N (0xN)>
                          (OQ-L01), and behind it <trace=ID> where the thread's work has one */
        UK_LOG_CLIENT, /* <![LOG[text]LOG]!><time=… (OQ-L01), also management point, pull DP; the
                          trace ID stands in context="" */
        UK_LOG_ENGINE, /* SoftwareDistribution.log: tab-separated, see uk_log_engine() */
        UK_LOG_AGENT,  /* WindowsUpdate.log: date, time, pid, tid, subsystem, text */
} UkLogForm;

typedef enum {
        UK_LOG_INFO = 1,
        UK_LOG_WARNING = 2,
        UK_LOG_ERROR = 3,
        UK_LOG_VERBOSE = 4,
} UkLogType;

/* An open log file; may be shared between threads (it has a lock of its own for rotation). */
typedef struct UkLog UkLog;

/* Opens path for appending (folders are made). component is the name in the records (ignored by
 * the engine's form). max_bytes: above it the file is renamed to <name>.lo_ (older ones to
 * .lo_.1 … , `keep` old files in all, at least one); 0 means 20 MB. The caller owns the result. */
UkLog *uk_log_open(const char *path, const char *component, UkLogForm form, gint64 max_bytes,
                   unsigned keep, GError **error) UK_MUST_USE;
/* Closes it; the calling thread is unbound, no other may be bound to it any more. */
void uk_log_close(UkLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UkLog, uk_log_close)

/* Turns verbose records of this file on or off; takes effect at once, from any thread. */
void uk_log_set_verbose(UkLog *log, bool verbose);

/* Binds the calling thread to a log; the previous binding is returned and may be bound again.
 * NULL: records go to standard error (as plain text), so that nothing said is lost. */
UkLog *uk_log_bind(UkLog *log);

/* The log bound to this thread, or NULL. */
UkLog *uk_log_bound(void);

/* The number of the thread in its records. */
int uk_log_thread(void);
/* From now on the thread's records have that number, 0 its own: for what it says in the name of the
 * one that gave it its work. Returns the number before. */
int uk_log_set_thread(int number);

/* The trace ID of the work this thread does (W3C trace-id: 32 lower-case hex digits), kept in a
 * buffer of the thread; "" clears it. It goes into headers, rows and files, and into the records of
 * the two forms that have a place for it, not into the texts. */
void uk_trace_set(const char *trace);
const char *uk_trace_get(void);
/* A new random trace ID; the caller frees it. */
char *uk_trace_new(void);

#define uk_log(...)   uk_log_write(UK_LOG_INFO, NULL, __FILE__, __LINE__, __VA_ARGS__)
#define uk_warn(...)  uk_log_write(UK_LOG_WARNING, NULL, __FILE__, __LINE__, __VA_ARGS__)
#define uk_error(...) uk_log_write(UK_LOG_ERROR, NULL, __FILE__, __LINE__, __VA_ARGS__)
/* Written only when the file's verbose switch is on; the arguments are always evaluated. */
#define uk_verbose(...) uk_log_write(UK_LOG_VERBOSE, NULL, __FILE__, __LINE__, __VA_ARGS__)
/* For files whose records carry several component names (PolicyAgent.log), and for the subsystem
 * of an agent record ("Agent", "COMAPI", "PT", "AU"). */
#define uk_log_as(component, ...) \
        uk_log_write(UK_LOG_INFO, (component), __FILE__, __LINE__, __VA_ARGS__)

/* True when verbose records of the bound log are written; to skip making a long text. */
bool uk_log_is_verbose(void);

/* The function behind the macros. */
void uk_log_write(UkLogType type, const char *component, const char *file, int line,
                  const char *format, ...) G_GNUC_PRINTF(5, 6);

/* The thread's records until the end of the enclosing scope are written at once, for where hundreds
 * come in a row: each alone costs more than all that it tells of. A crash in between loses them, so
 * nothing that waits or changes something outside belongs into the scope. Scopes may be nested. */
#define UK_LOG_TOGETHER()                                                              \
        __attribute__((cleanup(uk_log_together_end), unused)) unsigned uk_log_scope_ = \
                uk_log_together()
/* The functions behind the macro. */
unsigned uk_log_together(void);
void uk_log_together_end(const unsigned *scope);

/* From now on GLib's own messages (of any library that uses it) are records of the thread's bound
 * log: errors and criticals as errors, warnings as warnings, debug as verbose. Once per process,
 * before the first thread. What GLib holds fatal still ends the process. */
void uk_log_capture_glib(void);

/* A record of SoftwareDistribution.log:
 * <YYYY-MM-DD hh:mm:ss.mmm> UTC TAB <kind> TAB <process>.<tid> TAB <method> TAB <text>.
 * kind is "Info", "Change", "Warning" or "Error"; process is "WsusService" unless named. */
void uk_log_engine(const char *kind, const char *process, const char *method, const char *format,
                   ...) G_GNUC_PRINTF(4, 5);
