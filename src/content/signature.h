/* signature.h - content-defined chunks of a file, in place of RDC's signatures (41-rdc.md).
 *
 * FastCDC, normalised, with SHA-256 of each chunk: a receiver that holds any file with the same
 * chunks fetches only the ranges it lacks (DIST-018, DIST-113). The signatures of a content item
 * stand in one tar, an entry <HASH>.SIG a file; a file of one chunk has none, its hash says all.
 *
 * Where a chunk ends: from its 16,384th byte on a sum runs over the bytes, sum = 2 * sum +
 * gear[byte] (64 bits, 0 at first), and the chunk ends behind the first byte after which the upper
 * 18 bits of the sum are zero; from the 65,537th byte on the upper 14 suffice; at 262,144 bytes it
 * ends anyway. gear[i] is the i-th number of SplitMix64 started with 0x55504b4545504731, the bytes
 * "UPKEEPG1" read as one big-endian number; SHA-256 of the table (little-endian) is
 * b89da6e4bc943e8986d5bb00198e0674963fe2a39f57e1bc9275db71106232d9.
 */
#pragma once

#include "base/error.h"
#include "crypto/hash.h"

#define SIGNATURE_MIN 16384  /* bytes of a chunk, at least (but the last), */
#define SIGNATURE_AVG 65536  /* about, */
#define SIGNATURE_MAX 262144 /* and at most */

/* Chunks of a signature, and bytes of a tar of signatures, at most: files of about 2 TB and content
 * items of about 3 TB. Files above travel whole. */
#define SIGNATURE_MAX_CHUNKS (1 << 25)
#define SIGNATURE_TAR_MAX    (2000LL * 1024 * 1024)

typedef struct {
        gint64 offset;
        guint32 size;
        guint8 hash[HASH_SHA256_SIZE];
} SignatureChunk;

typedef struct {
        guint8 hash[HASH_SHA256_SIZE]; /* of the whole file */
        gint64 size;
        GArray *chunks; /* SignatureChunk, without a gap */
} Signature;

void signature_free(Signature *signature);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Signature, signature_free)

/* Finds where chunks end, as a file's bytes come by; the caller frees it. */
typedef struct SignatureCutter SignatureCutter;
SignatureCutter *signature_cutter_new(void);
/* How many of the bytes belong to the present chunk; *ended_out says whether it ends with them. */
gsize signature_cut(SignatureCutter *cutter, const void *data, gsize size, bool *ended_out);
/* The next bytes are another file's. */
void signature_cutter_reset(SignatureCutter *cutter);
void signature_cutter_free(SignatureCutter *cutter);

/* Makes a signature of bytes as they come by; the caller frees the maker. One maker serves any
 * number of files, one after the other. */
typedef struct SignatureMaker SignatureMaker;
SignatureMaker *signature_maker_new(void);
/* One that hashes the whole file, too, in step with its chunks; the hash is the signature's. */
SignatureMaker *signature_maker_new_hashing(void);
void signature_maker_add(SignatureMaker *maker, const void *data, gsize size);
/* The same for bytes that the caller has cut: all of one chunk, which ends with them or does not.
 */
void signature_maker_add_cut(SignatureMaker *maker, const void *data, gsize size, bool ended);
/* The signature of what was added, with the file's own hash, which the caller knows (NULL to one
 * that hashes it); the maker is then as new. The caller's. */
Signature *signature_maker_end(SignatureMaker *maker, const guint8 *file_hash);
/* The signature of a whole file in memory, by a maker that hashes and is as new, with the file's
 * hash where the caller knows it, else NULL; a file of one chunk is hashed once. The caller's. */
Signature *
signature_make(SignatureMaker *maker, const void *data, gsize size, const guint8 *file_hash);
void signature_maker_free(SignatureMaker *maker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SignatureMaker, signature_maker_free)

/* The bytes of <HASH>.SIG; the caller's. */
GBytes *signature_write(const Signature *signature);
/* Hostile bytes included; PARSE, LIMIT, and UNSUPPORTED for chunks cut by other numbers than ours.
 * The caller's. */
Signature *signature_read(const void *data, gsize size, GError **error) UK_MUST_USE;

/* The tar of signatures (GPtrArray of Signature), entries by hash, each hash once; the same gives
 * the same bytes. Left out are files of one chunk and what is above the limits. The caller's. */
GBytes *signature_tar_write(GPtrArray *signatures, GError **error) UK_MUST_USE;
/* The signatures in a tar, GHashTable of hash (32 bytes) to Signature; the caller's. PARSE, LIMIT.
 */
GHashTable *signature_tar_read(const void *data, gsize size, GError **error) UK_MUST_USE;
