/* soap_client_files.c - from digests of files to the places where they are (40-2, section 15).
 *
 * In memory stands only a part of each digest and the update that has the file; the rest is looked
 * up in the update's row.
 */
#include "sup/soap_client/soap_client_files.h"

#include <pthread.h>
#include <string.h>

#include "crypto/hash.h"
#include "sup/soap_client/fragments.h"
#include "wire/wsusclient.h"

typedef struct {
        guint64 key; /* the first bytes of the digest */
        gint64 revision_id;
} Entry;

struct Files {
        pthread_mutex_t lock; /* guards the rest */
        Scope *scope;         /* what the entries were made of; NULL: nothing yet */
        GArray *entries;      /* of Entry, by key */
};

Files *
soap_client_files_new(void)
{
        Files *files = g_new0(Files, 1);

        pthread_mutex_init(&files->lock, NULL);
        files->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
        return files;
}

void
soap_client_files_free(Files *files)
{
        if (files == NULL)
                return;
        scope_unref(files->scope);
        g_array_unref(files->entries);
        pthread_mutex_destroy(&files->lock);
        g_free(files);
}

static guint64
key_of(const guint8 *digest)
{
        guint64 key;

        memcpy(&key, digest, sizeof key);
        return key;
}

typedef struct {
        const Scope *scope;
        GArray *entries;
} Making;

static bool
add_files(gpointer user, const CatalogUpdate *update, GError **error)
{
        Making *making = user;
        Slice rest = slice_of(update->files);
        guint8 digest[HASH_SHA256_SIZE];
        CatalogFile file;

        if (scope_find(making->scope, update->revision_id) == NULL)
                return true;
        while (catalog_file_next(update, &rest, &file)) {
                if (!hash_from_hex(file.sha256.text, file.sha256.size, digest, sizeof digest))
                        continue;
                Entry entry = { key_of(digest), update->revision_id };
                g_array_append_val(making->entries, entry);
        }
        return true;
}

static int
compare_entries(gconstpointer a, gconstpointer b)
{
        const Entry *ea = a, *eb = b;

        return ea->key < eb->key ? -1 : ea->key > eb->key;
}

static bool
prepare(Files *files, Db *db, const Scope *scope, GError **error)
{
        Making making = { scope, files->entries };

        if (files->scope == scope)
                return true;
        scope_unref(g_steal_pointer(&files->scope));
        g_array_set_size(files->entries, 0);
        if (!catalog_changes_since(db, 0, add_files, &making, NULL, error))
                return false;
        g_array_sort(files->entries, compare_entries);
        files->scope = scope_ref((Scope *)scope);
        return true;
}

/* The first entry of a key, or where it would be. */
static guint
first_of(const Files *files, guint64 key)
{
        guint low = 0, high = files->entries->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;

                if (g_array_index(files->entries, Entry, middle).key < key)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void
add_location(const Scope *scope, const CatalogFile *file, GPtrArray *locations)
{
        g_autofree char *digest = fragments_digest(file);
        const char *uri = scope_suite_uri(scope, file->suite);
        g_autoptr(GString) url = g_string_new(NULL);

        if (digest == NULL || uri == NULL)
                return;
        catalog_file_url(file, uri, url);
        wsusclient_location_add(locations, digest, url->str);
}

void
soap_client_files_of(const Scope *scope, const CatalogUpdate *update, GPtrArray *locations)
{
        Slice rest = slice_of(update->files);
        CatalogFile file;

        while (catalog_file_next(update, &rest, &file))
                add_location(scope, &file, locations);
}

/* Looks for the file in the update; *found_out is left alone when it is not there. */
static bool
look_into(Db *db, const Scope *scope, gint64 revision_id, const char *wanted, GPtrArray *locations,
          bool *found_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(CatalogUpdate) update = catalog_update_of_revision(db, revision_id, &why);
        Slice rest = slice_of(update != NULL ? update->files : "");
        CatalogFile file;

        if (update == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        while (update != NULL && !*found_out && catalog_file_next(update, &rest, &file)) {
                g_autofree char *digest = fragments_digest(&file);

                if (g_strcmp0(digest, wanted) != 0)
                        continue;
                add_location(scope, &file, locations);
                *found_out = true;
        }
        return true;
}

static bool
find_one(Files *files, Db *db, const Scope *scope, const char *text, GPtrArray *locations,
         GError **error)
{
        gsize size;
        g_autofree guint8 *digest = g_base64_decode(text, &size);
        g_autofree char *wanted = g_base64_encode(digest, size);
        bool found = false;

        if (size != FRAGMENTS_DIGEST_SIZE)
                return true;
        for (guint i = first_of(files, key_of(digest)); i < files->entries->len && !found; i++) {
                const Entry *entry = &g_array_index(files->entries, Entry, i);

                if (entry->key != key_of(digest))
                        break;
                if (!look_into(db, scope, entry->revision_id, wanted, locations, &found, error))
                        return false;
        }
        return true;
}

bool
soap_client_files_find(Files *files, Db *db, const Scope *scope, const GPtrArray *digests,
                       GPtrArray *locations, GError **error)
{
        pthread_mutex_lock(&files->lock);
        bool good = prepare(files, db, scope, error);

        for (guint i = 0; i < digests->len && good; i++)
                good = find_one(files, db, scope, g_ptr_array_index(digests, i), locations, error);
        pthread_mutex_unlock(&files->lock);
        return good;
}
