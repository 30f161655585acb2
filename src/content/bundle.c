/* bundle.c - a package's definition as a tar archive, compressed with zstd.
 *
 * Trees go in, bytes come out, and back. The archive is read entry by entry with a cap on all; only
 * the three kinds of names that belong into it are taken. Reads and writes no files.
 */
#include "content/bundle.h"

#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "content/libraryini.h"

#define MAX_UNPACKED ((gsize)BUNDLE_MAX_BYTES * 8)
#define FIRST_ROOM   (64 * 1024) /* what an entry says of its size is believed up to here */
#define LEVEL        "3"

typedef struct archive Archive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_free)
typedef struct archive_entry ArchiveEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArchiveEntry, archive_entry_free)

Bundle *
bundle_new(const char *package_id, gint64 version)
{
        Bundle *bundle = g_new0(Bundle, 1);

        bundle->package_id = g_strdup(package_id);
        bundle->version = version;
        bundle->trees = g_ptr_array_new_with_free_func((GDestroyNotify)tree_free);
        return bundle;
}

void
bundle_free(Bundle *bundle)
{
        if (bundle == NULL)
                return;
        g_free(bundle->package_id);
        g_ptr_array_unref(bundle->trees);
        g_free(bundle);
}

static la_ssize_t
take_output(Archive *archive, void *user, const void *data, size_t size)
{
        if (((GByteArray *)user)->len + size > BUNDLE_MAX_BYTES) {
                archive_set_error(archive, E2BIG, "it has more than %d bytes", BUNDLE_MAX_BYTES);
                return -1;
        }
        g_byte_array_append(user, data, (guint)size);
        return (la_ssize_t)size;
}

static bool
fail_archive(Archive *archive, GError **error)
{
        UkErrorCode code = archive_errno(archive) == E2BIG ? UK_ERROR_LIMIT : UK_ERROR_BROKEN;

        return uk_fail(error, code, "%s", archive_error_string(archive));
}

static bool
add_file(Archive *archive, const char *name, const void *data, gsize size, GError **error)
{
        g_autoptr(ArchiveEntry) entry = archive_entry_new();

        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)size);
        if (archive_write_header(archive, entry) != ARCHIVE_OK)
                return fail_archive(archive, error);
        while (size > 0) {
                la_ssize_t done = archive_write_data(archive, data, size);
                if (done <= 0)
                        return fail_archive(archive, error);
                data = (const char *)data + done;
                size -= (gsize)done;
        }
        return true;
}

static bool
add_package(Archive *archive, const Bundle *bundle, GError **error)
{
        g_autofree const char **ids = g_new0(const char *, bundle->trees->len + 1);
        g_autofree char *name = g_strdup_printf("PkgLib/%s.INI", bundle->package_id);
        g_autofree char *text = NULL;

        for (guint i = 0; i < bundle->trees->len; i++)
                ids[i] = tree_content_id(bundle->trees->pdata[i]);
        text = libraryini_package_write(bundle->version, ids);
        return add_file(archive, name, text, strlen(text), error);
}

static bool
add_tree(Archive *archive, const ContentTree *tree, GError **error)
{
        g_autofree char *ini = g_strdup_printf("DataLib/%s.INI", tree_content_id(tree));
        g_autofree char *compact = g_strdup_printf("DataLib/%s.TREE", tree_content_id(tree));
        g_autofree char *text = libraryini_content_write(tree);
        g_autoptr(GBytes) bytes = tree_write(tree);

        return add_file(archive, ini, text, strlen(text), error) &&
               add_file(archive, compact, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes),
                        error);
}

GBytes *
bundle_write(const Bundle *bundle, GError **error)
{
        UK_DOING(error, "making the bundle of package %s", bundle->package_id);
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_autoptr(Archive) archive = archive_write_new();
        bool ok = archive_write_set_format_gnutar(archive) == ARCHIVE_OK &&
                  archive_write_add_filter_zstd(archive) == ARCHIVE_OK &&
                  archive_write_set_filter_option(archive, "zstd", "compression-level", LEVEL) ==
                          ARCHIVE_OK &&
                  archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK &&
                  archive_write_open(archive, out, NULL, take_output, NULL) == ARCHIVE_OK;

        if (!ok)
                fail_archive(archive, error);
        ok = ok && add_package(archive, bundle, error);
        for (guint i = 0; ok && i < bundle->trees->len; i++)
                ok = add_tree(archive, bundle->trees->pdata[i], error);
        if (ok && archive_write_close(archive) != ARCHIVE_OK)
                ok = fail_archive(archive, error);
        return ok ? g_byte_array_free_to_bytes(g_steal_pointer(&out)) : NULL;
}

/* What has been read, before it is known to be complete. */
typedef struct {
        char *package_id;
        gint64 version;
        char **ids;
        GHashTable *trees;  /* ID -> ContentTree */
        GHashTable *hashes; /* ID -> guint8[32], what DataLib/<ID>.INI says */
        gsize unpacked;
} Reader;

static void
reader_clear(Reader *r)
{
        g_free(r->package_id);
        g_strfreev(r->ids);
        g_hash_table_unref(r->trees);
        g_hash_table_unref(r->hashes);
}

static GByteArray *
read_data(Archive *archive, ArchiveEntry *entry, Reader *r, GError **error)
{
        gint64 size = archive_entry_size(entry);
        g_autoptr(GByteArray) data = NULL;
        gsize room = FIRST_ROOM, got = 0;

        if (size < 0 || (gsize)size > MAX_UNPACKED - r->unpacked) {
                uk_fail(error, UK_ERROR_LIMIT, "it unpacks to more than %zu bytes", MAX_UNPACKED);
                return NULL;
        }
        r->unpacked += (gsize)size;
        data = g_byte_array_new();
        while (got < (gsize)size) {
                g_byte_array_set_size(data, (guint)MIN((gsize)size, room));
                la_ssize_t n = archive_read_data(archive, data->data + got, data->len - got);
                if (n <= 0) {
                        uk_fail(error, UK_ERROR_PARSE, "a file in it ends early");
                        return NULL;
                }
                got += (gsize)n;
                if (got == data->len)
                        room = (gsize)data->len * 2;
        }
        return g_steal_pointer(&data);
}

/* The ID in "<folder>/<ID><ending>"; NULL for another name. The caller's. */
static char *
id_of(const char *name, const char *folder, const char *ending)
{
        gsize before = strlen(folder), all = strlen(name), after = strlen(ending);
        g_autofree char *id = NULL;

        if (!g_str_has_prefix(name, folder) || !g_str_has_suffix(name, ending) ||
            all <= before + after)
                return NULL;
        id = g_strndup(name + before, all - before - after);
        return tree_valid_id(id) ? g_steal_pointer(&id) : NULL;
}

static bool
take_tree(Reader *r, const char *id, const GByteArray *data, GError **error)
{
        g_autoptr(ContentTree) tree = tree_read(data->data, data->len, error);

        if (tree == NULL)
                return false;
        if (strcmp(tree_content_id(tree), id) != 0 || g_hash_table_contains(r->trees, id))
                return uk_fail(error, UK_ERROR_PARSE, "the tree of %s is another's, or there twice",
                               id);
        g_hash_table_insert(r->trees, g_strdup(id), g_steal_pointer(&tree));
        return true;
}

static bool
take_content(Reader *r, const char *id, const GByteArray *data, GError **error)
{
        g_autoptr(ContentTree) scratch = tree_new(id);
        guint8 hash[HASH_SHA256_SIZE];

        if (!libraryini_content_read((const char *)data->data, data->len, scratch, hash, error))
                return false;
        g_hash_table_insert(r->hashes, g_strdup(id), g_memdup2(hash, sizeof hash));
        return true;
}

static bool
take_package(Reader *r, const char *id, const GByteArray *data, GError **error)
{
        if (r->package_id != NULL)
                return uk_fail(error, UK_ERROR_PARSE, "there are two packages in it");
        if (!libraryini_package_read((const char *)data->data, data->len, &r->version, &r->ids,
                                     error))
                return false;
        r->package_id = g_strdup(id);
        return true;
}

static bool
take_entry(Archive *archive, ArchiveEntry *entry, Reader *r, GError **error)
{
        const char *name = archive_entry_pathname(entry);
        g_autoptr(GByteArray) data = NULL;

        if (name == NULL || archive_entry_filetype(entry) != AE_IFREG)
                return uk_fail(error, UK_ERROR_PARSE, "there is something else than files in it");

        g_autofree char *package = id_of(name, "PkgLib/", ".INI");
        g_autofree char *content = id_of(name, "DataLib/", ".INI");
        g_autofree char *tree = id_of(name, "DataLib/", ".TREE");
        if (package == NULL && content == NULL && tree == NULL) {
                g_autofree char *shown = g_strescape(name, NULL);
                return uk_fail(error, UK_ERROR_PARSE, "\"%.200s\" does not belong into it", shown);
        }
        data = read_data(archive, entry, r, error);
        if (data == NULL)
                return false;
        if (package != NULL)
                return take_package(r, package, data, error);
        return content != NULL ? take_content(r, content, data, error)
                               : take_tree(r, tree, data, error);
}

static bool
read_archive(Archive *archive, const void *data, gsize size, Reader *r, GError **error)
{
        ArchiveEntry *entry; /* the archive's own */
        int rc;

        if (archive_read_support_filter_zstd(archive) != ARCHIVE_OK ||
            archive_read_support_format_tar(archive) != ARCHIVE_OK)
                return fail_archive(archive, error);
        if (archive_read_open_memory(archive, data, size) != ARCHIVE_OK)
                return uk_fail(error, UK_ERROR_PARSE, "it is no archive: %s",
                               archive_error_string(archive));
        while ((rc = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
                if (!take_entry(archive, entry, r, error))
                        return false;
        }
        return rc == ARCHIVE_EOF || uk_fail(error, UK_ERROR_PARSE, "it cannot be unpacked: %s",
                                            archive_error_string(archive));
}

/* Each content item that the package names must be there once, with its hash, and no other. */
static Bundle *
complete(Reader *r, GError **error)
{
        g_autoptr(Bundle) bundle = NULL;

        if (r->package_id == NULL || *r->ids == NULL) {
                uk_fail(error, UK_ERROR_PARSE, "there is no package, or none of its contents");
                return NULL;
        }
        bundle = bundle_new(r->package_id, r->version);
        for (char **id = r->ids; *id != NULL; id++) {
                const guint8 *hash = g_hash_table_lookup(r->hashes, *id);
                gpointer key = NULL, tree = NULL;

                if (!g_hash_table_steal_extended(r->trees, *id, &key, &tree) || hash == NULL) {
                        uk_fail(error, UK_ERROR_PARSE, "content item %s is missing", *id);
                        return NULL;
                }
                g_free(key);
                g_ptr_array_add(bundle->trees, tree);
                if (memcmp(hash, tree_hash(tree), HASH_SHA256_SIZE) != 0) {
                        uk_fail(error, UK_ERROR_PARSE, "the hash of content item %s is another",
                                *id);
                        return NULL;
                }
        }
        if (g_hash_table_size(r->trees) > 0 || g_hash_table_size(r->hashes) > bundle->trees->len) {
                uk_fail(error, UK_ERROR_PARSE, "there are content items of no package in it");
                return NULL;
        }
        return g_steal_pointer(&bundle);
}

Bundle *
bundle_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading the bundle of a package");
        g_autoptr(Archive) archive = archive_read_new();
        __attribute__((cleanup(reader_clear))) Reader r = {
                .trees = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                               (GDestroyNotify)tree_free),
                .hashes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        };

        if (size > BUNDLE_MAX_BYTES) {
                uk_fail(error, UK_ERROR_LIMIT, "it has more than %d bytes", BUNDLE_MAX_BYTES);
                return NULL;
        }
        return read_archive(archive, data, size, &r, error) ? complete(&r, error) : NULL;
}
