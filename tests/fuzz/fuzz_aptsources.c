/* Feeds apt's sources in both forms. */
#include "deb/aptsources.h"

#include "deb/machine.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const machine[] = { "amd64", "i386", NULL };
        g_autoptr(GPtrArray) none = aptsources_read("/nonexistent", "amd64", NULL, NULL);
        g_autoptr(DebMachine) nobody = machine_read("/nonexistent", NULL);
        g_autoptr(GPtrArray) sources =
                g_ptr_array_new_with_free_func((GDestroyNotify)aptsources_source_free);

        aptsources_parse_list("f", (const char *)data, size, "amd64", sources, NULL);
        aptsources_parse_stanzas("f", (const char *)data, size, "amd64", sources, NULL);
        for (guint i = 0; i < sources->len; i++) {
                const AptSource *source = g_ptr_array_index(sources, i);
                g_auto(GStrv) arches = aptsources_arches(source, machine);
                g_autofree char *place = machine_place(source->uri, source->suite);
                g_autofree char *release = machine_release_of(source->suite);
        }
        return 0;
}
