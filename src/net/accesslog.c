/* accesslog.c - the access log of an HTTP role: appended record by record, bounded in size.
 *
 * What came from outside is percent-coded where it could break a line or a field. Several threads
 * write; a lock keeps rotation and records apart.
 */
#include "net/accesslog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

#define DEFAULT_MAX (20 * 1000 * 1000)
/* A field longer than this is cut: the path of one request shall not fill the log. */
#define MAX_FIELD 2048
/* Six fields, the last byte of each in three letters, and the numbers. */
#define MAX_LINE  (6 * (MAX_FIELD + 4) + 256)
#define TIME_SIZE 19 /* "2026-11-22 05:18:05" */

struct AccessLog {
        char *path;
        char *server_name;
        gint64 max_bytes;
        unsigned keep;
        pthread_mutex_t lock; /* guards all below */
        int fd;
        gint64 size;
        guint64 lost;
        gint64 second; /* whose text this is */
        char second_text[TIME_SIZE + 1];
};

static bool
write_text(AccessLog *log, const char *text, gsize size, GError **error)
{
        if (!uk_io_write(log->fd, text, size, log->path, error))
                return false;
        log->size += (gint64)size;
        return true;
}

static bool
open_file(AccessLog *log, GError **error)
{
        struct stat info;

        log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (log->fd < 0 || fstat(log->fd, &info) < 0)
                return uk_fail_errno(error, errno, "opening %s", log->path);
        log->size = info.st_size;
        if (log->size > 0)
                return true;

        g_autofree char *now = uk_clock_sql_like(uk_clock_now());
        g_autofree char *head = g_strdup_printf(
                "#Software: Upkeep %s\n#Version: 1.0\n#Date: %s\n#Remark: %s\n"
                "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username "
                "c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status sc-bytes "
                "time-taken\n",
                UPKEEP_VERSION, now, log->server_name);
        return write_text(log, head, strlen(head), error);
}

AccessLog *
accesslog_open(const char *path, const char *server_name, gint64 max_bytes, unsigned keep,
               GError **error)
{
        AccessLog *log = g_new0(AccessLog, 1);
        g_autofree char *dir = g_path_get_dirname(path);

        log->path = g_strdup(path);
        log->server_name = g_strdup(server_name ? server_name : "-");
        log->max_bytes = max_bytes > 0 ? max_bytes : DEFAULT_MAX;
        log->keep = keep;
        log->fd = -1;
        log->second = -1;
        pthread_mutex_init(&log->lock, NULL);
        if (!uk_io_mkdirs(dir, 0750, error) || !open_file(log, error)) {
                accesslog_close(log);
                return NULL;
        }
        return log;
}

void
accesslog_close(AccessLog *log)
{
        if (log == NULL)
                return;
        uk_io_close(&log->fd);
        pthread_mutex_destroy(&log->lock);
        g_free(log->path);
        g_free(log->server_name);
        g_free(log);
}

/* access.log becomes access.lo_, or access.lo_.N. */
static char *
old_name(const AccessLog *log, unsigned n)
{
        const char *dot = strrchr(log->path, '.');
        bool has_ext = dot != NULL && strchr(dot, '/') == NULL;
        int stem = (int)(has_ext ? (gsize)(dot - log->path) : strlen(log->path));

        return n == 0 ? g_strdup_printf("%.*s.lo_", stem, log->path)
                      : g_strdup_printf("%.*s.lo_.%u", stem, log->path, n);
}

static bool
shift_old(AccessLog *log, GError **error)
{
        if (log->keep == 0)
                return uk_io_unlink(log->path, error);
        for (unsigned n = log->keep - 1; n > 0; n--) {
                g_autofree char *from = old_name(log, n - 1);
                g_autofree char *to = old_name(log, n);

                if (access(from, F_OK) == 0 && !uk_io_rename(from, to, error))
                        return false;
        }
        g_autofree char *first = old_name(log, 0);
        return uk_io_rename(log->path, first, error);
}

/* If the files cannot be moved the log grows on; that is better than no log. */
static void
rotate_if_full(AccessLog *log)
{
        int old = log->fd;

        if (log->size < log->max_bytes)
                return;
        if (!shift_old(log, NULL)) {
                log->size = 0; /* tried again after as many bytes */
                return;
        }
        if (open_file(log, NULL)) {
                uk_io_close(&old);
                return;
        }
        uk_io_close(&log->fd);
        log->fd = old;
}

/* A line is made on the stack, by hand: this is done for every request. */
typedef struct {
        gsize size;
        char text[MAX_LINE];
} Line;

static void
append_text(Line *line, const char *text, gsize size)
{
        memcpy(line->text + line->size, text, size);
        line->size += size;
}

static void
append_number(Line *line, gint64 number, char behind)
{
        char digits[24];
        gsize at = sizeof digits;
        guint64 left = number < 0 ? -(guint64)number : (guint64)number;

        digits[--at] = behind;
        do {
                digits[--at] = (char)('0' + left % 10);
                left /= 10;
        } while (left > 0);
        if (number < 0)
                digits[--at] = '-';
        append_text(line, digits + at, sizeof digits - at);
}

/* Blanks become '+'; what could end a line or a field, and bytes that are no ASCII, are coded. */
static void
append_field(Line *line, const char *text)
{
        static const char digits[] = "0123456789ABCDEF";
        gsize end = line->size + MAX_FIELD;
        char *out = line->text;

        if (text == NULL || *text == '\0')
                text = "-";
        for (const guchar *p = (const guchar *)text; *p && line->size < end; p++) {
                if (*p > 0x20 && *p < 0x7f) {
                        out[line->size++] = (char)*p;
                } else if (*p == ' ') {
                        out[line->size++] = '+';
                } else {
                        out[line->size++] = '%';
                        out[line->size++] = digits[*p >> 4];
                        out[line->size++] = digits[*p & 15];
                }
        }
        out[line->size++] = ' ';
}

/* The lock is held. */
static void
set_second(AccessLog *log, gint64 second)
{
        g_autofree char *now = uk_clock_sql_like(second * UK_SECOND);

        log->second = second;
        g_strlcpy(log->second_text, now, sizeof log->second_text);
}

void
accesslog_write(AccessLog *log, const AccessRecord *record)
{
        gint64 second = uk_clock_now() / UK_SECOND;
        Line line;

        line.size = TIME_SIZE; /* filled in below */
        line.text[line.size++] = ' ';
        append_field(&line, record->server_ip);
        append_field(&line, record->method);
        append_field(&line, record->path);
        append_field(&line, record->query);
        append_number(&line, record->port, ' ');
        append_text(&line, "- ", 2);
        append_field(&line, record->client_ip);
        append_field(&line, record->agent);
        append_text(&line, "- ", 2);
        append_number(&line, record->status, ' ');
        append_text(&line, "0 ", 2);
        append_number(&line, record->broken ? 64 : 0, ' ');
        append_number(&line, record->bytes, ' ');
        append_number(&line, record->ms, '\n');

        pthread_mutex_lock(&log->lock);
        if (second != log->second)
                set_second(log, second);
        memcpy(line.text, log->second_text, TIME_SIZE);
        rotate_if_full(log);
        if (!write_text(log, line.text, line.size, NULL))
                log->lost++;
        pthread_mutex_unlock(&log->lock);
}

guint64
accesslog_lost(AccessLog *log)
{
        guint64 lost;

        pthread_mutex_lock(&log->lock);
        lost = log->lost;
        pthread_mutex_unlock(&log->lock);
        return lost;
}
