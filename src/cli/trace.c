/* trace.c - the verb `trace package ID`: one action from the command to the last distribution
 * point; if none is named, the last that moved content, with what was asked for since then.
 *
 * Comes in: the audit, which says what was asked for and under which trace ID; the records of all
 * logs below the root, and below those of a lab's distribution points, that carry it; the files in
 * inboxes that do; the rows that do. Goes out: a waterfall of who worked when, for how long. What
 * happened on machines whose logs are not below this root is known by the site's records of it.
 */
#include "cli/trace.h"

#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/content.h"
#include "cli/logline.h"
#include "cli/output.h"
#include "cli/tail.h"
#include "inbox/drop.h"

#define BAR       24
#define MAX_DROP  (1024 * 1024)
#define MAX_DEPTH 4

/* A record, or something else that happened. */
typedef struct {
        gint64 us;
        char *machine; /* "" the site's, else a distribution point of the lab */
        char *component;
        gint64 thread;
        char *text;
        guint index; /* keeps those of one moment in their order */
} Event;

/* The work of one thread of a component. */
typedef struct {
        const Event *first, *last;
        guint count;
} Step;

typedef struct {
        Cli *cli;
        ContentPackage *package;
        char *trace, *what; /* "called RefreshPkgSource" */
        char *user;
        gint64 begin_us, audit; /* when, and the number of its row */
        AdminRows *later;       /* what was asked for since then; NULL when a trace was named */
        GPtrArray *events;      /* of Event */
        GPtrArray *waits;       /* of char *: files that wait in inboxes */
        GPtrArray *ends;        /* of char *: how it stands on each distribution point */
        AdminRows *point_rows;
        GPtrArray *points; /* of JsonValue: those of the rows that the action concerns */
} Story;

static void
event_free(gpointer user)
{
        Event *event = user;

        g_free(event->machine);
        g_free(event->component);
        g_free(event->text);
        g_free(event);
}

static void
story_clear(Story *story)
{
        g_clear_pointer(&story->package, content_package_free);
        g_clear_pointer(&story->trace, g_free);
        g_clear_pointer(&story->what, g_free);
        g_clear_pointer(&story->user, g_free);
        g_clear_pointer(&story->later, admin_rows_free);
        g_clear_pointer(&story->events, g_ptr_array_unref);
        g_clear_pointer(&story->waits, g_ptr_array_unref);
        g_clear_pointer(&story->ends, g_ptr_array_unref);
        g_clear_pointer(&story->points, g_ptr_array_unref);
        g_clear_pointer(&story->point_rows, admin_rows_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Story, story_clear)

/* ---- what was asked for ---------------------------------------------------------------------- */

static const RowsColumn action_columns[] = {
        { "WHEN", "AuditTime", ROWS_AGE }, { "WHO", "UserName", ROWS_TEXT },
        { "DID", "Action", ROWS_TEXT },    { "CLASS", "ClassName", ROWS_TEXT },
        { "METHOD", "Method", ROWS_TEXT }, { "OF", "Details", ROWS_LONG },
        { "TRACE", "Trace", ROWS_TEXT },
};

/* Of the actions on a package those that bring content somewhere, or take it away: create, update,
 * distribute, redistribute, remove and delete. */
#define MOVES                                                                                   \
        "((ClassName eq 'SMS_Package' or ClassName eq 'SMS_ContentPackage')"                    \
        " and (Action eq 'created' or Action eq 'deleted' or Method eq 'AddDistributionPoints'" \
        " or Method eq 'RefreshPkgSource')"                                                     \
        " or ClassName eq 'SMS_DistributionPoint' and (Action eq 'modified' or Action eq "      \
        "'deleted')"                                                                            \
        " or ClassName eq 'SMS_DistributionPointGroup' and Action eq 'called')"

/* The actions on the package that meet the condition ("": all), at most `top` of them. */
static AdminRows *
find_actions(const Story *story, const char *condition, const char *order, gint64 top,
             GError **error)
{
        const char *id = story->package->id;
        g_autofree char *filter =
                g_strdup_printf("(contains(ObjectID,'%s') or contains(Details,'%s'))%s%s", id, id,
                                *condition != '\0' ? " and " : "", condition);
        AdminQuery query = { .filter = filter, .orderby = order, .top = top };

        return admin_list(story->cli->admin, "SMS_UPK_Audit", &query, error);
}

static AdminRows *
find_newest(const Story *story, const char *condition, GError **error)
{
        return find_actions(story, condition, "AuditID desc", 1, error);
}

/* "called SMS_Package.RefreshPkgSource" */
static char *
words_of(const JsonValue *row)
{
        const char *method = json_get_text(row, "Method", "");

        return g_strdup_printf("%s %s%s%s", json_get_text(row, "Action", ""),
                               json_get_text(row, "ClassName", ""), *method != '\0' ? "." : "",
                               method);
}

/* The action with the trace that was named; else the last that moved content, or where none of
 * these is known any more, the last. */
static AdminRows *
choose_action(const Story *story, GError **error)
{
        const char *trace = cli_option(story->cli, "trace");

        if (trace != NULL) {
                g_autofree char *condition = g_strdup_printf("Trace eq '%s'", trace);

                return find_newest(story, condition, error);
        }
        g_autoptr(AdminRows) rows = find_newest(story, MOVES, error);

        return rows != NULL && rows->rows->len == 0 ? find_newest(story, "", error)
                                                    : g_steal_pointer(&rows);
}

static bool
find_later(Story *story, GError **error)
{
        g_autofree char *condition = g_strdup_printf("AuditID gt %" G_GINT64_FORMAT, story->audit);

        if (cli_option(story->cli, "trace") == NULL)
                story->later = find_actions(story, condition, "AuditID", 0, error);
        return cli_option(story->cli, "trace") != NULL || story->later != NULL;
}

static bool
find_action(Story *story, GError **error)
{
        g_autoptr(AdminRows) rows = choose_action(story, error);

        if (rows == NULL)
                return false;
        if (rows->rows->len == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "nothing is known of such an action on package %s (upkeep trace "
                               "package %s --list)",
                               story->package->id, story->package->id);
        const JsonValue *row = rows->rows->pdata[0];

        story->trace = g_strdup(json_get_text(row, "Trace", ""));
        story->user = g_strdup(json_get_text(row, "UserName", ""));
        story->what = words_of(row);
        story->audit = json_get_int(row, "AuditID", 0);
        return uk_clock_parse(json_get_text(row, "AuditTime", ""), &story->begin_us, error) &&
               find_later(story, error);
}

/* Whether a trace is that of the action, or of one of those since then. */
static bool
is_of_it(const Story *story, const char *trace)
{
        if (strcmp(trace, story->trace) == 0)
                return true;
        for (guint i = 0; story->later != NULL && i < story->later->rows->len; i++) {
                if (strcmp(json_get_text(story->later->rows->pdata[i], "Trace", ""), trace) == 0)
                        return true;
        }
        return false;
}

/* ---- what happened --------------------------------------------------------------------------- */

static void
read_log(Story *story, const char *machine, const char *path)
{
        g_autoptr(Tail) tail = tail_open(path, -1, NULL);
        char *text;

        while (tail != NULL && (text = tail_next(tail)) != NULL) {
                g_autofree char *line = text;
                /* Most lines are not ours; taking one apart costs more than looking for it. */
                g_autoptr(LogLine) record = strstr(line, story->trace) != NULL
                                                    ? logline_read(line, tail_name(tail))
                                                    : NULL;

                if (record == NULL || strcmp(record->trace, story->trace) != 0)
                        continue;
                Event *event = g_new0(Event, 1);

                event->us = record->time_us;
                event->machine = g_strdup(machine);
                event->component = g_strdup(record->component);
                event->thread = record->thread;
                event->text = output_clean(record->text);
                event->index = story->events->len;
                g_ptr_array_add(story->events, event);
        }
}

/* All logs below a root, those set aside too. */
static void
read_logs(Story *story, const char *machine, const char *root)
{
        g_autofree char *folder = g_strconcat(root, "/var/log/upkeep", NULL);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                if (g_str_has_suffix(name, ".log") || strstr(name, ".lo_") != NULL)
                        read_log(story, machine, path);
        }
}

/* The distribution points of a lab have roots of their own. */
static void
read_machines(Story *story)
{
        g_autofree char *folder = g_strconcat(story->cli->root, "/dp", NULL);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        read_logs(story, "", story->cli->root);
        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *root = g_build_filename(folder, name, NULL);

                read_logs(story, name, root);
        }
}

static bool
carries(const char *path, const char *trace)
{
        g_autofree char *body = NULL;
        gsize size;

        if (!uk_io_read(path, MAX_DROP, &body, &size, NULL))
                return false;
        g_autoptr(InboxNotice) notice = inbox_notice_read(body, size, NULL);

        return notice != NULL && g_strv_contains((const char *const *)notice->traces, trace);
}

/* Files that wait in inboxes because of this action. */
static void
find_waiting(Story *story, const char *folder, guint depth)
{
        g_autoptr(GDir) dir = depth < MAX_DEPTH ? g_dir_open(folder, 0, NULL) : NULL;
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                if (g_file_test(path, G_FILE_TEST_IS_SYMLINK))
                        continue;
                if (g_file_test(path, G_FILE_TEST_IS_DIR))
                        find_waiting(story, path, depth + 1);
                else if (carries(path, story->trace))
                        g_ptr_array_add(story->waits, g_steal_pointer(&path));
        }
}

/* How the package stands where this action, or one of those since then, was the last to touch it.
 */
static bool
find_ends(Story *story, GError **error)
{
        g_autofree char *filter = g_strdup_printf("PackageID eq %s", story->package->key);
        AdminQuery query = { .filter = filter };
        g_autoptr(AdminRows) rows =
                admin_list(story->cli->admin, "SMS_DistributionDPStatus", &query, error);

        for (guint i = 0; rows != NULL && i < rows->rows->len; i++) {
                const JsonValue *row = rows->rows->pdata[i];
                const char *way = json_get_text(row, "Way", "");
                const char *why = json_get_text(row, "ErrorText", "");
                gint64 then;

                if (!is_of_it(story, json_get_text(row, "Trace", "")))
                        continue;
                bool timed =
                        uk_clock_parse(json_get_text(row, "LastUpdateDate", ""), &then, NULL) &&
                        then >= story->begin_us;
                g_autofree char *span =
                        timed ? g_strdup_printf("%+9.3f s",
                                                (double)(then - story->begin_us) / UK_SECOND)
                              : g_strdup("          -");

                g_autofree char *line = g_strdup_printf(
                        "%s  %-20s %s%s%s%s%s", span, json_get_text(row, "Name", ""),
                        json_get_text(row, "StateName", ""), *way != '\0' ? "; " : "", way,
                        *why != '\0' ? ": " : "", why);

                g_ptr_array_add(story->ends, output_clean(line));
                g_ptr_array_add(story->points, (gpointer)row);
        }
        story->point_rows = g_steal_pointer(&rows);
        return story->point_rows != NULL;
}

static int
compare_events(gconstpointer a, gconstpointer b)
{
        const Event *left = *(Event *const *)a, *right = *(Event *const *)b;

        if (left->us != right->us)
                return left->us < right->us ? -1 : 1;
        return left->index < right->index ? -1 : left->index > right->index;
}

/* ---- how it is told -------------------------------------------------------------------------- */

static GArray *
steps_of(const Story *story)
{
        GArray *steps = g_array_new(FALSE, FALSE, sizeof(Step));

        for (guint i = 0; i < story->events->len; i++) {
                const Event *event = story->events->pdata[i];
                Step *found = NULL;

                for (guint s = 0; s < steps->len && found == NULL; s++) {
                        Step *step = &g_array_index(steps, Step, s);

                        if (step->first->thread == event->thread &&
                            strcmp(step->first->component, event->component) == 0 &&
                            strcmp(step->first->machine, event->machine) == 0)
                                found = step;
                }
                if (found == NULL) {
                        Step step = { event, event, 1 };

                        g_array_append_val(steps, step);
                        continue;
                }
                found->last = event;
                found->count++;
        }
        return steps;
}

/* "   ####      " for the part of the whole that a step took. */
static char *
bar_of(const Story *story, const Step *step, gint64 end_us)
{
        char bar[BAR + 1];
        gint64 whole = MAX(1, end_us - story->begin_us);
        int from = (int)((step->first->us - story->begin_us) * (BAR - 1) / whole);
        int to = (int)((step->last->us - story->begin_us) * (BAR - 1) / whole);

        memset(bar, ' ', BAR);
        bar[BAR] = '\0';
        from = CLAMP(from, 0, BAR - 1);
        memset(bar + from, '#', (gsize)(CLAMP(to, from, BAR - 1) - from + 1));
        return g_strdup(bar);
}

static char *
place_of(const Event *event)
{
        return *event->machine != '\0'
                       ? g_strdup_printf("%s on %s", event->component, event->machine)
                       : g_strdup(event->component);
}

static void
print_steps(const Story *story, gint64 end_us)
{
        static const OutputColumn heads[] = { { .head = "BEGAN", .right = true },
                                              { .head = "TOOK", .right = true },
                                              { .head = "" },
                                              { .head = "COMPONENT" },
                                              { .head = "RECORDS", .right = true },
                                              { .head = "ENDED WITH", .shrink = true } };
        g_autoptr(OutputTable) table = output_table_new(heads, G_N_ELEMENTS(heads));
        g_autoptr(GArray) steps = steps_of(story);

        for (guint i = 0; i < steps->len; i++) {
                const Step *step = &g_array_index(steps, Step, i);

                output_table_add_take(table, g_strdup_printf("%+.3f s", (double)(step->first->us -
                                                                                 story->begin_us) /
                                                                                UK_SECOND));
                output_table_add_take(table, g_strdup_printf("%.3f s", (double)(step->last->us -
                                                                                step->first->us) /
                                                                               UK_SECOND));
                output_table_add_take(table, bar_of(story, step, end_us));
                output_table_add_take(table, place_of(step->first));
                output_table_add_take(table, g_strdup_printf("%u", step->count));
                output_table_add_take(table, g_strdup(step->last->text));
        }
        g_autofree char *text = output_table_text(table, story->cli->width);
        cli_print(story->cli, "%s", text);
}

static void
print_records(const Story *story)
{
        for (guint i = 0; i < story->events->len; i++) {
                const Event *event = story->events->pdata[i];
                g_autofree char *place = place_of(event);

                cli_print(story->cli, "%+9.3f s  %-34s %s\n",
                          (double)(event->us - story->begin_us) / UK_SECOND, place, event->text);
        }
}

static void
print_lines(const Story *story, const char *head, GPtrArray *lines)
{
        for (guint i = 0; i < lines->len; i++)
                cli_print(story->cli, "%s%s\n", i == 0 ? head : "", (char *)lines->pdata[i]);
}

static void
print_later(const Story *story)
{
        guint count = story->later != NULL ? story->later->rows->len : 0;

        for (guint i = 0; i < count; i++) {
                const JsonValue *row = story->later->rows->pdata[i];
                g_autofree char *what = words_of(row);
                g_autofree char *of = output_clean(json_get_text(row, "Details", ""));
                g_autofree char *user = output_clean(json_get_text(row, "UserName", ""));

                cli_print(story->cli, "%s%s  %s %s%s%s%s  trace %s\n",
                          i == 0 ? "\nSince then:\n" : "", json_get_text(row, "AuditTime", ""),
                          user, what, *of != '\0' ? " (" : "", of, *of != '\0' ? ")" : "",
                          json_get_text(row, "Trace", ""));
        }
}

static void
print_story(const Story *story)
{
        const Event *last =
                story->events->len > 0 ? story->events->pdata[story->events->len - 1] : NULL;
        gint64 end = last != NULL ? last->us : story->begin_us;
        g_autofree char *when = uk_clock_iso(story->begin_us);
        g_autofree char *name = output_clean(story->package->name);
        g_autofree char *user = output_clean(story->user);

        cli_print(story->cli, "%s (%s): %s, by %s at %s; %.3f s in %u records.\ntrace %s\n\n",
                  story->package->id, name, story->what, user, when,
                  (double)(end - story->begin_us) / UK_SECOND, story->events->len, story->trace);
        if (cli_flag(story->cli, "records"))
                print_records(story);
        else if (story->events->len > 0)
                print_steps(story, end);
        print_lines(story, "\nAt the distribution points:\n", story->ends);
        print_lines(story, "\nWaits in inboxes:\n", story->waits);
        print_later(story);
        if (story->events->len == 0)
                cli_print(story->cli, "No log below %s/var/log/upkeep has a record of it.\n",
                          story->cli->root);
}

/* How things stand at the points of the action. */
static void
write_points(JsonWriter *w, const Story *story)
{
        static const char *const texts[] = { "Name", "StateName", "LastUpdateDate", "Way",
                                             "ErrorText" };

        json_array(w, "DistributionPoints");
        for (guint i = 0; i < story->points->len; i++) {
                const JsonValue *row = story->points->pdata[i];

                json_object(w, NULL);
                for (guint k = 0; k < G_N_ELEMENTS(texts); k++)
                        json_text(w, texts[k], json_get_text(row, texts[k], NULL));
                json_int(w, "State", json_get_int(row, "State", 0));
                json_int(w, "MessageState", json_get_int(row, "MessageState", 0));
                json_end(w, '}');
        }
        json_end(w, ']');
}

static void
print_story_json(const Story *story)
{
        g_autoptr(GString) out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "PackageID", story->package->id);
        json_text(&w, "Trace", story->trace);
        json_text(&w, "Action", story->what);
        json_text(&w, "User", story->user);
        json_array(&w, "Records");
        for (guint i = 0; i < story->events->len; i++) {
                const Event *event = story->events->pdata[i];
                g_autofree char *time = uk_clock_iso(event->us);

                json_object(&w, NULL);
                json_text(&w, "Time", time);
                json_text(&w, "Machine", event->machine);
                json_text(&w, "Component", event->component);
                json_int(&w, "Thread", event->thread);
                json_text(&w, "Text", event->text);
                json_end(&w, '}');
        }
        json_end(&w, ']');
        write_points(&w, story);
        json_array(&w, "Waiting");
        for (guint i = 0; i < story->waits->len; i++)
                json_text(&w, NULL, story->waits->pdata[i]);
        json_end(&w, ']');
        if (story->later != NULL)
                rows_write(&w, "Later", story->later);
        json_end(&w, '}');
        cli_print(story->cli, "%s\n", out->str);
}

static bool
list_actions(Story *story, GError **error)
{
        g_autoptr(AdminRows) rows = find_actions(story, "", "AuditID desc", 0, error);

        if (rows == NULL)
                return false;
        rows_print(story->cli, rows, action_columns, G_N_ELEMENTS(action_columns),
                   "Nobody has asked for anything yet.");
        return true;
}

bool
trace_package(Cli *cli, GError **error)
{
        g_auto(Story) story = { .cli = cli };
        const char *trace = cli_option(cli, "trace");

        if (trace != NULL && (strlen(trace) != 32 || strspn(trace, "0123456789abcdef") != 32))
                return cli_usage(cli, error, "--trace %s: 32 hexadecimal digits are wanted", trace);
        story.events = g_ptr_array_new_with_free_func(event_free);
        story.waits = g_ptr_array_new_with_free_func(g_free);
        story.ends = g_ptr_array_new_with_free_func(g_free);
        story.points = g_ptr_array_new();
        story.package = content_package(cli, cli_word(cli, 0), error);
        if (story.package == NULL || !cli_follow_clock(cli, error))
                return false;
        if (cli_flag(cli, "list"))
                return list_actions(&story, error);
        if (!find_action(&story, error) || !find_ends(&story, error))
                return false;
        g_autofree char *inboxes = g_strconcat(cli->root, "/var/lib/upkeep/site/inboxes", NULL);

        read_machines(&story);
        find_waiting(&story, inboxes, 0);
        g_ptr_array_sort(story.events, compare_events);
        if (cli->json)
                print_story_json(&story);
        else
                print_story(&story);
        return true;
}
