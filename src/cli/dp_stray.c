/* dp_stray.c - what a distribution point holds and nobody has given to it: told, and removed.
 *
 * Comes in: SMS_UPK_DPStrayContent. Goes out: RemoveStrayContent of SMS_DistributionPointInfo. The
 * distribution point says what it holds when it is configured: when it is added, changed, and once
 * a day.
 */
#include "cli/content.h"
#include "cli/dp.h"

static const RowsColumn columns[] = {
        { "PACKAGE", "PackageID", ROWS_TEXT }, { "NAME", "Name", ROWS_LONG },
        { "VERSION", "Version", ROWS_ID },     { "REMOVING", "IsRemoving", ROWS_YES },
        { "SEEN", "SeenTime", ROWS_AGE },
};

static AdminRows *
list(Cli *cli, const char *server, GError **error)
{
        g_autofree char *quoted = admin_quote(server);
        g_autofree char *filter = g_strdup_printf("ServerName eq %s", quoted);
        AdminQuery query = { .filter = filter };

        return admin_list(cli->admin, "SMS_UPK_DPStrayContent", &query, error);
}

bool
dp_stray_clean(Cli *cli, const char *name, GError **error)
{
        g_autofree char *server = content_point(cli, name, error);
        g_autoptr(AdminRows) rows =
                server != NULL && cli_follow_clock(cli, error) ? list(cli, server, error) : NULL;

        if (rows == NULL || (cli_flag(cli, "delete") && rows->rows->len > 0 &&
                             !dp_call(cli, server, "RemoveStrayContent", error)))
                return false;
        rows_print(cli, rows, columns, G_N_ELEMENTS(columns),
                   "It holds nothing that was not given to it.");
        if (rows->rows->len > 0 && cli_flag(cli, "delete"))
                cli_note(cli, "They are being removed from %s.\n", server);
        else if (rows->rows->len > 0)
                cli_note(cli,
                         "They were not given to %s: upkeep package distribute ID --dp %s does "
                         "that, and sends only what is lacking; --delete removes them.\n",
                         server, name);
        return true;
}

bool
dp_stray_note(Cli *cli, const char *server, GError **error)
{
        g_autoptr(AdminRows) rows = list(cli, server, error);

        if (rows != NULL && rows->rows->len > 0)
                cli_note(cli,
                         "It holds %u package%s more, not given to it: upkeep library clean --dp "
                         "%s\n",
                         rows->rows->len, rows->rows->len == 1 ? "" : "s", server);
        return rows != NULL;
}
