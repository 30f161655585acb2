/* fuzz_batch.c - batches of small files: what is told of lies within the body. */
#include <stdint.h>

#include "dp/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
        const uint8_t *data;
        size_t size;
} Body;

static bool
check(gpointer user, const BatchFile *file, GError **error)
{
        const Body *body = user;
        const uint8_t *at = file->data;

        g_assert(file->hash >= body->data && at == file->hash + 40);
        g_assert(file->size <= body->size && at + file->size <= body->data + body->size);
        return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Body body = { data, size };

        if (!batch_read(data, size, check, &body, NULL))
                return 0;
        return 0;
}
