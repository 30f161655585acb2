/* message.c - the verbs `message list` and `alert list`: what the site has to say.
 *
 * Comes in: SMS_StatusMessage and SMS_Alert. Goes out: the newest first.
 */
#include "cli/message.h"

#include "cli/rows.h"

#define SHORT 50 /* rows without --top */

static const RowsColumn message_columns[] = {
        { "WHEN", "Time", ROWS_AGE },
        { "SEVERITY", "SeverityName", ROWS_TEXT },
        { "ID", "MessageID", ROWS_ID },
        { "COMPONENT", "Component", ROWS_TEXT },
        { "MACHINE", "MachineName", ROWS_LONG },
        { "TEXT", "MessageText", ROWS_LONG },
};

static const RowsColumn alert_columns[] = {
        { "SINCE", "LastChangeTime", ROWS_AGE },    { "SEVERITY", "SeverityName", ROWS_TEXT },
        { "STATE", "AlertStateName", ROWS_TEXT },   { "ALERT", "Name", ROWS_LONG },
        { "COUNT", "OccurrenceCount", ROWS_COUNT },
};

/* Adds "property eq 'value'" for an option that was given. */
static void
add_equal(Cli *cli, GString *filter, const char *option, const char *property, bool number)
{
        const char *value = cli_option(cli, option);
        g_autofree char *quoted = value != NULL && !number ? admin_quote(value) : g_strdup(value);

        if (value != NULL)
                g_string_append_printf(filter, "%s%s eq %s", filter->len > 0 ? " and " : "",
                                       property, quoted);
}

static bool
print_list(Cli *cli, const char *class_name, AdminQuery *query, const RowsColumn *columns,
           guint count, const char *none, GError **error)
{
        if (!cli_option_int(cli, "top", 0, SHORT, &query->top, error))
                return false;
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_list(admin, class_name, query, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print(cli, rows, columns, count, none);
        if (rows->more)
                cli_note(cli, "There are more: --top N shows N, --top 0 all.\n");
        return true;
}

bool
message_list(Cli *cli, GError **error)
{
        g_autoptr(GString) filter = g_string_new(NULL);
        gint64 id;

        if (!cli_option_int(cli, "id", 1, 1, &id, error))
                return false;
        add_equal(cli, filter, "component", "Component", false);
        add_equal(cli, filter, "severity", "SeverityName", false);
        add_equal(cli, filter, "id", "MessageID", true);
        AdminQuery query = { .filter = filter->len > 0 ? filter->str : NULL,
                             .orderby = "RecordID desc" };

        return print_list(cli, "SMS_StatusMessage", &query, message_columns,
                          G_N_ELEMENTS(message_columns), "No such messages.", error);
}

bool
message_alerts(Cli *cli, GError **error)
{
        AdminQuery query = { .filter = cli_flag(cli, "all") ? NULL : "AlertStateName eq 'Active'",
                             .orderby = "LastChangeTime desc" };

        return print_list(
                cli, "SMS_Alert", &query, alert_columns, G_N_ELEMENTS(alert_columns),
                cli_flag(cli, "all") ? "There are no alerts." : "There is no active alert.", error);
}
