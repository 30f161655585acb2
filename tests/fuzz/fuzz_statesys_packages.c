/* Packages of a missing update: what is read is written again and read the same. */
#include "site/statesys/statesys_packages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
write_again(const GArray *packages)
{
        GString *out = g_string_new(NULL);

        for (guint i = 0; i < packages->len; i++) {
                const CompliancePackage *p = &g_array_index(packages, CompliancePackage, i);

                g_string_append_printf(out, "%s %s %s %s%s\n", p->name, p->architecture,
                                       p->installed, p->available, p->held ? " held" : "");
        }
        return g_string_free(out, FALSE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *details = g_strndup((const char *)data, size);
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GArray) packages = g_array_new(FALSE, FALSE, sizeof(CompliancePackage));

        if (!statesys_packages_read(details, text, packages))
                return 0;
        g_autofree char *first = write_again(packages);
        if (!statesys_packages_read(first, text, packages))
                abort();
        g_autofree char *second = write_again(packages);
        if (strcmp(first, second) != 0)
                abort();
        return 0;
}
