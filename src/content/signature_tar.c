/* signature_tar.c - the signatures of a content item's files, in one tar (DIST-018).
 *
 * Entries <HASH>.SIG in the order of the hashes, of one time and owner, so that the same content
 * gives the same bytes. Reads and writes no file.
 */
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "content/signature.h"

#define BLOCK           10240
#define SIGNATURE_ENTRY 36                    /* bytes of a chunk in a signature */
#define ENTRY_NAME_SIZE (HASH_SHA256_HEX + 4) /* <HASH>.SIG */

typedef struct archive Archive;
typedef struct archive_entry Entry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Entry, archive_entry_free)

static la_ssize_t
on_bytes(Archive *archive, void *user, const void *data, size_t size)
{
        GByteArray *out = user;

        g_byte_array_append(out, data, (guint)size);
        return (la_ssize_t)size;
}

static int
by_hash(gconstpointer a, gconstpointer b)
{
        return memcmp((*(Signature *const *)a)->hash, (*(Signature *const *)b)->hash,
                      HASH_SHA256_SIZE);
}

/* Whether the signature has a place in the tar, behind `last` and `used` bytes. */
static bool
is_wanted(const Signature *signature, const Signature *last, gint64 used)
{
        guint count = signature->chunks->len;

        if (count < 2 || count > SIGNATURE_MAX_CHUNKS)
                return false;
        if (last != NULL && memcmp(last->hash, signature->hash, HASH_SHA256_SIZE) == 0)
                return false;
        return used + (gint64)count * SIGNATURE_ENTRY + 3 * BLOCK <= SIGNATURE_TAR_MAX;
}

static bool
write_entry(Archive *archive, const Signature *signature, GError **error)
{
        g_autoptr(GBytes) bytes = signature_write(signature);
        g_autoptr(Entry) entry = archive_entry_new();
        g_autofree char *hex = hash_hex(signature->hash, sizeof signature->hash);
        g_autofree char *upper = g_ascii_strup(hex, -1);
        g_autofree char *name = g_strconcat(upper, ".SIG", NULL);
        gsize size = g_bytes_get_size(bytes);

        archive_entry_set_pathname(entry, name);
        archive_entry_set_size(entry, (la_int64_t)size);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_mtime(entry, 0, 0);
        if (archive_write_header(archive, entry) != ARCHIVE_OK ||
            archive_write_data(archive, g_bytes_get_data(bytes, NULL), size) != (la_ssize_t)size)
                return uk_fail(error, UK_ERROR_BROKEN, "writing %s: %s", name,
                               archive_error_string(archive));
        return true;
}

GBytes *
signature_tar_write(GPtrArray *signatures, GError **error)
{
        UK_DOING(error, "packing %u signatures", signatures->len);
        g_autoptr(GPtrArray) sorted = g_ptr_array_copy(signatures, NULL, NULL);
        g_autoptr(Archive) archive = archive_write_new();
        g_autoptr(GByteArray) out = g_byte_array_new();
        const Signature *last = NULL;

        g_ptr_array_set_free_func(sorted, NULL);
        g_ptr_array_sort(sorted, by_hash);
        archive_write_set_format_ustar(archive);
        archive_write_set_bytes_per_block(archive, BLOCK);
        archive_write_set_bytes_in_last_block(archive, 1);
        if (archive_write_open(archive, out, NULL, on_bytes, NULL) != ARCHIVE_OK) {
                uk_fail(error, UK_ERROR_BROKEN, "%s", archive_error_string(archive));
                return NULL;
        }
        for (guint i = 0; i < sorted->len; i++) {
                const Signature *signature = g_ptr_array_index(sorted, i);

                if (!is_wanted(signature, last, out->len))
                        continue;
                if (!write_entry(archive, signature, error))
                        return NULL;
                last = signature;
        }
        if (archive_write_close(archive) != ARCHIVE_OK) {
                uk_fail(error, UK_ERROR_BROKEN, "%s", archive_error_string(archive));
                return NULL;
        }
        return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

/* The hash in an entry's name. */
static bool
read_name(Entry *entry, guint8 *hash_out, GError **error)
{
        const char *name = archive_entry_pathname(entry);

        if (name == NULL || strlen(name) != ENTRY_NAME_SIZE ||
            strcmp(name + HASH_SHA256_HEX, ".SIG") != 0 ||
            !hash_from_hex(name, HASH_SHA256_HEX, hash_out, HASH_SHA256_SIZE) ||
            archive_entry_filetype(entry) != AE_IFREG)
                return uk_fail(error, UK_ERROR_PARSE, "an entry that is not <HASH>.SIG");
        return true;
}

static Signature *
read_entry(Archive *archive, Entry *entry, gsize tar_size, GError **error)
{
        guint8 hash[HASH_SHA256_SIZE];
        gint64 size = archive_entry_size(entry);

        if (!read_name(entry, hash, error))
                return NULL;
        if (size < 0 || (guint64)size > tar_size) {
                uk_fail(error, UK_ERROR_PARSE, "an entry that is larger than the tar");
                return NULL;
        }
        g_autofree guint8 *data = g_malloc((gsize)size + 1);
        if (archive_read_data(archive, data, (gsize)size) != size) {
                uk_fail(error, UK_ERROR_PARSE, "an entry that ends early");
                return NULL;
        }
        g_autoptr(Signature) signature = signature_read(data, (gsize)size, error);
        if (signature == NULL)
                return NULL;
        if (memcmp(signature->hash, hash, sizeof hash) != 0) {
                uk_fail(error, UK_ERROR_PARSE, "a signature that stands under another hash");
                return NULL;
        }
        return g_steal_pointer(&signature);
}

static bool
read_all(Archive *archive, gsize size, GHashTable *found, GError **error)
{
        for (;;) {
                Entry *entry;
                int rc = archive_read_next_header(archive, &entry);

                if (rc == ARCHIVE_EOF)
                        return true;
                if (rc != ARCHIVE_OK)
                        return uk_fail(error, UK_ERROR_PARSE, "%s", archive_error_string(archive));
                Signature *signature = read_entry(archive, entry, size, error);
                if (signature == NULL)
                        return false;
                if (!g_hash_table_replace(found, signature->hash, signature))
                        return uk_fail(error, UK_ERROR_PARSE, "two signatures of one file");
        }
}

GHashTable *
signature_tar_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a tar of signatures of %" G_GSIZE_FORMAT " bytes", size);
        g_autoptr(Archive) archive = archive_read_new();
        g_autoptr(GHashTable) found = g_hash_table_new_full(hash_key_of, hash_key_equal, NULL,
                                                            (GDestroyNotify)signature_free);

        if (size > (guint64)SIGNATURE_TAR_MAX) {
                uk_fail(error, UK_ERROR_LIMIT, "at most %lld bytes", SIGNATURE_TAR_MAX);
                return NULL;
        }
        archive_read_support_format_tar(archive);
        if (archive_read_open_memory(archive, data, size) != ARCHIVE_OK) {
                uk_fail(error, UK_ERROR_PARSE, "%s", archive_error_string(archive));
                return NULL;
        }
        return read_all(archive, size, found, error) ? g_steal_pointer(&found) : NULL;
}
