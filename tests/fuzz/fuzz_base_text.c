/* Feeds the readers of short texts in src/base: times, GUIDs and NALPaths. What is accepted must
 * be what is written from the result.
 */
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/nalpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autofree char *fqdn = NULL;
        g_autofree char *site = NULL;
        gint64 us;

        if (uk_clock_parse(text, &us, NULL)) {
                g_autofree char *iso = uk_clock_iso(us);
                gint64 again;

                g_assert_true(uk_clock_parse(iso, &again, NULL));
                g_assert_cmpint(us - again, >=, 0);
                g_assert_cmpint(us - again, <, 1000);
        }
        if (uk_guid_valid(text))
                g_assert_cmpuint(strlen(text), ==, UK_GUID_TEXT);
        if (nalpath_parse(text, &fqdn, &site, NULL)) {
                g_autofree char *nal = nalpath_make(fqdn, site);
                g_assert_cmpint(g_ascii_strcasecmp(nal, text), ==, 0);
        }
        return 0;
}
