/* log.c - writes the log files: four forms of records, rotation, and what belongs to a thread.
 *
 * In: texts from all components and, once captured, GLib's. Out: one append per record, so that
 * threads and processes may share a file; a text cannot end its record early or fake another's
 * fields. What cannot be written to the file goes to standard error. The thread's log and trace
 * are one of the few file-level variables.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/io_private.h"

#define DEFAULT_MAX  (G_GINT64_CONSTANT(20) * 1024 * 1024)
#define TEXT_MAX     (1024 * 1024) /* a longer text is cut, so that it cannot fill the disk */
#define TRACE_LENGTH 32
#define TOGETHER_MAX (64 * 1024) /* no more is kept back of a thread's records */
#define OLDER_MAX    1000        /* old files at most, and numbers looked for when fewer are kept */
/* So long what was seen at the path is taken to be there still: of a burst of records only the
 * first looks. What is written meanwhile to a file that was renamed is in that file. */
#define LOOK_PAUSE (UK_SECOND / 100)

struct UkLog {
        char *path;
        char *old; /* <name>.lo_ */
        char *component;
        UkLogForm form;
        unsigned keep;
        gint64 max;
        atomic_bool verbose;
        pthread_mutex_t lock; /* guards all below */
        int fd;
        dev_t dev;
        ino_t ino;
        gint64 size;      /* as it was seen, and what was written since by this program */
        gint64 looked_us; /* uk_clock_mono(); 0: it is to be looked at */
        gint64 limit;     /* size at which to rotate; grows when rotating fails */
        bool torn;        /* the file ends in a part of a record */
};

static _Thread_local struct {
        UkLog *log;
        pid_t tid; /* as it was bound; 0: not yet */
        char trace[TRACE_LENGTH + 1];
        unsigned together; /* open scopes of UK_LOG_TOGETHER */
        GString *kept;     /* records of log that are not written yet; NULL: none */
} context;

/* ---- the file ---- */

/* Opens the path anew; the file at hand is kept if that fails. */
static bool
reopen(UkLog *log, GError **error)
{
        UK_AUTOFD fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) != 0)
                return uk_fail_errno(error, errno, "opening log file %s", log->path);
        uk_io_close(&log->fd);
        log->fd = fd;
        fd = -1;
        log->dev = st.st_dev;
        log->ino = st.st_ino;
        log->size = st.st_size;
        log->looked_us = 0;
        log->limit = log->max;
        return true;
}

static char *
old_path(const char *path)
{
        gsize length = strlen(path);

        if (g_str_has_suffix(path, ".log"))
                length -= strlen(".log");
        return g_strdup_printf("%.*s.lo_", (int)length, path);
}

static char *
older_path(const UkLog *log, unsigned number)
{
        return number == 0 ? g_strdup(log->old) : g_strdup_printf("%s.%u", log->old, number);
}

/* Moves every old file one number up; what is too many is overwritten or removed. */
static void
shift_old(const UkLog *log)
{
        bool more = true;

        for (unsigned i = log->keep; more && i < OLDER_MAX; i++) {
                g_autofree char *path = older_path(log, i);
                more = io_unlink_quietly(path);
        }
        for (unsigned i = log->keep - 1; i > 0; i--) {
                g_autofree char *from = older_path(log, i - 1);
                g_autofree char *to = older_path(log, i);
                io_rename_quietly(from, to);
        }
}

/* True when the path is still the file we have open, whose size is taken note of. */
static bool
is_current(UkLog *log)
{
        struct stat st;

        if (stat(log->path, &st) != 0 || st.st_dev != log->dev || st.st_ino != log->ino)
                return false;
        log->size = st.st_size;
        return true;
}

static bool
is_too_long(const UkLog *log, gsize coming)
{
        return log->size > 0 && log->size + (gint64)coming > log->limit;
}

/* Renames the full file. The lock on the file is against other processes that write it: only the
 * first one renames, the others find another file at the path and open that. */
static void
rotate(UkLog *log)
{
        while (flock(log->fd, LOCK_EX) != 0 && errno == EINTR)
                continue;
        if (is_current(log)) {
                shift_old(log);
                if (!io_rename_quietly(log->path, log->old)) {
                        /* Better too long than lost; try again when it has grown by as much. */
                        log->limit += log->max;
                        flock(log->fd, LOCK_UN);
                        return;
                }
        }
        /* A file that cannot be opened leaves us with the renamed one: nothing is lost. */
        if (!reopen(log, NULL))
                flock(log->fd, LOCK_UN);
}

/* Makes log->fd the file that the next record belongs into. */
static void
prepare(UkLog *log, gsize coming)
{
        gint64 now = uk_clock_mono();

        if (log->looked_us != 0 && now - log->looked_us < LOOK_PAUSE && !is_too_long(log, coming))
                return;
        log->looked_us = now;
        if (!is_current(log)) {
                if (!reopen(log, NULL)) {
                        g_autofree char *dir = g_path_get_dirname(log->path);
                        if (io_mkdirs_quietly(dir))
                                (void)!reopen(log, NULL);
                }
                return;
        }
        if (is_too_long(log, coming))
                rotate(log);
}

static void
append(UkLog *log, const GString *record)
{
        bool written, torn = false;

        pthread_mutex_lock(&log->lock);
        prepare(log, record->len);
        /* What a full disk cut off must not swallow the beginning of the next record. */
        if (log->torn && io_append_record(log->fd, "\r\n", 2, &torn))
                log->torn = false;
        written = io_append_record(log->fd, record->str, record->len, &torn);
        log->size += (gint64)record->len;
        log->torn = log->torn || torn;
        pthread_mutex_unlock(&log->lock);
        if (!written)
                io_append_record(STDERR_FILENO, record->str, record->len, &torn);
}

static void
write_kept(void)
{
        g_autoptr(GString) kept = g_steal_pointer(&context.kept);

        if (kept != NULL)
                append(context.log, kept);
}

/* Writes a record to the thread's log, or keeps it for the end of the scope. */
static void
add_record(const GString *record)
{
        if (context.together == 0) {
                append(context.log, record);
                return;
        }
        if (context.kept == NULL)
                context.kept = g_string_sized_new(TOGETHER_MAX / 4);
        g_string_append_len(context.kept, record->str, (gssize)record->len);
        if (context.kept->len >= TOGETHER_MAX)
                write_kept();
}

unsigned
uk_log_together(void)
{
        return ++context.together;
}

void
uk_log_together_end(const unsigned *scope)
{
        if (--context.together == 0)
                write_kept();
}

UkLog *
uk_log_open(const char *path, const char *component, UkLogForm form, gint64 max_bytes,
            unsigned keep, GError **error)
{
        g_autofree char *dir = g_path_get_dirname(path);
        UkLog *log = NULL;

        if (!uk_io_mkdirs(dir, 0750, error))
                return NULL;
        log = g_new0(UkLog, 1);
        log->path = g_strdup(path);
        log->old = old_path(path);
        log->component = g_strdup(component != NULL ? component : "");
        log->form = form;
        log->keep = CLAMP(keep, 1, OLDER_MAX);
        log->max = max_bytes > 0 ? max_bytes : DEFAULT_MAX;
        log->fd = -1;
        pthread_mutex_init(&log->lock, NULL);
        atomic_init(&log->verbose, false);
        if (!reopen(log, error)) {
                uk_log_close(log);
                return NULL;
        }
        return log;
}

void
uk_log_close(UkLog *log)
{
        if (log == NULL)
                return;
        if (context.log == log)
                uk_log_bind(NULL);
        uk_io_close(&log->fd);
        pthread_mutex_destroy(&log->lock);
        g_free(log->path);
        g_free(log->old);
        g_free(log->component);
        g_free(log);
}

/* ---- the thread ---- */

void
uk_log_set_verbose(UkLog *log, bool verbose)
{
        atomic_store(&log->verbose, verbose);
}

bool
uk_log_is_verbose(void)
{
        return context.log != NULL && atomic_load(&context.log->verbose);
}

UkLog *
uk_log_bind(UkLog *log)
{
        UkLog *previous = context.log;

        write_kept();
        context.log = log;
        context.tid = 0;
        return previous;
}

UkLog *
uk_log_bound(void)
{
        return context.log;
}

void
uk_trace_set(const char *trace)
{
        gsize length = trace != NULL ? strspn(trace, "0123456789abcdef") : 0;

        if (length != TRACE_LENGTH || trace[length] != '\0')
                length = 0;
        if (length > 0)
                memcpy(context.trace, trace, length);
        context.trace[length] = '\0';
}

const char *
uk_trace_get(void)
{
        return context.trace;
}

char *
uk_trace_new(void)
{
        guint64 half[2];

        io_random(half, sizeof half);
        return g_strdup_printf("%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", half[0],
                               half[1]);
}

/* ---- the text ---- */

/* Characters that move the cursor, turn the reading direction or break lines. */
static bool
is_harmful(gunichar c)
{
        return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200e && c <= 0x200f) ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* What would end a record of this form early. */
static const char *
closing_of(UkLogForm form)
{
        return form == UK_LOG_CLIENT ? "]LOG]!>" : form == UK_LOG_SERVER ? "$$<" : NULL;
}

/* A stretch that needs a second look; returns where to go on. */
static const char *
append_odd(GString *out, const char *at, const char *end, UkLogForm form)
{
        gunichar c = g_utf8_get_char_validated(at, end - at);

        if (c == '\n' || c == '\r') {
                /* A line break of the original is a tilde in the server's form (93-logs, 1.1). */
                g_string_append_c(out, form == UK_LOG_SERVER ? '~' : ' ');
                return at + (c == '\r' && at + 1 < end && at[1] == '\n' ? 2 : 1);
        }
        if (c == '\t') {
                g_string_append_c(out, ' ');
                return at + 1;
        }
        if (c == (gunichar)-1 || c == (gunichar)-2) {
                g_string_append(out, "\xef\xbf\xbd");
                return at + 1;
        }
        if (is_harmful(c))
                g_string_append_c(out, '?');
        else
                g_string_append_unichar(out, c);
        return g_utf8_next_char(at);
}

/* How many characters from here on go in as they are. */
static gsize
count_plain(const char *text, const char *end, const char *closing)
{
        const char *at = text;

        while (at < end && *at >= 0x20 && *at < 0x7f && (closing == NULL || *at != *closing))
                at++;
        return (gsize)(at - text);
}

static void
append_clean(GString *out, const char *text, UkLogForm form)
{
        const char *closing = closing_of(form);
        gsize closing_length = closing != NULL ? strlen(closing) : 0;
        gsize length = strlen(text);
        const char *end = text + MIN(length, TEXT_MAX);

        while (text < end) {
                gsize plain = count_plain(text, end, closing);

                if (plain > 0) {
                        g_string_append_len(out, text, (gssize)plain);
                        text += plain;
                } else if (closing != NULL && *text == *closing &&
                           strncmp(text, closing, closing_length) == 0) {
                        /* A blank before its last character but one breaks it up. */
                        g_string_append_len(out, closing, (gssize)closing_length - 1);
                        g_string_append_printf(out, " %c", closing[closing_length - 1]);
                        text += closing_length;
                } else if (*text >= 0x20 && *text < 0x7f) {
                        g_string_append_c(out, *text++);
                } else {
                        text = append_odd(out, text, end, form);
                }
        }
        if (length > TEXT_MAX)
                g_string_append_printf(out, " ... (%zu bytes)", length);
}

/* ---- the forms ---- */

/* The moment of a record, taken once. */
typedef struct {
        struct tm local;
        struct tm utc;
        int ms;
        int bias; /* minutes to add to local time to get UTC */
} Moment;

static Moment
moment_now(void)
{
        gint64 now = uk_clock_now();
        gint64 micro = ((now % UK_SECOND) + UK_SECOND) % UK_SECOND;
        time_t seconds = (time_t)((now - micro) / UK_SECOND);
        Moment m = { .ms = (int)(micro / 1000) };

        localtime_r(&seconds, &m.local);
        gmtime_r(&seconds, &m.utc);
        m.bias = (int)(-m.local.tm_gmtoff / 60);
        return m;
}

/* Asked of the system once for each binding of the thread: a record has it twice. */
int
uk_log_thread(void)
{
        if (context.tid == 0)
                context.tid = gettid();
        return context.tid;
}

int
uk_log_set_thread(int number)
{
        int before = uk_log_thread();

        context.tid = number;
        return before;
}

static void
append_server(GString *out, const Moment *m, const char *component, const char *text)
{
        append_clean(out, text, UK_LOG_SERVER);
        g_string_append_printf(out,
                               "  $$<%s><%02d-%02d-%04d %02d:%02d:%02d.%03d%+04d>"
                               "<thread=%d (0x%X)>",
                               component, m->local.tm_mon + 1, m->local.tm_mday,
                               m->local.tm_year + 1900, m->local.tm_hour, m->local.tm_min,
                               m->local.tm_sec, m->ms, m->bias, uk_log_thread(),
                               (unsigned)uk_log_thread());
        /* Readers of this form stop at the thread, so what stands behind it disturbs none. */
        if (context.trace[0] != '\0')
                g_string_append_printf(out, "<trace=%s>", context.trace);
        g_string_append(out, "\r\n");
}

static void
append_client(GString *out, const Moment *m, const char *component, UkLogType type,
              const char *file, int line, const char *text)
{
        const char *slash = strrchr(file, '/');

        g_string_append(out, "<![LOG[");
        append_clean(out, text, UK_LOG_CLIENT);
        g_string_append_printf(
                out,
                "]LOG]!><time=\"%02d:%02d:%02d.%03d%+04d\" date=\"%02d-%02d-%04d\" "
                "component=\"%s\" context=\"%s\" type=\"%d\" thread=\"%d\" file=\"%s:%d\">\r\n",
                m->local.tm_hour, m->local.tm_min, m->local.tm_sec, m->ms, m->bias,
                m->local.tm_mon + 1, m->local.tm_mday, m->local.tm_year + 1900, component,
                context.trace, type == UK_LOG_VERBOSE ? UK_LOG_INFO : (int)type, uk_log_thread(),
                slash != NULL ? slash + 1 : file, line);
}

static void
append_engine(GString *out, const Moment *m, const char *kind, const char *process,
              const char *method, const char *text)
{
        g_string_append_printf(out, "%04d-%02d-%02d %02d:%02d:%02d.%03d UTC\t%s\t%s.%d\t%s\t",
                               m->utc.tm_year + 1900, m->utc.tm_mon + 1, m->utc.tm_mday,
                               m->utc.tm_hour, m->utc.tm_min, m->utc.tm_sec, m->ms, kind, process,
                               uk_log_thread(), method);
        append_clean(out, text, UK_LOG_ENGINE);
        g_string_append(out, "\r\n");
}

/* The scanning engine's form has local time, a colon before the milliseconds, and the thread in
 * hexadecimal. */
static void
append_agent(GString *out, const Moment *m, const char *subsystem, const char *text)
{
        g_string_append_printf(out, "%04d-%02d-%02d %02d:%02d:%02d:%03d %d %x %s ",
                               m->local.tm_year + 1900, m->local.tm_mon + 1, m->local.tm_mday,
                               m->local.tm_hour, m->local.tm_min, m->local.tm_sec, m->ms, getpid(),
                               (unsigned)uk_log_thread(), subsystem);
        append_clean(out, text, UK_LOG_AGENT);
        g_string_append(out, "\r\n");
}

static const char *
kind_of(UkLogType type)
{
        return type == UK_LOG_ERROR ? "Error" : type == UK_LOG_WARNING ? "Warning" : "Info";
}

/* Without a log of its own a thread still says what it has to say. */
static void
say_plainly(UkLogType type, const char *text)
{
        g_autoptr(GString) out = g_string_new(NULL);
        bool torn;

        if (type == UK_LOG_WARNING || type == UK_LOG_ERROR)
                g_string_append_printf(out, "%s: ", kind_of(type));
        append_clean(out, text, UK_LOG_AGENT);
        g_string_append_c(out, '\n');
        io_append_record(STDERR_FILENO, out->str, out->len, &torn);
}

static void
write_text(UkLogType type, const char *component, const char *file, int line, const char *text)
{
        UkLog *log = context.log;
        g_autoptr(GString) out = NULL;
        Moment m;

        if (log == NULL) {
                say_plainly(type, text);
                return;
        }
        out = g_string_sized_new(256);
        m = moment_now();
        switch (log->form) {
        case UK_LOG_SERVER:
                append_server(out, &m, component != NULL ? component : log->component, text);
                break;
        case UK_LOG_CLIENT:
                append_client(out, &m, component != NULL ? component : log->component, type, file,
                              line, text);
                break;
        case UK_LOG_ENGINE:
                append_engine(out, &m, kind_of(type), "WsusService",
                              component != NULL ? component : log->component, text);
                break;
        case UK_LOG_AGENT:
                append_agent(out, &m, component != NULL ? component : log->component, text);
                break;
        }
        add_record(out);
}

void
uk_log_write(UkLogType type, const char *component, const char *file, int line, const char *format,
             ...)
{
        int saved = errno;
        va_list args;

        if (type == UK_LOG_VERBOSE && !uk_log_is_verbose())
                return;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        write_text(type, component, file, line, text);
        errno = saved;
}

void
uk_log_engine(const char *kind, const char *process, const char *method, const char *format, ...)
{
        int saved = errno;
        UkLog *log = context.log;
        va_list args;

        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        if (log != NULL && log->form == UK_LOG_ENGINE) {
                g_autoptr(GString) out = g_string_sized_new(256);
                Moment m = moment_now();

                append_engine(out, &m, kind, process != NULL ? process : "WsusService", method,
                              text);
                add_record(out);
        } else {
                write_text(g_str_equal(kind, "Error")     ? UK_LOG_ERROR
                           : g_str_equal(kind, "Warning") ? UK_LOG_WARNING
                                                          : UK_LOG_INFO,
                           NULL, method, 0, text);
        }
        errno = saved;
}

/* ---- GLib's own messages ---- */

static void
take_glib(const char *domain, GLogLevelFlags level, const char *message)
{
        UkLogType type = UK_LOG_VERBOSE;

        if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
                type = UK_LOG_ERROR;
        else if (level & G_LOG_LEVEL_WARNING)
                type = UK_LOG_WARNING;
        else if (level & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO))
                type = UK_LOG_INFO;
        if (domain != NULL && strcmp(domain, G_LOG_DOMAIN) != 0)
                uk_log_write(type, NULL, domain, 0, "%s: %s", domain, message);
        else
                uk_log_write(type, NULL, __FILE__, 0, "%s", message);
}

static void
on_glib_message(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
        take_glib(domain, level, message);
}

static GLogWriterOutput
on_glib_fields(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data)
{
        const char *domain = NULL;
        const char *message = "";

        for (gsize i = 0; i < count; i++) {
                if (fields[i].length >= 0)
                        continue; /* not a text that ends in NUL */
                if (strcmp(fields[i].key, "GLIB_DOMAIN") == 0)
                        domain = fields[i].value;
                else if (strcmp(fields[i].key, "MESSAGE") == 0)
                        message = fields[i].value;
        }
        take_glib(domain, level, message);
        return G_LOG_WRITER_HANDLED;
}

void
uk_log_capture_glib(void)
{
        g_log_set_default_handler(on_glib_message, NULL);
        g_log_set_writer_func(on_glib_fields, NULL, NULL);
}
