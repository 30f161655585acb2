/* Feeds the signed part of an InRelease to suites of both layouts, which plan by it. */
#include "sup/upstream/suite.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GPtrArray *
make_suites(GPtrArray *problems)
{
        static const char line[] = "deb http://example.org/debian bookworm main contrib\n"
                                   "deb http://example.org/flat ./\n";
        static const char *const arches[] = { "amd64", "i386", NULL };
        g_autoptr(GPtrArray) sources =
                g_ptr_array_new_with_free_func((GDestroyNotify)aptsources_source_free);

        aptsources_parse_list("f", line, sizeof line - 1, "amd64", sources, problems);
        return suite_list(sources, arches, problems);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) none = g_ptr_array_new();
        g_autoptr(GPtrArray) suites = make_suites(problems);
        g_autoptr(AptConf) conf = aptconf_new(NULL);
        g_autoptr(Release) release = release_read((const char *)data, size, NULL);

        for (guint i = 0; i < suites->len; i++) {
                Suite *suite = g_ptr_array_index(suites, i);

                if (suite_read_release(suite, (const char *)data, size, conf, G_MAXINT64 / 2,
                                       problems, NULL))
                        (void)!suite_plan(suite, none, problems, NULL);
        }
        return 0;
}
