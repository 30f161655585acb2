/* signature.c - cuts a file's bytes into chunks by their content, and the file form of that.
 *
 * Bytes come in as they are read; chunks with their hashes go out, and their file form
 * (little-endian): "UKSIG1\r\n", minimum, average and maximum of a chunk (4 bytes each), how many
 * chunks (4), the file's size (8), its hash (32), and for each chunk its size (4) and hash (32).
 * Reads and writes no file.
 */
#include "content/signature.h"

#include <string.h>

#include "crypto/hash_pair.h"

#define GEAR_SEED    0x55504b4545504731ULL
#define STRICT_LIMIT (1ULL << (64 - 18)) /* before the average: the upper 18 bits are zero */
#define LOOSE_LIMIT  (1ULL << (64 - 14)) /* behind it */

#define MAGIC      "UKSIG1\r\n"
#define HEAD_SIZE  64
#define CHUNK_SIZE (4 + HASH_SHA256_SIZE)

struct SignatureCutter {
        guint64 gear[256], gear_twice[256]; /* the second is 2 * gear */
        guint64 sum;
        guint32 at; /* bytes of the chunk so far */
};

struct SignatureMaker {
        SignatureCutter *cutter;
        bool hashes_file;
        HashPair *pair; /* of the file, if it is hashed, and of the chunk */
        guint32 size;   /* of the chunk so far */
        gint64 offset;  /* of the chunk in the file */
        GArray *chunks;
};

static guint64
splitmix64(guint64 *state)
{
        guint64 z = (*state += 0x9e3779b97f4a7c15ULL);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
}

void
signature_free(Signature *signature)
{
        if (signature == NULL)
                return;
        g_array_unref(signature->chunks);
        g_free(signature);
}

SignatureCutter *
signature_cutter_new(void)
{
        SignatureCutter *cutter = g_new0(SignatureCutter, 1);
        guint64 state = GEAR_SEED;

        for (int i = 0; i < 256; i++) {
                cutter->gear[i] = splitmix64(&state);
                cutter->gear_twice[i] = cutter->gear[i] << 1;
        }
        return cutter;
}

void
signature_cutter_free(SignatureCutter *cutter)
{
        g_free(cutter);
}

void
signature_cutter_reset(SignatureCutter *cutter)
{
        cutter->sum = 0;
        cutter->at = 0;
}

static SignatureMaker *
maker_new(bool hashes_file)
{
        SignatureMaker *maker = g_new0(SignatureMaker, 1);

        maker->cutter = signature_cutter_new();
        maker->hashes_file = hashes_file;
        maker->pair = hash_pair_new();
        maker->chunks = g_array_new(FALSE, FALSE, sizeof(SignatureChunk));
        return maker;
}

SignatureMaker *
signature_maker_new(void)
{
        return maker_new(false);
}

SignatureMaker *
signature_maker_new_hashing(void)
{
        return maker_new(true);
}

void
signature_maker_free(SignatureMaker *maker)
{
        if (maker == NULL)
                return;
        signature_cutter_free(maker->cutter);
        hash_pair_free(maker->pair);
        g_array_unref(maker->chunks);
        g_free(maker);
}

/* Runs the sum over data up to `end`, from `*at`; true when the chunk ends behind *at. Two bytes at
 * once: each sum waits for the one before, and so for half as many. */
static bool
roll(SignatureCutter *cutter, const guint8 *data, gsize end, gsize *at, guint64 limit)
{
        const guint64 *gear = cutter->gear, *gear_twice = cutter->gear_twice;
        guint64 sum = cutter->sum;
        gsize i = *at;

        for (; i + 2 <= end; i += 2) {
                guint64 between = (sum << 1) + gear[data[i]];

                sum = (sum << 2) + (gear_twice[data[i]] + gear[data[i + 1]]);
                if (between < limit || sum < limit) {
                        *at = i + (between < limit ? 1 : 2);
                        return true;
                }
        }
        if (i < end)
                sum = (sum << 1) + gear[data[i]];
        cutter->sum = sum;
        *at = end;
        return i < end && sum < limit;
}

gsize
signature_cut(SignatureCutter *cutter, const void *data, gsize size, bool *ended_out)
{
        gsize limit = MIN(size, (gsize)(SIGNATURE_MAX - cutter->at));
        gsize strict = cutter->at < SIGNATURE_AVG ? MIN(limit, SIGNATURE_AVG - cutter->at) : 0;
        /* Where a chunk may end first; the sum begins with that byte. */
        gsize at = cutter->at < SIGNATURE_MIN - 1 ? MIN(limit, SIGNATURE_MIN - 1 - cutter->at) : 0;

        *ended_out = roll(cutter, data, strict, &at, STRICT_LIMIT) ||
                     roll(cutter, data, limit, &at, LOOSE_LIMIT) ||
                     cutter->at + at == SIGNATURE_MAX;
        cutter->at += (guint32)at;
        if (*ended_out)
                signature_cutter_reset(cutter);
        return at;
}

static void
close_chunk(SignatureMaker *maker, const guint8 *hash)
{
        SignatureChunk chunk = { .offset = maker->offset, .size = maker->size };

        memcpy(chunk.hash, hash, sizeof chunk.hash);
        g_array_append_val(maker->chunks, chunk);
        maker->offset += maker->size;
        maker->size = 0;
}

static void
end_chunk(SignatureMaker *maker)
{
        guint8 hash[HASH_SHA256_SIZE];

        hash_pair_end(maker->pair, 1, hash);
        close_chunk(maker, hash);
}

void
signature_maker_add_cut(SignatureMaker *maker, const void *data, gsize size, bool ended)
{
        hash_pair_add(maker->pair, data, maker->hashes_file ? size : 0, data, size);
        maker->size += (guint32)size;
        if (ended)
                end_chunk(maker);
}

void
signature_maker_add(SignatureMaker *maker, const void *data, gsize size)
{
        const guint8 *bytes = data;

        while (size > 0) {
                bool ended;
                gsize n = signature_cut(maker->cutter, bytes, size, &ended);

                signature_maker_add_cut(maker, bytes, n, ended);
                bytes += n;
                size -= n;
        }
}

static Signature *
end_file(SignatureMaker *maker, const guint8 *file_hash)
{
        Signature *signature = g_new0(Signature, 1);

        memcpy(signature->hash, file_hash, sizeof signature->hash);
        signature->size = maker->offset;
        signature->chunks = g_steal_pointer(&maker->chunks);
        maker->chunks = g_array_new(FALSE, FALSE, sizeof(SignatureChunk));
        maker->offset = 0;
        signature_cutter_reset(maker->cutter);
        return signature;
}

Signature *
signature_maker_end(SignatureMaker *maker, const guint8 *file_hash)
{
        guint8 hash[HASH_SHA256_SIZE];

        if (maker->size > 0)
                end_chunk(maker);
        if (maker->hashes_file)
                hash_pair_end(maker->pair, 0, hash);
        return end_file(maker, maker->hashes_file ? hash : file_hash);
}

Signature *
signature_make(SignatureMaker *maker, const void *data, gsize size, const guint8 *file_hash)
{
        guint8 hash[HASH_SHA256_SIZE];
        bool ended;
        gsize first = signature_cut(maker->cutter, data, size, &ended);

        g_assert(maker->hashes_file && maker->offset == 0 && maker->size == 0);
        if (first < size) {
                signature_maker_add_cut(maker, data, first, ended);
                signature_maker_add(maker, (const guint8 *)data + first, size - first);
                return signature_maker_end(maker, NULL);
        }
        /* The only chunk is the file. */
        if (file_hash == NULL)
                hash_sha256(data, size, hash);
        maker->size = (guint32)size;
        if (size > 0)
                close_chunk(maker, file_hash != NULL ? file_hash : hash);
        return end_file(maker, file_hash != NULL ? file_hash : hash);
}

static void
put_32(GByteArray *out, guint32 value)
{
        guint32 little = GUINT32_TO_LE(value);

        g_byte_array_append(out, (const guint8 *)&little, sizeof little);
}

static guint32
get_32(const guint8 *data)
{
        guint32 little;

        memcpy(&little, data, sizeof little);
        return GUINT32_FROM_LE(little);
}

GBytes *
signature_write(const Signature *signature)
{
        guint count = signature->chunks->len;
        GByteArray *out = g_byte_array_sized_new(HEAD_SIZE + count * CHUNK_SIZE);

        g_byte_array_append(out, (const guint8 *)MAGIC, strlen(MAGIC));
        put_32(out, SIGNATURE_MIN);
        put_32(out, SIGNATURE_AVG);
        put_32(out, SIGNATURE_MAX);
        put_32(out, count);
        put_32(out, (guint32)((guint64)signature->size & 0xffffffff));
        put_32(out, (guint32)((guint64)signature->size >> 32));
        g_byte_array_append(out, signature->hash, sizeof signature->hash);
        for (guint i = 0; i < count; i++) {
                const SignatureChunk *chunk = &g_array_index(signature->chunks, SignatureChunk, i);

                put_32(out, chunk->size);
                g_byte_array_append(out, chunk->hash, sizeof chunk->hash);
        }
        return g_byte_array_free_to_bytes(out);
}

/* Reads one chunk behind the others; its size must be one that the cutting can give. */
static bool
read_chunk(Signature *signature, const guint8 *data, bool last, gint64 *offset, GError **error)
{
        SignatureChunk chunk = { .offset = *offset, .size = get_32(data) };

        if (chunk.size > SIGNATURE_MAX || chunk.size < (last ? 1 : SIGNATURE_MIN))
                return uk_fail(error, UK_ERROR_PARSE, "a chunk of %u bytes", chunk.size);
        memcpy(chunk.hash, data + 4, sizeof chunk.hash);
        g_array_append_val(signature->chunks, chunk);
        *offset += chunk.size;
        return true;
}

Signature *
signature_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a signature of %" G_GSIZE_FORMAT " bytes", size);
        const guint8 *bytes = data;
        gint64 offset = 0;

        if (size < HEAD_SIZE || memcmp(bytes, MAGIC, strlen(MAGIC)) != 0) {
                uk_fail(error, UK_ERROR_PARSE, "it does not begin as a signature does");
                return NULL;
        }
        if (get_32(bytes + 8) != SIGNATURE_MIN || get_32(bytes + 12) != SIGNATURE_AVG ||
            get_32(bytes + 16) != SIGNATURE_MAX) {
                uk_fail(error, UK_ERROR_UNSUPPORTED, "its chunks are cut by other numbers");
                return NULL;
        }
        guint32 count = get_32(bytes + 20);
        if (count > SIGNATURE_MAX_CHUNKS) {
                uk_fail(error, UK_ERROR_LIMIT, "%u chunks, at most %d", count,
                        SIGNATURE_MAX_CHUNKS);
                return NULL;
        }
        if (size != HEAD_SIZE + (gsize)count * CHUNK_SIZE) {
                uk_fail(error, UK_ERROR_PARSE, "its length does not fit %u chunks", count);
                return NULL;
        }
        g_autoptr(Signature) signature = g_new0(Signature, 1);
        signature->chunks = g_array_sized_new(FALSE, FALSE, sizeof(SignatureChunk), count);
        signature->size = (gint64)(get_32(bytes + 24) | (guint64)get_32(bytes + 28) << 32);
        memcpy(signature->hash, bytes + 32, sizeof signature->hash);
        for (guint32 i = 0; i < count; i++) {
                if (!read_chunk(signature, bytes + HEAD_SIZE + (gsize)i * CHUNK_SIZE,
                                i + 1 == count, &offset, error))
                        return NULL;
        }
        if (offset != signature->size) {
                uk_fail(error, UK_ERROR_PARSE, "its chunks are not as long as the file");
                return NULL;
        }
        return g_steal_pointer(&signature);
}
