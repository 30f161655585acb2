/* Feeds the reader of a pull distribution point's notification; what was read is written and read
 * again, and every name in it is fit for a path. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/pullnotice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(PullNotice) notice = pullnotice_read(data, size, NULL);

        if (notice == NULL)
                return 0;
        g_autofree char *text = pullnotice_write(notice);
        g_autoptr(PullNotice) again = pullnotice_read(text, strlen(text), NULL);

        if (again == NULL || again->contents->len != notice->contents->len)
                abort();
        for (guint i = 0; i < notice->contents->len; i++) {
                const PullNoticeContent *content = g_ptr_array_index(notice->contents, i);

                if (strchr(content->content_id, '/') != NULL || content->content_id[0] == '.')
                        abort();
                for (guint j = 0; j < content->sources->len; j++) {
                        g_autofree char *base =
                                pullnotice_source_base(g_ptr_array_index(content->sources, j));

                        if (base == NULL || strchr(base, '@') != NULL)
                                abort();
                }
        }
        return 0;
}
