/* dp.c - the verbs of `dp`: distribution points added, set up, shown, validated.
 *
 * Comes in: SMS_DistributionPointInfo, SMS_DPContentInfo. Goes out: tables, and calls of the
 * provider.
 */
#include "cli/dp.h"

#include <stdio.h>
#include <string.h>

#include "cli/content.h"
#include "cli/dp_window.h"
#include "cli/each.h"
#include "cli/output.h"
#include "cli/package_status.h"

#define CLASS "SMS_DistributionPointInfo"

static const RowsName states[] = { { 1, "well" },
                                   { 2, "not yet configured" },
                                   { 4, "with warnings" },
                                   { 5, "does not answer" },
                                   { 0, NULL } };

static const RowsColumn columns[] = {
        { "NAME", "ServerName", ROWS_TEXT },
        { "PULL", "IsPullDP", ROWS_YES },
        { "STATE", "MessageState", ROWS_NAME, states },
        { "PACKAGES", "NumberInstalled", ROWS_COUNT },
        { "UNDER WAY", "NumberInProgress", ROWS_COUNT },
        { "FAILED", "NumberErrors", ROWS_COUNT },
        { "FREE", "BytesFree", ROWS_SIZE },
        { "LAST CONTACT", "ContactTime", ROWS_AGE },
        { "ERROR", "LastError", ROWS_LONG },
};

static const RowsColumn all[] = {
        { "Name", "ServerName", ROWS_TEXT },
        { "Site", "SiteCode", ROWS_TEXT },
        { "NAL path", "NALPath", ROWS_TEXT },
        { "Address", "Url", ROWS_TEXT },
        { "Description", "Description", ROWS_TEXT },
        { "Pull", "IsPullDP", ROWS_YES },
        { "On site server", "IsColocated", ROWS_YES },
        { "State", "MessageState", ROWS_NAME, states },
        { "Maintenance", "Maintenance", ROWS_YES },
        { "Priority", "Priority", ROWS_ID },
        { "Rate limit", "RateLimit", ROWS_SIZE },
        { "Packages", "NumberInstalled", ROWS_COUNT },
        { "Under way", "NumberInProgress", ROWS_COUNT },
        { "Failed", "NumberErrors", ROWS_COUNT },
        { "Free", "BytesFree", ROWS_SIZE },
        { "of", "BytesTotal", ROWS_SIZE },
        { "Software", "Version", ROWS_TEXT },
        { "Configured", "ConfiguredTime", ROWS_AGE },
        { "Last contact", "ContactTime", ROWS_AGE },
        { "Failures", "Failures", ROWS_COUNT },
        { "Let alone until", "QuarantineTime", ROWS_TEXT },
        { "Last error", "LastError", ROWS_TEXT },
        { "because", "Cause", ROWS_TEXT },
        { "Trace", "Trace", ROWS_TEXT },
};

static const RowsColumn content_columns[] = {
        { "PACKAGE", "PackageID", ROWS_TEXT },      { "NAME", "Name", ROWS_LONG },
        { "VERSION", "InstalledVersion", ROWS_ID }, { "OF", "StoredPkgVersion", ROWS_ID },
        { "SIZE", "SourceSize", ROWS_SIZE },        { "STATE", "StateName", ROWS_TEXT },
        { "ERROR", "ErrorText", ROWS_LONG },
};

bool
dp_list(Cli *cli, GError **error)
{
        AdminQuery query = { .orderby = "ServerName" };
        Admin *admin = cli_follow_clock(cli, error) ? cli_admin(cli, error) : NULL;
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, &query, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print(cli, rows, columns, G_N_ELEMENTS(columns),
                   "There are no distribution points. (upkeep dp add NAME --url URL adds one)");
        return true;
}

/* "Window           mon-fri 08-18 high"; always open: nothing */
static void
print_window(Cli *cli, const JsonValue *row)
{
        g_auto(GStrv) words = dp_window_words(json_get_text(row, "Schedule", ""));

        for (guint i = 0; words[i] != NULL; i++)
                cli_print(cli, "%-16s %s\n", i == 0 ? "Window" : "", words[i]);
}

/* "sources  DP01.LAB (1), DP02.LAB (2)" */
static bool
print_sources(Cli *cli, const char *server, GError **error)
{
        g_autofree char *quoted = admin_quote(server);
        g_autofree char *filter = g_strdup_printf("PullDPServerName eq %s", quoted);
        AdminQuery query = { .filter = filter };
        g_autoptr(AdminRows) rows = admin_list(cli->admin, "SMS_UPK_PullDPSource", &query, error);

        for (guint i = 0; rows != NULL && i < rows->rows->len; i++)
                cli_print(cli, "%-16s %s, rank %" G_GINT64_FORMAT "\n", i == 0 ? "Sources" : "",
                          json_get_text(rows->rows->pdata[i], "SourceDPServerName", ""),
                          json_get_int(rows->rows->pdata[i], "Rank", 1));
        return rows != NULL;
}

bool
dp_show(Cli *cli, GError **error)
{
        g_autofree char *server = content_point(cli, cli_word(cli, 0), error);
        g_autofree char *key = server != NULL ? admin_quote(server) : NULL;
        g_autoptr(AdminRows) rows = key != NULL ? admin_one(cli->admin, CLASS, key, error) : NULL;

        if (rows == NULL || !cli_follow_clock(cli, error))
                return false;
        rows_print_one(cli, rows->rows->pdata[0], all, G_N_ELEMENTS(all));
        if (cli->json)
                return true;
        print_window(cli, rows->rows->pdata[0]);
        return print_sources(cli, server, error);
}

/* What should be on it, and what is. */
bool
dp_status(Cli *cli, GError **error)
{
        const char *word = cli_word(cli, 0);
        g_autofree char *server = word != NULL ? content_point(cli, word, error) : NULL;

        if (word == NULL)
                return dp_list(cli, error);
        if (server == NULL)
                return false;
        g_autofree char *quoted = admin_quote(server);
        g_autofree char *filter = g_strdup_printf("ServerName eq %s", quoted);
        AdminQuery query = { .filter = filter };
        g_autoptr(AdminRows) rows = admin_list(cli->admin, "SMS_DPContentInfo", &query, error);

        if (rows == NULL)
                return false;
        rows_print(cli, rows, content_columns, G_N_ELEMENTS(content_columns),
                   "No package is on it. (upkeep package distribute ID --dp NAME)");
        return dp_stray_note(cli, server, error);
}

/* ---- settings -------------------------------------------------------------------------------- */

/* "5M", "500k", "0" in bytes a second. */
static bool
write_rate(Cli *cli, JsonWriter *w, GError **error)
{
        static const char letters[] = "kMG";
        const char *text = cli_option(cli, "rate-limit");
        char *end = NULL;
        double number = text != NULL ? g_ascii_strtod(text, &end) : 0;

        if (text == NULL)
                return true;
        if (end == text || !(number >= 0) || number > 1e12 ||
            (*end != '\0' && (strchr(letters, *end) == NULL || end[1] != '\0')))
                return cli_usage(cli, error,
                                 "--rate-limit %s: bytes a second are wanted, as 5M or 500k; 0 "
                                 "takes the limit away",
                                 text);
        for (const char *letter = letters; *end != '\0'; letter++) {
                number *= 1000;
                if (*letter == *end)
                        break;
        }
        json_int(w, "RateLimit", (gint64)number);
        return true;
}

/* The hours of the week that --window makes other than open; none: always open. */
static bool
write_schedule(Cli *cli, JsonWriter *w, GError **error)
{
        const char *text = cli_option(cli, "window");
        g_auto(GStrv) windows = content_words(text);
        char hours[DP_WINDOW_HOURS + 1];

        if (text == NULL)
                return true;
        if (strcmp(text, "none") == 0) {
                json_text(w, "Schedule", "");
                return true;
        }
        memset(hours, 'A', DP_WINDOW_HOURS);
        hours[DP_WINDOW_HOURS] = '\0';
        for (char **window = windows; *window != NULL; window++) {
                if (!dp_window_mark(cli, hours, *window, error))
                        return false;
        }
        json_text(w, "Schedule", hours);
        return true;
}

/* "DP01" or "DP01:2" */
static bool
write_source(Cli *cli, JsonWriter *w, const char *text, gint64 rank, GError **error)
{
        g_auto(GStrv) parts = g_strsplit(text, ":", 2);
        char *end = NULL;

        if (parts[1] != NULL) {
                rank = g_ascii_strtoll(parts[1], &end, 10);
                if (*parts[1] == '\0' || *end != '\0' || rank < 1)
                        return cli_usage(cli, error, "--source %s: a rank from 1 on is wanted",
                                         text);
        }
        g_autofree char *server = content_point(cli, parts[0], error);

        if (server == NULL)
                return false;
        json_object(w, NULL);
        json_text(w, "ServerName", server);
        json_int(w, "Rank", rank);
        json_end(w, '}');
        return true;
}

/* In the order in which they are named, unless ranks are given. */
static bool
write_sources(Cli *cli, JsonWriter *w, GError **error)
{
        g_auto(GStrv) sources = content_words(cli_option(cli, "source"));

        if (cli_option(cli, "source") == NULL)
                return true;
        json_array(w, "Sources");
        for (guint i = 0; sources[i] != NULL; i++) {
                if (!write_source(cli, w, sources[i], i + 1, error))
                        return false;
        }
        json_end(w, ']');
        return true;
}

static bool
write_settings(Cli *cli, JsonWriter *w, GError **error)
{
        const char *maintenance = cli_option(cli, "maintenance");
        gint64 priority;

        if (cli_option(cli, "url") != NULL)
                json_text(w, "Url", cli_option(cli, "url"));
        if (cli_option(cli, "description") != NULL)
                json_text(w, "Description", cli_option(cli, "description"));
        if (cli_flag(cli, "colocated"))
                json_bool(w, "IsColocated", true);
        if (maintenance != NULL) {
                if (strcmp(maintenance, "on") != 0 && strcmp(maintenance, "off") != 0)
                        return cli_usage(cli, error, "--maintenance %s: on or off is wanted",
                                         maintenance);
                json_bool(w, "Maintenance", strcmp(maintenance, "on") == 0);
        }
        if (!cli_option_int(cli, "priority", 1, 0, &priority, error))
                return false;
        if (priority > 0)
                json_int(w, "Priority", priority);
        return write_rate(cli, w, error) && write_schedule(cli, w, error) &&
               write_sources(cli, w, error);
}

/* A new one with sources is meant to pull; one that is there is not made another kind by the way.
 */
static bool
write_kind(Cli *cli, JsonWriter *w, bool is_new, GError **error)
{
        bool pull = cli_flag(cli, "pull"), standard = !is_new && cli_flag(cli, "standard");
        bool sources = cli_option(cli, "source") != NULL;

        if (standard && (pull || sources))
                return cli_usage(cli, error,
                                 "--standard: a standard distribution point is sent its packages; "
                                 "--pull and --source are for one that fetches them");
        if (pull && !is_new && !sources)
                return cli_usage(cli, error,
                                 "where does it fetch from? upkeep dp set %s --pull --source NAME",
                                 cli_word(cli, 0));
        if (pull || standard || (is_new && sources))
                json_bool(w, "IsPullDP", !standard);
        return true;
}

/* {"ServerName": …, settings}; name NULL: without. */
static char *
body_of(Cli *cli, const char *name, GError **error)
{
        g_autoptr(GString) body = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, body);
        json_object(&w, NULL);
        if (name != NULL)
                json_text(&w, "ServerName", name);
        if (!write_kind(cli, &w, name != NULL, error) || !write_settings(cli, &w, error))
                return NULL;
        json_end(&w, '}');
        return g_string_free(g_steal_pointer(&body), FALSE);
}

bool
dp_add(Cli *cli, GError **error)
{
        const char *name = cli_word(cli, 0);

        if (cli_option(cli, "url") == NULL)
                return cli_usage(cli, error,
                                 "where is it reached? upkeep dp add %s --url http://HOST:PORT",
                                 name);
        g_autofree char *body = body_of(cli, name, error);
        Admin *admin = body != NULL ? cli_admin(cli, error) : NULL;

        if (admin == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "Would add the distribution point %s.", name);
                return true;
        }
        g_autoptr(JsonDoc) answer = admin_call(admin, CLASS, NULL, NULL, body, error);

        if (answer == NULL)
                return false;
        if (cli->json)
                cli_print(cli, "{\"done\":true}\n");
        cli_note(cli, "%s is added; upkeep dp show %s tells when it is configured.\n", name, name);
        return true;
}

bool
dp_set(Cli *cli, GError **error)
{
        g_autofree char *server = content_point(cli, cli_word(cli, 0), error);
        g_autofree char *body = server != NULL ? body_of(cli, NULL, error) : NULL;
        g_autofree char *key = body != NULL ? admin_quote(server) : NULL;

        if (key == NULL)
                return false;
        if (strcmp(body, "{}") == 0)
                return cli_usage(cli, error, "nothing is to be changed; see: upkeep dp set --help");
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "Would change %s.", server);
                return true;
        }
        if (!admin_change(cli->admin, CLASS, key, body, error))
                return false;
        if (cli->json)
                cli_print(cli, "{\"done\":true}\n");
        cli_note(cli, "%s is changed; it takes effect at once.\n", server);
        return true;
}

bool
dp_call(Cli *cli, const char *server, const char *method, GError **error)
{
        g_autoptr(GString) body = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, body);
        json_object(&w, NULL);
        json_text(&w, "NALPath", server);
        json_end(&w, '}');
        g_autoptr(JsonDoc) answer = admin_call(cli->admin, CLASS, NULL, method, body->str, error);

        return answer != NULL;
}

static bool
remove_one(Cli *cli, const char *word, gpointer user, GError **error)
{
        g_autofree char *server = content_point(cli, word, error);
        g_autofree char *key = server != NULL ? admin_quote(server) : NULL;

        if (key == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "%s would be removed%s.", server,
                          cli_flag(cli, "force") ? ", whatever it still has" : "");
                return true;
        }
        if (!(cli_flag(cli, "force") ? dp_call(cli, server, "ForceRemoval", error)
                                     : admin_delete(cli->admin, CLASS, key, error)))
                return false;
        cli_note(cli, "%s is no distribution point any more.\n", server);
        return true;
}

bool
dp_remove(Cli *cli, GError **error)
{
        return each_word(cli, remove_one, NULL, NULL, error);
}

/* ---- validation ------------------------------------------------------------------------------ */

static bool
validate_package(Cli *cli, const char *id, const char *server, GError **error)
{
        g_autoptr(ContentPackage) package = content_package(cli, id, error);
        g_autoptr(GPtrArray) points = g_ptr_array_new();
        g_autofree char *body = content_pair_body(id, server);
        g_autoptr(JsonDoc) answer = package != NULL
                                            ? admin_call(cli->admin, "SMS_DistributionPoint", NULL,
                                                         "VerifyPackage", body, error)
                                            : NULL;

        g_ptr_array_add(points, (gpointer)server);
        return answer != NULL && (!cli_flag(cli, "wait") ||
                                  package_wait(cli, package, points, PACKAGE_WAIT_DONE, error));
}

static bool
validate_one(Cli *cli, const char *word, gpointer user, GError **error)
{
        g_autofree char *server = content_point(cli, word, error);
        g_autofree char *quoted = server != NULL ? admin_quote(server) : NULL;
        g_autofree char *filter =
                quoted != NULL ? g_strdup_printf("ServerName eq %s", quoted) : NULL;
        AdminQuery query = { .filter = filter };
        g_autoptr(AdminRows) rows =
                filter != NULL ? admin_list(cli->admin, "SMS_DPContentInfo", &query, error) : NULL;

        if (rows == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "%u package%s on %s would be read and compared.", rows->rows->len,
                          rows->rows->len == 1 ? "" : "s", server);
                return true;
        }
        for (guint i = 0; i < rows->rows->len; i++) {
                if (!validate_package(cli, json_get_text(rows->rows->pdata[i], "PackageID", ""),
                                      server, error))
                        return false;
        }
        cli_note(cli, "%u package%s on %s %s; upkeep dp status %s shows the result.\n",
                 rows->rows->len, rows->rows->len == 1 ? "" : "s", server,
                 cli_flag(cli, "wait") ? "were read and compared" : "are being read and compared",
                 word);
        return true;
}

bool
dp_validate(Cli *cli, GError **error)
{
        return each_word(cli, validate_one, NULL, NULL, error);
}
