/* sms_distributionpoint.c - SMS_DistributionPoint: one package on one distribution point; sent
 * again, removed, verified, taken back (DIST-151).
 */
#include "provider/sms_distributionpoint.h"

#include "provider/why_dp.h"
#include "provider/wmi_content.h"
#include "sitedb/distjob.h"
#include "sitedb/pkgserver.h"
#include "sitedb/wmiclass.sql.h"

static const char *const bools[] = { "BitsEnabled", "IsActive", "IsPeerDP", "IsProtected", NULL };

/* Which package where; made of the instance's key, or of a static method's parameters. */
typedef struct {
        char *package_id;
        DistPoint *point;
} Target;

static void
target_clear(Target *target)
{
        g_clear_pointer(&target->package_id, g_free);
        g_clear_pointer(&target->point, distpoint_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Target, target_clear)

static bool
find(WmiCall *call, const char *package_id, const char *name, Target *target, GError **error)
{
        g_autoptr(Package) package = NULL;

        if (package_id == NULL || name == NULL || *package_id == '\0' || *name == '\0')
                return uk_fail(error, UK_ERROR_INVALID,
                               "SMS_DistributionPoint wants a PackageID and the NALPath of a "
                               "distribution point: PackageID='PS100039',ServerNALPath='…'");
        package = package_load(call->c->db, package_id, error);
        if (package == NULL)
                return false;
        target->package_id = g_strdup(package_id);
        target->point = wmi_distpoint(call->c->db, name, error);
        return target->point != NULL;
}

static bool
find_by_key(WmiCall *call, Target *target, GError **error)
{
        g_autofree char *package_id = odata_key_part(call->key, "PackageID");
        g_autofree char *name = odata_key_part(call->key, "ServerNALPath");

        return find(call, package_id, name, target, error);
}

static bool
find_by_body(WmiCall *call, Target *target, GError **error)
{
        return find(call, json_get_text(call->body, "PackageID", NULL),
                    json_get_text(call->body, "NALPath", NULL), target, error);
}

static char *
details(const Target *target)
{
        return g_strdup_printf("%s on %s", target->package_id, target->point->server);
}

/* RefreshNow = true: everything is sent again to this one. */
static bool
put(WmiCall *call, GError **error)
{
        g_auto(Target) target = { 0 };
        g_autofree char *cause = wmi_cause(call, "redistributed");

        if (!find_by_key(call, &target, error))
                return false;
        if (!json_get_bool(call->body, "RefreshNow", false))
                return uk_fail(error, UK_ERROR_INVALID,
                               "only RefreshNow can be changed, to true: it sends everything "
                               "again");
        g_autofree char *what = details(&target);
        g_autoptr(DbTx) tx = wmi_begin(call, error);

        if (tx == NULL ||
            !pkgserver_redistribute(tx, target.package_id, target.point->nal, target.point->site,
                                    cause, error) ||
            !wmi_end(call, g_steal_pointer(&tx), "modified", &sms_distributionpoint, NULL, what,
                     error))
                return false;
        wmi_answer(call, NULL, NULL);
        return true;
}

static bool
remove_content(WmiCall *call, GError **error)
{
        g_auto(Target) target = { 0 };
        g_autofree char *cause = wmi_cause(call, "removed");

        if (!find_by_key(call, &target, error))
                return false;
        g_autofree char *what = details(&target);
        g_autoptr(DbTx) tx = wmi_begin(call, error);

        if (tx == NULL ||
            !pkgserver_remove(tx, target.package_id, target.point->nal, target.point->site, cause,
                              error) ||
            !wmi_end(call, g_steal_pointer(&tx), "deleted", &sms_distributionpoint, NULL, what,
                     error))
                return false;
        wmi_answer(call, NULL, NULL);
        return true;
}

static bool
verify(WmiCall *call, GError **error)
{
        g_auto(Target) target = { 0 };
        g_autofree char *cause = wmi_cause(call, "validated");

        if (!find_by_body(call, &target, error))
                return false;
        g_autofree char *what = details(&target);
        g_autoptr(DbTx) tx = wmi_begin(call, error);

        if (tx == NULL ||
            !pkgserver_validate(tx, target.package_id, target.point->nal, target.point->site, cause,
                                error) ||
            !wmi_end(call, g_steal_pointer(&tx), "called", &sms_distributionpoint, "VerifyPackage",
                     what, error))
                return false;
        wmi_answer(call, NULL, NULL);
        return true;
}

static bool
cancel(WmiCall *call, GError **error)
{
        g_auto(Target) target = { 0 };
        g_autofree char *cause = wmi_cause(call, "cancelled");

        if (!find_by_body(call, &target, error))
                return false;
        g_autofree char *what = details(&target);
        g_autoptr(DbTx) tx = wmi_begin(call, error);

        if (tx == NULL ||
            !distjob_cancel_for(tx, target.point->id, target.package_id, cause, error) ||
            !wmi_end(call, g_steal_pointer(&tx), "called", &sms_distributionpoint,
                     "CancelDistribution", what, error))
                return false;
        wmi_answer(call, NULL, NULL);
        return true;
}

const WmiClass sms_distributionpoint = {
        .name = "SMS_DistributionPoint",
        .list = &sql_wmiclass_distributionpoint,
        .key = "PackageID,ServerNALPath",
        .key_is_text = true,
        .by = "PackageID",
        .list_by = &sql_wmiclass_distributionpoint_by_package,
        .by_is_text = true,
        .bools = bools,
        .methods = { { "Why", true, why_dp_method },
                     { "VerifyPackage", true, verify, "~" },
                     { "CancelDistribution", true, cancel, "~" } },
        .put = put,
        .remove = remove_content,
};
