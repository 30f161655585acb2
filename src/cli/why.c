/* why.c - the verbs `why client NAME update ID` and `why dp NAME package ID`.
 *
 * Comes in: SMS_R_System.Why, SMS_DistributionPoint.Why. Goes out: the state with its cause, the
 * chain link by link with times, the first broken link marked, and the command to type next.
 */
#include "cli/why.h"

#include <string.h>

#include "base/clock.h"
#include "cli/client.h"
#include "cli/content.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "cli/update.h"

static const OutputColumn heads[] = {
        { "", false, false },
        { "LINK", false, false },
        { "WHEN", false, false },
        { "HOW", false, true },
};

/* "" for a link of which nothing is known, as its age. */
static char *
age_of(const JsonValue *link, gint64 now_us)
{
        const char *text = json_get_text(link, "Time", "");
        gint64 then;

        return uk_clock_parse(text, &then, NULL) ? output_age(then, now_us) : g_strdup("");
}

static const char *
mark_of(const JsonValue *link)
{
        const char *state = json_get_text(link, "State", "");

        if (strcmp(state, "broken") == 0)
                return "BROKEN";
        if (strcmp(state, "broken-too") == 0)
                return "!";
        return strcmp(state, "ok") == 0 ? "ok" : "-";
}

static void
print_links(Cli *cli, const JsonValue *links)
{
        g_autoptr(OutputTable) table = output_table_new(heads, G_N_ELEMENTS(heads));
        gint64 now = uk_clock_now();

        for (gsize i = 0; i < json_count(links); i++) {
                const JsonValue *link = json_at(links, i);

                output_table_add_take(table, g_strdup(mark_of(link)));
                output_table_add_take(table, g_strdup(json_get_text(link, "Title", "")));
                output_table_add_take(table, age_of(link, now));
                output_table_add_take(table, g_strdup(json_get_text(link, "Cause", "")));
        }
        g_autofree char *text = output_table_text(table, cli->width);
        cli_print(cli, "%s", text);
}

/* "curl 7.88.1-11 on PC1: unknown, because the client is silent (client-silent)." */
static void
print_head(Cli *cli, const JsonValue *why)
{
        const char *because = json_get_text(why, "Because", NULL);
        const char *last = json_get_text(why, "LastKnownStatus", "unknown");
        g_autofree char *title = output_clean(json_get_text(why, "LocalizedDisplayName", ""));
        g_autofree char *machine = output_clean(json_get_text(why, "Machine", ""));

        if (because == NULL) {
                cli_print(cli, "%s on %s: %s.\n\n", title, machine,
                          json_get_text(why, "Status", ""));
                return;
        }
        cli_print(cli, "%s on %s: unknown, because %s (%s).\n", title, machine, because,
                  json_get_text(why, "Answer", ""));
        if (strcmp(last, "unknown") != 0)
                cli_print(cli, "When it was last known, it was: %s.\n", last);
        cli_print(cli, "\n");
}

static void
print_next(Cli *cli, const JsonValue *why)
{
        const char *command = json_get_text(why, "NextCommand", NULL);
        const char *machine = json_get_text(why, "NextMachine", NULL);

        if (command == NULL)
                return;
        g_autofree char *clean = output_clean(command);
        g_autofree char *where = machine != NULL ? output_clean(machine) : NULL;
        cli_print(cli, "\nNext%s%s: %s\n", where != NULL ? ", on " : "", where != NULL ? where : "",
                  clean);
}

bool
why_client(Cli *cli, GError **error)
{
        if (strcmp(cli_word(cli, 1), "update") != 0)
                return cli_usage(cli, error, "\"%s\": upkeep why client NAME update ID is wanted",
                                 cli_word(cli, 1));
        g_autofree char *machine = client_key(cli, cli_word(cli, 0), error);
        g_autofree char *update = machine != NULL ? update_key(cli, cli_word(cli, 2), error) : NULL;
        g_autofree char *body = update != NULL ? g_strdup_printf("{\"CI_ID\":%s}", update) : NULL;
        g_autoptr(JsonDoc) doc =
                body != NULL ? admin_call(cli->admin, "SMS_R_System", machine, "Why", body, error)
                             : NULL;

        if (doc == NULL)
                return false;
        if (cli->json) {
                rows_print_one(cli, json_root(doc), NULL, 0);
                return true;
        }
        print_head(cli, json_root(doc));
        print_links(cli, json_get(json_root(doc), "Links"));
        print_next(cli, json_root(doc));
        return true;
}

/* "App (LAB00001) on DP01.LAB: not there, because its job is paused." */
static void
print_point_head(Cli *cli, const JsonValue *why)
{
        const char *because = json_get_text(why, "Because", NULL);
        const char *status = json_get_text(why, "Status", "");
        const char *link = strcmp(status, "there") == 0 ? ", but " : ", because ";
        g_autofree char *name = output_clean(json_get_text(why, "Name", ""));

        cli_print(cli, "%s (%s) on %s: %s%s%s.\n\n", name, json_get_text(why, "PackageID", ""),
                  json_get_text(why, "Machine", ""), status, because != NULL ? link : "",
                  because != NULL ? because : "");
}

bool
why_dp(Cli *cli, GError **error)
{
        if (strcmp(cli_word(cli, 1), "package") != 0)
                return cli_usage(cli, error, "\"%s\": upkeep why dp NAME package ID is wanted",
                                 cli_word(cli, 1));
        g_autofree char *point = content_point(cli, cli_word(cli, 0), error);
        g_autoptr(ContentPackage) package =
                point != NULL ? content_package(cli, cli_word(cli, 2), error) : NULL;
        g_autofree char *body = package != NULL ? content_pair_body(package->id, point) : NULL;
        g_autoptr(JsonDoc) doc = body != NULL ? admin_call(cli->admin, "SMS_DistributionPoint",
                                                           NULL, "Why", body, error)
                                              : NULL;

        if (doc == NULL || !cli_follow_clock(cli, error))
                return false;
        if (cli->json) {
                rows_print_one(cli, json_root(doc), NULL, 0);
                return true;
        }
        print_point_head(cli, json_root(doc));
        print_links(cli, json_get(json_root(doc), "Links"));
        print_next(cli, json_root(doc));
        return true;
}
