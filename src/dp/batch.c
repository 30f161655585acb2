/* batch.c - takes the body of many small files apart. */
#include "dp/batch.h"

#include <string.h>

#define HEAD (HASH_SHA256_SIZE + 8)

bool
batch_read(const void *data, gsize size, BatchFileFn fn, gpointer user, GError **error)
{
        const guint8 *at = data;
        guint number = 0;

        if (size > BATCH_MAX_BYTES)
                return uk_fail(error, UK_ERROR_LIMIT,
                               "the batch has %zu bytes, at most %d are allowed", size,
                               BATCH_MAX_BYTES);
        for (gsize left = size; left > 0; number++) {
                guint64 length;

                if (left < HEAD)
                        return uk_fail(error, UK_ERROR_PARSE,
                                       "file %u of the batch is cut off in its head", number);
                memcpy(&length, at + HASH_SHA256_SIZE, sizeof length);
                length = GUINT64_FROM_LE(length);
                if (length > left - HEAD)
                        return uk_fail(error, UK_ERROR_PARSE,
                                       "file %u of the batch is cut off: it should have "
                                       "%" G_GUINT64_FORMAT " bytes",
                                       number, length);
                if (!fn(user, &(BatchFile){ at, at + HEAD, (gsize)length }, error))
                        return false;
                at += HEAD + length;
                left -= HEAD + (gsize)length;
        }
        return true;
}
