/* hash_pair.h - two SHA-256 at once, for little more than the time of one.
 *
 * The SHA instructions of x86 processors wait for each other within one hash, so that a second one
 * fits into the gaps: a file and the chunk of it that goes by, two files. On machines without them
 * the lanes run one after the other, by GnuTLS; the digests are the same.
 */
#pragma once

#include "crypto/hash.h"

typedef struct HashPair HashPair;

/* Two running SHA-256, lanes 0 and 1, which have nothing to do with each other. The caller frees
 * them. */
HashPair *hash_pair_new(void);
/* Adds bytes to both; the more equal the sizes, the better. Data may be NULL where its size is 0.
 */
void hash_pair_add(HashPair *pair, const void *data0, gsize size0, const void *data1, gsize size1);
/* The digest of what was added to the lane, which is then as new. */
void hash_pair_end(HashPair *pair, int lane, guint8 digest_out[HASH_SHA256_SIZE]);
void hash_pair_free(HashPair *pair);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HashPair, hash_pair_free)

/* Whether pairs made now cost less than their lanes would alone. GNUTLS_CPUID_OVERRIDE=1 in the
 * environment forbids the instructions, as it does to GnuTLS. */
bool hash_pair_is_fast(void);
