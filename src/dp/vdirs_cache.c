/* vdirs_cache.c - small files in memory: most requests are for them, and an open, a read and two
 * sends each would cost more than their bytes.
 *
 * Keys are hash and time, so that an entry never becomes wrong; the longest unused goes first.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "dp/vdirs_private.h"

/* What an entry costs beside its bytes. */
#define OVERHEAD 1024

typedef struct {
        guint8 hash[HASH_SHA256_SIZE];
        gint64 modified;
} Key;

typedef struct {
        Key key;
        HttpCached *cached;
        gsize cost;
        GList link; /* in order of use, the newest first; data is the entry */
} Entry;

struct VdirsCache {
        gsize max_bytes;
        pthread_mutex_t lock; /* guards all below */
        GHashTable *entries;  /* Key to Entry */
        GQueue used;
        gsize bytes;
};

static guint
key_hash(gconstpointer key)
{
        guint value;

        memcpy(&value, ((const Key *)key)->hash, sizeof value);
        return value;
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
        return memcmp(((const Key *)a)->hash, ((const Key *)b)->hash, HASH_SHA256_SIZE) == 0 &&
               ((const Key *)a)->modified == ((const Key *)b)->modified;
}

static void
entry_free(Entry *entry)
{
        http_cached_unref(entry->cached);
        g_free(entry);
}

VdirsCache *
vdirs_cache_new(gsize max_bytes)
{
        VdirsCache *cache = g_new0(VdirsCache, 1);

        cache->max_bytes = max_bytes;
        cache->entries =
                g_hash_table_new_full(key_hash, key_equal, NULL, (GDestroyNotify)entry_free);
        pthread_mutex_init(&cache->lock, NULL);
        return cache;
}

void
vdirs_cache_free(VdirsCache *cache)
{
        if (cache == NULL)
                return;
        g_hash_table_unref(cache->entries);
        pthread_mutex_destroy(&cache->lock);
        g_free(cache);
}

static HttpCached *
find(VdirsCache *cache, const Key *key)
{
        HttpCached *cached = NULL;

        pthread_mutex_lock(&cache->lock);
        Entry *entry = g_hash_table_lookup(cache->entries, key);
        if (entry != NULL) {
                g_queue_unlink(&cache->used, &entry->link);
                g_queue_push_head_link(&cache->used, &entry->link);
                cached = http_cached_ref(entry->cached);
        }
        pthread_mutex_unlock(&cache->lock);
        return cached;
}

static void
keep(VdirsCache *cache, const Key *key, HttpCached *cached, gsize size)
{
        Entry *entry = g_new0(Entry, 1);

        entry->key = *key;
        entry->cached = http_cached_ref(cached);
        entry->cost = size + OVERHEAD;
        entry->link.data = entry;
        pthread_mutex_lock(&cache->lock);
        if (entry->cost > cache->max_bytes || g_hash_table_contains(cache->entries, key)) {
                entry_free(entry);
        } else {
                cache->bytes += entry->cost;
                g_hash_table_insert(cache->entries, &entry->key, entry);
                g_queue_push_head_link(&cache->used, &entry->link);
        }
        while (cache->bytes > cache->max_bytes) {
                Entry *oldest = g_queue_pop_tail_link(&cache->used)->data;

                cache->bytes -= oldest->cost;
                g_hash_table_remove(cache->entries, &oldest->key);
        }
        pthread_mutex_unlock(&cache->lock);
}

static char *
read_whole(Library *library, const TreeEntry *entry, GError **error)
{
        gint64 size;
        UK_AUTOFD fd = -1;
        g_autofree char *data = g_malloc((gsize)entry->size + 1);
        guint8 digest[HASH_SHA256_SIZE];

        /* Anything but a file of that size is damage, too. */
        if (!library_has(library, entry->hash, &size) || size != entry->size) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "%s is missing or has another size",
                        entry->path);
                return NULL;
        }
        fd = library_open_file(library, entry->hash, &size, error);
        if (fd < 0)
                return NULL;
        ssize_t got = TEMP_FAILURE_RETRY(pread(fd, data, (gsize)entry->size + 1, 0));
        if (got < 0) {
                uk_fail_errno(error, errno, "reading %s", entry->path);
                return NULL;
        }
        hash_sha256(data, (gsize)got, digest);
        if (memcmp(digest, entry->hash, sizeof digest) != 0) {
                uk_fail(error, UK_ERROR_SIGNATURE, "the bytes of %s on the disk are damaged",
                        entry->path);
                return NULL;
        }
        return g_steal_pointer(&data);
}

HttpCached *
vdirs_cache_get(VdirsCache *cache, Library *library, const TreeEntry *entry, GError **error)
{
        Key key = { .modified = entry->modified_us / UK_SECOND };

        memcpy(key.hash, entry->hash, sizeof key.hash);
        HttpCached *cached = find(cache, &key);
        if (cached != NULL)
                return cached;
        char *data = read_whole(library, entry, error);
        if (data == NULL)
                return NULL;
        g_autoptr(GBytes) bytes = g_bytes_new_take(data, (gsize)entry->size);
        g_autofree char *lower = hash_hex(entry->hash, HASH_SHA256_SIZE);
        g_autofree char *etag = g_ascii_strup(lower, -1);

        cached = http_cached_new(bytes, "application/octet-stream", NULL, etag);
        http_cached_set_modified(cached, key.modified);
        keep(cache, &key, cached, (gsize)entry->size);
        return cached;
}
