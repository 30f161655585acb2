/* Feeds the reader of a package's bundle, with the bytes as they are and, so that the archive
 * within is reached, compressed; what it takes must come back the same when written. */
#include <stdint.h>

#include <zstd.h>

#include "content/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(const void *data, size_t size)
{
        g_autoptr(Bundle) bundle = bundle_read(data, size, NULL);
        g_autoptr(GBytes) text = bundle != NULL ? bundle_write(bundle, NULL) : NULL;

        if (bundle == NULL)
                return;
        g_assert_nonnull(text);
        g_autoptr(Bundle) again =
                bundle_read(g_bytes_get_data(text, NULL), g_bytes_get_size(text), NULL);
        g_assert_nonnull(again);
        g_assert_cmpint(again->version, ==, bundle->version);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t room = ZSTD_compressBound(size);
        g_autofree char *packed = g_malloc(room);
        size_t done = ZSTD_compress(packed, room, data, size, 1);

        look(data, size);
        look(packed, done);
        return 0;
}
