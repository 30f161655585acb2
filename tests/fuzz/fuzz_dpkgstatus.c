/* Feeds dpkg's status, and what belongs to it: marks and Source fields. */
#include "deb/dpkgstatus.h"
#include "deb/marks.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(DpkgStatus) nothing = dpkgstatus_read("/nonexistent", NULL);
        g_autoptr(DpkgStatus) status = dpkgstatus_parse((const char *)data, size, NULL);

        for (guint i = 1; status != NULL && i < status->count; i++)
                g_free(marks_differ(status->packages[i].marks, status->packages[i - 1].marks));
        return 0;
}
