/* site.c - the verb `site status`: the site on one screen.
 *
 * Comes in: SMS_Site, SMS_ComponentSummarizer and SMS_SUPSyncStatus. Goes out: the site, its
 * components with what they said of late, and its last synchronization.
 */
#include "cli/site.h"

#include "cli/rows.h"
#include "cli/sync.h"

static const RowsColumn site_columns[] = {
        { "SITE", "SiteCode", ROWS_TEXT },
        { "NAME", "SiteName", ROWS_LONG },
        { "SERVER", "ServerName", ROWS_LONG },
        { "VERSION", "Version", ROWS_TEXT },
};

static const RowsColumn component_columns[] = {
        { "COMPONENT", "ComponentName", ROWS_LONG }, { "MACHINE", "MachineName", ROWS_LONG },
        { "ERRORS", "Errors", ROWS_COUNT },          { "WARNINGS", "Warnings", ROWS_COUNT },
        { "MESSAGES", "Infos", ROWS_COUNT },         { "LAST HEARD", "LastContacted", ROWS_AGE },
};

static const RowsColumn sync_columns[] = {
        { "UPDATE POINT", "WSUSServerName", ROWS_LONG },
        { "STATE", "LastSyncState", ROWS_NAME, sync_states },
        { "SINCE", "LastSyncStateTime", ROWS_AGE },
        { "LAST SUCCESS", "LastSuccessfulSyncTime", ROWS_AGE },
};

typedef struct {
        const char *class_name;
        const RowsColumn *columns;
        guint count;
        const char *none;
} Part;

static const Part parts[] = {
        { "SMS_Site", site_columns, G_N_ELEMENTS(site_columns), "There is no site." },
        { "SMS_ComponentSummarizer", component_columns, G_N_ELEMENTS(component_columns),
          "No component has said anything yet." },
        { "SMS_SUPSyncStatus", sync_columns, G_N_ELEMENTS(sync_columns),
          "The site has no software update point." },
};

bool
site_status(Cli *cli, GError **error)
{
        Admin *admin = cli_admin(cli, error);

        if (admin == NULL)
                return false;
        if (cli->json)
                cli_print(cli, "{");
        for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
                g_autoptr(AdminRows) rows = admin_list(admin, parts[i].class_name, NULL, error);

                if (rows == NULL)
                        return false;
                if (cli->json)
                        cli_print(cli, "%s\"%s\":", i > 0 ? "," : "", parts[i].class_name);
                else if (i > 0)
                        cli_print(cli, "\n");
                rows_print(cli, rows, parts[i].columns, parts[i].count, parts[i].none);
        }
        if (cli->json)
                cli_print(cli, "}\n");
        return true;
}
