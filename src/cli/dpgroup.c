/* dpgroup.c - the verbs of `dp-group`: what belongs to a group goes to every member.
 *
 * Comes in: SMS_DistributionPointGroup. Goes out: tables, and calls of the provider.
 */
#include "cli/dpgroup.h"

#include <string.h>

#include "cli/content.h"
#include "cli/each.h"
#include "cli/output.h"

#define CLASS "SMS_DistributionPointGroup"

static const RowsColumn columns[] = {
        { "NAME", "Name", ROWS_TEXT },
        { "MEMBERS", "MemberCount", ROWS_COUNT },
        { "PACKAGES", "ContentCount", ROWS_COUNT },
        { "IN SYNC", "ContentInSync", ROWS_YES },
        { "NOT IN SYNC", "OutOfSyncContentCount", ROWS_COUNT },
        { "DESCRIPTION", "Description", ROWS_LONG },
};

static const RowsColumn all[] = {
        { "Name", "Name", ROWS_TEXT },
        { "ID", "GroupID", ROWS_TEXT },
        { "Description", "Description", ROWS_TEXT },
        { "Created by", "CreatedBy", ROWS_TEXT },
        { "on", "CreatedOn", ROWS_AGE },
        { "Members", "MemberCount", ROWS_COUNT },
        { "Packages", "ContentCount", ROWS_COUNT },
        { "Not in sync", "OutOfSyncContentCount", ROWS_COUNT },
};

bool
dpgroup_list(Cli *cli, GError **error)
{
        AdminQuery query = { .orderby = "Name" };
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, &query, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print(cli, rows, columns, G_N_ELEMENTS(columns),
                   "There are no groups. (upkeep dp-group create NAME makes one)");
        return true;
}

/* What of a class belongs to the group, a line each. */
static bool
print_list(Cli *cli, const char *head, const char *class_name, const char *property,
           const char *more, const char *id, GError **error)
{
        g_autofree char *quoted = admin_quote(id);
        g_autofree char *filter = g_strdup_printf("GroupID eq %s", quoted);
        AdminQuery query = { .filter = filter };
        g_autoptr(AdminRows) rows = admin_list(cli->admin, class_name, &query, error);

        for (guint i = 0; rows != NULL && i < rows->rows->len; i++) {
                const JsonValue *row = rows->rows->pdata[i];
                g_autofree char *name = output_clean(json_get_text(row, property, ""));
                g_autofree char *rest =
                        output_clean(more != NULL ? json_get_text(row, more, "") : "");

                cli_print(cli, "%-16s %s %s\n", i == 0 ? head : "", name, rest);
        }
        return rows != NULL;
}

bool
dpgroup_show(Cli *cli, GError **error)
{
        g_autofree char *id = content_group(cli, cli_word(cli, 0), error);
        g_autofree char *key = id != NULL ? admin_quote(id) : NULL;
        g_autoptr(AdminRows) rows = key != NULL ? admin_one(cli->admin, CLASS, key, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print_one(cli, rows->rows->pdata[0], all, G_N_ELEMENTS(all));
        return cli->json ||
               (print_list(cli, "Members", "SMS_DPGroupMembers", "ServerName", NULL, id, error) &&
                print_list(cli, "Packages", "SMS_DPGroupPackages", "PkgID", "PackageName", id,
                           error));
}

bool
dpgroup_create(Cli *cli, GError **error)
{
        g_autoptr(GString) body = g_string_new(NULL);
        const char *description = cli_option(cli, "description");
        JsonWriter w;
        Admin *admin = cli_admin(cli, error);

        json_begin(&w, body);
        json_object(&w, NULL);
        json_text(&w, "Name", cli_word(cli, 0));
        json_text(&w, "Description", description != NULL ? description : "");
        json_end(&w, '}');
        if (admin == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "Would create the group %s.", cli_word(cli, 0));
                return true;
        }
        g_autoptr(JsonDoc) answer = admin_call(admin, CLASS, NULL, NULL, body->str, error);

        if (answer == NULL)
                return false;
        if (cli->json)
                cli_print(cli, "{\"GroupID\":\"%s\"}\n",
                          json_get_text(json_root(answer), "GroupID", ""));
        cli_note(cli,
                 "Group %s is there; upkeep dp-group add %s DP takes a distribution point in.\n",
                 cli_word(cli, 0), cli_word(cli, 0));
        return true;
}

/* The words behind the first, as the provider knows them: distribution points or packages. */
static GPtrArray *
resolve(Cli *cli, bool packages, GError **error)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

        for (guint i = 1; i < cli->words->len; i++) {
                if (packages) {
                        g_autoptr(ContentPackage) package =
                                content_package(cli, cli_word(cli, i), error);

                        if (package == NULL)
                                return NULL;
                        g_ptr_array_add(names, g_strdup(package->id));
                        continue;
                }
                char *server = content_point(cli, cli_word(cli, i), error);

                if (server == NULL)
                        return NULL;
                g_ptr_array_add(names, server);
        }
        return g_steal_pointer(&names);
}

static bool
change(Cli *cli, const char *method, bool packages, const char *done, GError **error)
{
        g_autofree char *id = content_group(cli, cli_word(cli, 0), error);
        g_autofree char *key = id != NULL ? admin_quote(id) : NULL;
        g_autoptr(GPtrArray) names = key != NULL ? resolve(cli, packages, error) : NULL;

        if (names == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                for (guint i = 0; i < names->len; i++)
                        cli_would(cli, "Would: %s %s group %s.", (char *)names->pdata[i], done,
                                  cli_word(cli, 0));
                return true;
        }
        g_autofree char *body =
                content_list_body(packages ? "PackageID" : "DistributionPoint", names);
        g_autoptr(JsonDoc) answer = admin_call(cli->admin, CLASS, key, method, body, error);

        if (answer == NULL)
                return false;
        if (cli->json)
                cli_print(cli, "{\"done\":true}\n");
        for (guint i = 0; i < names->len; i++)
                cli_note(cli, "%s %s group %s.\n", (char *)names->pdata[i], done, cli_word(cli, 0));
        return true;
}

bool
dpgroup_add(Cli *cli, GError **error)
{
        return change(cli, "AddDistributionPoints", false,
                      "is in the group, and gets what belongs to it: the", error);
}

bool
dpgroup_remove(Cli *cli, GError **error)
{
        return change(cli, "RemoveDistributionPoints", false,
                      "keeps what it has, and is no longer in the", error);
}

bool
dpgroup_add_package(Cli *cli, GError **error)
{
        return change(cli, "AddPackages", true, "goes to every member of the", error);
}

bool
dpgroup_remove_package(Cli *cli, GError **error)
{
        return change(cli, "RemovePackages", true, "is taken from the members of the", error);
}

static bool
delete_one(Cli *cli, const char *word, gpointer user, GError **error)
{
        g_autofree char *id = content_group(cli, word, error);
        g_autofree char *key = id != NULL ? admin_quote(id) : NULL;

        if (key == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "Group %s would be removed.", word);
                return true;
        }
        if (!admin_delete(cli->admin, CLASS, key, error))
                return false;
        cli_note(cli, "Group %s is removed; its members keep what they have.\n", word);
        return true;
}

bool
dpgroup_delete(Cli *cli, GError **error)
{
        return each_word(cli, delete_one, NULL, NULL, error);
}
