/* Fuzzes what upstream reads beside the indices: Release files, gpgv's verdicts, armoured keys. */
#include <stdint.h>

#include "deb/aptconf.h"
#include "sup/upstream/release.h"
#include "sup/upstream/suite.h"
#include "sup/upstream/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A suite "bookworm" that judges the text. */
static void
judge(const char *text, size_t size)
{
        g_autoptr(AptConf) conf = aptconf_new(NULL);
        g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
        Suite *suite = g_new0(Suite, 1);

        suite->uri = g_strdup("http://archive.example.org/debian/");
        suite->name = g_strdup("bookworm");
        suite->check_valid_until = -1;
        suite->wants = g_ptr_array_new();
        suite->indexes = g_ptr_array_new();
        if (suite_read_release(suite, text, size, conf, G_GINT64_CONSTANT(1800000000000000),
                               problems, NULL))
                g_ptr_array_add(problems, g_strdup(suite->codename));
        suite_free(suite);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        static const char *const allowed[] = { "0123456789ABCDEF0123456789ABCDEF01234567", NULL };
        g_autoptr(Release) release = release_read(text, size, NULL);
        g_autoptr(GBytes) key = trust_armour_read(text, size, NULL);

        judge(text, size);
        if (trust_status_read(text, size, allowed, NULL) ||
            (release != NULL && release_file(release, "main/binary-amd64/Packages.xz") != NULL))
                return 0;
        return 0;
}
