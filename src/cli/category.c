/* category.c - the verbs of `product` and `classification`: what is synchronized.
 *
 * Comes in: SMS_UpdateCategoryInstance. Goes out: the categories with their mark, or marks set and
 * taken away. A name is matched as a whole first, then as a part that fits one category only.
 */
#include "cli/category.h"

#include <string.h>

#include "cli/each.h"
#include "cli/rows.h"

#define CLASS "SMS_UpdateCategoryInstance"

static const RowsColumn columns[] = {
        { "SUBSCRIBED", "IsSubscribed", ROWS_YES },
        { "NAME", "LocalizedCategoryInstanceName", ROWS_LONG },
        { "ID", "CategoryInstance_UniqueID", ROWS_TEXT },
};

static AdminRows *
load(Cli *cli, GError **error)
{
        bool product = strcmp(cli->verb->noun, "product") == 0;
        AdminQuery query = { .filter = product ? "CategoryTypeName eq 'Product'"
                                               : "CategoryTypeName eq 'UpdateClassification'",
                             .orderby = "LocalizedCategoryInstanceName" };
        Admin *admin = cli_admin(cli, error);

        return admin != NULL ? admin_list(admin, CLASS, &query, error) : NULL;
}

bool
category_list(Cli *cli, GError **error)
{
        g_autoptr(AdminRows) rows = load(cli, error);

        if (rows == NULL)
                return false;
        rows_print(cli, rows, columns, G_N_ELEMENTS(columns),
                   "None are known yet: upkeep sync start --wait fetches them.");
        return true;
}

static const char *
name_of(const JsonValue *row)
{
        return json_get_text(row, "LocalizedCategoryInstanceName", "");
}

static bool
is_meant(const JsonValue *row, const char *word, bool whole)
{
        const char *name = name_of(row);

        if (!whole)
                return strcasestr(name, word) != NULL;
        return g_ascii_strcasecmp(name, word) == 0 ||
               g_ascii_strcasecmp(json_get_text(row, "CategoryInstance_UniqueID", ""), word) == 0;
}

/* The one category that word means; NULL with an error that names what it could mean. */
static const JsonValue *
find(Cli *cli, const AdminRows *rows, const char *word, GError **error)
{
        g_autoptr(GString) names = g_string_new(NULL);
        const JsonValue *found = NULL;

        for (int whole = 1; whole >= 0 && found == NULL; whole--) {
                g_string_truncate(names, 0);
                for (guint i = 0; i < rows->rows->len; i++) {
                        if (!is_meant(rows->rows->pdata[i], word, whole))
                                continue;
                        found = rows->rows->pdata[i];
                        g_string_append_printf(names, "%s%s", names->len > 0 ? "; " : "",
                                               name_of(found));
                }
        }
        if (found == NULL)
                uk_fail(error, UK_ERROR_NOT_FOUND, "no %s is named \"%s\" (upkeep %s list)",
                        cli->verb->noun, word, cli->verb->noun);
        else if (strchr(names->str, ';') != NULL)
                uk_fail(error, UK_ERROR_INVALID, "\"%s\" may be any of: %s", word, names->str);
        else
                return found;
        return NULL;
}

typedef struct {
        const AdminRows *rows;
        bool subscribe;
} Marking;

static bool
mark(Cli *cli, const char *word, gpointer user, GError **error)
{
        const Marking *marking = user;
        bool subscribe = marking->subscribe;
        const JsonValue *row = find(cli, marking->rows, word, error);
        const char *done = subscribe ? "subscribed" : "not subscribed";

        if (row == NULL)
                return false;
        if (json_get_bool(row, "IsSubscribed", false) == subscribe) {
                cli_note(cli, "%s is %s already.\n", name_of(row), done);
                return true;
        }
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "%s would be %s.", name_of(row), done);
                return true;
        }
        g_autofree char *key = admin_quote(json_get_text(row, "CategoryInstance_UniqueID", ""));

        if (!admin_change(cli->admin, CLASS, key,
                          subscribe ? "{\"IsSubscribed\":true}" : "{\"IsSubscribed\":false}",
                          error))
                return false;
        cli_note(cli, "%s is %s now.\n", name_of(row), done);
        return true;
}

static bool
mark_all(Cli *cli, bool subscribe, GError **error)
{
        g_autoptr(AdminRows) rows = load(cli, error);
        Marking marking = { rows, subscribe };
        guint good = 0;

        if (rows == NULL)
                return false;
        bool ok = each_word(cli, mark, &marking, &good, error);

        if (good > 0 && !cli_flag(cli, "what-if"))
                cli_note(cli, "It takes effect with the next synchronization: upkeep sync start "
                              "--wait\n");
        return ok;
}

bool
category_subscribe(Cli *cli, GError **error)
{
        return mark_all(cli, true, error);
}

bool
category_unsubscribe(Cli *cli, GError **error)
{
        return mark_all(cli, false, error);
}
