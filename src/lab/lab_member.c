/* lab_member.c - the programs that a lab is made of, and the machines its distribution points are.
 *
 * Comes in: the lab's plan. Goes out: its members in the order of starting; for a distribution
 * point the root of a machine: settings, the site's certificate, the lab's clock.
 */
#include <string.h>

#include "base/io.h"
#include "lab/lab_private.h"

static const LabKind kinds[] = {
        { "sup", "sup.port", "sup.url" },
        { "site", NULL, NULL },
        { "mp", "mp.port", "client.mp", "mp.url" },
        { "provider", "provider.port", NULL },
};
static const LabKind kind_dp = { "dp", "dp.port", NULL };
static const LabKind kind_links = { "lab", NULL, NULL };
static const LabKind kind_client = { "client", NULL, NULL };

static const char *const folders[] = { "/etc/upkeep", "/var/lib/upkeep", LAB_LOGS, LAB_MEMORY };

static void
member_free(gpointer user)
{
        LabMember *member = user;

        g_free(member->name);
        g_free(member->root);
        g_free(member);
}

static void
add(GPtrArray *members, const LabKind *kind, const char *root, const char *name)
{
        LabMember *member = g_new0(LabMember, 1);

        member->kind = kind;
        member->name = g_strdup(name);
        member->root = *name != '\0' ? g_strconcat(root, "/dp/", name, NULL) : g_strdup(root);
        g_ptr_array_add(members, member);
}

static void
add_points(GPtrArray *members, const char *root, const char *prefix, int count)
{
        for (int i = 1; i <= count; i++) {
                g_autofree char *name = g_strdup_printf("%s%02d", prefix, i);

                add(members, &kind_dp, root, name);
        }
}

/* The links come after what they lead to, the client last. */
GPtrArray *
lab_members(const char *root)
{
        GPtrArray *members = g_ptr_array_new_with_free_func(member_free);
        g_autoptr(GKeyFile) plan = lab_plan_read(root, NULL);
        int dps = plan != NULL ? lab_plan_count(plan, "dps") : 0;
        int pull_dps = plan != NULL ? lab_plan_count(plan, "pull_dps") : 0;

        for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
                add(members, &kinds[i], root, "");
        if (dps + pull_dps > 0)
                add(members, &kind_dp, root, "");
        add_points(members, root, "DP", dps);
        add_points(members, root, "PDP", pull_dps);
        if (dps + pull_dps > 0 && lab_plan_has_links(plan))
                add(members, &kind_links, root, "");
        add(members, &kind_client, root, "");
        return members;
}

const char *
lab_member_word(const LabMember *member)
{
        return *member->name != '\0' ? member->name : member->kind->role;
}

bool
lab_folders(const char *root, GError **error)
{
        for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *path = g_strconcat(root, folders[i], NULL);

                if (!uk_io_mkdirs(path, 0750, error))
                        return false;
        }
        return true;
}

/* One clock for all: the file is the lab's, by another name. */
static bool
share_clock(const char *root, const char *to, GError **error)
{
        g_autofree char *here = g_strconcat(to, LAB_CLOCK, NULL);
        g_autofree char *there = g_strconcat(root, LAB_CLOCK, NULL);

        return g_file_test(here, G_FILE_TEST_EXISTS) || uk_io_link(there, here, error);
}

/* A distribution point takes orders from the site that this certificate is of. */
static bool
bring_certificate(const char *root, const char *to, GError **error)
{
        g_autofree char *from = g_strconcat(root, "/etc/upkeep/site.crt", NULL);
        g_autofree char *path = g_strconcat(to, "/etc/upkeep/site.crt", NULL);
        g_autofree char *pem = NULL;
        gsize size;

        /* Without one the distribution point says itself what it lacks. */
        if (!g_file_test(from, G_FILE_TEST_EXISTS))
                return true;
        return uk_io_read(from, LAB_MAX, &pem, &size, error) &&
               uk_io_replace(path, pem, size, 0640, error);
}

bool
lab_member_prepare(const char *root, const LabMember *member, GError **error)
{
        bool point = strcmp(member->kind->role, kind_dp.role) == 0;

        if (*member->name == '\0')
                return !point || lab_conf_set(root, "dp.colocated", "true", error);
        g_autofree char *code = lab_conf_get(root, "site.code");
        g_autofree char *machine =
                g_strdup_printf("%s.%s", member->name, code != NULL ? code : "LAB");

        return lab_folders(member->root, error) &&
               lab_conf_set(member->root, "site.code", code != NULL ? code : "LAB", error) &&
               lab_conf_set(member->root, "site.machine", machine, error) &&
               lab_conf_set(member->root, "host.key_bits", LAB_KEY_BITS, error) &&
               share_clock(root, member->root, error) &&
               bring_certificate(root, member->root, error);
}
