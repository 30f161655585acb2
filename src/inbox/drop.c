/* drop.c - puts files into inboxes, and the notices that most of them are.
 *
 * In: a folder, a name, bytes. Out: a file that is there whole and on disk, or not at all. It does
 * not know who reads it, and makes no folders: an inbox that is missing is a mistake to be seen.
 */
#include "inbox/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/owner.h"
#include "inbox/inbox_private.h"

#define NOTICE_MAX   (1024 * 1024)
#define TRACE_LENGTH 32

bool
inbox_name_valid(const char *name)
{
        gsize length = strlen(name);

        if (length == 0 || length > INBOX_NAME_MAX || name[0] == '.' || strchr(name, '/') != NULL ||
            !g_utf8_validate(name, (gssize)length, NULL))
                return false;
        for (const char *c = name; *c != '\0'; c = g_utf8_next_char(c)) {
                if (g_unichar_iscntrl(g_utf8_get_char(c)))
                        return false;
        }
        return true;
}

int
inbox_lock(const char *box, bool alone, GError **error)
{
        int fd = open(box, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int result = -1;

        if (fd < 0) {
                uk_fail_errno(error, errno, "opening inbox %s", box);
                return -1;
        }
        do {
                result = flock(fd, alone ? LOCK_EX : LOCK_SH);
        } while (result != 0 && errno == EINTR);
        if (result != 0) {
                uk_fail_errno(error, errno, "locking inbox %s", box);
                uk_io_close(&fd);
        }
        return fd;
}

static void
times_of(gint64 at_us, struct timespec times[2])
{
        gint64 micro = ((at_us % UK_SECOND) + UK_SECOND) % UK_SECOND;

        times[0].tv_sec = times[1].tv_sec = (time_t)((at_us - micro) / UK_SECOND);
        times[0].tv_nsec = times[1].tv_nsec = (long)micro * 1000;
}

bool
inbox_stamp(const char *path, gint64 at_us, GError **error)
{
        struct timespec times[2];

        times_of(at_us, times);
        if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
                return uk_fail_errno(error, errno, "setting the time of %s", path);
        return true;
}

/* Renames the finished file into the box; the lock ends before the folder is synced. */
static bool
publish(const char *box, const char *temporary, const char *path, GError **error)
{
        UK_AUTOFD lock = inbox_lock(box, false, error);

        return lock >= 0 && uk_io_rename(temporary, path, error);
}

static bool
fill(int fd, const char *path, const void *body, gsize size, bool synced, GError **error)
{
        struct timespec times[2];

        if (!uk_io_write(fd, body, size, path, error))
                return false;
        times_of(uk_clock_now(), times);
        if (futimens(fd, times) != 0)
                return uk_fail_errno(error, errno, "setting the time of %s", path);
        return !synced || uk_io_sync(fd, false, path, error);
}

bool
inbox_put(const char *box, const char *name, const void *body, gsize size, bool synced,
          GError **error)
{
        g_autofree char *path = g_build_filename(box, name, NULL);
        g_autofree char *temporary = NULL;
        UK_AUTOFD fd = uk_io_temporary(path, 0640, &temporary, error);

        if (fd < 0)
                return false;
        if (!uk_owner_of_folder(fd, path, error) || !fill(fd, path, body, size, synced, error) ||
            !publish(box, temporary, path, error)) {
                uk_io_discard(temporary);
                return false;
        }
        return !synced || uk_io_sync_dir(box, error);
}

static bool
drop(const char *box, const char *name, const void *body, gsize size, bool synced, GError **error)
{
        if (!inbox_name_valid(name)) {
                g_autofree char *shown = g_strescape(name, NULL);
                return uk_fail(error, UK_ERROR_INVALID, "\"%.300s\" is no name for a file of %s",
                               shown, box);
        }
        return inbox_put(box, name, body, size, synced, error);
}

bool
inbox_drop(const char *box, const char *name, const void *body, gsize size, GError **error)
{
        return drop(box, name, body, size, true, error);
}

bool
inbox_drop_unsynced(const char *box, const char *name, const void *body, gsize size, GError **error)
{
        return drop(box, name, body, size, false, error);
}

/* ---- notices ---- */

static void
append_escaped(GString *out, const char *text)
{
        for (; *text != '\0'; text++) {
                if (*text == '%' || *text == '\r' || *text == '\n')
                        g_string_append_printf(out, "%%%02X", (unsigned)*text);
                else
                        g_string_append_c(out, *text);
        }
}

char *
inbox_notice_write(const InboxNotice *notice)
{
        GString *out = g_string_new(NULL);

        if (notice->seq != 0)
                g_string_append_printf(out, "Seq: %" G_GINT64_FORMAT "\n", notice->seq);
        if (notice->value != NULL) {
                g_string_append(out, "Value: ");
                append_escaped(out, notice->value);
                g_string_append_c(out, '\n');
        }
        for (char **t = notice->traces; t != NULL && *t != NULL; t++)
                g_string_append_printf(out, "Trace: %s\n", *t);
        return g_string_free(out, FALSE);
}

/* A percent sign that no two digits follow stands for itself, as in a file made by hand. */
static char *
unescape(const char *text)
{
        GString *out = g_string_new(NULL);

        while (*text != '\0') {
                int high = *text == '%' ? g_ascii_xdigit_value(text[1]) : -1;
                int low = high >= 0 ? g_ascii_xdigit_value(text[2]) : -1;

                if (low >= 0 && (high | low) != 0) {
                        g_string_append_c(out, (char)(high << 4 | low));
                        text += 3;
                } else {
                        g_string_append_c(out, *text++);
                }
        }
        return g_string_free(out, FALSE);
}

static bool
is_trace(const char *text)
{
        return strlen(text) == TRACE_LENGTH && strspn(text, "0123456789abcdef") == TRACE_LENGTH;
}

static bool
take_value(InboxNotice *notice, const char *text, GError **error)
{
        g_autofree char *value = unescape(text);

        if (notice->value != NULL)
                return uk_fail(error, UK_ERROR_PARSE, "a notice has two values");
        if (!g_utf8_validate(value, -1, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "a notice's value is not UTF-8");
        notice->value = g_steal_pointer(&value);
        return true;
}

static bool
take_seq(InboxNotice *notice, const char *text, GError **error)
{
        if (notice->seq != 0)
                return uk_fail(error, UK_ERROR_PARSE, "a notice has two numbers");
        if (!g_ascii_string_to_signed(text, 10, 1, G_MAXINT64, &notice->seq, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "'%.40s' is not the number of a notice",
                               text);
        return true;
}

/* line ends in NUL, without its line break. */
static bool
take_line(InboxNotice *notice, GPtrArray *traces, char *line, GError **error)
{
        char *colon = strchr(line, ':');
        const char *text;

        if (*line == '\0')
                return true;
        if (colon == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "'%.40s' is no line of a notice", line);
        *colon = '\0';
        text = colon + 1 + (colon[1] == ' ' ? 1 : 0);
        if (g_ascii_strcasecmp(line, "Seq") == 0)
                return take_seq(notice, text, error);
        if (g_ascii_strcasecmp(line, "Value") == 0)
                return take_value(notice, text, error);
        if (g_ascii_strcasecmp(line, "Trace") == 0 && is_trace(text))
                g_ptr_array_add(traces, g_strdup(text));
        return true;
}

/* The text of a body, or NULL: no text at all. */
static char *
text_of(const char *body, gsize size)
{
        if (size >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0) {
                body += 3; /* an editor's byte order mark */
                size -= 3;
        }
        if (size > 0 && !g_utf8_validate(body, (gssize)size, NULL))
                return NULL;
        return g_strndup(size > 0 ? body : "", size);
}

InboxNotice *
inbox_notice_read(const char *body, gsize size, GError **error)
{
        g_autoptr(InboxNotice) notice = g_new0(InboxNotice, 1);
        g_autoptr(GPtrArray) traces = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *text = NULL;

        if (size > NOTICE_MAX) {
                uk_fail(error, UK_ERROR_LIMIT, "a notice has more than %d bytes", NOTICE_MAX);
                return NULL;
        }
        if ((text = text_of(body, size)) == NULL) {
                uk_fail(error, UK_ERROR_PARSE, "a notice is not UTF-8 text");
                return NULL;
        }
        for (char *line = text, *next; line != NULL; line = next) {
                if ((next = strchr(line, '\n')) != NULL)
                        *next++ = '\0';
                gsize length = strlen(line);
                if (length > 0 && line[length - 1] == '\r')
                        line[length - 1] = '\0';
                if (!take_line(notice, traces, line, error))
                        return NULL;
        }
        g_ptr_array_add(traces, NULL);
        notice->traces = (char **)g_ptr_array_free(g_steal_pointer(&traces), FALSE);
        return g_steal_pointer(&notice);
}

void
inbox_notice_free(InboxNotice *notice)
{
        if (notice == NULL)
                return;
        g_free(notice->value);
        g_strfreev(notice->traces);
        g_free(notice);
}
