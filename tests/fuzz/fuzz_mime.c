/* fuzz_mime.c - multipart bodies, and the boundary in their content type: parts stay inside. */
#include <stdint.h>
#include <string.h>

#include "wire/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the content type, the rest the body. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *end = memchr(data, '\n', size);
        gsize head = end != NULL ? (gsize)(end - data) : size;
        g_autofree char *type = g_strndup((const char *)data, head);
        const uint8_t *body = data + MIN(size, head + 1);
        gsize left = size - MIN(size, head + 1);
        g_autofree uint8_t *copy = g_memdup2(body, left);
        g_autoptr(GPtrArray) parts = mime_read(copy, left, type, NULL);

        for (guint i = 0; parts != NULL && i < parts->len; i++) {
                const MimePart *part = parts->pdata[i];
                const uint8_t *at = part->data;

                g_assert(at >= copy && at + part->size <= copy + left);
        }
        return 0;
}
