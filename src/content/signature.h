/* signature.h - content-defined chunks of a file, in place of RDC's signatures (41-rdc.md).
 *
 * FastCDC, normalised, with SHA-256 of each chunk: a receiver that holds any file with the same
 * chunks fetches only the ranges it lacks (DIST-018, DIST-113). The signatures of a content item
 * stand in one tar, an entry <HASH>.SIG a file; a file of one chunk has none, its hash says all.
 */
#pragma once

#include "base/error.h"
#include "crypto/hash.h"

#define SIGNATURE_MIN 16384  /* bytes of a chunk, at least (but the last), */
#define SIGNATURE_AVG 65536  /* about, */
#define SIGNATURE_MAX 262144 /* and at most */

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

/* Makes a signature of bytes as they come by; the caller frees the maker. */
typedef struct SignatureMaker SignatureMaker;
SignatureMaker *signature_maker_new(void);
void signature_maker_add(SignatureMaker *maker, const void *data, gsize size);
/* The signature of what was added, with the file's own hash, which the caller knows; the maker is
 * then as new. The caller's. */
Signature *signature_maker_end(SignatureMaker *maker, const guint8 *file_hash);
void signature_maker_free(SignatureMaker *maker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SignatureMaker, signature_maker_free)

/* The bytes of <HASH>.SIG; the caller's. */
GBytes *signature_write(const Signature *signature);
/* Hostile bytes included; PARSE, LIMIT. The caller's. */
Signature *signature_read(const void *data, gsize size, GError **error) UK_MUST_USE;

/* The tar of signatures (GPtrArray of Signature), entries by hash; the same gives the same bytes.
 */
GBytes *signature_tar_write(GPtrArray *signatures, GError **error) UK_MUST_USE;
/* The signatures in a tar, GHashTable of hash (32 bytes) to Signature; the caller's. PARSE, LIMIT.
 */
GHashTable *signature_tar_read(const void *data, gsize size, GError **error) UK_MUST_USE;
