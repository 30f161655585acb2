/* sync.c - the verbs `sync start` and `sync status`.
 *
 * Comes in: SMS_SoftwareUpdate.SyncNow and SMS_SUPSyncStatus. Goes out: the request, or how far
 * the synchronization of each update point is; with --wait and --follow until it has ended. The
 * state is that of the last status message of the run (6701 to 6708).
 */
#include "cli/sync.h"

#include <string.h>

#include "base/clock.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/standstill.h"

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

/* The first update point, which decides the run. Times are as the provider writes them, so that
 * their order is that of their letters. */
typedef struct {
        gint64 state;
        char *started; /* the last run, "" if there was none */
        bool busy;     /* a run goes on or waits */
        char *error_text;
        gint64 done, total;
} Look;

static void
look_clear(Look *look)
{
        g_clear_pointer(&look->started, g_free);
        g_clear_pointer(&look->error_text, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

/* What a run does now, in words. */
static const char *
words_of(const Look *look)
{
        const char *words = rows_name(sync_states, look->state);

        if (!look->busy)
                return "waiting for the site server";
        return words != NULL ? words : "synchronizing";
}

/* Looks when something has changed since *etag, or at once if that is NULL. */
static bool
take_look(Cli *cli, char **etag, Look *look_out, GError **error)
{
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_follow(admin, CLASS, NULL, etag, error) : NULL;

        if (rows == NULL)
                return false;
        if (rows->rows->len == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "the site has no software update point");
        const JsonValue *row = rows->rows->pdata[0];

        look_clear(look_out);
        look_out->state = json_get_int(row, "LastSyncState", 0);
        look_out->started = g_strdup(json_get_text(row, "LastStartTime", ""));
        look_out->busy = json_get_int(row, "RunningKind", 0) != 0 ||
                         json_get_int(row, "PendingKind", 0) != 0;
        look_out->error_text = g_strdup(json_get_text(row, "LastSyncErrorText", ""));
        look_out->done = json_get_int(row, "ItemsDone", 0);
        look_out->total = json_get_int(row, "ItemsTotal", 0);
        return true;
}

/* What is waited for: the end of the run that was asked for. */
typedef struct {
        const char *since;  /* when it was asked for; NULL: whatever goes on */
        const Look *before; /* how it stood until then */
        gint64 ahead_us;    /* how far the clock was ahead of the one that never jumps, at most */
        bool set_back;      /* the clock was set back meanwhile */
} Wanted;

/* Takes a step back of the clock for what it is; a slow correction is none. */
static void
watch_clock(Wanted *wanted)
{
        gint64 ahead = uk_clock_now() - uk_clock_mono();

        if (wanted->ahead_us - ahead > UK_SECOND / 10)
                wanted->set_back = true;
        wanted->ahead_us = MAX(wanted->ahead_us, ahead);
}

/* Whether it has ended. The run that was seen before is another one; so is one that began before it
 * was asked for, unless the clock was set back. */
static bool
is_over(const Look *look, const Wanted *wanted)
{
        if (look->busy || wanted->since == NULL)
                return !look->busy;
        return strcmp(look->started, wanted->before->started) != 0 &&
               (wanted->set_back || strcmp(look->started, wanted->since) >= 0);
}

static bool
wait_end(Cli *cli, Wanted *wanted, Look *look_out, GError **error)
{
        g_autoptr(Progress) progress = progress_new(cli->err, cli->json);
        g_autofree char *etag = NULL;

        for (;;) {
                g_autofree char *before = g_strdup(etag), *still = NULL;

                if (!take_look(cli, &etag, look_out, error))
                        return false;
                watch_clock(wanted);
                if (is_over(look_out, wanted))
                        return true;
                if (g_strcmp0(before, etag) == 0)
                        still = standstill_why(cli);
                progress_show(progress, still != NULL ? still : words_of(look_out), look_out->done,
                              look_out->total, false, uk_clock_mono());
        }
}

static bool
say_end(const Look *look, GError **error)
{
        if (look->state == 6702)
                return true;
        return uk_fail(error, UK_ERROR_REMOTE,
                       "the synchronization failed%s%s (upkeep log --component sync tells more)",
                       *look->error_text != '\0' ? ": " : "", look->error_text);
}

bool
sync_start(Cli *cli, GError **error)
{
        bool full = cli_flag(cli, "full");
        bool wait = cli_flag(cli, "wait");
        g_auto(Look) before = { 0 }, after = { 0 };
        g_autofree char *etag = NULL;
        Admin *admin = cli_admin(cli, error);

        if (admin == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "Would ask for a %s synchronization.", full ? "full" : "delta");
                return true;
        }
        if (wait && !take_look(cli, &etag, &before, error))
                return false;
        Wanted wanted = { .before = &before, .ahead_us = uk_clock_now() - uk_clock_mono() };
        g_autoptr(JsonDoc) answer =
                admin_call(admin, "SMS_SoftwareUpdate", NULL, "SyncNow",
                           full ? "{\"fullSync\":true}" : "{\"fullSync\":false}", error);

        if (answer == NULL)
                return false;
        if (!wait) {
                cli_note(cli,
                         "A %s synchronization was asked for; upkeep sync status --follow shows "
                         "it.\n",
                         full ? "full" : "delta");
                return !cli->json || sync_status(cli, error);
        }
        wanted.since = json_get_text(json_root(answer), "RequestTime", "");
        return wait_end(cli, &wanted, &after, error) && say_end(&after, error) &&
               sync_status(cli, error);
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

                if (*why == '\0')
                        continue;
                g_autofree char *line = g_strdup_printf(
                        "%s %s: %s", json_get_text(row, "WSUSServerName", "?"),
                        json_get_int(row, "LastSyncState", 0) == 6703 ? "failed" : "is not whole",
                        why);
                g_autofree char *clean = output_clean_lines(line);

                cli_print(cli, "\n%s\n", clean);
        }
        return true;
}

bool
sync_status(Cli *cli, GError **error)
{
        g_auto(Look) now = { 0 };
        Wanted wanted = { 0 };

        if (cli->verb->run == sync_status && cli_flag(cli, "follow")) {
                g_autofree char *etag = NULL;

                if (!take_look(cli, &etag, &now, error) ||
                    (now.busy && !wait_end(cli, &wanted, &now, error)))
                        return false;
        }
        return print_status(cli, error);
}
