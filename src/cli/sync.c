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
#include "cli/rows.h"

#define CLASS "SMS_SUPSyncStatus"

typedef struct {
        gint64 state;
        const char *words;
        bool ended;
} State;

static const State states[] = {
        { 6701, "started", false },
        { 6702, "done", true },
        { 6703, "failed", true },
        { 6704, "phase 1: the update point's catalogue", false },
        { 6705, "phase 2: the site database", false },
        { 6706, "another update point", false },
};

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

static const State *
find_state(gint64 number)
{
        static const State other = { 0, "never synchronized", true };

        for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
                if (states[i].state == number)
                        return &states[i];
        }
        return &other;
}

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
        bool other = !find_state(before->state)->ended;

        for (;;) {
                if (!take_look(cli, look_out, error))
                        return false;
                const State *state = find_state(look_out->state);

                other = other || strcmp(look_out->time, before->time) != 0;
                if (state->ended && other)
                        return true;
                progress_show(progress, state->words, look_out->done, look_out->total, false,
                              uk_clock_mono());
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
        if (!find_state(before.state)->ended &&
            (!wait_end(cli, &before, &busy, error) || !wait_end(cli, &busy, &after, error)))
                return false;
        if (find_state(before.state)->ended && !wait_end(cli, &before, &after, error))
                return false;
        return say_end(cli, &after, error) && sync_status(cli, error);
}

static const RowsColumn columns[] = {
        { "SITE", "SiteCode", ROWS_TEXT },
        { "UPDATE POINT", "WSUSServerName", ROWS_LONG },
        { "SOURCE", "WSUSSourceServer", ROWS_LONG },
        { "STATE", "LastSyncState", ROWS_ID },
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
                const State *state = find_state(json_get_int(row, "LastSyncState", 0));
                const char *why = json_get_text(row, "LastSyncErrorText", "");

                cli_print(cli, "%s: %s%s%s\n", json_get_text(row, "WSUSServerName", "?"),
                          state->words, state->state == 6703 && *why != '\0' ? ": " : "",
                          state->state == 6703 ? why : "");
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
                if (!find_state(now.state)->ended && !wait_end(cli, &now, &end, error))
                        return false;
        }
        return print_status(cli, error);
}
