/* Tests of src/deb/machine.c. */
#include "deb/machine.h"

#include "root.h"

static char *
make_root(const char *os_release)
{
        char *root = root_new();

        root_put(root, "var/lib/dpkg/status",
                 "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n");
        root_put(root, "etc/os-release", os_release);
        root_put(root, "etc/apt/sources.list",
                 "deb [arch=amd64] https://user:pw@download.docker.com/linux/debian bookworm "
                 "stable\n"
                 "deb http://archive.example.org/debian bookworm-backports main\n"
                 "deb file:///srv/my_repo ./\n");
        root_put(root,
                 "var/lib/apt/lists/"
                 "archive.example.org_debian_dists_bookworm-backports_InRelease",
                 "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian Backports\n"
                 "Suite: oldstable-backports\nCodename: bookworm-backports\nSHA256:\n x\n");
        root_put(root, "var/lib/apt/lists/_srv_my%5frepo_._Release", "Suite: own\nOrigin: Mine\n");
        return root;
}

static bool
holds(const DebMachine *machine, const char *rule)
{
        g_autoptr(GError) error = NULL;
        bool matches = false;

        g_assert_true(machine_matches(machine, rule, &matches, &error));
        g_assert_no_error(error);
        return matches;
}

static void
rules(void)
{
        char *root = make_root("NAME=x\nID=debian\nID_LIKE=\"ubuntu\"\n"
                               "VERSION_CODENAME=\"bookworm\"\nVERSION_ID='12'\n");
        g_autoptr(GError) error = NULL;
        g_autoptr(DebMachine) machine = machine_read(root, &error);
        bool matches;

        g_assert_no_error(error);
        g_assert_true(holds(machine, "os\tdebian\tbookworm\t12\n"));
        g_assert_false(holds(machine, "os\tdebian\ttrixie\t12\n"));
        g_assert_false(holds(machine, "os\tubuntu\tbookworm\t12\n"));
        g_assert_true(holds(machine, "source\tDebian Backports\tbookworm\n"));
        g_assert_true(holds(machine, "source\tMine\town\n"));
        g_assert_false(holds(machine, "source\tDocker\tbookworm\n"));
        g_assert_true(holds(machine, "source\tDocker\tbookworm\n"
                                     "place\tdownload.docker.com/linux/debian\tbookworm\n"));
        g_assert_false(holds(machine, "place\tdownload.docker.com/linux/ubuntu\tbookworm\n"));
        g_assert_false(holds(machine, ""));
        g_assert_false(machine_matches(machine, "os\tdebian\n", &matches, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        root_free(root);
}

static void
version_where_no_codename(void)
{
        char *root = make_root("ID=ubuntu\nVERSION_ID=\"22.04\"\n");
        g_autoptr(GError) error = NULL;
        g_autoptr(DebMachine) machine = machine_read(root, &error);

        g_assert_true(holds(machine, "os\tubuntu\tjammy\t22.04"));
        g_assert_false(holds(machine, "os\tubuntu\tjammy\t"));
        g_assert_false(holds(machine, "os\tubuntu\tjammy\t24.04"));
        root_free(root);
}

static void
releases(void)
{
        static const char *const rows[][2] = {
                { "bookworm", "bookworm" },
                { "bookworm-security", "bookworm" },
                { "buster/updates", "buster" },
                { "jammy-backports", "jammy" },
                { "bookworm-backports-sloppy", "bookworm" },
                { "trixie-proposed-updates", "trixie" },
                { "-updates", "-updates" },
        };

        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *got = machine_release_of(rows[i][0]);

                g_assert_cmpstr(got, ==, rows[i][1]);
        }
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/deb/machine/rules-DEB-030", rules);
        g_test_add_func("/deb/machine/version-where-no-codename-DEB-030",
                        version_where_no_codename);
        g_test_add_func("/deb/machine/releases-DEB-020", releases);
        return g_test_run();
}
