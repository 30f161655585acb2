/* site_show.c - what `site status` found, for people and for programs.
 *
 * Comes in: a SiteStatus. Goes out: text with the bad news first and a "!" at each line that is
 * part of it, in tables that leave out what is empty; or one JSON object with everything.
 */
#include <string.h>

#include "cli/output.h"
#include "cli/rows.h"
#include "cli/site_private.h"
#include "cli/sync.h"
#include "lab/program.h"

static const RowsColumn sync_columns[] = {
        { "UPDATE POINT", "WSUSServerName", ROWS_LONG },
        { "STATE", "LastSyncState", ROWS_NAME, sync_states },
        { "SINCE", "LastSyncStateTime", ROWS_AGE },
        { "LAST SUCCESS", "LastSuccessfulSyncTime", ROWS_AGE },
        { "RESULT", "LastSyncErrorText", ROWS_LONG },
};

static const RowsColumn client_columns[] = {
        { "CLIENTS HEARD OF WITHIN 1 HOUR", "WithinHour", ROWS_COUNT },
        { "1 DAY", "WithinDay", ROWS_COUNT },
        { "7 DAYS", "WithinWeek", ROWS_COUNT },
        { "EARLIER", "Older", ROWS_COUNT },
        { "NEVER", "Never", ROWS_COUNT },
        { "PENDING", "Pending", ROWS_COUNT },
        { "BLOCKED", "Blocked", ROWS_COUNT },
};

static const RowsColumn component_columns[] = {
        { "COMPONENT", "ComponentName", ROWS_LONG }, { "MACHINE", "MachineName", ROWS_LONG },
        { "ERRORS", "Errors", ROWS_COUNT },          { "WARNINGS", "Warnings", ROWS_COUNT },
        { "LAST HEARD", "LastContacted", ROWS_AGE },
};

static void
print_table(Cli *cli, const OutputTable *table)
{
        g_autofree char *text = output_table_text(table, cli->width);

        cli_print(cli, "%s\n", text);
}

static char *
mark(bool bad)
{
        return g_strdup(bad ? "!" : "");
}

static void
show_head(Cli *cli, const SiteStatus *status)
{
        const AdminRows *rows = status->answers[SITE_SELF];
        const char *place = *status->root != '\0' ? status->root : "/";

        for (guint i = 0; rows != NULL && i < rows->rows->len; i++) {
                const JsonValue *row = rows->rows->pdata[i];
                g_autofree char *name = output_clean(json_get_text(row, "SiteName", ""));

                cli_print(cli, "Site %s (%s) on %s, version %s. ",
                          json_get_text(row, "SiteCode", "?"), name,
                          json_get_text(row, "ServerName", "?"),
                          json_get_text(row, "Version", "?"));
        }
        if (status->programs->len > 0)
                cli_print(cli, "Below %s.", place);
        if (status->elsewhere)
                cli_print(cli, " The site server is another machine, which tells of the site.");
        cli_print(cli, "\n");
}

static void
show_troubles(Cli *cli, const SiteStatus *status)
{
        guint count = status->troubles->len;

        if (count == 0)
                cli_print(cli, "Nothing is wrong.\n\n");
        else
                cli_print(cli, "%u thing%s to look at:\n", count, count == 1 ? "" : "s");
        for (guint i = 0; i < count; i++) {
                const SiteTrouble *trouble = status->troubles->pdata[i];
                g_autofree char *what = output_clean(trouble->what);
                const char *on = cli->colour && trouble->down ? "\033[31m" : "";

                cli_print(cli, "%s! %s%s\n", on, what, *on != '\0' ? "\033[0m" : "");
                if (trouble->next != NULL)
                        cli_print(cli, "    next: %s\n", trouble->next);
        }
        if (count > 0)
                cli_print(cli, "\n");
}

/* "12 min" for what runs, "3 h ago" for what ended. */
static char *
since(const SiteStatus *status, const Program *program)
{
        gint64 last = site_last_words(status, program->role);

        if (program->span_us >= 0)
                return output_span(program->span_us);
        return last > 0 ? output_age(MIN(last, status->now_us), status->now_us) : NULL;
}

static void
show_programs(Cli *cli, const SiteStatus *status)
{
        static const OutputColumn columns[] = { { .head = " " },
                                                { .head = "PROGRAM" },
                                                { .head = "STATE" },
                                                { .head = "SINCE" },
                                                { .head = "PID", .right = true },
                                                { .head = "LISTENS ON", .shrink = true } };
        g_autoptr(OutputTable) table = output_table_new(columns, G_N_ELEMENTS(columns));

        if (status->programs->len == 0)
                return;
        for (guint i = 0; i < status->programs->len; i++) {
                const Program *program = status->programs->pdata[i];

                output_table_add_take(table, mark(program->state != PROGRAM_RUNNING));
                output_table_add_take(table, g_strconcat("upkeep-", program->role, NULL));
                output_table_add_take(table, g_strdup(program_state_name(program->state)));
                output_table_add_take(table, since(status, program));
                output_table_add_take(table,
                                      program->pid != 0
                                              ? g_strdup_printf("%" G_GINT64_FORMAT, program->pid)
                                              : NULL);
                output_table_add_take(table, g_strdup(program->ports));
        }
        print_table(cli, table);
}

static void
show_boxes(Cli *cli, const SiteStatus *status)
{
        static const OutputColumn columns[] = { { .head = " " },
                                                { .head = "INBOX", .shrink = true },
                                                { .head = "WAITING", .right = true },
                                                { .head = "OLDEST" },
                                                { .head = "REFUSED", .right = true } };
        g_autoptr(OutputTable) table = output_table_new(columns, G_N_ELEMENTS(columns));
        const GPtrArray *boxes = status->folders->boxes;
        guint shown = 0;

        for (guint i = 0; i < boxes->len; i++) {
                const SiteBox *box = boxes->pdata[i];

                if (box->waiting == 0 && box->refused == 0 && box->problem == NULL)
                        continue;
                output_table_add_take(table, mark(site_box_late(box) || box->refused > 0));
                output_table_add_take(table, g_strdup(box->name));
                output_table_add_take(table, output_count(box->waiting));
                output_table_add_take(table, box->waiting > 0 ? output_span(box->oldest_us) : NULL);
                output_table_add_take(table, output_count(box->refused));
                shown++;
        }
        if (shown > 0)
                print_table(cli, table);
        if (shown < boxes->len)
                cli_print(cli,
                          shown > 0 ? "The other %u inboxes are empty.\n\n"
                                    : "All %u inboxes are empty.\n\n",
                          boxes->len - shown);
}

static void
show_disk(Cli *cli, const SiteStatus *status)
{
        static const OutputColumn columns[] = { { .head = " " },
                                                { .head = "VOLUME OF", .shrink = true },
                                                { .head = "HOLDS" },
                                                { .head = "FREE", .right = true },
                                                { .head = "TOTAL", .right = true } };
        g_autoptr(OutputTable) table = output_table_new(columns, G_N_ELEMENTS(columns));
        const GPtrArray *volumes = status->folders->volumes;
        const GPtrArray *databases = status->folders->databases;

        for (guint i = 0; i < volumes->len; i++) {
                const SiteVolume *volume = volumes->pdata[i];

                output_table_add_take(table, mark(site_volume_low(volume)));
                output_table_add_take(table, g_strdup(volume->path));
                output_table_add_take(table, g_strdup(volume->holds));
                output_table_add_take(table, output_size(volume->free));
                output_table_add_take(table, output_size(volume->total));
        }
        if (volumes->len > 0)
                print_table(cli, table);
        for (guint i = 0; i < databases->len; i++) {
                const SiteDatabase *database = databases->pdata[i];
                g_autofree char *size = output_size(database->size);

                cli_print(cli, "%s%s %s", i == 0 ? "Databases: " : ", ", database->name, size);
        }
        if (databases->len > 0)
                cli_print(cli, "\n\n");
}

/* Components that had something to complain about; those that had not are in --json. */
static void
show_components(Cli *cli, const SiteStatus *status)
{
        const AdminRows *all = status->answers[SITE_COMPONENTS];
        g_autoptr(GPtrArray) rows = g_ptr_array_new();
        AdminRows shown = { .docs = all->docs, .rows = rows };

        for (guint i = 0; i < all->rows->len; i++) {
                const JsonValue *row = all->rows->pdata[i];

                if (json_get_int(row, "Errors", 0) > 0 || json_get_int(row, "Warnings", 0) > 0)
                        g_ptr_array_add(rows, (gpointer)row);
        }
        rows_print(cli, &shown, component_columns, G_N_ELEMENTS(component_columns),
                   "No component has complained.");
}

void
site_show(Cli *cli, const SiteStatus *status)
{
        show_head(cli, status);
        show_troubles(cli, status);
        show_programs(cli, status);
        show_boxes(cli, status);
        show_disk(cli, status);
        if (status->answers[SITE_SYNC] != NULL) {
                rows_print(cli, status->answers[SITE_SYNC], sync_columns,
                           G_N_ELEMENTS(sync_columns), "The site has no software update point.");
                cli_print(cli, "\n");
        }
        if (status->answers[SITE_CLIENTS] != NULL) {
                rows_print(cli, status->answers[SITE_CLIENTS], client_columns,
                           G_N_ELEMENTS(client_columns), "There is no site yet.");
                cli_print(cli, "\n");
        }
        if (status->answers[SITE_COMPONENTS] != NULL)
                show_components(cli, status);
}

static void
write_programs(JsonWriter *w, const SiteStatus *status)
{
        json_array(w, "programs");
        for (guint i = 0; i < status->programs->len; i++) {
                const Program *program = status->programs->pdata[i];

                json_object(w, NULL);
                json_text(w, "role", program->role);
                json_text(w, "state", program_state_name(program->state));
                json_int(w, "pid", program->pid);
                if (program->span_us >= 0)
                        json_real(w, "seconds", (double)program->span_us / G_USEC_PER_SEC);
                else
                        json_null(w, "seconds");
                json_text(w, "ports", program->ports);
                json_end(w, '}');
        }
        json_end(w, ']');
}

static void
write_boxes(JsonWriter *w, const SiteStatus *status)
{
        json_array(w, "inboxes");
        for (guint i = 0; i < status->folders->boxes->len; i++) {
                const SiteBox *box = status->folders->boxes->pdata[i];

                json_object(w, NULL);
                json_text(w, "name", box->name);
                json_int(w, "waiting", box->waiting);
                json_real(w, "oldestSeconds", (double)box->oldest_us / G_USEC_PER_SEC);
                json_int(w, "refused", box->refused);
                if (box->problem != NULL)
                        json_text(w, "problem", box->problem);
                json_end(w, '}');
        }
        json_end(w, ']');
}

static void
write_disk(JsonWriter *w, const SiteStatus *status)
{
        json_array(w, "volumes");
        for (guint i = 0; i < status->folders->volumes->len; i++) {
                const SiteVolume *volume = status->folders->volumes->pdata[i];

                json_object(w, NULL);
                json_text(w, "path", volume->path);
                json_text(w, "holds", volume->holds);
                json_int(w, "free", volume->free);
                json_int(w, "total", volume->total);
                json_bool(w, "low", site_volume_low(volume));
                json_end(w, '}');
        }
        json_end(w, ']');
        json_array(w, "databases");
        for (guint i = 0; i < status->folders->databases->len; i++) {
                const SiteDatabase *database = status->folders->databases->pdata[i];

                json_object(w, NULL);
                json_text(w, "name", database->name);
                json_int(w, "size", database->size);
                json_end(w, '}');
        }
        json_end(w, ']');
}

static void
write_troubles(JsonWriter *w, const SiteStatus *status)
{
        json_array(w, "troubles");
        for (guint i = 0; i < status->troubles->len; i++) {
                const SiteTrouble *trouble = status->troubles->pdata[i];

                json_object(w, NULL);
                json_text(w, "what", trouble->what);
                json_text(w, "next", trouble->next);
                json_bool(w, "down", trouble->down);
                json_end(w, '}');
        }
        json_end(w, ']');
}

void
site_show_json(Cli *cli, const SiteStatus *status)
{
        g_autoptr(GString) out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "root", *status->root != '\0' ? status->root : "/");
        write_troubles(&w, status);
        write_programs(&w, status);
        write_boxes(&w, status);
        write_disk(&w, status);
        for (guint i = 0; i < SITE_ASKED; i++) {
                if (status->answers[i] != NULL)
                        rows_write(&w, site_class(i), status->answers[i]);
                else
                        json_null(&w, site_class(i));
        }
        json_end(&w, '}');
        cli_print(cli, "%s\n", out->str);
}
