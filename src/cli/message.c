/* message.c - the verbs `message list` and `alert list`: what the site has to say.
 *
 * Comes in: SMS_StatusMessage and SMS_Alert. Goes out: the newest first.
 */
#include "cli/message.h"

#include <string.h>

#include "cli/rows.h"

#define SHORT 50 /* rows for people without --top; programs get all */

/* Severities of status messages are signed, as administrators' queries have them. */
static const RowsName message_severities[] = {
        { 1073741824, "information" },
        { -2147483648LL, "warning" },
        { -1073741824, "error" },
        { 0, NULL },
};

static const RowsName alert_severities[] = {
        { 1, "error" },
        { 2, "warning" },
        { 3, "information" },
        { 0, NULL },
};

static const RowsName alert_states[] = {
        { 0, "active" },          { 1, "postponed" }, { 2, "cancelled" },
        { 5, "never triggered" }, { 0, NULL },
};

static const RowsColumn message_columns[] = {
        { "WHEN", "Time", ROWS_AGE },
        { "SEVERITY", "Severity", ROWS_NAME, message_severities },
        { "ID", "MessageID", ROWS_ID },
        { "COMPONENT", "Component", ROWS_TEXT },
        { "MACHINE", "MachineName", ROWS_LONG },
        { "TEXT", "MessageText", ROWS_LONG },
};

static const RowsColumn alert_columns[] = {
        { "SINCE", "StateTime", ROWS_AGE },
        { "SEVERITY", "Severity", ROWS_NAME, alert_severities },
        { "STATE", "AlertState", ROWS_NAME, alert_states },
        { "ALERT", "Name", ROWS_LONG },
        { "WHY", "Description", ROWS_LONG },
        { "COUNT", "OccurrenceCount", ROWS_COUNT },
};

static bool
print_list(Cli *cli, const char *class_name, AdminQuery *query, const RowsColumn *columns,
           guint count, const char *none, GError **error)
{
        if (!cli_option_int(cli, "top", 0, cli->json ? 0 : SHORT, &query->top, error))
                return false;
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_list(admin, class_name, query, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print(cli, rows, columns, count, none);
        return true;
}

/* The OData filter of the options that were given. */
static bool
make_filter(Cli *cli, GString *filter, GError **error)
{
        const char *component = cli_option(cli, "component"),
                   *severity = cli_option(cli, "severity");
        gint64 number;

        if (component != NULL) {
                g_autofree char *quoted = admin_quote(component);
                g_string_append_printf(filter, " and Component eq %s", quoted);
        }
        if (severity != NULL) {
                if (!rows_number(message_severities, severity, &number))
                        return cli_usage(cli, error,
                                         "--severity %s: Information, Warning or Error is wanted",
                                         severity);
                g_string_append_printf(filter, " and Severity eq %" G_GINT64_FORMAT, number);
        }
        if (!cli_option_int(cli, "id", 1, 0, &number, error))
                return false;
        if (number != 0)
                g_string_append_printf(filter, " and MessageID eq %" G_GINT64_FORMAT, number);
        g_string_erase(filter, 0, filter->len > 0 ? (gssize)strlen(" and ") : 0);
        return true;
}

bool
message_list(Cli *cli, GError **error)
{
        g_autoptr(GString) filter = g_string_new(NULL);

        if (!make_filter(cli, filter, error))
                return false;
        AdminQuery query = { .filter = filter->len > 0 ? filter->str : NULL,
                             .orderby = "RecordID desc" };

        return print_list(cli, "SMS_StatusMessage", &query, message_columns,
                          G_N_ELEMENTS(message_columns), "No such messages.", error);
}

bool
message_alerts(Cli *cli, GError **error)
{
        bool all = cli_flag(cli, "all");
        AdminQuery query = { .filter = all ? NULL : "AlertState eq 0",
                             .orderby = "StateTime desc" };

        return print_list(cli, "SMS_Alert", &query, alert_columns, G_N_ELEMENTS(alert_columns),
                          all ? "There are no alerts." : "There is no active alert.", error);
}
