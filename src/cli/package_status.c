/* package_status.c - how far a package is on each distribution point, once or live.
 *
 * Comes in: SMS_DistributionDPStatus, answered when something changes. Goes out: a table; on a
 * terminal, while something is under way, a line for each distribution point that is rewritten in
 * place, with bytes, rate and remaining time, and above it each long cause once, whole; elsewhere a
 * line whenever the state of one changes.
 */
#include "cli/package_status.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/output.h"
#include "cli/standstill.h"

#define CLASS            "SMS_DistributionDPStatus"
#define STATE_FAILED     3
#define STATUS_INSTALLED 3 /* PkgStatus.Status */
#define STATE_STUCK      6 /* removal failed */
#define JOB_STARTED      2
#define JOB_IN_PROGRESS  3
#define JOB_SUSPENDED    8
#define ERROR_CHARS      60 /* of an error in a live line */
#define MEASURING        "finding out what it lacks"
#define TELL_US          (10 * UK_SECOND) /* so often bytes are told elsewhere than on a terminal */
#define TELL_STEPS       10               /* and so many times at most until all are there */

typedef enum {
        SOURCE_READ = 0,
        SOURCE_DUE = 1,
        SOURCE_FAILED = 2,
        SOURCE_UNSTORED = 3, /* the site server's own library fails */
} SourceState;

/* One distribution point as it was looked at. */
typedef struct {
        char *name, *words; /* "Content updating" */
        gint64 state, group;
        gint64 done, all; /* bytes of what must travel; all 0: unknown */
        gint64 sent;      /* on the wire; 0 unknown */
        int percent;      /* where the bytes are unknown; 0 as well */
        bool measuring;   /* what must travel is being found out */
        bool pulled;      /* it is told now and then, not all the time */
        char *error, *next;
        char *next_time; /* as the row has it */
} Look;

/* The package's source, as it was looked at. */
typedef struct {
        gint64 state; /* SourceState */
        char *error;  /* why it cannot be read or stored, "" */
        char *next;   /* "in 20 min", "" */
        char *next_time, *failed_time;
} Source;

/* A number that grows. */
typedef struct {
        gint64 value, us;
        double rate; /* a second, 0 unknown */
} Speed;

/* What is remembered of one between two looks. */
typedef struct {
        Speed done, sent;
        gint64 all; /* of which that is the speed */
        /* What was told of it. */
        char *words, *error, *next_time;
        int step;
        gint64 told_us, told_amount, told_all;
} Past;

typedef struct {
        Cli *cli;
        const ContentPackage *package;
        GPtrArray *points; /* of char *; NULL: all */
        bool live;         /* draws on a terminal */
        guint drawn;       /* lines that stand there */
        GHashTable *past;  /* name to Past */
        GPtrArray *looks;  /* of Look */
        gint64 action;     /* of the package: ActionInProgress */
        gint64 stored;     /* version that the site has; 0 none */
        char *cause;       /* of the package */
        Source source;
        char *told;    /* of the package and its source */
        bool unstored; /* the last of that: that it cannot be stored */
        bool there;    /* the package is known */
        bool still;    /* that nothing goes on was told, and why */
} Follow;

static void
look_free(gpointer user)
{
        Look *look = user;

        g_free(look->name);
        g_free(look->words);
        g_free(look->error);
        g_free(look->next);
        g_free(look->next_time);
        g_free(look);
}

static void
past_free(gpointer user)
{
        Past *past = user;

        g_free(past->words);
        g_free(past->error);
        g_free(past->next_time);
        g_free(past);
}

static void
source_clear(Source *source)
{
        g_free(source->error);
        g_free(source->next);
        g_free(source->next_time);
        g_free(source->failed_time);
        memset(source, 0, sizeof *source);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Source, source_clear)

static void
follow_clear(Follow *follow)
{
        g_hash_table_unref(follow->past);
        g_ptr_array_unref(follow->looks);
        g_free(follow->cause);
        g_free(follow->told);
        source_clear(&follow->source);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Follow, follow_clear)

/* ---- what a row says ------------------------------------------------------------------------- */

/* A pull distribution point that was told fetches by itself. */
static bool
is_pulled(const JsonValue *row)
{
        return json_get_bool(row, "IsPullDP", false) &&
               *json_get_text(row, "SendAction", "") != '\0';
}

/* Bytes of what the distribution point lacks, which the job knows once that was asked; all of the
 * package when it is there. Else a percentage, which is the old version's while that one is
 * installed and another is wanted. */
static void
read_bytes(const JsonValue *row, Look *look)
{
        gint64 total = json_get_int(row, "TotalSize", 0), state = json_get_int(row, "JobState", 0);
        bool runs = state == JOB_STARTED || state == JOB_IN_PROGRESS;

        look->sent = json_get_int(row, "BytesSent", 0);
        look->pulled = is_pulled(row);
        if (total > 0) {
                look->all = total;
                look->done = total - json_get_int(row, "RemainingSize", 0);
        } else if (look->state == 0) {
                look->done = look->all = json_get_int(row, "PackageBytes", 0);
        } else if (json_get_int(row, "Percent", 0) > 0 &&
                   json_get_int(row, "Status", 0) != STATUS_INSTALLED) {
                look->percent = (int)CLAMP(json_get_int(row, "Percent", 0), 0, 100);
        } else {
                look->measuring = runs && *look->error == '\0' &&
                                  (look->pulled || *json_get_text(row, "Way", "") == '\0');
        }
}

/* 0 to 100; 0 as well where nothing is known. */
static int
percent_of(const Look *look)
{
        return look->all > 0 ? (int)((double)look->done * 100 / (double)look->all) : look->percent;
}

/* Whether the site server sends to it now. */
static bool
is_sent(const JsonValue *row)
{
        gint64 state = json_get_int(row, "JobState", 0);

        return (state == JOB_STARTED || state == JOB_IN_PROGRESS) && !is_pulled(row);
}

/* Why it does not go on: of the job, of the package there, of the distribution point. What is known
 * of the last try says nothing of one that is under way. */
static const char *
error_of(const JsonValue *row)
{
        static const char *const members[] = { "JobError", "ErrorText", "DPError" };

        for (guint i = is_sent(row) ? 2 : 0;
             json_get_int(row, "MessageState", 1) != 1 && i < G_N_ELEMENTS(members); i++) {
                const char *text = json_get_text(row, members[i], "");

                if (*text != '\0')
                        return text;
        }
        return "";
}

/* Whether it waits for the hours in which it may be sent. */
static bool
is_closed(const JsonValue *row)
{
        return json_get_int(row, "MessageState", 1) != 1 &&
               json_get_int(row, "Maintenance", 0) == 0 &&
               *json_get_text(row, "ClosedUntil", "") != '\0';
}

static bool
is_never_open(const JsonValue *row)
{
        return g_str_has_prefix(json_get_text(row, "ClosedUntil", ""), "9999");
}

/* Why it does not go on, in words: its hours first, without which all else does not matter. */
static char *
why_not(const JsonValue *row)
{
        const char *error = error_of(row);

        if (!is_closed(row))
                return output_clean(error);
        g_autofree char *all = g_strdup_printf(
                "its window %s for such a job (upkeep dp show %s)%s%s",
                is_never_open(row) ? "never opens" : "is closed", json_get_text(row, "Name", "?"),
                *error != '\0' ? "; before: " : "", error);

        return output_clean(all);
}

/* The property that has the time of the next try; NULL: there is none. One that fetches by itself
 * tries by itself: that it is asked in an hour, in case it does not report, is no next try. */
static const char *
next_property(const JsonValue *row)
{
        bool polled = is_pulled(row) && json_get_int(row, "JobState", 0) != JOB_SUSPENDED;
        g_autofree char *job = content_when(row, "ReStartTime");

        if (json_get_int(row, "MessageState", 0) == 1 || polled)
                return NULL;
        if (is_closed(row))
                return is_never_open(row) ? NULL : "ClosedUntil";
        return *job != '\0' ? "ReStartTime" : "QuarantineTime";
}

/* A pull that was begun runs on until its distribution point has taken the pause. */
static bool
is_pausing(const JsonValue *row)
{
        return json_get_bool(row, "IsPullDP", false) &&
               *json_get_text(row, "StartTime", "") != '\0' &&
               *json_get_text(row, "JobError", "") != '\0';
}

static const char *
words_of(const JsonValue *row)
{
        if (json_get_int(row, "JobState", 0) == JOB_SUSPENDED)
                return is_pausing(row) ? "Pausing" : "Paused";
        if (json_get_int(row, "Maintenance", 0) != 0 && json_get_int(row, "MessageState", 1) != 1)
                return "In maintenance";
        return json_get_text(row, "StateName", "");
}

static Look *
look_new(const JsonValue *row)
{
        Look *look = g_new0(Look, 1);
        const char *next = next_property(row);

        look->name = g_strdup(json_get_text(row, "Name", "?"));
        look->words = g_strdup(words_of(row));
        look->state = json_get_int(row, "State", 0);
        look->group = json_get_int(row, "MessageState", 0);
        look->error = why_not(row);
        read_bytes(row, look);
        look->next = next != NULL ? content_when(row, next) : g_strdup("");
        look->next_time = g_strdup(next != NULL ? json_get_text(row, next, "") : "");
        return look;
}

static void
source_take(Source *source, const JsonValue *row)
{
        source_clear(source);
        source->state = json_get_int(row, "SourceState", SOURCE_READ);
        source->error = output_clean(json_get_text(row, "SourceError", ""));
        source->next = content_when(row, "SourceNextTryTime");
        source->next_time = g_strdup(json_get_text(row, "SourceNextTryTime", ""));
        source->failed_time = g_strdup(json_get_text(row, "SourceFailedTime", ""));
}

/* "its source cannot be read: why; next try in 20 min" */
static char *
source_words(const Source *source)
{
        bool unstored = source->state == SOURCE_UNSTORED;
        const char *next = unstored ? "; it is tried again by itself " : "; next try ";

        return g_strdup_printf("%s: %s%s%s",
                               unstored ? "the site server cannot store it"
                                        : "its source cannot be read",
                               source->error, *source->next != '\0' ? next : "", source->next);
}

/* ---- live ------------------------------------------------------------------------------------ */

static void
speed_begin(Speed *speed, gint64 value, gint64 now_us)
{
        *speed = (Speed){ .value = value, .us = now_us };
}

/* Of a number that is told now and then its standing still says nothing: its speed is that between
 * two of its values. */
static void
speed_take(Speed *speed, gint64 value, bool now_and_then, gint64 now_us)
{
        if (now_and_then && value == speed->value)
                return;
        if (value < speed->value) {
                speed_begin(speed, value, now_us);
        } else if (now_us - speed->us >= UK_SECOND / 2) {
                double now =
                        (double)(value - speed->value) * UK_SECOND / (double)(now_us - speed->us);

                speed->rate = speed->rate > 0 ? 0.6 * speed->rate + 0.4 * now : now;
                speed->value = value;
                speed->us = now_us;
        }
}

/* What is remembered of it, with how fast it is. Of another total another speed is known: none
 * yet. */
static const Past *
past_of(Follow *follow, const Look *look, gint64 now_us)
{
        Past *past = g_hash_table_lookup(follow->past, look->name);
        bool other = past == NULL || past->all != look->all;

        if (past == NULL) {
                past = g_new0(Past, 1);
                g_hash_table_replace(follow->past, g_strdup(look->name), past);
        }
        if (other) {
                speed_begin(&past->done, look->done, now_us);
                speed_begin(&past->sent, look->sent, now_us);
                past->all = look->all;
        }
        speed_take(&past->done, look->done, look->pulled, now_us);
        speed_take(&past->sent, look->sent, look->pulled, now_us);
        return past;
}

/* "  12.3 MB of 40.0 MB (30%)  2.1 MB/s  13 s left": the rate is that of the wire, where it is
 * known. */
static void
append_bytes(GString *out, const Look *look, const Past *past)
{
        g_autofree char *done = output_size(look->done), *all = output_size(look->all);
        double rate = look->sent > 0 ? past->sent.rate : past->done.rate;

        if (look->group == 1)
                return;
        if (look->measuring)
                g_string_append(out, "  " MEASURING);
        if (look->all <= 0) {
                if (look->percent > 0)
                        g_string_append_printf(out, "  (%d%%)", look->percent);
                return;
        }
        g_string_append_printf(out, "  %s of %s (%d%%)", done, all, percent_of(look));
        if (rate < 1 || past->done.rate < 1 || look->done >= look->all)
                return;
        g_autofree char *speed = output_size((gint64)rate);
        g_autofree char *left = output_span(
                (gint64)((double)(look->all - look->done) / past->done.rate) * UK_SECOND);

        g_string_append_printf(out, "  %s/s  %s left", speed, left);
}

static char *
line_of(Follow *follow, const Look *look, int error_chars)
{
        GString *out = g_string_new(NULL);

        g_string_append_printf(out, "%-16s %s", look->name, look->words);
        append_bytes(out, look, past_of(follow, look, uk_clock_mono()));
        if (*look->error != '\0') {
                g_autofree char *error =
                        error_chars > 0 ? output_cut(look->error, error_chars) : NULL;

                g_string_append_printf(out, "  %s", error != NULL ? error : look->error);
        }
        if (*look->next != '\0')
                g_string_append_printf(out, "  next try %s", look->next);
        return g_string_free(out, FALSE);
}

static char *
head_of(const Follow *follow)
{
        static const char *const doing[] = { "",
                                             "its source is being read",
                                             "its source is being read",
                                             "it is being deleted",
                                             "it is being validated",
                                             "it is being cancelled" };
        gint64 action = CLAMP(follow->action, 0, (gint64)G_N_ELEMENTS(doing) - 1);
        const ContentPackage *package = follow->package;

        if (follow->source.state >= SOURCE_FAILED) {
                g_autofree char *words = source_words(&follow->source);

                return g_strdup_printf("%s %s: %s", package->id, package->name, words);
        }
        if (action == 0)
                return g_strdup_printf("%s %s", package->id, package->name);
        return g_strdup_printf("%s %s: %s (%s)", package->id, package->name, doing[action],
                               follow->cause);
}

static int
width_of_terminal(const Follow *follow)
{
        return follow->cli->width > 0 ? follow->cli->width : 80;
}

/* A line on the terminal, cut where it ends, since a line that wraps cannot be rewritten. */
static void
draw_line(Follow *follow, const char *text)
{
        g_autofree char *cut = output_cut(text, width_of_terminal(follow) - 1);

        fprintf(follow->cli->err, "%s\033[K\n", cut);
        follow->drawn++;
}

/* A line that stays above those that are rewritten. */
static void
draw_above(Follow *follow, const char *text)
{
        fprintf(follow->cli->err, "%s\033[K\n", text);
}

static bool
is_cut(const Follow *follow, const char *line)
{
        g_autofree char *cut = output_cut(line, width_of_terminal(follow) - 1);

        return strcmp(cut, line) != 0;
}

/* A cause that is too long for its line is told once, and again when it is another. */
static void
draw_causes(Follow *follow, const char *head)
{
        if (follow->source.state >= SOURCE_FAILED && is_cut(follow, head) &&
            g_strcmp0(follow->told, follow->source.error) != 0) {
                draw_above(follow, head);
                g_free(follow->told);
                follow->told = g_strdup(follow->source.error);
        }
        for (guint i = 0; i < follow->looks->len; i++) {
                const Look *look = follow->looks->pdata[i];
                g_autofree char *line = line_of(follow, look, 0);
                Past *past = g_hash_table_lookup(follow->past, look->name);

                if (*look->error == '\0' || g_strcmp0(past->error, look->error) == 0 ||
                    (g_utf8_strlen(look->error, -1) <= ERROR_CHARS && !is_cut(follow, line)))
                        continue;
                draw_above(follow, line);
                g_free(past->error);
                past->error = g_strdup(look->error);
        }
}

static void
draw(Follow *follow)
{
        g_autofree char *head = head_of(follow);

        if (follow->drawn > 0)
                fprintf(follow->cli->err, "\033[%uA", follow->drawn);
        follow->drawn = 0;
        draw_causes(follow, head);
        draw_line(follow, head);
        for (guint i = 0; i < follow->looks->len; i++) {
                g_autofree char *line = line_of(follow, follow->looks->pdata[i], ERROR_CHARS);

                draw_line(follow, line);
        }
        fputs("\033[J", follow->cli->err);
        fflush(follow->cli->err);
}

static void
replace_text(char **text, const char *by)
{
        g_free(*text);
        *text = g_strdup(by);
}

/* Elsewhere than on a terminal: what the package is doing, and of its source the error and the time
 * of the next try, when one of them is another. */
static void
tell_package(Follow *follow)
{
        const Source *source = &follow->source;
        bool failed = source->state == SOURCE_FAILED, unstored = source->state == SOURCE_UNSTORED;
        g_autofree char *state =
                g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s %s", follow->action,
                                source->state, failed || unstored ? source->error : follow->cause,
                                failed ? source->next_time : "");

        if (!follow->there || g_strcmp0(follow->told, state) == 0)
                return;
        /* Each try to store it is none, as long as they end alike. */
        if (source->state == SOURCE_DUE && follow->unstored)
                return;
        follow->unstored = unstored;
        if (follow->action != 0) {
                g_autofree char *head = head_of(follow);

                cli_note(follow->cli, "%s\n", head);
        }
        replace_text(&follow->told, state);
}

/* How far it is, in bytes or percent. */
static gint64
amount_of(const Look *look)
{
        return look->all > 0 ? look->done : look->percent;
}

/* Whether so much has come, or so much time has gone, that it is told again. */
static bool
bytes_are_due(const Past *past, const Look *look, int step, gint64 now_us)
{
        bool other = look->all > 0 && look->all != past->told_all;
        bool more = amount_of(look) != past->told_amount &&
                    (step != past->step || now_us - past->told_us >= TELL_US);

        return look->group != 1 && (other || more);
}

static void
tell_point(Follow *follow, const Look *look)
{
        g_autofree char *line = line_of(follow, look, 0);
        Past *past = g_hash_table_lookup(follow->past, look->name);
        gint64 now_us = uk_clock_mono();
        int step = percent_of(look) * TELL_STEPS / 100;

        /* Until the source is read, what is complete is the version before. */
        if (follow->action != 0 && look->group == 1)
                return;
        if (g_strcmp0(past->words, look->words) == 0 && g_strcmp0(past->error, look->error) == 0 &&
            (*look->next == '\0' || g_strcmp0(past->next_time, look->next_time) == 0) &&
            !bytes_are_due(past, look, step, now_us))
                return;
        replace_text(&past->words, look->words);
        replace_text(&past->error, look->error);
        replace_text(&past->next_time, look->next_time);
        past->step = step;
        past->told_amount = amount_of(look);
        past->told_all = look->all;
        past->told_us = now_us;
        cli_note(follow->cli, "%s\n", line);
}

static void
tell_changes(Follow *follow)
{
        tell_package(follow);
        for (guint i = 0; i < follow->looks->len; i++)
                tell_point(follow, follow->looks->pdata[i]);
}

static void
show(Follow *follow)
{
        if (follow->live)
                draw(follow);
        else
                tell_changes(follow);
}

static void
erase(Follow *follow)
{
        if (follow->drawn > 0)
                fprintf(follow->cli->err, "\033[%uA\033[J", follow->drawn);
        fflush(follow->cli->err);
        follow->drawn = 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool
counts(const Follow *follow, const char *name)
{
        for (guint i = 0; follow->points != NULL && i < follow->points->len; i++) {
                if (g_ascii_strcasecmp(follow->points->pdata[i], name) == 0)
                        return true;
        }
        return follow->points == NULL;
}

/* What the row of a point says of its package, at the same moment as of the point. */
static void
take_package(Follow *follow, const JsonValue *row)
{
        follow->there = true;
        g_free(follow->cause);
        follow->cause = output_clean(json_get_text(row, "PackageCause", ""));
        follow->action = json_get_int(row, "PackageAction", 0);
        follow->stored = json_get_int(row, "StoredPkgVersion", 0);
        source_take(&follow->source, row);
}

static bool
look_at_package(Follow *follow, GError **error)
{
        g_autofree char *filter = g_strdup_printf("PackageID eq %s", follow->package->key);
        AdminQuery query = { .filter = filter };
        g_autoptr(AdminRows) rows =
                admin_list(follow->cli->admin, "SMS_PackageBaseclass", &query, error);

        if (rows == NULL)
                return false;
        const JsonValue *row = rows->rows->len > 0 ? rows->rows->pdata[0] : NULL;

        follow->there = row != NULL;
        g_free(follow->cause);
        follow->cause = output_clean(json_get_text(row, "Cause", ""));
        follow->action = json_get_int(row, "ActionInProgress", 0);
        follow->stored = json_get_int(row, "StoredPkgVersion", 0);
        source_take(&follow->source, row);
        return true;
}

/* Waits until something has changed, and looks. A package that is on no distribution point is
 * followed itself. */
static bool
take_look(Follow *follow, char **etag, bool *alone, GError **error)
{
        g_autofree char *filter = g_strdup_printf("PackageID eq %s", follow->package->key);
        AdminQuery query = { .filter = filter };
        g_autoptr(AdminRows) rows = admin_follow(
                follow->cli->admin, *alone ? "SMS_PackageBaseclass" : CLASS, &query, etag, error);

        if (rows == NULL)
                return false;
        if (*alone) {
                g_clear_pointer(&rows, admin_rows_free);
                rows = admin_list(follow->cli->admin, CLASS, &query, error);
        }
        if (rows == NULL)
                return false;
        if (rows->rows->len > 0)
                take_package(follow, rows->rows->pdata[0]);
        else if (!look_at_package(follow, error))
                return false;
        g_ptr_array_set_size(follow->looks, 0);
        for (guint i = 0; i < rows->rows->len; i++) {
                if (counts(follow, json_get_text(rows->rows->pdata[i], "Name", "?")))
                        g_ptr_array_add(follow->looks, look_new(rows->rows->pdata[i]));
        }
        bool now_alone = rows->rows->len == 0;

        if (now_alone != *alone)
                g_clear_pointer(etag, g_free);
        *alone = now_alone;
        return true;
}

/* Whether the source has been tried since the command asked for its work, and cannot be read. */
static bool
source_failed(const Follow *follow, PackageWait what)
{
        return what == PACKAGE_WAIT_DONE && follow->source.state == SOURCE_FAILED &&
               strcmp(follow->source.failed_time, follow->package->source_failed) != 0;
}

/* Whether nothing is under way any more at those that count. */
static bool
points_are_over(const Follow *follow, PackageWait what)
{
        for (guint i = 0; i < follow->looks->len; i++) {
                const Look *look = follow->looks->pdata[i];
                bool failed = look->state == STATE_FAILED || look->state == STATE_STUCK;

                if (!failed && (what == PACKAGE_WAIT_GONE || look->group != 1))
                        return false;
        }
        return true;
}

static bool
is_over(const Follow *follow, PackageWait what)
{
        if (!follow->there)
                return true;
        /* Points that were named get the version that there is. */
        if (source_failed(follow, what))
                return follow->points == NULL || follow->stored == 0 ||
                       points_are_over(follow, what);
        if (what != PACKAGE_WAIT_GONE && follow->action != 0)
                return false;
        if (what == PACKAGE_WAIT_GONE && follow->points == NULL)
                return false;
        return points_are_over(follow, what);
}

static bool
say_source(const Follow *follow, GError **error)
{
        const Source *source = &follow->source;
        const char *id = follow->package->id;

        return uk_fail(error, UK_ERROR_REMOTE,
                       "the source of package %s cannot be read: %s; it is tried again by itself"
                       "%s%s (upkeep package status %s --follow shows it, upkeep package update %s "
                       "tries it at once)",
                       id, source->error, *source->next != '\0' ? " " : "", source->next, id, id);
}

/* What went wrong, in one sentence. */
static bool
say_end(Follow *follow, PackageWait what, GError **error)
{
        guint failed = 0;
        const Look *first = NULL;

        if (source_failed(follow, what))
                return say_source(follow, error);
        if (!follow->there && what != PACKAGE_WAIT_GONE)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "package %s was deleted meanwhile",
                               follow->package->id);
        for (guint i = 0; i < follow->looks->len; i++) {
                const Look *look = follow->looks->pdata[i];

                if (look->state != STATE_FAILED && look->state != STATE_STUCK)
                        continue;
                first = first != NULL ? first : look;
                failed++;
        }
        if (failed == 0)
                return true;
        follow->cli->partly |= failed < follow->looks->len;
        return uk_fail(error, UK_ERROR_REMOTE,
                       "package %s failed on %u of %u distribution points; %s: %s (upkeep why dp "
                       "%s package %s)",
                       follow->package->id, failed, follow->looks->len, first->name,
                       *first->error != '\0' ? first->error : first->words, first->name,
                       follow->package->id);
}

/* Nothing has changed for a while: where that is because nobody works, it is said, once until
 * something changes. */
static void
tell_standstill(Follow *follow)
{
        g_autofree char *why = follow->still ? NULL : standstill_why(follow->cli);

        if (why == NULL)
                return;
        follow->still = true;
        erase(follow);
        cli_note(follow->cli, "%s\n", why);
}

bool
package_wait(Cli *cli, const ContentPackage *package, GPtrArray *points, PackageWait what,
             GError **error)
{
        int fd = fileno(cli->err);
        g_auto(Follow) follow = { .cli = cli,
                                  .package = package,
                                  .points = points,
                                  .live = !cli->json && fd >= 0 && isatty(fd) };
        g_autofree char *etag = NULL;
        bool alone = false;

        follow.past = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, past_free);
        follow.looks = g_ptr_array_new_with_free_func(look_free);
        if (cli_admin(cli, error) == NULL)
                return false;
        do {
                g_autofree char *before = g_strdup(etag);

                if (!take_look(&follow, &etag, &alone, error)) {
                        erase(&follow);
                        return false;
                }
                if (g_strcmp0(before, etag) != 0)
                        follow.still = false;
                else
                        tell_standstill(&follow);
                show(&follow);
        } while (!is_over(&follow, what));
        erase(&follow);
        if (!say_end(&follow, what, error))
                return false;
        cli_note(cli, what == PACKAGE_WAIT_GONE ? "%s (%s) is gone.\n" : "%s (%s) is done.\n",
                 package->id, package->name);
        return true;
}

/* ---- once ------------------------------------------------------------------------------------ */

static char *
bytes_cell(const Look *look)
{
        g_autofree char *done = output_size(look->done), *all = output_size(look->all);

        if (look->measuring)
                return g_strdup(MEASURING);
        if (look->all <= 0)
                return look->percent > 0 ? g_strdup_printf("%d%%", look->percent) : g_strdup("");
        return look->group == 1 ? g_strdup(all) : g_strdup_printf("%s of %s", done, all);
}

static void
print_table(Cli *cli, const AdminRows *rows)
{
        static const OutputColumn heads[] = {
                { .head = "PACKAGE" },  { .head = "DISTRIBUTION POINT", .shrink = true },
                { .head = "STATE" },    { .head = "VERSION", .right = true },
                { .head = "SIZE" },     { .head = "SINCE" },
                { .head = "NEXT TRY" }, { .head = "ERROR", .shrink = true }
        };
        g_autoptr(OutputTable) table = output_table_new(heads, G_N_ELEMENTS(heads));
        RowsColumn since = { "", "LastUpdateDate", ROWS_AGE };

        for (guint i = 0; i < rows->rows->len; i++) {
                const JsonValue *row = rows->rows->pdata[i];
                Look *look = look_new(row);

                output_table_add_take(table, g_strdup(json_get_text(row, "PackageID", "")));
                output_table_add_take(table, g_strdup(look->name));
                output_table_add_take(table, g_strdup(look->words));
                output_table_add_take(table,
                                      g_strdup_printf("%" G_GINT64_FORMAT,
                                                      json_get_int(row, "InstalledVersion", 0)));
                output_table_add_take(table, bytes_cell(look));
                output_table_add_take(table, rows_cell(row, &since, uk_clock_now()));
                output_table_add_take(table, g_strdup(look->next));
                output_table_add_take(table, g_strdup(look->error));
                look_free(look);
        }
        g_autofree char *text = output_table_text(table, cli->width);
        cli_print(cli, "%s", text);
}

/* The packages (NULL: all) whose source waits to be read (one package), or cannot be. */
static AdminRows *
list_sources(Cli *cli, const ContentPackage *package, GError **error)
{
        g_autofree char *filter = package != NULL
                                          ? g_strdup_printf("PackageID eq %s and SourceState ne %d",
                                                            package->key, SOURCE_READ)
                                          : g_strdup_printf("SourceState ge %d", SOURCE_FAILED);
        AdminQuery query = { .filter = filter,
                             .select = "PackageID,Name,Cause,ActionInProgress,SourceState,"
                                       "SourceStateName,SourceError,SourceFailedTime,"
                                       "SourceNextTryTime" };

        return admin_list(cli->admin, "SMS_PackageBaseclass", &query, error);
}

/* "PS100039 Name: its source cannot be read: why; next try in 20 min (…)" for each. */
static void
print_sources(Cli *cli, const AdminRows *sources)
{
        for (guint i = 0; i < sources->rows->len; i++) {
                const JsonValue *row = sources->rows->pdata[i];
                const char *id = json_get_text(row, "PackageID", "");
                g_autofree char *name = output_clean(json_get_text(row, "Name", ""));
                g_autofree char *cause = output_clean(json_get_text(row, "Cause", ""));
                g_auto(Source) source = { 0 };

                source_take(&source, row);
                g_autofree char *words = source_words(&source);

                if (source.state >= SOURCE_FAILED)
                        cli_print(cli, "%s %s: %s (upkeep package update %s tries it at once)\n",
                                  id, name, words, id);
                else
                        cli_print(cli, "%s %s: its source is being read (%s)\n", id, name, cause);
        }
}

static bool
has_package(const AdminRows *rows, const char *id)
{
        for (guint i = 0; i < rows->rows->len; i++) {
                if (strcmp(json_get_text(rows->rows->pdata[i], "PackageID", ""), id) == 0)
                        return true;
        }
        return false;
}

/* For programs, a package that is on no distribution point has a row of its own. */
static void
add_sources(AdminRows *rows, const AdminRows *sources)
{
        guint count = rows->rows->len;

        for (guint i = 0; i < sources->rows->len; i++) {
                JsonValue *row = sources->rows->pdata[i];

                if (count == 0 || !has_package(rows, json_get_text(row, "PackageID", "")))
                        g_ptr_array_add(rows->rows, row);
        }
}

/* The rows of one package (NULL: of all). */
static bool
print_status(Cli *cli, const ContentPackage *package, GError **error)
{
        g_autofree char *filter =
                package != NULL ? g_strdup_printf("PackageID eq %s", package->key) : NULL;
        AdminQuery query = { .filter = filter };
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) sources = admin != NULL ? list_sources(cli, package, error) : NULL;
        g_autoptr(AdminRows) rows =
                sources != NULL ? admin_list(admin, CLASS, &query, error) : NULL;

        if (rows == NULL)
                return false;
        if (cli->json)
                add_sources(rows, sources);
        else
                print_sources(cli, sources);
        if (cli->json || rows->rows->len == 0)
                rows_print(cli, rows, NULL, 0,
                           package != NULL ? "It is on no distribution point. (upkeep package "
                                             "distribute ID --dp NAME)"
                                           : "No package is on a distribution point. (upkeep "
                                             "package distribute ID --dp NAME)");
        else
                print_table(cli, rows);
        return true;
}

bool
package_status(Cli *cli, GError **error)
{
        content_word_option(cli, "id");
        if (cli->words->len == 0 && cli_flag(cli, "follow"))
                return cli_usage(cli, error, "--follow: which package? (upkeep package list)");
        if (!cli_follow_clock(cli, error))
                return false;
        if (cli->words->len == 0)
                return print_status(cli, NULL, error);
        for (guint i = 0; i < cli->words->len; i++) {
                g_autoptr(ContentPackage) package = content_package(cli, cli_word(cli, i), error);
                g_autoptr(GError) why = NULL;

                if (package == NULL)
                        return false;
                bool good = !cli_flag(cli, "follow") ||
                            package_wait(cli, package, NULL, PACKAGE_FOLLOW, &why);

                if (!print_status(cli, package, good ? error : NULL))
                        return false;
                if (!good) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
        return true;
}
