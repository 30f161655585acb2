/* client_with_sets.c - the client for tests, with evaluation sets from a folder in the place of an
 * update point: the transport is tested against an update point elsewhere.
 *
 * Sets are the files *.set of UPKEEP_TEST_SETS; a file FAIL there makes the fetching fail. Called
 * as `clock-step ROOT MICROSECONDS` it moves the clock below that root instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/client.h"
#include "client/wuagent/source.h"
#include "crypto/hash.h"

static SourceSet *
read_set(const char *path)
{
        SourceSet *set = g_new0(SourceSet, 1);
        char *text = NULL;
        gsize size = 0;

        if (!g_file_get_contents(path, &text, &size, NULL))
                exit(2);
        set->product_id = g_strdup("test");
        set->architecture = g_strdup("amd64");
        set->sha256 = hash_sha256_hex(text, size);
        set->text = g_bytes_new_take(text, size);
        return set;
}

GPtrArray *
source_refresh(const SourceAsk *ask, GError **error)
{
        const char *folder = g_getenv("UPKEEP_TEST_SETS");
        g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func((GDestroyNotify)source_set_free);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        g_autofree char *fail = g_build_filename(folder, "FAIL", NULL);
        const char *name;

        if (g_file_test(fail, G_FILE_TEST_EXISTS)) {
                uk_fail(error, UK_ERROR_NETWORK, "%s cannot be reached", ask->server_url);
                return NULL;
        }
        while ((name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                if (g_str_has_suffix(name, ".set"))
                        g_ptr_array_add(sets, read_set(path));
        }
        return g_steal_pointer(&sets);
}

static int
step(const char *root, const char *span)
{
        g_autofree char *path = g_build_filename(root, "run/upkeep/clock", NULL);

        return uk_clock_step(path, g_ascii_strtoll(span, NULL, 10), NULL) ? 0 : 1;
}

int
main(int argc, char **argv)
{
        if (argc == 4 && strcmp(argv[1], "clock-step") == 0)
                return step(argv[2], argv[3]);
        return host_main(&client_role, argc, argv);
}
