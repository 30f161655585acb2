/* update.c - the verbs `update list`, `update show` and `update missing`.
 *
 * Comes in: SMS_SoftwareUpdate, SMS_UPK_MissingPackage. Goes out: the updates of the site that are
 * not superseded or expired, or all of them; one with all that is known of it; what machines lack.
 */
#include "cli/update.h"

#include <string.h>

#include "cli/rows.h"

#define CLASS "SMS_SoftwareUpdate"
#define SHORT 50 /* rows without --top */

static const RowsColumn columns[] = {
        { "ID", "CI_ID", ROWS_ID },
        { "ARTICLE", "ArticleID", ROWS_LONG },
        { "TITLE", "LocalizedDisplayName", ROWS_LONG },
        { "REQUIRED", "NumMissing", ROWS_COUNT },
        { "INSTALLED", "NumPresent", ROWS_COUNT },
        { "SIZE", "Size", ROWS_SIZE },
        { "REVISED", "DateRevised", ROWS_AGE },
};

static const RowsColumn all[] = {
        { "ID", "CI_ID", ROWS_ID },
        { "Title", "LocalizedDisplayName", ROWS_TEXT },
        { "Article", "ArticleID", ROWS_TEXT },
        { "Description", "LocalizedDescription", ROWS_TEXT },
        { "Categories", "LocalizedCategoryInstanceNames", ROWS_LONG },
        { "Severity", "SeverityName", ROWS_TEXT },
        { "More", "LocalizedInformativeURL", ROWS_TEXT },
        { "Size", "Size", ROWS_SIZE },
        { "Posted", "DatePosted", ROWS_AGE },
        { "Revised", "DateRevised", ROWS_AGE },
        { "Update ID", "CI_UniqueID", ROWS_TEXT },
        { "Revision", "RevisionNumber", ROWS_ID },
        { "Superseded", "IsSuperseded", ROWS_YES },
        { "Superseded by", "SupersededBy", ROWS_LIST },
        { "Expired", "IsExpired", ROWS_YES },
        { "Required on", "NumMissing", ROWS_COUNT },
        { "Installed on", "NumPresent", ROWS_COUNT },
        { "Not applicable", "NumNotApplicable", ROWS_COUNT },
        { "Unknown on", "NumUnknown", ROWS_COUNT },
        { "Status as of", "LastStatusTime", ROWS_AGE },
        { "Files", "ContentFiles", ROWS_LIST },
};

static const RowsColumn missing[] = {
        { "MACHINE", "MachineName", ROWS_TEXT },
        { "UPDATE", "ArticleID", ROWS_LONG },
        { "PACKAGE", "PackageName", ROWS_LONG },
        { "FROM", "InstalledVersion", ROWS_TEXT },
        { "TO", "NewVersion", ROWS_TEXT },
        { "CLASSIFICATION", "UpdateClassification", ROWS_TEXT },
        { "SIZE", "FileSize", ROWS_SIZE },
        { "HELD", "IsHeld", ROWS_YES },
};

static void
add_term(GString *filter, const char *term)
{
        g_string_append_printf(filter, "%s%s", filter->len > 0 ? " and " : "", term);
}

static char *
make_filter(Cli *cli)
{
        GString *filter = g_string_new(NULL);
        const char *text = cli_word(cli, 0), *article = cli_option(cli, "article");

        if (!cli_flag(cli, "all"))
                add_term(filter, "IsSuperseded eq false and IsExpired eq false");
        if (cli_flag(cli, "missing"))
                add_term(filter, "NumMissing gt 0");
        if (article != NULL) {
                g_autofree char *quoted = admin_quote(article);
                g_autofree char *term = g_strdup_printf("ArticleID eq %s", quoted);
                add_term(filter, term);
        }
        if (text != NULL) {
                g_autofree char *quoted = admin_quote(text);
                g_autofree char *term =
                        g_strdup_printf("contains(LocalizedDisplayName,%s)", quoted);
                add_term(filter, term);
        }
        return g_string_free(filter, FALSE);
}

bool
update_list(Cli *cli, GError **error)
{
        g_autofree char *filter = make_filter(cli);
        AdminQuery query = { .filter = *filter != '\0' ? filter : NULL,
                             .orderby = "DateRevised desc" };

        if (!cli_option_int(cli, "top", 0, cli->json ? 0 : SHORT, &query.top, error))
                return false;
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, &query, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print(cli, rows, columns, G_N_ELEMENTS(columns),
                   "No such updates. (upkeep sync status tells whether the site has synchronized)");
        return true;
}

/* The update of a package that some machine lacks; NULL without error: there is none. */
static char *
key_of_package(Admin *admin, const char *quoted, GError **error)
{
        g_autofree char *filter = g_strdup_printf("PackageName eq %s", quoted);
        AdminQuery query = { .filter = filter, .orderby = "CI_ID desc", .top = 1 };
        g_autoptr(AdminRows) rows = admin_list(admin, "SMS_UPK_MissingPackage", &query, error);

        if (rows == NULL || rows->rows->len == 0)
                return NULL;
        return g_strdup_printf("%" G_GINT64_FORMAT, json_get_int(rows->rows->pdata[0], "CI_ID", 0));
}

static char *
find_package(Admin *admin, const char *word, const char *quoted, GError **error)
{
        g_autoptr(GError) why = NULL;
        char *key = key_of_package(admin, quoted, &why);

        if (why != NULL)
                g_propagate_error(error, g_steal_pointer(&why));
        else if (key == NULL)
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "no update has the article or ID %s (upkeep update list %s)", word, word);
        return key;
}

/* A number is a CI_ID; all else an article, an UpdateID, or at last a package. */
char *
update_key(Cli *cli, const char *word, GError **error)
{
        if (strspn(word, "0123456789") == strlen(word))
                return g_strdup(word);
        g_autofree char *quoted = admin_quote(word);
        g_autofree char *filter =
                g_strdup_printf("ArticleID eq %s or CI_UniqueID eq %s", quoted, quoted);
        AdminQuery query = { .filter = filter,
                             .orderby = "IsSuperseded,DateRevised desc",
                             .top = 20 };
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, &query, error) : NULL;

        if (rows == NULL)
                return NULL;
        if (rows->rows->len == 0)
                return find_package(admin, word, quoted, error);
        if (rows->rows->len > 1)
                cli_note(cli,
                         "%u updates are of article %s, the newest is shown; upkeep update list "
                         "--all "
                         "--article %s lists them.\n",
                         rows->rows->len, word, word);
        return g_strdup_printf("%" G_GINT64_FORMAT, json_get_int(rows->rows->pdata[0], "CI_ID", 0));
}

bool
update_show(Cli *cli, GError **error)
{
        Admin *admin = cli_admin(cli, error);
        g_autofree char *key = admin != NULL ? update_key(cli, cli_word(cli, 0), error) : NULL;
        g_autoptr(AdminRows) rows = key != NULL ? admin_one(admin, CLASS, key, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print_one(cli, rows->rows->pdata[0], all, G_N_ELEMENTS(all));
        return true;
}

bool
update_missing(Cli *cli, GError **error)
{
        const char *text = cli_word(cli, 0);
        g_autofree char *quoted = text != NULL ? admin_quote(text) : NULL;
        g_autofree char *filter =
                text != NULL ? g_strdup_printf("PackageName eq %s or ArticleID eq %s or "
                                               "MachineName eq %s",
                                               quoted, quoted, quoted)
                             : NULL;
        AdminQuery query = { .filter = filter, .orderby = "MachineName,PackageName" };

        if (!cli_option_int(cli, "top", 0, cli->json ? 0 : SHORT, &query.top, error))
                return false;
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_list(admin, "SMS_UPK_MissingPackage", &query, error) : NULL;

        if (rows == NULL)
                return false;
        g_autofree char *nothing =
                text != NULL ? g_strdup_printf("No machine has reported that an update is missing "
                                               "for the package, article or machine %s; who has "
                                               "scanned, and when: upkeep client list",
                                               text)
                             : g_strdup("No machine has reported a package that lacks an update; "
                                        "who has scanned, and when: upkeep client list");
        rows_print(cli, rows, missing, G_N_ELEMENTS(missing), nothing);
        return true;
}
