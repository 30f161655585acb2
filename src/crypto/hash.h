/* hash.h - SHA-256 and SHA-1, streaming and whole; the only folder that names GnuTLS. */
#pragma once

#include "base/error.h"

#define HASH_SHA256_SIZE 32
#define HASH_SHA256_HEX  64
#define HASH_SHA1_SIZE   20

typedef struct HashStream HashStream;

/* A running SHA-256. The caller frees it. Aborts only when the library has no SHA-256. */
HashStream *hash_stream_new(void);
/* The same for SHA-1, which the update engine's protocols demand as a name of files; it proves
 * nothing. hash_stream_end() then fills HASH_SHA1_SIZE bytes. */
HashStream *hash_stream_new_sha1(void);
void hash_stream_add(HashStream *hash, const void *data, gsize size);
/* The digest of what was added (32 or 20 bytes, by the kind); the stream is then as new. */
void hash_stream_end(HashStream *hash, guint8 *digest_out);
void hash_stream_free(HashStream *hash);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HashStream, hash_stream_free)

/* The digest of whole bytes. */
void hash_sha256(const void *data, gsize size, guint8 digest_out[HASH_SHA256_SIZE]);
void hash_sha1(const void *data, gsize size, guint8 digest_out[HASH_SHA1_SIZE]);
/* Lower-case hexadecimal text of the digest; the caller's. */
char *hash_sha256_hex(const void *data, gsize size);
char *hash_hex(const guint8 *digest, gsize size);
/* Reads hexadecimal digits of either case; false if the length or a digit is wrong. */
bool hash_from_hex(const char *text, gsize text_size, guint8 *digest_out, gsize size);
/* For a GHashTable whose keys are SHA-256 digests of 32 bytes. */
guint hash_key_of(gconstpointer digest);
gboolean hash_key_equal(gconstpointer a, gconstpointer b);
/* SHA-256 of a file's content, reading it once. */
bool hash_file(const char *path, guint8 digest_out[HASH_SHA256_SIZE], GError **error) UK_MUST_USE;

/* One-time initialisation of the library, before the first thread. */
bool crypto_global_init(GError **error) UK_MUST_USE;
