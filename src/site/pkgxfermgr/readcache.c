/* readcache.c - pieces of files, the newest first; one that all have had goes at once. */
#include "site/pkgxfermgr/readcache.h"

#include <pthread.h>
#include <string.h>

typedef struct {
        ReadPiece piece; /* also its key */
        GBytes *bytes;   /* NULL: it is being read */
        guint left;      /* so many may still want it */
        GList link;      /* in the queue, once it is read */
} Kept;

struct ReadCache {
        gsize max_bytes;
        pthread_mutex_t lock; /* guards all below */
        pthread_cond_t read;  /* a piece is, or could not be */
        GHashTable *pieces;   /* ReadPiece to Kept */
        GQueue queue;         /* Kept *, those that are read */
        gsize bytes;
};

static guint
piece_hash(gconstpointer key)
{
        const ReadPiece *piece = key;
        guint value;

        memcpy(&value, piece->hash, sizeof value);
        return value ^ (guint)(piece->position >> 12) ^ (guint)piece->size;
}

static gboolean
piece_equal(gconstpointer a, gconstpointer b)
{
        const ReadPiece *x = a, *y = b;

        return x->position == y->position && x->size == y->size &&
               memcmp(x->hash, y->hash, sizeof x->hash) == 0;
}

static void
kept_free(gpointer data)
{
        Kept *kept = data;

        g_clear_pointer(&kept->bytes, g_bytes_unref);
        g_free(kept);
}

ReadCache *
readcache_new(gsize max_bytes)
{
        ReadCache *cache = g_new0(ReadCache, 1);

        cache->max_bytes = max_bytes;
        cache->pieces = g_hash_table_new_full(piece_hash, piece_equal, NULL, kept_free);
        g_queue_init(&cache->queue);
        pthread_mutex_init(&cache->lock, NULL);
        pthread_cond_init(&cache->read, NULL);
        return cache;
}

void
readcache_free(ReadCache *cache)
{
        if (cache == NULL)
                return;
        g_hash_table_unref(cache->pieces);
        pthread_cond_destroy(&cache->read);
        pthread_mutex_destroy(&cache->lock);
        g_free(cache);
}

/* One that is read; the lock is held. */
static void
drop(ReadCache *cache, Kept *kept)
{
        g_queue_unlink(&cache->queue, &kept->link);
        cache->bytes -= kept->piece.size;
        g_hash_table_remove(cache->pieces, &kept->piece);
}

/* A reference to a piece that is there; the lock is held. */
static GBytes *
take(ReadCache *cache, Kept *kept)
{
        GBytes *bytes = g_bytes_ref(kept->bytes);

        if (--kept->left == 0)
                drop(cache, kept);
        return bytes;
}

void
readcache_clear(ReadCache *cache)
{
        pthread_mutex_lock(&cache->lock);
        while (cache->queue.tail != NULL)
                drop(cache, cache->queue.tail->data);
        pthread_mutex_unlock(&cache->lock);
}

static GBytes *
read_piece(const ReadPiece *piece, ReadFn fn, gpointer user, GError **error)
{
        guint8 *data = g_malloc(MAX(piece->size, 1));

        if (fn(user, piece, data, error))
                return g_bytes_new_take(data, piece->size);
        g_free(data);
        return NULL;
}

/* What the caller has read is there for others; NULL: it could not be, and the next one tries. The
 * lock is held. */
static void
put(ReadCache *cache, Kept *kept, GBytes *bytes)
{
        pthread_cond_broadcast(&cache->read);
        if (bytes == NULL) {
                g_hash_table_remove(cache->pieces, &kept->piece);
                return;
        }
        kept->bytes = g_bytes_ref(bytes);
        kept->link.data = kept;
        g_queue_push_head_link(&cache->queue, &kept->link);
        cache->bytes += kept->piece.size;
        while (cache->bytes > cache->max_bytes)
                drop(cache, cache->queue.tail->data);
}

/* The piece once nobody is reading it: NULL, then *mine_out is the caller's to be read. The lock is
 * held. */
static Kept *
find(ReadCache *cache, const ReadPiece *piece, guint others, Kept **mine_out)
{
        Kept *kept;

        while ((kept = g_hash_table_lookup(cache->pieces, piece)) != NULL && kept->bytes == NULL)
                pthread_cond_wait(&cache->read, &cache->lock);
        if (kept != NULL)
                return kept;
        *mine_out = g_new0(Kept, 1);
        (*mine_out)->piece = *piece;
        (*mine_out)->left = others;
        g_hash_table_insert(cache->pieces, &(*mine_out)->piece, *mine_out);
        return NULL;
}

GBytes *
readcache_get(ReadCache *cache, const ReadPiece *piece, guint others, ReadFn fn, gpointer user,
              GError **error)
{
        Kept *mine = NULL;

        if (others == 0)
                return read_piece(piece, fn, user, error);
        pthread_mutex_lock(&cache->lock);
        Kept *kept = find(cache, piece, others, &mine);
        GBytes *bytes = kept != NULL ? take(cache, kept) : NULL;
        pthread_mutex_unlock(&cache->lock);
        if (bytes != NULL)
                return bytes;
        bytes = read_piece(piece, fn, user, error);
        pthread_mutex_lock(&cache->lock);
        put(cache, mine, bytes);
        pthread_mutex_unlock(&cache->lock);
        return bytes;
}
