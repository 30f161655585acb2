/* job.c - the verbs of `job`: what is on its way to distribution points, and in which order.
 *
 * Comes in: SMS_DistributionJob. Goes out: the queue, or calls of the provider.
 */
#include "cli/job.h"

#include <string.h>

#include "base/clock.h"
#include "cli/content.h"
#include "cli/each.h"
#include "cli/output.h"

#define CLASS     "SMS_DistributionJob"
#define SUSPENDED 8

static const RowsName states[] = { { 0, "waiting" },   { 1, "ready" },           { 2, "started" },
                                   { 3, "under way" }, { 4, "waits for a try" }, { 5, "complete" },
                                   { 6, "failed" },    { 7, "cancelled" },       { 8, "paused" },
                                   { 0, NULL } };
static const RowsName actions[] = {
        { 1, "send" }, { 2, "send all" }, { 5, "cancel" }, { 0, NULL }
};

static const OutputColumn heads[] = { { .head = "JOB", .right = true },
                                      { .head = "PACKAGE" },
                                      { .head = "NAME", .shrink = true },
                                      { .head = "VERSION", .right = true },
                                      { .head = "TO", .shrink = true },
                                      { .head = "DOES" },
                                      { .head = "STATE" },
                                      { .head = "BYTES" },
                                      { .head = "TRIES", .right = true },
                                      { .head = "NEXT TRY" },
                                      { .head = "ERROR", .shrink = true } };

static char *
bytes_cell(const JsonValue *row)
{
        gint64 total = json_get_int(row, "TotalSize", 0);
        g_autofree char *all = output_size(total);
        g_autofree char *done = output_size(total - json_get_int(row, "RemainingSize", 0));

        return total > 0 ? g_strdup_printf("%s of %s", done, all) : g_strdup("");
}

/* A pull that was begun runs on until its distribution point has taken the pause. */
static bool
is_pausing(const JsonValue *row)
{
        return json_get_int(row, "State", 0) == SUSPENDED &&
               json_get_bool(row, "IsPullDP", false) &&
               *json_get_text(row, "StartTime", "") != '\0' &&
               *json_get_text(row, "LastError", "") != '\0';
}

static void
add_row(OutputTable *table, const JsonValue *row)
{
        const RowsColumn state = { "", "State", ROWS_NAME, states };
        const RowsColumn action = { "", "Action", ROWS_NAME, actions };
        const RowsColumn plain[] = { { "", "JobID", ROWS_ID },
                                     { "", "PkgID", ROWS_TEXT },
                                     { "", "PackageName", ROWS_TEXT },
                                     { "", "PackageVersion", ROWS_ID },
                                     { "", "ServerName", ROWS_TEXT } };
        gint64 now = uk_clock_now();

        for (guint i = 0; i < G_N_ELEMENTS(plain); i++)
                output_table_add_take(table, rows_cell(row, &plain[i], now));
        output_table_add_take(table, rows_cell(row, &action, now));
        output_table_add_take(table,
                              is_pausing(row) ? g_strdup("pausing") : rows_cell(row, &state, now));
        output_table_add_take(table, bytes_cell(row));
        output_table_add_take(
                table, g_strdup_printf("%" G_GINT64_FORMAT, json_get_int(row, "RetryCount", 0)));
        output_table_add_take(table, content_when(row, "ReStartTime"));
        output_table_add_take(table, g_strdup(json_get_text(row, "LastError", "")));
}

/* Words narrow it: a package, or a distribution point. */
static bool
is_meant(const Cli *cli, const JsonValue *row)
{
        const char *word = cli_word(cli, 0), *server = json_get_text(row, "ServerName", "");

        return word == NULL || g_ascii_strcasecmp(json_get_text(row, "PkgID", ""), word) == 0 ||
               g_ascii_strcasecmp(json_get_text(row, "PackageName", ""), word) == 0 ||
               g_ascii_strncasecmp(server, word, strlen(word)) == 0;
}

bool
job_list(Cli *cli, GError **error)
{
        Admin *admin = cli_follow_clock(cli, error) ? cli_admin(cli, error) : NULL;
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, NULL, error) : NULL;

        if (rows == NULL)
                return false;
        for (guint i = rows->rows->len; i > 0; i--) {
                if (!is_meant(cli, rows->rows->pdata[i - 1]))
                        g_ptr_array_remove_index(rows->rows, i - 1);
        }
        if (cli->json || rows->rows->len == 0) {
                rows_print(cli, rows, NULL, 0, "Nothing is on its way. (upkeep package status)");
                return true;
        }
        g_autoptr(OutputTable) table = output_table_new(heads, G_N_ELEMENTS(heads));

        for (guint i = 0; i < rows->rows->len; i++)
                add_row(table, rows->rows->pdata[i]);
        g_autofree char *text = output_table_text(table, cli->width);
        cli_print(cli, "%s", text);
        return true;
}

/* ---- changes --------------------------------------------------------------------------------- */

typedef struct {
        const char *method, *done;
} Change;

static bool
change_one(Cli *cli, const char *word, gpointer user, GError **error)
{
        const Change *change = user;

        if (*word == '\0' || strspn(word, "0123456789") != strlen(word))
                return cli_usage(cli, error, "%s: the number of a job is wanted (upkeep job list)",
                                 word);
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "Job %s would be %s.", word, change->done);
                return true;
        }
        Admin *admin = cli_admin(cli, error);
        g_autoptr(JsonDoc) answer =
                admin != NULL ? admin_call(admin, CLASS, word, change->method, "{}", error) : NULL;

        if (answer == NULL)
                return false;
        cli_note(cli, "Job %s is %s.\n", word, change->done);
        return true;
}

static bool
change_all(Cli *cli, const char *method, const char *done, GError **error)
{
        Change change = { method, done };

        return each_word(cli, change_one, &change, NULL, error);
}

bool
job_top(Cli *cli, GError **error)
{
        return change_all(cli, "MoveToTop", "the next to go", error);
}

bool
job_bottom(Cli *cli, GError **error)
{
        return change_all(cli, "MoveToBottom", "the last to go", error);
}

bool
job_pause(Cli *cli, GError **error)
{
        return change_all(cli, "Pause", "paused", error);
}

bool
job_resume(Cli *cli, GError **error)
{
        return change_all(cli, "Resume", "tried again now", error);
}

bool
job_cancel(Cli *cli, GError **error)
{
        return change_all(cli, "Cancel", "cancelled", error);
}
