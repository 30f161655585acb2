/* sync.c - the verbs `sync start` and `sync status`.
 *
 * Comes in: SMS_SoftwareUpdate.SyncNow and SMS_SUPSyncStatus. Goes out: the request, or how far
 * the synchronization of each update point is; with --wait and --follow until it has ended. The
 * state is that of the last status message of the run (6701 to 6708).
 */
#include "cli/sync.h"

#include <string.h>

#include "base/clock.h"
#include "cli/progress.h"

#define CLASS "SMS_SUPSyncStatus"

const RowsName sync_states[] = {
        { 0, "never synchronized" },
        { 6701, "started" },
        { 6702, "done" },
        { 6703, "failed" },
        { 6704, "phase 1: the update point's catalogue" },
        { 6705, "phase 2: the site database" },
        { 6706, "another update point" },
        { 0, NULL },
};

static bool
is_ended(gint64 state)
{
        return state == 0 || state == 6702 || state == 6703;
}

/* What a wait looks at: the first update point, which decides the run. */
typedef struct {
        gint64 state;
        char *time; /* of the state, as the provider writes it */
        char *error_text;
        gint64 done, total;
} Look;

static void
look_clear(Look *look)
{
        g_clear_pointer(&look->time, g_free);
        g_clear_pointer(&look->error_text, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

static bool
take_look(Cli *cli, Look *look_out, GError **error)
{
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, NULL, error) : NULL;

        if (rows == NULL)
                return false;
        if (rows->rows->len == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "the site has no software update point");
        const JsonValue *row = rows->rows->pdata[0];

        look_clear(look_out);
        look_out->state = json_get_int(row, "LastSyncState", 0);
        look_out->time = g_strdup(json_get_text(row, "LastSyncStateTime", ""));
        look_out->error_text = g_strdup(json_get_text(row, "LastSyncErrorText", ""));
        look_out->done = json_get_int(row, "ItemsDone", 0);
        look_out->total = json_get_int(row, "ItemsTotal", 0);
        return true;
}

/* Looks once a second until a run has ended that had not ended in `before`. */
static bool
wait_end(Cli *cli, const Look *before, Look *look_out, GError **error)
{
        g_autoptr(Progress) progress = progress_new(cli->err, cli->json);
        bool other = !is_ended(before->state);

        for (;;) {
                if (!take_look(cli, look_out, error))
                        return false;
                const char *words = rows_name(sync_states, look_out->state);

                other = other || strcmp(look_out->time, before->time) != 0;
                if (is_ended(look_out->state) && other)
                        return true;
                progress_show(progress, words != NULL ? words : "synchronizing", look_out->done,
                              look_out->total, false, uk_clock_mono());
                uk_clock_sleep(UK_SECOND, -1);
        }
}

static bool
say_end(Cli *cli, const Look *look, GError **error)
{
        if (look->state == 6703)
                return uk_fail(
                        error, UK_ERROR_REMOTE,
                        "the synchronization failed%s%s (upkeep log --component sync tells more)",
                        *look->error_text != '\0' ? ": " : "", look->error_text);
        return true;
}

bool
sync_start(Cli *cli, GError **error)
{
        bool full = cli_flag(cli, "full");
        g_auto(Look) before = { 0 }, busy = { 0 }, after = { 0 };
        Admin *admin = cli_admin(cli, error);

        if (admin == NULL || !take_look(cli, &before, error))
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_print(cli, "Would ask for a %s synchronization.\n", full ? "full" : "delta");
                return true;
        }
        g_autoptr(JsonDoc) answer =
                admin_call(admin, "SMS_SoftwareUpdate", NULL, "SyncNow",
                           full ? "{\"fullSync\":true}" : "{\"fullSync\":false}", error);

        if (answer == NULL)
                return false;
        if (!cli_flag(cli, "wait")) {
                cli_note(cli,
                         "A %s synchronization was asked for; upkeep sync status --follow shows "
                         "it.\n",
                         full ? "full" : "delta");
                return !cli->json || sync_status(cli, error);
        }
        /* A run that was going on when we asked is not ours: ours follows it. */
        if (!is_ended(before.state) &&
            (!wait_end(cli, &before, &busy, error) || !wait_end(cli, &busy, &after, error)))
                return false;
        if (is_ended(before.state) && !wait_end(cli, &before, &after, error))
                return false;
        return say_end(cli, &after, error) && sync_status(cli, error);
}

static const RowsColumn columns[] = {
        { "SITE", "SiteCode", ROWS_TEXT },
        { "UPDATE POINT", "WSUSServerName", ROWS_LONG },
        { "SOURCE", "WSUSSourceServer", ROWS_LONG },
        { "STATE", "LastSyncState", ROWS_NAME, sync_states },
        { "SINCE", "LastSyncStateTime", ROWS_AGE },
        { "VERSION", "SyncCatalogVersion", ROWS_ID },
        { "LAST SUCCESS", "LastSuccessfulSyncTime", ROWS_AGE },
};

static bool
print_status(Cli *cli, GError **error)
{
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, NULL, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print(cli, rows, columns, G_N_ELEMENTS(columns),
                   "The site has no software update point.");
        if (cli->json)
                return true;
        for (guint i = 0; i < rows->rows->len; i++) {
                const JsonValue *row = rows->rows->pdata[i];
                const char *why = json_get_text(row, "LastSyncErrorText", "");

                if (json_get_int(row, "LastSyncState", 0) == 6703 && *why != '\0')
                        cli_print(cli, "\n%s failed: %s\n",
                                  json_get_text(row, "WSUSServerName", "?"), why);
        }
        return true;
}

bool
sync_status(Cli *cli, GError **error)
{
        g_auto(Look) now = { 0 }, end = { 0 };

        if (cli->verb->run == sync_status && cli_flag(cli, "follow")) {
                if (!take_look(cli, &now, error))
                        return false;
                if (!is_ended(now.state) && !wait_end(cli, &now, &end, error))
                        return false;
        }
        return print_status(cli, error);
}
