/* package.c - the verbs of `package`: made, shown, given to distribution points, brought up to
 * date, repaired, taken away.
 *
 * Comes in: SMS_Package and its kin. Goes out: calls of the provider; with --wait the work is
 * followed to its end (package_status.c).
 */
#include "cli/package.h"

#include <string.h>

#include "cli/content.h"
#include "cli/each.h"
#include "cli/package_status.h"

static const RowsName priorities[] = { { 1, "high" }, { 2, "medium" }, { 3, "low" }, { 0, NULL } };
static const RowsName types[] = {
        { 0, "package" }, { 5, "software updates" }, { 8, "application content" }, { 0, NULL }
};
static const RowsName actions[] = { { 0, "" },
                                    { 1, "being updated" },
                                    { 2, "being added" },
                                    { 3, "being deleted" },
                                    { 4, "being validated" },
                                    { 5, "being cancelled" },
                                    { 0, NULL } };

static const RowsColumn columns[] = {
        { "ID", "PackageID", ROWS_TEXT },       { "NAME", "Name", ROWS_LONG },
        { "VERSION", "Version", ROWS_TEXT },    { "CONTENT", "StoredPkgVersion", ROWS_ID },
        { "KBYTES", "SourceSize", ROWS_COUNT }, { "ON", "Targeted", ROWS_COUNT },
        { "DONE", "Installed", ROWS_COUNT },    { "RETRYING", "Retrying", ROWS_COUNT },
        { "FAILED", "Failed", ROWS_COUNT },     { "NOW", "ActionInProgress", ROWS_NAME, actions },
};

static const RowsColumn all[] = {
        { "ID", "PackageID", ROWS_TEXT },
        { "Name", "Name", ROWS_TEXT },
        { "Version", "Version", ROWS_TEXT },
        { "Language", "Language", ROWS_TEXT },
        { "Manufacturer", "Manufacturer", ROWS_TEXT },
        { "Description", "Description", ROWS_TEXT },
        { "Kind", "PackageType", ROWS_NAME, types },
        { "Source", "PkgSourcePath", ROWS_TEXT },
        { "Source site", "SourceSite", ROWS_TEXT },
        { "Content version", "SourceVersion", ROWS_ID },
        { "stored", "StoredPkgVersion", ROWS_ID },
        { "of", "SourceDate", ROWS_AGE },
        { "KBytes", "SourceSize", ROWS_COUNT },
        { "Hash", "NewHash", ROWS_TEXT },
        { "Priority", "Priority", ROWS_NAME, priorities },
        { "Now", "ActionInProgress", ROWS_NAME, actions },
        { "because", "Cause", ROWS_TEXT },
        { "Targeted", "Targeted", ROWS_COUNT },
        { "Installed", "Installed", ROWS_COUNT },
        { "Retrying", "Retrying", ROWS_COUNT },
        { "Failed", "Failed", ROWS_COUNT },
        { "Trace", "Trace", ROWS_TEXT },
};

bool
package_list(Cli *cli, GError **error)
{
        const char *text = cli_word(cli, 0);
        g_autofree char *quoted = text != NULL ? admin_quote(text) : NULL;
        g_autofree char *filter =
                text != NULL
                        ? g_strdup_printf("contains(Name,%s) or PackageID eq %s", quoted, quoted)
                        : NULL;
        AdminQuery query = { .filter = filter, .orderby = "PackageID" };
        Admin *admin = cli_admin(cli, error);
        g_autoptr(AdminRows) rows =
                admin != NULL ? admin_list(admin, "SMS_PackageBaseclass", &query, error) : NULL;

        if (rows == NULL)
                return false;
        rows_print(cli, rows, columns, G_N_ELEMENTS(columns),
                   text != NULL ? "No such packages."
                                : "There are no packages. (upkeep package create NAME --source DIR "
                                  "makes one)");
        return true;
}

bool
package_show(Cli *cli, GError **error)
{
        g_autoptr(ContentPackage) package = content_package(cli, cli_word(cli, 0), error);
        g_autoptr(AdminRows) rows =
                package != NULL ? admin_one(cli->admin, "SMS_PackageBaseclass", package->key, error)
                                : NULL;

        if (rows == NULL)
                return false;
        rows_print_one(cli, rows->rows->pdata[0], all, G_N_ELEMENTS(all));
        return true;
}

/* ---- made and changed ------------------------------------------------------------------------ */

/* The properties that options name, as members of the object that is written. */
static bool
write_properties(Cli *cli, JsonWriter *w, GError **error)
{
        static const struct {
                const char *option, *member;
        } texts[] = { { "name", "Name" },
                      { "package-version", "Version" },
                      { "language", "Language" },
                      { "manufacturer", "Manufacturer" },
                      { "description", "Description" } };
        const char *source = cli_option(cli, "source"), *priority = cli_option(cli, "priority");
        gint64 number;

        for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
                if (cli_option(cli, texts[i].option) != NULL)
                        json_text(w, texts[i].member, cli_option(cli, texts[i].option));
        }
        if (source != NULL) {
                g_autofree char *path = g_canonicalize_filename(source, NULL);
                json_text(w, "PkgSourcePath", path);
        }
        if (priority == NULL)
                return true;
        if (g_ascii_strcasecmp(priority, "normal") == 0)
                priority = "medium";
        if (!rows_number(priorities, priority, &number))
                return cli_usage(cli, error, "--priority %s: high, medium or low is wanted",
                                 priority);
        json_int(w, "Priority", number);
        return true;
}

static char *
properties_body(Cli *cli, const char *name, GError **error)
{
        g_autoptr(GString) body = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, body);
        json_object(&w, NULL);
        if (name != NULL)
                json_text(&w, "Name", name);
        if (!write_properties(cli, &w, error))
                return NULL;
        json_end(&w, '}');
        return g_string_free(g_steal_pointer(&body), FALSE);
}

/* With --wait to the end of the work, else the remark. */
static bool
finish(Cli *cli, const ContentPackage *package, GPtrArray *points, PackageWait what,
       const char *remark, GError **error)
{
        if (cli_flag(cli, "wait"))
                return package_wait(cli, package, points, what, error);
        if (!package->settled)
                cli_note(cli, "%s upkeep package status %s --follow shows it.\n", remark,
                         package->id);
        return true;
}

static bool
finish_created(Cli *cli, const char *id, GError **error)
{
        g_autoptr(ContentPackage) package = content_package(cli, id, error);

        if (package == NULL)
                return false;
        package->source_failed[0] = '\0'; /* whatever it says, it is of this creation */
        return finish(cli, package, NULL, PACKAGE_WAIT_DONE, "Its source is being read;", error);
}

/* One answer for programs, with the package that there is also where its source cannot be read. */
static void
print_created(Cli *cli, const char *id, const GError *why)
{
        g_autoptr(GString) out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "PackageID", id);
        if (why != NULL)
                cli_error_json(&w, why);
        json_end(&w, '}');
        cli_print(cli, "%s\n", out->str);
        cli->told = why != NULL;
}

bool
package_create(Cli *cli, GError **error)
{
        g_autofree char *name =
                g_strdup(cli_word(cli, 0) != NULL ? cli_word(cli, 0) : cli_option(cli, "name"));
        const char *class_name =
                cli_flag(cli, "application") ? "SMS_ContentPackage" : "SMS_Package";

        if (name == NULL || cli_option(cli, "source") == NULL)
                return cli_usage(cli, error,
                                 "a name and --source DIR are wanted: upkeep package create NAME "
                                 "--source DIR");
        g_hash_table_remove(cli->options, "name");
        g_autofree char *body = properties_body(cli, name, error);
        Admin *admin = body != NULL ? cli_admin(cli, error) : NULL;

        if (admin == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "Would create the package %s of %s.", name,
                          cli_option(cli, "source"));
                return true;
        }
        g_autoptr(JsonDoc) answer = admin_call(admin, class_name, NULL, NULL, body, error);

        if (answer == NULL)
                return false;
        const char *id = json_get_text(json_root(answer), "PackageID", "");

        if (!cli->json)
                cli_print(cli, "%s\n", id);
        g_autoptr(GError) why = NULL;
        bool done = finish_created(cli, id, &why);

        if (cli->json)
                print_created(cli, id, why);
        if (!done)
                g_propagate_error(error, g_steal_pointer(&why));
        return done;
}

bool
package_set(Cli *cli, GError **error)
{
        g_autoptr(ContentPackage) package = content_package(cli, cli_word(cli, 0), error);
        g_autofree char *body = package != NULL ? properties_body(cli, NULL, error) : NULL;

        if (body == NULL)
                return false;
        if (strcmp(body, "{}") == 0)
                return cli_usage(cli, error,
                                 "nothing is to be changed; see: upkeep package set "
                                 "--help");
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "Would change package %s.", package->id);
                return true;
        }
        if (!admin_change(cli->admin, package->class_name, package->key, body, error))
                return false;
        if (cli->json)
                cli_print(cli, "{\"done\":true}\n");
        cli_note(cli, "Package %s is changed.\n", package->id);
        return true;
}

/* ---- work on packages ------------------------------------------------------------------------ */

/* What becomes of each package that is named. */
typedef struct {
        /* Asks for it, on those points (NULL where the verb takes none). */
        bool (*ask)(Cli *cli, ContentPackage *package, GPtrArray *points, GError **error);
        bool points;      /* takes --dp, --group, --all */
        bool present;     /* those among the points that have the package already */
        PackageWait wait; /* what --wait waits for */
        const char *would, *remark;
} Work;

static bool
call_each_point(Cli *cli, const ContentPackage *package, GPtrArray *points, const char *method,
                GError **error)
{
        for (guint i = 0; i < points->len; i++) {
                g_autofree char *body = content_pair_body(package->id, points->pdata[i]);
                g_autoptr(JsonDoc) answer =
                        admin_call(cli->admin, "SMS_DistributionPoint", NULL, method, body, error);

                if (answer == NULL)
                        return false;
        }
        return true;
}

static bool
ask_distribute(Cli *cli, ContentPackage *package, GPtrArray *points, GError **error)
{
        g_autofree char *body = content_list_body("DistributionPoint", points);
        g_autoptr(JsonDoc) answer = admin_call(cli->admin, package->class_name, package->key,
                                               "AddDistributionPoints", body, error);

        if (answer == NULL)
                return false;
        const JsonValue *there = json_get(json_root(answer), "AlreadyThere");

        for (gsize i = 0; i < json_count(there); i++) {
                const char *point = json_as_text(json_at(there, i));

                cli_note(cli,
                         "%s (%s) is on %s already; upkeep package redistribute %s --dp %s sends "
                         "all of it again.\n",
                         package->id, package->name, point, package->id, point);
        }
        package->settled = json_count(there) == points->len;
        return true;
}

static bool
ask_update(Cli *cli, ContentPackage *package, GPtrArray *points, GError **error)
{
        g_autoptr(JsonDoc) answer = admin_call(cli->admin, package->class_name, package->key,
                                               "RefreshPkgSource", "{}", error);

        return answer != NULL;
}

static bool
ask_redistribute(Cli *cli, ContentPackage *package, GPtrArray *points, GError **error)
{
        for (guint i = 0; i < points->len; i++) {
                g_autofree char *key = content_pair_key(package->id, points->pdata[i]);

                if (!admin_change(cli->admin, "SMS_DistributionPoint", key, "{\"RefreshNow\":true}",
                                  error))
                        return false;
        }
        return true;
}

static bool
ask_remove(Cli *cli, ContentPackage *package, GPtrArray *points, GError **error)
{
        for (guint i = 0; i < points->len; i++) {
                g_autofree char *key = content_pair_key(package->id, points->pdata[i]);

                if (!admin_delete(cli->admin, "SMS_DistributionPoint", key, error))
                        return false;
        }
        return true;
}

static bool
ask_validate(Cli *cli, ContentPackage *package, GPtrArray *points, GError **error)
{
        return call_each_point(cli, package, points, "VerifyPackage", error);
}

static bool
ask_cancel(Cli *cli, ContentPackage *package, GPtrArray *points, GError **error)
{
        return call_each_point(cli, package, points, "CancelDistribution", error);
}

static bool
ask_delete(Cli *cli, ContentPackage *package, GPtrArray *points, GError **error)
{
        return admin_delete(cli->admin, package->class_name, package->key, error);
}

static char *
list_points(GPtrArray *points)
{
        g_autoptr(GString) names = g_string_new(NULL);

        for (guint i = 0; points != NULL && i < points->len; i++)
                g_string_append_printf(names, "%s%s", i > 0 ? ", " : ": ",
                                       (char *)points->pdata[i]);
        return g_string_free(g_steal_pointer(&names), FALSE);
}

/* What became of the asking, for each name that was typed. */
typedef struct {
        ContentPackage *package;
        GPtrArray *points; /* NULL where the verb takes none */
        GError *why;       /* it was not asked for */
} Asked;

/* From so many words on, all packages are asked for at once. */
#define MANY_WORDS 4

typedef struct {
        const Work *work;
        ContentPackages *packages; /* where there are many words */
        GPtrArray *points; /* where they are the same for all packages; NULL: not looked up yet */
        GPtrArray *asked;  /* of Asked, in the order of the words */
        guint next;
} Works;

static void
asked_free(gpointer user)
{
        Asked *asked = user;

        content_package_free(asked->package);
        g_clear_pointer(&asked->points, g_ptr_array_unref);
        g_clear_error(&asked->why);
        g_free(asked);
}

static GPtrArray *
points_for(Cli *cli, Works *works, const ContentPackage *package, GError **error)
{
        if (works->work->present)
                return content_points(cli, package->id, error);
        if (works->points == NULL)
                works->points = content_points(cli, NULL, error);
        return works->points != NULL ? g_ptr_array_ref(works->points) : NULL;
}

static bool
ask_one(Cli *cli, Works *works, Asked *asked, const char *word, GError **error)
{
        asked->package = content_package_among(cli, works->packages, word, error);
        if (asked->package == NULL)
                return false;
        if (works->work->points) {
                asked->points = points_for(cli, works, asked->package, error);
                if (asked->points == NULL)
                        return false;
        }
        return cli_flag(cli, "what-if") ||
               works->work->ask(cli, asked->package, asked->points, error);
}

/* Everything is asked for before anything is waited for, so that the site works on all at once. */
static void
ask_all(Cli *cli, Works *works)
{
        /* Where that fails, the first word says why. */
        g_autoptr(ContentPackages) packages =
                cli->words->len >= MANY_WORDS ? content_packages(cli, NULL) : NULL;

        works->packages = packages;
        for (guint i = 0; i < cli->words->len; i++) {
                Asked *asked = g_new0(Asked, 1);

                g_ptr_array_add(works->asked, asked);
                (void)!ask_one(cli, works, asked, cli_word(cli, i), &asked->why);
        }
        works->packages = NULL;
}

static bool
work_one(Cli *cli, const char *word, gpointer user, GError **error)
{
        Works *works = user;
        const Work *work = works->work;

        (void)word;
        if (works->next == 0)
                ask_all(cli, works);
        Asked *asked = works->asked->pdata[works->next++];
        if (asked->why != NULL) {
                g_propagate_error(error, g_steal_pointer(&asked->why));
                return false;
        }
        if (cli_flag(cli, "what-if")) {
                g_autofree char *names = list_points(asked->points);

                cli_would(cli, "Would %s %s (%s)%s.", work->would, asked->package->id,
                          asked->package->name, names);
                return true;
        }
        return finish(cli, asked->package, asked->points, work->wait, work->remark, error);
}

static bool
work_all(Cli *cli, const Work *work, GError **error)
{
        content_word_option(cli, "id");
        if (cli->words->len == 0)
                return cli_usage(cli, error,
                                 "which package? Its ID or name is wanted (upkeep "
                                 "package list)");
        g_autoptr(GPtrArray) asked = g_ptr_array_new_with_free_func(asked_free);
        Works works = { .work = work, .asked = asked };
        bool done = each_word(cli, work_one, &works, NULL, error);

        g_clear_pointer(&works.points, g_ptr_array_unref);
        return done;
}

bool
package_distribute(Cli *cli, GError **error)
{
        static const Work work = { .ask = ask_distribute,
                                   .points = true,
                                   .would = "distribute",
                                   .remark = "It is being distributed;" };
        return work_all(cli, &work, error);
}

bool
package_update(Cli *cli, GError **error)
{
        static const Work work = { .ask = ask_update,
                                   .would = "read the source anew of",
                                   .remark = "Its source is being read;" };
        return work_all(cli, &work, error);
}

bool
package_redistribute(Cli *cli, GError **error)
{
        static const Work work = { .ask = ask_redistribute,
                                   .points = true,
                                   .present = true,
                                   .would = "send everything again of",
                                   .remark = "Everything is being sent again;" };
        return work_all(cli, &work, error);
}

bool
package_remove_content(Cli *cli, GError **error)
{
        static const Work work = { .ask = ask_remove,
                                   .points = true,
                                   .present = true,
                                   .wait = PACKAGE_WAIT_GONE,
                                   .would = "remove",
                                   .remark = "It is being removed;" };
        return work_all(cli, &work, error);
}

/* Without a choice, wherever it is. */
static void
default_to_all(Cli *cli)
{
        if (cli_option(cli, "dp") == NULL && cli_option(cli, "group") == NULL)
                g_hash_table_replace(cli->options, g_strdup("all"), g_strdup(""));
}

bool
package_validate(Cli *cli, GError **error)
{
        static const Work work = { .ask = ask_validate,
                                   .points = true,
                                   .present = true,
                                   .would = "read and compare all files of",
                                   .remark = "Its files are being read;" };
        default_to_all(cli);
        return work_all(cli, &work, error);
}

bool
package_cancel(Cli *cli, GError **error)
{
        static const Work work = { .ask = ask_cancel,
                                   .points = true,
                                   .present = true,
                                   .would = "take back what is under way of",
                                   .remark = "What was under way is taken back;" };
        default_to_all(cli);
        return work_all(cli, &work, error);
}

bool
package_delete(Cli *cli, GError **error)
{
        static const Work work = { .ask = ask_delete,
                                   .wait = PACKAGE_WAIT_GONE,
                                   .would = "delete, wherever it is,",
                                   .remark = "It is being deleted, wherever it is;" };
        return work_all(cli, &work, error);
}
