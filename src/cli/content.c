/* content.c - finds the packages, distribution points and groups that words mean.
 *
 * Comes in: what was typed. Goes out: IDs and full names as the provider knows them, or an error
 * that says what there is and names the next command.
 */
#include "cli/content.h"

#include <string.h>

#include "base/clock.h"
#include "cli/output.h"

#define PACKAGE_COLUMNS "PackageID,Name,PackageType,SourceFailedTime"

void
content_package_free(ContentPackage *package)
{
        if (package == NULL)
                return;
        g_free(package->id);
        g_free(package->name);
        g_free(package->key);
        g_free(package->source_failed);
        g_free(package);
}

static void
fail_ambiguous(const char *what, const char *word, const AdminRows *rows, const char *property,
               GError **error)
{
        g_autoptr(GString) ids = g_string_new(NULL);

        for (guint i = 0; i < rows->rows->len; i++)
                g_string_append_printf(ids, "%s%s", i > 0 ? ", " : "",
                                       json_get_text(rows->rows->pdata[i], property, "?"));
        uk_fail(error, UK_ERROR_INVALID, "several %s are meant by %s; name one of them: %s", what,
                word, ids->str);
}

static ContentPackage *
package_of(const JsonValue *row)
{
        ContentPackage *package = g_new0(ContentPackage, 1);

        package->id = g_strdup(json_get_text(row, "PackageID", ""));
        package->name = g_strdup(json_get_text(row, "Name", ""));
        package->class_name =
                json_get_int(row, "PackageType", 0) == 8 ? "SMS_ContentPackage" : "SMS_Package";
        package->key = admin_quote(package->id);
        package->source_failed = g_strdup(json_get_text(row, "SourceFailedTime", ""));
        return package;
}

ContentPackage *
content_package(Cli *cli, const char *word, GError **error)
{
        g_autofree char *quoted = admin_quote(word), *upper = g_ascii_strup(word, -1);
        g_autofree char *id = admin_quote(upper);
        g_autofree char *filter = g_strdup_printf("PackageID eq %s or Name eq %s", id, quoted);
        AdminQuery query = { .filter = filter, .select = PACKAGE_COLUMNS, .top = 20 };
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_list(admin, "SMS_PackageBaseclass", &query, error) : NULL;

        if (rows == NULL)
                return NULL;
        if (rows->rows->len == 0) {
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "there is no package %s (upkeep package list shows all)", word);
                return NULL;
        }
        if (rows->rows->len > 1) {
                fail_ambiguous("packages", word, rows, "PackageID", error);
                return NULL;
        }
        return package_of(rows->rows->pdata[0]);
}

struct ContentPackages {
        AdminRows *rows;
        GHashTable *by_word; /* ID or name to its row; NULL: of several */
};

void
content_packages_free(ContentPackages *packages)
{
        if (packages == NULL)
                return;
        g_hash_table_unref(packages->by_word);
        admin_rows_free(packages->rows);
        g_free(packages);
}

static void
index_word(GHashTable *by_word, const char *word, const JsonValue *row)
{
        gpointer other = NULL;
        bool known = g_hash_table_lookup_extended(by_word, word, NULL, &other);

        g_hash_table_insert(by_word, (gpointer)word, known && other != row ? NULL : (gpointer)row);
}

ContentPackages *
content_packages(Cli *cli, GError **error)
{
        AdminQuery query = { .select = PACKAGE_COLUMNS };
        Admin *admin = cli_admin(cli, error);
        AdminRows *rows =
                admin != NULL ? admin_list(admin, "SMS_PackageBaseclass", &query, error) : NULL;

        if (rows == NULL)
                return NULL;
        ContentPackages *packages = g_new0(ContentPackages, 1);
        packages->rows = rows;
        packages->by_word = g_hash_table_new(g_str_hash, g_str_equal);
        for (guint i = 0; i < rows->rows->len; i++) {
                const JsonValue *row = rows->rows->pdata[i];

                index_word(packages->by_word, json_get_text(row, "PackageID", ""), row);
                index_word(packages->by_word, json_get_text(row, "Name", ""), row);
        }
        return packages;
}

ContentPackage *
content_package_among(Cli *cli, const ContentPackages *packages, const char *word, GError **error)
{
        const JsonValue *row =
                packages != NULL ? g_hash_table_lookup(packages->by_word, word) : NULL;

        return row != NULL ? package_of(row) : content_package(cli, word, error);
}

/* Whether a server is called so: by its full name, or by the part before the first dot. */
static bool
is_called(const char *server, const char *word)
{
        gsize first = strcspn(server, ".");

        return g_ascii_strcasecmp(server, word) == 0 ||
               (strlen(word) == first && g_ascii_strncasecmp(server, word, first) == 0);
}

char *
content_point(Cli *cli, const char *word, GError **error)
{
        AdminQuery query = { .select = "ServerName" };
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_list(admin, "SMS_DistributionPointInfo", &query, error)
                              : NULL;
        const char *found = NULL;
        bool several = false;

        if (rows == NULL)
                return NULL;
        for (guint i = 0; i < rows->rows->len; i++) {
                const char *server = json_get_text(rows->rows->pdata[i], "ServerName", "");

                if (g_ascii_strcasecmp(server, word) == 0)
                        return g_strdup(server);
                if (!is_called(server, word))
                        continue;
                several = several || found != NULL;
                found = server;
        }
        if (several)
                uk_fail(error, UK_ERROR_INVALID,
                        "several distribution points begin with %s; name one in full (upkeep dp "
                        "list)",
                        word);
        else if (found == NULL)
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "there is no distribution point %s (upkeep dp list shows all)", word);
        return several ? NULL : g_strdup(found);
}

char *
content_group(Cli *cli, const char *word, GError **error)
{
        g_autofree char *quoted = admin_quote(word);
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_one(admin, "SMS_DistributionPointGroup", quoted, error)
                              : NULL;

        if (rows == NULL) {
                g_prefix_error(error, "group %s (upkeep dp-group list shows all): ", word);
                return NULL;
        }
        return g_strdup(json_get_text(rows->rows->pdata[0], "GroupID", ""));
}

char **
content_words(const char *list)
{
        g_auto(GStrv) parts = g_strsplit(list != NULL ? list : "", ",", -1);
        g_autoptr(GPtrArray) words = g_ptr_array_new();

        for (char **part = parts; *part != NULL; part++) {
                if (*g_strstrip(*part) != '\0')
                        g_ptr_array_add(words, g_strdup(*part));
        }
        g_ptr_array_add(words, NULL);
        return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

/* ---- --dp, --group, --all -------------------------------------------------------------------- */

static void
add_once(GPtrArray *points, const char *name)
{
        for (guint i = 0; i < points->len; i++) {
                if (strcmp(points->pdata[i], name) == 0)
                        return;
        }
        g_ptr_array_add(points, g_strdup(name));
}

/* The values of a property of all rows of a class, or of those with another property's value. */
static bool
add_rows(Cli *cli, GPtrArray *points, const char *class_name, const char *property,
         const char *filter, GError **error)
{
        AdminQuery query = { .filter = filter };
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_list(admin, class_name, &query, error) : NULL;

        for (guint i = 0; rows != NULL && i < rows->rows->len; i++)
                add_once(points, json_get_text(rows->rows->pdata[i], property, ""));
        return rows != NULL;
}

static bool
add_group(Cli *cli, GPtrArray *points, const char *word, GError **error)
{
        g_autofree char *id = content_group(cli, word, error);
        g_autofree char *quoted = id != NULL ? admin_quote(id) : NULL;
        g_autofree char *filter = quoted != NULL ? g_strdup_printf("GroupID eq %s", quoted) : NULL;
        guint before = points->len;

        if (filter == NULL ||
            !add_rows(cli, points, "SMS_DPGroupMembers", "ServerName", filter, error))
                return false;
        return points->len > before || before > 0 ||
               uk_fail(error, UK_ERROR_NOT_FOUND,
                       "group %s has no members (upkeep dp-group add %s DP)", word, word);
}

static bool
add_all(Cli *cli, GPtrArray *points, const char *package_id, GError **error)
{
        g_autofree char *filter =
                package_id != NULL ? g_strdup_printf("PackageID eq '%s'", package_id) : NULL;

        return package_id != NULL
                       ? add_rows(cli, points, "SMS_DistributionDPStatus", "Name", filter, error)
                       : add_rows(cli, points, "SMS_DistributionPointInfo", "ServerName", NULL,
                                  error);
}

GPtrArray *
content_points(Cli *cli, const char *package_id, GError **error)
{
        g_autoptr(GPtrArray) points = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) names = content_words(cli_option(cli, "dp"));
        g_auto(GStrv) groups = content_words(cli_option(cli, "group"));
        bool all = cli_flag(cli, "all");

        if (*names == NULL && *groups == NULL && !all) {
                cli_usage(cli, error,
                          "to which distribution points? --dp NAME, --group NAME or --all");
                return NULL;
        }
        for (char **name = names; *name != NULL; name++) {
                g_autofree char *server = content_point(cli, *name, error);

                if (server == NULL)
                        return NULL;
                add_once(points, server);
        }
        for (char **group = groups; *group != NULL; group++) {
                if (!add_group(cli, points, *group, error))
                        return NULL;
        }
        if (all && !add_all(cli, points, package_id, error))
                return NULL;
        if (points->len == 0) {
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        package_id != NULL
                                ? "package %s is on no distribution point (upkeep package "
                                  "distribute)"
                                : "there are no distribution points (upkeep dp add)",
                        package_id);
                return NULL;
        }
        return g_steal_pointer(&points);
}

/* ---- bodies and keys ------------------------------------------------------------------------- */

char *
content_list_body(const char *member, GPtrArray *texts)
{
        GString *out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_array(&w, member);
        for (guint i = 0; i < texts->len; i++)
                json_text(&w, NULL, texts->pdata[i]);
        json_end(&w, ']');
        json_end(&w, '}');
        return g_string_free(out, FALSE);
}

char *
content_pair_body(const char *package_id, const char *point)
{
        GString *out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "PackageID", package_id);
        json_text(&w, "NALPath", point);
        json_end(&w, '}');
        return g_string_free(out, FALSE);
}

char *
content_pair_key(const char *package_id, const char *point)
{
        g_autofree char *id = admin_quote(package_id), *name = admin_quote(point);

        return g_strdup_printf("PackageID=%s,ServerNALPath=%s", id, name);
}

void
content_word_option(Cli *cli, const char *option)
{
        g_auto(GStrv) words = content_words(cli_option(cli, option));

        for (char **word = words; *word != NULL; word++)
                g_ptr_array_add(cli->words, g_strdup(*word));
}

char *
content_when(const JsonValue *row, const char *property)
{
        gint64 then, now = uk_clock_now();
        const char *text = json_get_text(row, property, "");

        return uk_clock_parse(text, &then, NULL) && then > now ? output_age(then, now)
                                                               : g_strdup("");
}
