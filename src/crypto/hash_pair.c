/* hash_pair.c - two SHA-256 in step, by the SHA instructions, or by GnuTLS one after the other.
 *
 * The algorithm is FIPS 180-4, sections 5.1.1 (padding), 5.3.3 (initial value), 6.2.2 (the blocks);
 * names of variables are the standard's. Of the instructions, sha256rnds2 does two rounds on a
 * state held as (A B E F) and (C D G H), and sha256msg1 and sha256msg2 the next four words of the
 * message schedule. Reads and writes nothing but memory.
 */
#include "crypto/hash_pair.h"

#include <string.h>

#if defined(__x86_64__)
#define HAS_SHA 1
#include <cpuid.h>
#include <immintrin.h>
#else
#define HAS_SHA 0
#endif

#define BLOCK 64
#define LANES 2

#define OVERRIDE_SHA 0x20 /* of GNUTLS_CPUID_OVERRIDE */

/* One running hash. The state lies as the instructions want it: F E B A, H G D C. */
typedef struct {
        guint32 state[8];
        guint64 size;        /* of all that was added */
        guint8 block[BLOCK]; /* the last size % BLOCK bytes of it */
} Lane;

struct HashPair {
        bool fast;
        Lane lanes[LANES];          /* if fast, */
        HashStream *streams[LANES]; /* else */
};

#if HAS_SHA

#define TARGET __attribute__((target("sha,sse4.1")))

static const guint32 K[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2
};

static bool
processor_has_sha(void)
{
        unsigned a, b, c, d;

        return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0 &&
               __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

/* `blocks` blocks of each of the first `count` lanes; data is moved behind them. `count` is a
 * constant where this is put in, and everything is unrolled: the lanes' instructions alternate. */
TARGET static inline __attribute__((always_inline)) void
compress(int count, Lane *const *lanes, const guint8 **data, gsize blocks)
{
        const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
        __m128i abef[LANES], cdgh[LANES], w[LANES][4];

        for (int l = 0; l < count; l++) {
                abef[l] = _mm_loadu_si128((const __m128i_u *)lanes[l]->state);
                cdgh[l] = _mm_loadu_si128((const __m128i_u *)(lanes[l]->state + 4));
        }
        for (; blocks > 0; blocks--) {
                __m128i abef_before[LANES], cdgh_before[LANES];

                for (int l = 0; l < count; l++) {
                        abef_before[l] = abef[l];
                        cdgh_before[l] = cdgh[l];
                }
#pragma GCC unroll 16
                for (int i = 0; i < 16; i++) { /* four rounds each */
                        const __m128i k = _mm_loadu_si128((const __m128i_u *)(K + 4 * i));

#pragma GCC unroll 2
                        for (int l = 0; l < count; l++) {
                                __m128i *w0 = &w[l][i % 4], w1 = w[l][(i + 1) % 4];
                                __m128i w2 = w[l][(i + 2) % 4], w3 = w[l][(i + 3) % 4], sum;

                                if (i < 4)
                                        *w0 = _mm_shuffle_epi8(
                                                _mm_loadu_si128((const __m128i_u *)data[l] + i),
                                                big_endian);
                                else /* W[t-16] to W[t-1] give W[t] */
                                        *w0 = _mm_sha256msg2_epu32(
                                                _mm_add_epi32(_mm_sha256msg1_epu32(*w0, w1),
                                                              _mm_alignr_epi8(w3, w2, 4)),
                                                w3);
                                sum = _mm_add_epi32(*w0, k);
                                cdgh[l] = _mm_sha256rnds2_epu32(cdgh[l], abef[l], sum);
                                abef[l] = _mm_sha256rnds2_epu32(abef[l], cdgh[l],
                                                                _mm_shuffle_epi32(sum, 0x0e));
                        }
                }
                for (int l = 0; l < count; l++) {
                        abef[l] = _mm_add_epi32(abef[l], abef_before[l]);
                        cdgh[l] = _mm_add_epi32(cdgh[l], cdgh_before[l]);
                        data[l] += BLOCK;
                }
        }
        for (int l = 0; l < count; l++) {
                _mm_storeu_si128((__m128i_u *)lanes[l]->state, abef[l]);
                _mm_storeu_si128((__m128i_u *)(lanes[l]->state + 4), cdgh[l]);
        }
}

TARGET static void
compress_one(Lane *lane, const guint8 **data, gsize blocks)
{
        compress(1, &lane, data, blocks);
}

TARGET static void
compress_two(Lane *const lanes[LANES], const guint8 *data[LANES], gsize blocks)
{
        compress(2, lanes, data, blocks);
}

#else /* nobody comes here: no pair is fast */

static bool
processor_has_sha(void)
{
        return false;
}

static void
compress_one(Lane *lane, const guint8 **data, gsize blocks)
{
        g_assert_not_reached();
}

static void
compress_two(Lane *const lanes[LANES], const guint8 *data[LANES], gsize blocks)
{
        g_assert_not_reached();
}

#endif

/* GnuTLS's own variable: when it is set, only the instructions it names are used. */
static bool
is_allowed(void)
{
        const char *names = g_getenv("GNUTLS_CPUID_OVERRIDE");

        return names == NULL || (g_ascii_strtoull(names, NULL, 0) & OVERRIDE_SHA) != 0;
}

bool
hash_pair_is_fast(void)
{
        return is_allowed() && processor_has_sha();
}

static void
lane_reset(Lane *lane)
{
        static const guint32 initial[8] = { 0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667,
                                            0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372 };

        memcpy(lane->state, initial, sizeof lane->state);
        lane->size = 0;
}

HashPair *
hash_pair_new(void)
{
        HashPair *pair = g_new0(HashPair, 1);

        pair->fast = hash_pair_is_fast();
        for (int l = 0; l < LANES; l++) {
                lane_reset(&pair->lanes[l]);
                if (!pair->fast)
                        pair->streams[l] = hash_stream_new();
        }
        return pair;
}

void
hash_pair_free(HashPair *pair)
{
        if (pair == NULL)
                return;
        for (int l = 0; l < LANES; l++)
                hash_stream_free(pair->streams[l]);
        g_free(pair);
}

/* The bytes that fill the block begun before; all of them, if they do not. */
static void
lane_fill(Lane *lane, const guint8 **data, gsize *size)
{
        gsize begun = lane->size % BLOCK, n = MIN(*size, BLOCK - begun);
        const guint8 *block = lane->block;

        if (begun == 0 || n == 0)
                return;
        memcpy(lane->block + begun, *data, n);
        if (begun + n == BLOCK)
                compress_one(lane, &block, 1);
        lane->size += n;
        *data += n;
        *size -= n;
}

/* What is left when both lanes have gone in step. */
static void
lane_rest(Lane *lane, const guint8 *data, gsize size)
{
        gsize blocks = size / BLOCK;

        if (blocks > 0)
                compress_one(lane, &data, blocks);
        if (size % BLOCK > 0)
                memcpy(lane->block, data, size % BLOCK);
        lane->size += size;
}

static void
add_in_step(HashPair *pair, const guint8 *data[LANES], gsize size[LANES])
{
        Lane *lanes[LANES] = { &pair->lanes[0], &pair->lanes[1] };
        gsize blocks;

        for (int l = 0; l < LANES; l++)
                lane_fill(lanes[l], &data[l], &size[l]);
        blocks = MIN(size[0], size[1]) / BLOCK;
        if (blocks > 0)
                compress_two(lanes, data, blocks);
        for (int l = 0; l < LANES; l++) {
                lanes[l]->size += blocks * BLOCK;
                size[l] -= blocks * BLOCK;
                if (size[l] > 0)
                        lane_rest(lanes[l], data[l], size[l]);
        }
}

void
hash_pair_add(HashPair *pair, const void *data0, gsize size0, const void *data1, gsize size1)
{
        const guint8 *data[LANES] = { data0, data1 };
        gsize size[LANES] = { size0, size1 };

        if (pair->fast) {
                add_in_step(pair, data, size);
                return;
        }
        for (int l = 0; l < LANES; l++) {
                if (size[l] > 0)
                        hash_stream_add(pair->streams[l], data[l], size[l]);
        }
}

static void
lane_end(Lane *lane, guint8 *digest_out)
{
        static const guint8 place_of[8] = { 3, 2, 7, 6, 1, 0, 5, 4 }; /* A to H in the state */
        guint8 padding[BLOCK + 8] = { 0x80 };
        guint64 bits = GUINT64_TO_BE(lane->size * 8);
        gsize zeros = (2 * BLOCK - 9 - lane->size % BLOCK) % BLOCK, size = 1 + zeros + 8;
        const guint8 *data = padding;

        memcpy(padding + 1 + zeros, &bits, sizeof bits);
        lane_fill(lane, &data, &size);
        lane_rest(lane, data, size);
        for (int i = 0; i < 8; i++) {
                guint32 word = GUINT32_TO_BE(lane->state[place_of[i]]);

                memcpy(digest_out + 4 * i, &word, sizeof word);
        }
        lane_reset(lane);
}

void
hash_pair_end(HashPair *pair, int lane, guint8 digest_out[HASH_SHA256_SIZE])
{
        if (pair->fast)
                lane_end(&pair->lanes[lane], digest_out);
        else
                hash_stream_end(pair->streams[lane], digest_out);
}
