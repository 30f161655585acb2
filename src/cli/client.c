/* client.c - the verbs of `client` and `state names`.
 *
 * Comes in: SMS_R_System, SMS_UPK_StateName. Goes out: the clients of the site with how they stand,
 * or a change of one: approved, blocked, deleted, asked to scan.
 */
#include "cli/client.h"

#include <string.h>

#include "cli/each.h"
#include "cli/rows.h"

#define CLASS       "SMS_R_System"
#define SHORT       50 /* rows without --top */
#define SCHEDULE_ID "{00000000-0000-0000-0000-000000000113}"

static const RowsColumn columns[] = {
        { "NAME", "Name", ROWS_TEXT },
        { "STATE", "ClientState", ROWS_TEXT },
        { "LAST CONTACT", "LastActiveTime", ROWS_AGE },
        { "LAST SCAN", "LastSoftwareScan", ROWS_AGE },
        { "NEWEST SCAN", "LastScanStateName", ROWS_LONG },
        { "MISSING", "NumMissing", ROWS_COUNT },
        { "ID", "ResourceID", ROWS_ID },
};

static const RowsColumn all[] = {
        { "Name", "Name", ROWS_TEXT },
        { "Full name", "ResourceNames", ROWS_TEXT },
        { "ID", "ResourceID", ROWS_ID },
        { "Client ID", "SMSUniqueIdentifier", ROWS_TEXT },
        { "Key", "Fingerprint", ROWS_TEXT },
        { "Site", "SMSAssignedSites", ROWS_TEXT },
        { "State", "ClientState", ROWS_TEXT },
        { "since", "ClientStateTime", ROWS_AGE },
        { "because", "Cause", ROWS_TEXT },
        { "Registered", "CreationDate", ROWS_AGE },
        { "Client version", "ClientVersion", ROWS_TEXT },
        { "System", "OperatingSystemNameandVersion", ROWS_TEXT },
        { "Architecture", "Architecture", ROWS_TEXT },
        { "Last contact", "LastActiveTime", ROWS_AGE },
        { "Asked policy", "LastPolicyRequest", ROWS_AGE },
        { "Last report", "LastStateMessage", ROWS_AGE },
        { "Last scan", "LastSoftwareScan", ROWS_AGE },
        { "of catalogue", "LastScanVersion", ROWS_ID },
        { "at", "LastScanLocation", ROWS_TEXT },
        { "Newest scan", "LastScanStateName", ROWS_TEXT },
        { "told", "LastScanStateTime", ROWS_AGE },
        { "Missing", "NumMissing", ROWS_COUNT },
        { "Installed", "NumInstalled", ROWS_COUNT },
        { "Rejected", "LastRejectedReason", ROWS_TEXT },
        { "Trace", "Trace", ROWS_TEXT },
};

static const RowsColumn state_columns[] = {
        { "TOPIC", "TopicType", ROWS_ID },
        { "STATE", "StateID", ROWS_ID },
        { "NAME", "StateName", ROWS_LONG },
        { "MEANING", "StateDescription", ROWS_LONG },
};

bool
client_list(Cli *cli, GError **error)
{
        static const char *const states[] = { "pending", "approved", "blocked", NULL };
        const char *state = cli_option(cli, "state");
        g_autofree char *lower = g_ascii_strdown(state != NULL ? state : "", -1);
        g_autofree char *filter =
                state != NULL ? g_strdup_printf("ClientState eq '%s'", lower) : NULL;
        AdminQuery query = { .filter = filter, .orderby = "Name" };

        if (state != NULL && !g_strv_contains(states, lower))
                return cli_usage(cli, error, "--state %s: pending, approved or blocked is wanted",
                                 state);
        if (!cli_option_int(cli, "top", 0, cli->json ? 0 : SHORT, &query.top, error))
                return false;
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, &query, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print(cli, rows, columns, G_N_ELEMENTS(columns),
                   state != NULL
                           ? "No such clients."
                           : "The site has no clients yet. (upkeep-client join, on a machine, "
                             "makes it one)");
        return true;
}

/* ---- one client ------------------------------------------------------------------------------ */

static void
add_term(GString *filter, const char *property, const char *text)
{
        g_autofree char *quoted = admin_quote(text);

        g_string_append_printf(filter, "%s%s eq %s", filter->len > 0 ? " or " : "", property,
                               quoted);
}

/* Names as typed, and in the two spellings that machines give themselves. */
static char *
name_filter(const char *word)
{
        GString *filter = g_string_new(NULL);
        g_autofree char *upper = g_ascii_strup(word, -1);
        g_autofree char *lower = g_ascii_strdown(word, -1);
        const char *spellings[] = { word, upper, lower };

        for (guint i = 0; i < G_N_ELEMENTS(spellings); i++) {
                add_term(filter, "Name", spellings[i]);
                add_term(filter, "ResourceNames", spellings[i]);
        }
        add_term(filter, "SMSUniqueIdentifier", upper);
        if (*word != '\0' && strspn(word, "0123456789") == strlen(word))
                g_string_append_printf(filter, " or ResourceID eq %s", word);
        return g_string_free(filter, FALSE);
}

static void
fail_ambiguous(const char *word, const AdminRows *rows, GError **error)
{
        g_autoptr(GString) ids = g_string_new(NULL);

        for (guint i = 0; i < rows->rows->len; i++)
                g_string_append_printf(ids, "%s%" G_GINT64_FORMAT, i > 0 ? ", " : "",
                                       json_get_int(rows->rows->pdata[i], "ResourceID", 0));
        uk_fail(error, UK_ERROR_INVALID,
                "several clients are named %s; name one by its ID: %s (upkeep client show ID)",
                word, ids->str);
}

char *
client_key(Cli *cli, const char *word, GError **error)
{
        g_autofree char *filter = name_filter(word);
        AdminQuery query = { .filter = filter, .select = "ResourceID,Name", .top = 20 };
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, &query, error) : NULL;

        if (rows == NULL)
                return NULL;
        if (rows->rows->len == 1)
                return g_strdup_printf("%" G_GINT64_FORMAT,
                                       json_get_int(rows->rows->pdata[0], "ResourceID", 0));
        if (rows->rows->len > 1)
                fail_ambiguous(word, rows, error);
        else
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "no client is named %s (upkeep client list shows all)", word);
        return NULL;
}

bool
client_show(Cli *cli, GError **error)
{
        g_autofree char *key = client_key(cli, cli_word(cli, 0), error);
        g_autoptr(AdminRows) rows = key != NULL ? admin_one(cli->admin, CLASS, key, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print_one(cli, rows->rows->pdata[0], all, G_N_ELEMENTS(all));
        if (json_kind(json_get(rows->rows->pdata[0], "TriggerRequestTime")) == 's')
                cli_note(cli, "It has been asked to scan and has not taken that up yet.\n");
        return true;
}

/* ---- changes --------------------------------------------------------------------------------- */

typedef bool (*ChangeFn)(Cli *cli, const char *key, GError **error);

static bool
call_method(Cli *cli, const char *key, const char *method, const char *body, GError **error)
{
        g_autoptr(JsonDoc) answer = admin_call(cli->admin, CLASS, key, method, body, error);

        return answer != NULL;
}

static bool
do_approve(Cli *cli, const char *key, GError **error)
{
        return call_method(cli, key, "Approve", "{}", error);
}

static bool
do_block(Cli *cli, const char *key, GError **error)
{
        return call_method(cli, key, "Block", "{}", error);
}

static bool
do_delete(Cli *cli, const char *key, GError **error)
{
        return admin_delete(cli->admin, CLASS, key, error);
}

static bool
do_scan(Cli *cli, const char *key, GError **error)
{
        return call_method(cli, key, "TriggerSchedule", "{\"sScheduleID\":\"" SCHEDULE_ID "\"}",
                           error);
}

/* What becomes of each client that is named. */
typedef struct {
        ChangeFn change;
        const char *done; /* "approved" */
} Change;

static bool
change_one(Cli *cli, const char *word, gpointer user, GError **error)
{
        const Change *change = user;
        g_autofree char *key = client_key(cli, word, error);

        if (key == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "%s would be %s.", word, change->done);
                return true;
        }
        if (!change->change(cli, key, error))
                return false;
        cli_note(cli, "%s is %s.\n", word, change->done);
        return true;
}

static bool
change_all(Cli *cli, ChangeFn fn, const char *done, GError **error)
{
        Change change = { fn, done };

        return each_word(cli, change_one, &change, NULL, error);
}

bool
client_approve(Cli *cli, GError **error)
{
        return change_all(cli, do_approve, "approved", error);
}

bool
client_block(Cli *cli, GError **error)
{
        return change_all(cli, do_block, "blocked", error);
}

bool
client_delete(Cli *cli, GError **error)
{
        return change_all(cli, do_delete, "deleted", error);
}

bool
client_scan(Cli *cli, GError **error)
{
        return change_all(cli, do_scan,
                          "asked to scan; it takes that up when it next asks for policy", error);
}

bool
client_state_names(Cli *cli, GError **error)
{
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_list(admin, "SMS_UPK_StateName", NULL, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print(cli, rows, state_columns, G_N_ELEMENTS(state_columns), "There are none.");
        return true;
}
