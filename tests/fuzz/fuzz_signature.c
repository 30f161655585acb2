/* fuzz_signature.c - signatures and tars of them: what is read is written the same again, and
 * chunks cover the file without a gap. */
#include <stdint.h>

#include "content/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at(const Signature *signature)
{
        gint64 offset = 0;

        for (guint i = 0; i < signature->chunks->len; i++) {
                const SignatureChunk *c = &g_array_index(signature->chunks, SignatureChunk, i);

                g_assert(c->offset == offset && c->size > 0 && c->size <= SIGNATURE_MAX);
                offset += c->size;
        }
        g_assert(offset == signature->size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(Signature) one = signature_read(data, size, NULL);
        g_autoptr(GHashTable) tar = signature_tar_read(data, size, NULL);
        GHashTableIter iter;
        gpointer value;

        if (one != NULL) {
                g_autoptr(GBytes) again = signature_write(one);

                look_at(one);
                g_assert(g_bytes_get_size(again) == size);
                g_assert(memcmp(g_bytes_get_data(again, NULL), data, size) == 0);
        }
        if (tar != NULL) {
                g_hash_table_iter_init(&iter, tar);
                while (g_hash_table_iter_next(&iter, NULL, &value))
                        look_at(value);
        }
        return 0;
}
