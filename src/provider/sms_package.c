/* sms_package.c - SMS_Package, SMS_ContentPackage: packages as an administrator makes, changes and
 * distributes them (DIST-004, DIST-006, DIST-030 to DIST-032, DIST-092, DIST-136, DIST-137).
 *
 * In: calls. Out: rows, and with them the notices that Distribution Manager acts on; an audit row
 * and the lines of SMSProv.log.
 */
#include "provider/sms_package.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "host/host.h"
#include "provider/wmi_content.h"
#include "sitedb/pkgserver.h"
#include "sitedb/pkgstatus.h"
#include "sitedb/wmiclass.sql.h"

static const char *const bools[] = { "ForcedDisconnectEnabled", "IgnoreAddressSchedule", NULL };

/* The class that a package's calls are audited as. */
static const WmiClass *
class_of(const Package *package)
{
        return package->type == PACKAGE_TYPE_CONTENT ? &sms_contentpackage : &sms_package;
}

/* ---- created and changed --------------------------------------------------------------------- */

/* A folder that is not there is said now, not by a status message an hour later. What may be there
 * and cannot be looked at by this program is left to Distribution Manager. */
static bool
check_source(const Host *host, const char *source, GError **error)
{
        struct stat st;

        if (source[0] != '/')
                return uk_fail(error, UK_ERROR_INVALID,
                               "PkgSourcePath '%.200s': the whole path of a folder of the site "
                               "server is wanted, such as /srv/packages/app",
                               source);
        if (!host_check_foreign(host, source, error)) {
                g_prefix_error(error, "PkgSourcePath ");
                return false;
        }
        if (stat(source, &st) == 0)
                return S_ISDIR(st.st_mode) ||
                       uk_fail(error, UK_ERROR_INVALID, "PkgSourcePath '%.200s' is no folder",
                               source);
        return (errno != ENOENT && errno != ENOTDIR) ||
               uk_fail(error, UK_ERROR_NOT_FOUND,
                       "PkgSourcePath '%.200s': there is no such folder on the site server",
                       source);
}

/* Two packages of the same name, version and language could not be told apart. */
static bool
check_twin(Db *db, const Package *package, GError **error)
{
        g_autofree char *twin = NULL;
        bool found;

        if (!db_text(db, &sql_wmiclass_package_twin,
                     DB_ARGS(DB_TEXT("name", package->name), DB_TEXT("version", package->version),
                             DB_TEXT("language", package->language),
                             DB_TEXT("id", package->id != NULL ? package->id : "")),
                     &twin, &found, error))
                return false;
        return twin == NULL ||
               uk_fail(error, UK_ERROR_EXISTS,
                       "package %s is named \"%s\" already; give another name, or a version "
                       "(--package-version) that tells them apart",
                       twin, package->name);
}

/* Takes what the body says over what the package has. */
static void
take_properties(const WmiCall *call, Package *package)
{
        const struct {
                const char *member;
                char **text;
        } texts[] = { { "Name", &package->name },
                      { "Version", &package->version },
                      { "Language", &package->language },
                      { "Manufacturer", &package->manufacturer },
                      { "Description", &package->description },
                      { "PkgSourcePath", &package->source } };

        for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
                char *text = g_strdup(wmi_text(call, texts[i].member, *texts[i].text));

                g_free(*texts[i].text);
                *texts[i].text = text;
        }
        package->priority = json_get_int(call->body, "Priority", package->priority);
}

static bool
create(WmiCall *call, PackageType type, const WmiClass *class, GError **error)
{
        g_autoptr(Package) package = g_new0(Package, 1);
        g_autofree char *cause = wmi_cause(call, "created");
        g_autofree char *id = NULL;

        package->source_site = g_strdup(host_site_code(call->c->host));
        package->type = type;
        take_properties(call, package);
        if (!check_source(call->c->host, package->source, error))
                return false;
        g_autoptr(DbTx) tx = wmi_begin(call, error);

        if (tx == NULL || !check_twin(db_tx_db(tx), package, error) ||
            !package_create(tx, package, cause, &id, error))
                return false;
        call->key = id;
        if (!wmi_end(call, g_steal_pointer(&tx), "created", class, NULL, package->name, error))
                return false;
        uk_log("Processed insert instance notification for: %s.PackageID=\"%s\"~", class->name, id);
        wmi_answer(call, "PackageID", id);
        call->key = NULL;
        return true;
}

static bool
create_package(WmiCall *call, GError **error)
{
        gint64 type = json_get_int(call->body, "PackageType", PACKAGE_TYPE_REGULAR);

        if (type != PACKAGE_TYPE_REGULAR && type != PACKAGE_TYPE_UPDATES)
                return uk_fail(error, UK_ERROR_INVALID,
                               "PackageType %" G_GINT64_FORMAT
                               ": 0 (a package) or 5 (software updates) is wanted; the content of "
                               "applications is created as SMS_ContentPackage",
                               type);
        return create(call, (PackageType)type, &sms_package, error);
}

static bool
create_content_package(WmiCall *call, GError **error)
{
        return create(call, PACKAGE_TYPE_CONTENT, &sms_contentpackage, error);
}

static bool
put(WmiCall *call, GError **error)
{
        g_autofree char *cause = wmi_cause(call, "changed");
        const char *source = json_get_text(call->body, "PkgSourcePath", NULL);

        /* Before the transaction: a folder of another machine may be long in answering. */
        if (source != NULL && !check_source(call->c->host, source, error))
                return false;
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(Package) package =
                tx != NULL ? package_load(db_tx_db(tx), call->key, error) : NULL;

        if (package == NULL)
                return false;
        take_properties(call, package);
        return check_twin(db_tx_db(tx), package, error) &&
               package_change(tx, package, cause, error) &&
               wmi_end(call, g_steal_pointer(&tx), "modified", class_of(package), NULL,
                       package->name, error);
}

static bool
remove_package(WmiCall *call, GError **error)
{
        g_autofree char *cause = wmi_cause(call, "deleted");
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(Package) package =
                tx != NULL ? package_load(db_tx_db(tx), call->key, error) : NULL;

        return package != NULL && package_ask_delete(tx, call->key, cause, error) &&
               wmi_end(call, g_steal_pointer(&tx), "deleted", class_of(package), NULL,
                       package->name, error);
}

/* ---- methods --------------------------------------------------------------------------------- */

/* Whether nothing is left to do there. */
static bool
is_whole_at(DbTx *tx, const Package *package, const DistPoint *point, bool *whole_out,
            GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(PkgStatus) status = pkgstatus_load(db_tx_db(tx), package->id, PKGSTATUS_TYPE_DP,
                                                     point->site, point->nal, &why);

        *whole_out = status != NULL && status->status == PKGSTATUS_INSTALLED &&
                     package->stored_version > 0 &&
                     status->source_version >= package->stored_version;
        if (why == NULL)
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static void
answer_added(WmiCall *call, const GPtrArray *there)
{
        JsonWriter w;

        json_begin(&w, call->answer);
        json_object(&w, NULL);
        json_int(&w, "ReturnValue", 0);
        json_array(&w, "AlreadyThere");
        for (guint i = 0; i < there->len; i++)
                json_text(&w, NULL, there->pdata[i]);
        json_end(&w, ']');
        json_text(&w, "Trace", call->trace);
        json_end(&w, '}');
}

/* {"DistributionPoint": [name, …]}; answered with those that had it whole. */
static bool
add_distribution_points(WmiCall *call, GError **error)
{
        g_autofree char *cause = wmi_cause(call, "distributed");
        g_autoptr(GString) names = g_string_new(NULL);
        g_autoptr(GPtrArray) there = g_ptr_array_new();
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(Package) package =
                tx != NULL ? package_load(db_tx_db(tx), call->key, error) : NULL;
        g_autoptr(GPtrArray) points =
                package != NULL ? wmi_distpoints(call, db_tx_db(tx), "DistributionPoint", error)
                                : NULL;

        if (points == NULL)
                return false;
        if (package->action == PACKAGE_ACTION_DELETE)
                return uk_fail(error, UK_ERROR_INVALID,
                               "package %s is being deleted and can be distributed no more",
                               package->id);
        for (guint i = 0; i < points->len; i++) {
                const DistPoint *point = points->pdata[i];
                bool changed, whole;

                if (!pkgserver_add(tx, call->key, point->nal, point->site,
                                   host_site_code(call->c->host), cause, &changed, error) ||
                    !is_whole_at(tx, package, point, &whole, error))
                        return false;
                if (!changed && whole)
                        g_ptr_array_add(there, point->server);
                g_string_append_printf(names, "%s%s", i > 0 ? " " : "", point->server);
        }
        if (!wmi_end(call, g_steal_pointer(&tx), "called", class_of(package),
                     "AddDistributionPoints", names->str, error))
                return false;
        answer_added(call, there);
        return true;
}

static bool
refresh_source(WmiCall *call, GError **error)
{
        g_autoptr(Package) before = package_load(call->c->db, call->key, error);
        g_autofree char *cause = wmi_cause(call, "updated");

        if (before == NULL || !check_source(call->c->host, before->source, error))
                return false;
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(Package) package =
                tx != NULL ? package_load(db_tx_db(tx), call->key, error) : NULL;

        if (package == NULL)
                return false;
        if (package->action == PACKAGE_ACTION_DELETE)
                return uk_fail(error, UK_ERROR_INVALID, "package %s is being deleted", package->id);
        if (!package_refresh(tx, call->key, cause, error) ||
            !wmi_end(call, g_steal_pointer(&tx), "called", class_of(package), "RefreshPkgSource",
                     package->source, error))
                return false;
        wmi_answer(call, NULL, NULL);
        return true;
}

const WmiClass sms_package = {
        .name = "SMS_Package",
        .list = &sql_wmiclass_package,
        .key = "PackageID",
        .key_is_text = true,
        .one = &sql_wmiclass_package_by_id,
        .bools = bools,
        .methods = { { "AddDistributionPoints", false, add_distribution_points, "~" },
                     { "RefreshPkgSource", false, refresh_source, " ~" } },
        .create = create_package,
        .put = put,
        .remove = remove_package,
};

const WmiClass sms_contentpackage = {
        .name = "SMS_ContentPackage",
        .list = &sql_wmiclass_contentpackage,
        .key = "PackageID",
        .key_is_text = true,
        .quote = '\'',
        .one = &sql_wmiclass_contentpackage_by_id,
        .bools = bools,
        .methods = { { "AddDistributionPoints", false, add_distribution_points, "~" },
                     { "RefreshPkgSource", false, refresh_source, " ~" } },
        .create = create_content_package,
        .put = put,
        .remove = remove_package,
};

const WmiClass sms_packagebaseclass = {
        .name = "SMS_PackageBaseclass",
        .list = &sql_wmiclass_packagebaseclass,
        .key = "PackageID",
        .key_is_text = true,
        .one = &sql_wmiclass_packagebaseclass_by_id,
        .bools = bools,
};
