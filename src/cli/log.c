/* log.c - the verb `log`: all logs of a site as one, by time.
 *
 * Comes in: every *.log below the root's log folder, and what was set aside of it (*.lo_). Goes
 * out: records in the order of time, filtered; with --follow also those that are written from now
 * on. Reads files only, so that it works when nothing else does.
 */
#include "cli/log.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/logline.h"
#include "cli/output.h"
#include "cli/tail.h"
#include "wire/json.h"

/* Without --since only so much of each log is looked at: some ten thousand records. */
#define BACK_BYTES (4 * 1024 * 1024)

typedef struct {
        Cli *cli;
        char *dir;
        GPtrArray *tails;  /* of Tail */
        GHashTable *known; /* names of the files that are read */
        GPtrArray *found;  /* of LogLine, to be printed */
        const char *component, *id;
        bool errors;
        gint64 since_us;
} Reader;

static void
reader_clear(Reader *r)
{
        g_clear_pointer(&r->tails, g_ptr_array_unref);
        g_clear_pointer(&r->known, g_hash_table_unref);
        g_clear_pointer(&r->found, g_ptr_array_unref);
        g_clear_pointer(&r->dir, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reader, reader_clear)

/* A day, or a day and a time as this command prints them, in local time. */
static bool
parse_local(const char *text, gint64 *us_out)
{
        int year, month, day, hour = 0, minute = 0, behind = 0;
        double second = 0;
        int found = sscanf(text, "%4d-%2d-%2d%n %2d:%2d%n:%lf%n", &year, &month, &day, &behind,
                           &hour, &minute, &behind, &second, &behind);
        g_autoptr(GDateTime) time =
                (found == 3 || found >= 5) && text[behind] == '\0' && second >= 0 && second < 60
                        ? g_date_time_new_local(year, month, day, hour, minute, second)
                        : NULL;

        if (time == NULL)
                return false;
        *us_out = g_date_time_to_unix(time) * UK_SECOND + g_date_time_get_microsecond(time);
        return true;
}

/* A time, or a span before now. */
static bool
parse_since(Cli *cli, const char *text, gint64 *us_out, GError **error)
{
        gint64 span;

        if (parse_local(text, us_out) || uk_clock_parse(text, us_out, NULL))
                return true;
        if (!cli_span(cli, text, &span, NULL) || span < 0)
                return cli_usage(cli, error,
                                 "--since %s: 30s, 10m, 2h or 3d (ago) is wanted, or a time as "
                                 "2026-01-31, \"2026-01-31 12:00\" or 2026-01-31T12:00:00Z",
                                 text);
        *us_out = uk_clock_now() - span;
        return true;
}

static bool
matches(const Reader *r, const LogLine *line, const char *file)
{
        if (line->time_us < r->since_us || (r->errors && line->type < 2))
                return false;
        if (r->component != NULL && strcasestr(line->component, r->component) == NULL &&
            strcasestr(file, r->component) == NULL)
                return false;
        return r->id == NULL || strcasestr(line->text, r->id) != NULL ||
               strcmp(line->trace, r->id) == 0;
}

/* Takes the lines out of the array; those without a time get the given one. */
static void
take_lines(Reader *r, GPtrArray *lines, gint64 time_us, const char *name)
{
        for (guint i = 0; i < lines->len; i++) {
                LogLine *line = lines->pdata[i];

                line->time_us = line->time_us != 0 ? line->time_us : time_us;
                if (matches(r, line, name))
                        g_ptr_array_add(r->found, line);
                else
                        logline_free(line);
        }
        g_ptr_array_set_size(lines, 0);
}

/* name: of the log, also where what was set aside of it is read. A line without a time continues
 * the one before; the first ones, such as the heads of an access log, belong to the one behind. */
static void
read_tail(Reader *r, Tail *tail, const char *name)
{
        g_autoptr(GPtrArray) lines = g_ptr_array_new();
        g_autofree char *text = NULL;
        gint64 last_us = 0;

        while (g_free(text), (text = tail_next(tail)) != NULL) {
                LogLine *line = logline_read(text, name);

                g_ptr_array_add(lines, line);
                last_us = line->time_us != 0 ? line->time_us : last_us;
                if (last_us != 0)
                        take_lines(r, lines, last_us, name);
        }
        take_lines(r, lines, last_us, name);
}

/* Opens logs that were not there before. */
static bool
find_logs(Reader *r, gint64 back, GError **error)
{
        g_autoptr(GDir) dir = g_dir_open(r->dir, 0, NULL);
        const char *name;

        if (dir == NULL)
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "there are no logs in %s (upkeep lab up, or --root)", r->dir);
        while ((name = g_dir_read_name(dir)) != NULL) {
                if (!g_str_has_suffix(name, ".log") || g_hash_table_contains(r->known, name))
                        continue;
                g_autofree char *path = g_build_filename(r->dir, name, NULL);
                Tail *tail = tail_open(path, back, error);

                if (tail == NULL)
                        return false;
                g_ptr_array_add(r->tails, tail);
                g_hash_table_add(r->known, g_strdup(name));
        }
        return true;
}

/* ---- what was set aside -----------------------------------------------------------------------
 */

/* DistMgr.lo_, access.lo_, access.lo_.1 */
typedef struct {
        char *path;
        char *log; /* DistMgr.log */
        gint64 written_us;
} Aside;

static void
aside_free(gpointer user)
{
        Aside *aside = user;

        g_free(aside->path);
        g_free(aside->log);
        g_free(aside);
}

static int
by_writing(gconstpointer a, gconstpointer b)
{
        const Aside *left = *(Aside *const *)a, *right = *(Aside *const *)b;

        return left->written_us < right->written_us ? -1 : left->written_us > right->written_us;
}

/* The oldest first. */
static GPtrArray *
find_aside(const Reader *r)
{
        GPtrArray *found = g_ptr_array_new_with_free_func(aside_free);
        g_autoptr(GDir) dir = g_dir_open(r->dir, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                const char *end = strstr(name, ".lo_");
                struct stat st;

                if (end == NULL)
                        continue;
                g_autofree char *path = g_build_filename(r->dir, name, NULL);
                if (stat(path, &st) != 0)
                        continue;
                Aside *aside = g_new0(Aside, 1);
                aside->path = g_steal_pointer(&path);
                aside->log = g_strdup_printf("%.*s.log", (int)(end - name), name);
                aside->written_us = st.st_mtim.tv_sec * UK_SECOND + st.st_mtim.tv_nsec / 1000;
                g_ptr_array_add(found, aside);
        }
        g_ptr_array_sort(found, by_writing);
        return found;
}

/* How many bytes of it are wanted; 0 none, -1 all. Without --since as much as the log itself lacks
 * of what is looked at. */
static gint64
wanted_of(const Reader *r, const Aside *aside)
{
        /* The clock of a lab may be another one than that of the files. */
        bool one_clock = ABS(uk_clock_now() - uk_clock_files()) < UK_MINUTE;
        g_autofree char *log = g_build_filename(r->dir, aside->log, NULL);
        struct stat st;

        for (guint i = 0; i < r->tails->len; i++) {
                if (tail_reads(r->tails->pdata[i], aside->path))
                        return 0; /* it was set aside a moment ago */
        }
        if (cli_flag(r->cli, "since"))
                return one_clock && aside->written_us < r->since_us - UK_MINUTE ? 0 : -1;
        if (!g_str_has_suffix(aside->path, ".lo_"))
                return 0;
        return stat(log, &st) == 0 ? MAX(BACK_BYTES - st.st_size, 0) : BACK_BYTES;
}

/* Read once, before the logs, and not followed. */
static void
read_aside(Reader *r)
{
        g_autoptr(GPtrArray) all = find_aside(r);

        for (guint i = 0; i < all->len; i++) {
                const Aside *aside = all->pdata[i];
                gint64 wanted = wanted_of(r, aside);
                g_autoptr(Tail) tail = wanted != 0 ? tail_open(aside->path, wanted, NULL) : NULL;

                if (tail != NULL)
                        read_tail(r, tail, aside->log);
        }
}

static int
by_time(gconstpointer a, gconstpointer b)
{
        const LogLine *left = *(LogLine *const *)a, *right = *(LogLine *const *)b;

        return left->time_us < right->time_us ? -1 : left->time_us > right->time_us;
}

static void
print_json(Cli *cli, const LogLine *line)
{
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *time = uk_clock_iso(line->time_us);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "time", time);
        json_text(&w, "component", line->component);
        json_int(&w, "type", line->type);
        json_int(&w, "thread", line->thread);
        json_text(&w, "text", line->text);
        json_end(&w, '}');
        cli_print(cli, "%s\n", out->str);
}

static void
print_line(Cli *cli, const LogLine *line)
{
        static const char *const colours[] = { "", "", "\033[33m", "\033[31m" };
        g_autofree char *text = output_clean(line->text),
                        *component = output_clean(line->component);
        g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(line->time_us / UK_SECOND);
        g_autoptr(GDateTime) local = utc != NULL ? g_date_time_to_local(utc) : NULL;
        g_autofree char *time =
                local != NULL ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : g_strdup("?");
        const char *colour = cli->colour ? colours[line->type] : "";

        cli_print(cli, "%s.%03d %s%-28s%s %s%s%s\n", time, (int)(line->time_us % UK_SECOND / 1000),
                  cli->colour ? "\033[36m" : "", component, cli->colour ? "\033[0m" : "", colour,
                  text, *colour != '\0' ? "\033[0m" : "");
}

/* Prints what was found, in the order of time, at most the last `most`, and forgets it; returns how
 * much that was. */
static guint
print_found(Reader *r, guint most)
{
        guint all = r->found->len;

        /* Within one file the order of writing stands, since the sort is stable. */
        g_ptr_array_sort(r->found, by_time);
        for (guint i = r->found->len > most ? r->found->len - most : 0; i < r->found->len; i++) {
                if (r->cli->json)
                        print_json(r->cli, r->found->pdata[i]);
                else
                        print_line(r->cli, r->found->pdata[i]);
        }
        g_ptr_array_set_size(r->found, 0);
        fflush(r->cli->out);
        return all;
}

static void
read_all(Reader *r)
{
        for (guint i = 0; i < r->tails->len; i++)
                read_tail(r, r->tails->pdata[i], tail_name(r->tails->pdata[i]));
}

/* Until the reader of our output goes or the user interrupts. */
static bool
follow(Reader *r, int folder, GError **error)
{
        UK_AUTOFD epfd = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event wanted = { .events = EPOLLIN }, event;
        char events[4096] __attribute__((aligned(8)));

        if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, folder, &wanted) != 0)
                return uk_fail_errno(error, errno, "watching %s", r->dir);
        while (!ferror(r->cli->out)) {
                if (!find_logs(r, -1, error))
                        return false;
                read_all(r);
                print_found(r, G_MAXUINT);
                uk_clock_epoll_wait(epfd, &event, 1, UK_NEVER);
                while (read(folder, events, sizeof events) > 0)
                        ;
        }
        return true;
}

/* Silence could mean that all is well, or that a word was mistyped. */
static void
say_nothing_found(const Reader *r)
{
        g_autoptr(GString) names = g_string_new(NULL);

        if (r->component != NULL) {
                for (guint i = 0; i < r->tails->len; i++) {
                        const char *name = tail_name(r->tails->pdata[i]);

                        if (strcasestr(name, r->component) != NULL)
                                g_string_append_printf(names, " %s", name);
                }
        }
        if (r->component != NULL && names->len == 0)
                cli_note(r->cli,
                         "No line is of a component %s, and no log is named so; ls %s shows the "
                         "logs.\n",
                         r->component, r->dir);
        else
                cli_note(r->cli, "No line of%s in %s fits.\n",
                         names->len > 0 ? names->str : " the logs", r->dir);
}

static bool
reader_init(Reader *r, Cli *cli, GError **error)
{
        const char *since = cli_option(cli, "since");

        r->cli = cli;
        r->dir = g_strconcat(cli->root, "/var/log/upkeep", NULL);
        r->tails = g_ptr_array_new_with_free_func((GDestroyNotify)tail_free);
        r->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        r->found = g_ptr_array_new_with_free_func((GDestroyNotify)logline_free);
        r->component = cli_option(cli, "component");
        r->id = cli_option(cli, "id");
        r->errors = cli_flag(cli, "errors");
        if (!cli_follow_clock(cli, error))
                return false;
        return since == NULL || parse_since(cli, since, &r->since_us, error);
}

bool
log_show(Cli *cli, GError **error)
{
        g_auto(Reader) r = { 0 };
        gint64 lines;

        if (!cli_option_int(cli, "lines", 0, cli_flag(cli, "since") ? G_MAXINT32 : 200, &lines,
                            error) ||
            !reader_init(&r, cli, error))
                return false;
        UK_AUTOFD folder = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        /* Watched before the first look, so that nothing falls between the two. */
        if (folder < 0 ||
            (inotify_add_watch(folder, r.dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0 &&
             errno != ENOENT))
                return uk_fail_errno(error, errno, "watching %s", r.dir);
        if (!find_logs(&r, cli_flag(cli, "since") ? -1 : BACK_BYTES, error))
                return false;
        read_aside(&r);
        read_all(&r);
        if (print_found(&r, (guint)lines) == 0)
                say_nothing_found(&r);
        return !cli_flag(cli, "follow") || follow(&r, folder, error);
}
