/* sms_distributionpointgroup.c - SMS_DistributionPointGroup: what belongs to a group goes to every
 * member, whoever joins.
 */
#include "provider/sms_distributionpointgroup.h"

#include "host/host.h"
#include "provider/wmi_content.h"
#include "sitedb/dpgroup.h"
#include "sitedb/pkgserver.h"
#include "sitedb/wmiclass.sql.h"

static const char *const bools[] = { "ContentInSync", "HasMember", "HasRelationship", NULL };

/* Does one thing with one name, within a transaction. */
typedef bool (*OneFn)(WmiCall *call, DbTx *tx, const DpGroup *group, const char *name,
                      const char *cause, GError **error);

static bool
create(WmiCall *call, GError **error)
{
        g_autofree char *cause = wmi_cause(call, "created"), *id = NULL;
        const char *name = wmi_text(call, "Name", "");
        g_autoptr(DbTx) tx = wmi_begin(call, error);

        if (tx == NULL ||
            !dpgroup_create(tx, name, wmi_text(call, "Description", ""),
                            host_site_code(call->c->host), call->user, cause, &id, error) ||
            !wmi_end(call, g_steal_pointer(&tx), "created", &sms_distributionpointgroup, NULL, name,
                     error))
                return false;
        wmi_answer(call, "GroupID", id);
        return true;
}

static bool
put(WmiCall *call, GError **error)
{
        g_autoptr(DpGroup) group = dpgroup_find(call->c->db, call->key, error);
        g_autofree char *cause = wmi_cause(call, "changed");
        g_autoptr(DbTx) tx = group != NULL ? wmi_begin(call, error) : NULL;

        return tx != NULL &&
               dpgroup_change(tx, group->id, wmi_text(call, "Name", group->name),
                              wmi_text(call, "Description", group->description), call->user, cause,
                              error) &&
               wmi_end(call, g_steal_pointer(&tx), "modified", &sms_distributionpointgroup, NULL,
                       group->name, error);
}

static bool
remove_group(WmiCall *call, GError **error)
{
        g_autoptr(DpGroup) group = dpgroup_find(call->c->db, call->key, error);
        g_autoptr(DbTx) tx = group != NULL ? wmi_begin(call, error) : NULL;

        return tx != NULL && dpgroup_delete(tx, group->id, error) &&
               wmi_end(call, g_steal_pointer(&tx), "deleted", &sms_distributionpointgroup, NULL,
                       group->name, error);
}

/* ---- members and packages -------------------------------------------------------------------- */

static bool
join(WmiCall *call, DbTx *tx, const DpGroup *group, const char *name, const char *cause,
     GError **error)
{
        g_autoptr(DistPoint) point = wmi_distpoint(db_tx_db(tx), name, error);

        return point != NULL &&
               dpgroup_add_member(tx, group->id, point->nal, point->site, cause, error);
}

static bool
leave(WmiCall *call, DbTx *tx, const DpGroup *group, const char *name, const char *cause,
      GError **error)
{
        g_autoptr(DistPoint) point = wmi_distpoint(db_tx_db(tx), name, error);

        return point != NULL && dpgroup_remove_member(tx, group->id, point->nal, error);
}

static bool
take_in(WmiCall *call, DbTx *tx, const DpGroup *group, const char *name, const char *cause,
        GError **error)
{
        return dpgroup_add_package(tx, group->id, name, host_site_code(call->c->host), cause,
                                   error);
}

static bool
take_out(WmiCall *call, DbTx *tx, const DpGroup *group, const char *name, const char *cause,
         GError **error)
{
        return dpgroup_remove_package(tx, group->id, name, host_site_code(call->c->host), cause,
                                      error);
}

/* Everything of a package is sent again to every member that has it. One whose content was removed
 * by hand has nothing to be sent again. */
static bool
send_again(WmiCall *call, DbTx *tx, const DpGroup *group, const char *package_id, const char *cause,
           GError **error)
{
        g_autoptr(GPtrArray) members = dpgroup_members(db_tx_db(tx), group->id, error);
        const char *site = host_site_code(call->c->host);
        guint asked = 0;

        for (guint i = 0; members != NULL && i < members->len; i++) {
                g_autoptr(GError) why = NULL;

                if (pkgserver_redistribute(tx, package_id, members->pdata[i], site, cause, &why)) {
                        asked++;
                } else if (!g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
        if (members != NULL && asked == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "no distribution point of group %s has package %s", group->name,
                               package_id);
        return members != NULL;
}

/* The packages that come with the group belong to the audit: by it the story of a package is found.
 */
static bool
add_content(DbTx *tx, const DpGroup *group, GString *details, GError **error)
{
        g_autoptr(GPtrArray) packages = dpgroup_packages(db_tx_db(tx), group->id, error);

        for (guint i = 0; packages != NULL && i < packages->len; i++)
                g_string_append_printf(details, "%s%s", i == 0 ? ": " : " ",
                                       (char *)packages->pdata[i]);
        return packages != NULL;
}

/* A method of an instance that does something with each name of a list. */
static bool
each(WmiCall *call, const char *member, const char *what, const char *method, const char *doing,
     OneFn one, GError **error)
{
        g_autoptr(DpGroup) group = dpgroup_find(call->c->db, call->key, error);
        g_autoptr(GPtrArray) names = group != NULL ? wmi_texts(call, member, what, error) : NULL;
        g_autofree char *group_doing =
                group != NULL ? g_strdup_printf("%s group %s", doing, group->name) : NULL;
        g_autofree char *cause = group != NULL ? wmi_cause(call, group_doing) : NULL;
        g_autoptr(GString) all = g_string_new(NULL);
        g_autoptr(DbTx) tx = names != NULL ? wmi_begin(call, error) : NULL;

        for (guint i = 0; tx != NULL && i < names->len; i++) {
                if (!one(call, tx, group, names->pdata[i], cause, error))
                        return false;
                g_string_append_printf(all, "%s%s", i > 0 ? " " : "", (char *)names->pdata[i]);
        }
        if (tx != NULL && one == join && !add_content(tx, group, all, error))
                return false;
        if (tx == NULL || !wmi_end(call, g_steal_pointer(&tx), "called",
                                   &sms_distributionpointgroup, method, all->str, error))
                return false;
        wmi_answer(call, NULL, NULL);
        return true;
}

static bool
add_points(WmiCall *call, GError **error)
{
        return each(call, "DistributionPoint", "distribution points", "AddDistributionPoints",
                    "joined", join, error);
}

static bool
remove_points(WmiCall *call, GError **error)
{
        return each(call, "DistributionPoint", "distribution points", "RemoveDistributionPoints",
                    "left", leave, error);
}

static bool
add_packages(WmiCall *call, GError **error)
{
        return each(call, "PackageID", "package IDs", "AddPackages", "distributed to", take_in,
                    error);
}

static bool
remove_packages(WmiCall *call, GError **error)
{
        return each(call, "PackageID", "package IDs", "RemovePackages", "removed from", take_out,
                    error);
}

static bool
redistribute_package(WmiCall *call, GError **error)
{
        return each(call, "PackageID", "package IDs", "RedistributePackage", "redistributed to",
                    send_again, error);
}

const WmiClass sms_distributionpointgroup = {
        .name = "SMS_DistributionPointGroup",
        .list = &sql_wmiclass_distributionpointgroup,
        .key = "GroupID",
        .key_is_text = true,
        .one = &sql_wmiclass_distributionpointgroup_by_id,
        .bools = bools,
        .methods = { { "AddDistributionPoints", false, add_points, "~" },
                     { "RemoveDistributionPoints", false, remove_points, "~" },
                     { "AddPackages", false, add_packages, "~" },
                     { "RemovePackages", false, remove_packages, "~" },
                     { "RedistributePackage", false, redistribute_package, "~" } },
        .create = create,
        .put = put,
        .remove = remove_group,
};
