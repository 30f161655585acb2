/* lab_link.c - the distribution points of a lab and what lies between them and the site.
 *
 * Comes in: how many there shall be, and how a link shall be. Goes out: lab.conf, which upkeep-lab
 * watches, and what the site must be told of each distribution point.
 */
#include <string.h>

#include "base/io.h"
#include "lab/lab_private.h"
#include "lab/ready.h"

#define GROUP "lab"

void
lab_dp_free(LabDp *dp)
{
        if (dp == NULL)
                return;
        g_free(dp->name);
        g_free(dp->server);
        g_free(dp->url);
        g_free(dp);
}

static void
raise_count(GKeyFile *plan, const char *kind, guint count)
{
        if ((int)count > lab_plan_count(plan, kind))
                g_key_file_set_integer(plan, GROUP, kind, (int)count);
}

static void
put_link(GKeyFile *plan, const char *name, const LabLink *link)
{
        g_key_file_set_int64(plan, name, "rate", link->rate);
        g_key_file_set_int64(plan, name, "delay_us", link->delay_us);
        g_key_file_set_boolean(plan, name, "down", link->down);
}

static void
put_links(GKeyFile *plan, const char *prefix, int count, const LabLink *link)
{
        for (int i = 1; i <= count; i++) {
                g_autofree char *name = g_strdup_printf("%s%02d", prefix, i);

                put_link(plan, name, link);
        }
}

bool
lab_link_plan(const LabOptions *options, GError **error)
{
        g_autoptr(GKeyFile) plan = lab_plan_read(options->root, error);

        if (plan == NULL)
                return false;
        if (options->dps > LAB_MAX_DPS || options->pull_dps > LAB_MAX_DPS)
                return uk_fail(error, UK_ERROR_LIMIT,
                               "a lab has at most %d distribution points of a kind", LAB_MAX_DPS);
        if (options->dps + options->pull_dps == 0 && options->link == NULL)
                return true;
        raise_count(plan, "dps", options->dps);
        raise_count(plan, "pull_dps", options->pull_dps);
        if (options->link != NULL) {
                g_key_file_set_boolean(plan, GROUP, "links", TRUE);
                put_links(plan, "DP", lab_plan_count(plan, "dps"), options->link);
                put_links(plan, "PDP", lab_plan_count(plan, "pull_dps"), options->link);
        }
        return lab_plan_write(options->root, plan, error);
}

bool
lab_link_keep_ports(const char *root, GPtrArray *members, GError **error)
{
        g_autoptr(GKeyFile) plan = lab_plan_read(root, error);

        for (guint i = 0; plan != NULL && i < members->len; i++) {
                const LabMember *member = members->pdata[i];
                guint16 port =
                        *member->name != '\0' ? ready_port(root, LAB_LINKS, member->name, NULL) : 0;

                if (port != 0)
                        g_key_file_set_integer(plan, member->name, "port", port);
        }
        return plan != NULL && lab_plan_write(root, plan, error);
}

/* The port the site reaches it on: that of its link where there are links. */
static guint16
port_of(const char *root, const LabMember *member, bool links, GError **error)
{
        if (links && *member->name != '\0')
                return lab_ready_port(root, LAB_LINKS, member->name, error);
        return lab_ready_port(member->root, member->kind->role, NULL, error);
}

GPtrArray *
lab_dps(const char *root, GError **error)
{
        g_autoptr(GPtrArray) dps = g_ptr_array_new_with_free_func((GDestroyNotify)lab_dp_free);
        g_autoptr(GPtrArray) members = lab_members(root);
        g_autoptr(GKeyFile) plan = lab_plan_read(root, error);

        if (plan == NULL)
                return NULL;
        for (guint i = 0; i < members->len; i++) {
                const LabMember *member = members->pdata[i];

                if (strcmp(member->kind->role, "dp") != 0)
                        continue;
                guint16 port = port_of(root, member, lab_plan_has_links(plan), error);
                LabDp *dp = g_new0(LabDp, 1);

                g_ptr_array_add(dps, dp);
                if (port == 0)
                        return NULL;
                dp->name = g_strdup(member->name);
                dp->colocated = *member->name == '\0';
                dp->pull = *member->name == 'P';
                dp->server = lab_conf_get(member->root, "site.machine");
                dp->url = g_strdup_printf("http://127.0.0.1:%u", port);
        }
        return g_steal_pointer(&dps);
}

/* True when the lab has a distribution point of that name. */
static bool
is_member(const char *root, const char *name)
{
        g_autoptr(GPtrArray) members = lab_members(root);

        for (guint i = 0; i < members->len; i++) {
                if (*name != '\0' &&
                    strcmp(((const LabMember *)members->pdata[i])->name, name) == 0)
                        return true;
        }
        return false;
}

bool
lab_link(const LabOptions *options, const char *name, LabLinkChange change, gpointer user,
         LabLink *link_out, GError **error)
{
        UK_DOING(error, "changing the link of %s", name);
        UK_AUTOFD held = -1;
        LabLink link = { 0 };

        if (!lab_lock(options->root, &held, error))
                return false;
        if (!is_member(options->root, name))
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "the lab has no such distribution point (upkeep lab status)");
        g_autoptr(GKeyFile) plan = lab_plan_read(options->root, error);

        if (plan == NULL)
                return false;
        lab_plan_link(plan, name, &link);
        change(user, &link);
        g_key_file_set_boolean(plan, GROUP, "links", TRUE);
        put_link(plan, name, &link);
        if (link_out != NULL)
                *link_out = link;
        return lab_plan_write(options->root, plan, error) && lab_start_links(options, error);
}
