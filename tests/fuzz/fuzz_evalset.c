/* Feeds an evaluation set and a step to it, cut at the first 0xff byte, and evaluates the set. */
#include "deb/evalset.h"
#include "deb/upgrade.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char installed[] = "Package: a\nStatus: install ok installed\nArchitecture: amd64\n"
                                "Version: 1\n\nPackage: b\nStatus: install ok installed\n"
                                "Architecture: all\nVersion: 2~\n";

static void
evaluate(const EvalSet *set)
{
        DebMachine machine = { .status = dpkgstatus_parse(installed, strlen(installed), NULL) };
        g_autoptr(UpgradeResult) result = upgrade_evaluate(&machine, &set, 1, NULL);

        upgrade_free(g_steal_pointer(&result));
        dpkgstatus_free(machine.status);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        const char *cut = size > 0 ? memchr(text, 0xff, size) : NULL;
        gsize first = cut != NULL ? (gsize)(cut - text) : size, result_size;
        g_autoptr(EvalSet) set = evalset_read(text, first, NULL);

        if (set != NULL)
                evaluate(set);
        if (cut != NULL) {
                g_autofree char *from = NULL, *to = NULL;

                g_free(evalset_step_apply(text, first, cut + 1, size - first - 1, &result_size,
                                          NULL));
                (void)!evalset_step_read(cut + 1, size - first - 1, &from, &to, NULL);
        }
        return 0;
}
