/* snapshot_pipe.c - large files: one thread reads, cuts and writes them, another one hashes.
 *
 * The pieces go to the hashing thread by a relay, and come back to be filled again. Where two
 * hashes cost as much as two (hash_pair.h), the reading thread hashes the chunks, so that both have
 * about as much to do.
 */
#include <pthread.h>
#include <string.h>

#include "base/relay.h"
#include "content/snapshot_private.h"
#include "crypto/hash_pair.h"

#define PIECES     8
#define MAX_CHUNKS (SNAPSHOT_PIECE / SIGNATURE_MIN + 2) /* of which a piece may hold something */

typedef struct {
        SnapshotPipe *pipe;
        char *room;
        const void *data; /* the room, or the caller's */
        gsize size;
        guint count; /* of the chunks, if the hashing thread hashes them; else 0 */
        guint32 sizes[MAX_CHUNKS];
        bool last_ends; /* the others do */
} Piece;

struct SnapshotPipe {
        Piece pieces[PIECES];
        pthread_mutex_t lock; /* guards: */
        Piece *idle[PIECES];  /* to be filled */
        guint idle_count;
        pthread_cond_t emptied; /* one more */
        Piece *current;         /* whose room the reading thread has */
        UkRelay *relay;         /* while there is a file */
        bool signs;             /* the file gets a signature, */
        bool hasher_signs;      /* whose chunks the hashing thread hashes */

        SignatureCutter *cutter; /* the reading thread's, */
        SignatureMaker *chunker; /* and its if not hasher_signs */
        SignatureMaker *maker;   /* the hashing thread's if hasher_signs, */
        HashStream *stream;      /* else this */
};

SnapshotPipe *
snapshot_pipe_new(void)
{
        SnapshotPipe *pipe = g_new0(SnapshotPipe, 1);

        pthread_mutex_init(&pipe->lock, NULL);
        pthread_cond_init(&pipe->emptied, NULL);
        for (int i = 0; i < PIECES; i++) {
                pipe->pieces[i].pipe = pipe;
                pipe->pieces[i].room = g_malloc(SNAPSHOT_PIECE);
                pipe->idle[pipe->idle_count++] = &pipe->pieces[i];
        }
        pipe->cutter = signature_cutter_new();
        pipe->chunker = signature_maker_new();
        pipe->maker = signature_maker_new_hashing();
        pipe->stream = hash_stream_new();
        return pipe;
}

void
snapshot_pipe_free(SnapshotPipe *pipe)
{
        if (pipe == NULL)
                return;
        uk_relay_drop(pipe->relay);
        for (int i = 0; i < PIECES; i++)
                g_free(pipe->pieces[i].room);
        pthread_cond_destroy(&pipe->emptied);
        pthread_mutex_destroy(&pipe->lock);
        signature_cutter_free(pipe->cutter);
        signature_maker_free(pipe->chunker);
        signature_maker_free(pipe->maker);
        hash_stream_free(pipe->stream);
        g_free(pipe);
}

/* In the hashing thread. */
static bool
hash_piece(gpointer user, gpointer item, GError **error)
{
        SnapshotPipe *pipe = user;
        const Piece *piece = item;
        const guint8 *data = piece->data;

        if (!pipe->hasher_signs)
                hash_stream_add(pipe->stream, data, piece->size);
        for (guint i = 0; i < piece->count; i++) {
                signature_maker_add_cut(pipe->maker, data, piece->sizes[i],
                                        i + 1 < piece->count || piece->last_ends);
                data += piece->sizes[i];
        }
        return true;
}

static void
give_back(gpointer item)
{
        Piece *piece = item;
        SnapshotPipe *pipe = piece->pipe;

        pthread_mutex_lock(&pipe->lock);
        pipe->idle[pipe->idle_count++] = piece;
        pthread_cond_signal(&pipe->emptied);
        pthread_mutex_unlock(&pipe->lock);
}

bool
snapshot_pipe_begin(SnapshotPipe *pipe, bool sign, GError **error)
{
        pipe->signs = sign;
        pipe->hasher_signs = sign && hash_pair_is_fast();
        pipe->relay = uk_relay_new(PIECES, hash_piece, give_back, pipe, error);
        return pipe->relay != NULL;
}

char *
snapshot_pipe_room(SnapshotPipe *pipe)
{
        pthread_mutex_lock(&pipe->lock);
        while (pipe->idle_count == 0)
                pthread_cond_wait(&pipe->emptied, &pipe->lock);
        pipe->current = pipe->idle[--pipe->idle_count];
        pthread_mutex_unlock(&pipe->lock);
        return pipe->current->room;
}

static void
cut(SnapshotPipe *pipe, Piece *piece)
{
        const guint8 *data = piece->data;

        for (gsize at = 0; at < piece->size; piece->count++) {
                gsize n =
                        signature_cut(pipe->cutter, data + at, piece->size - at, &piece->last_ends);

                piece->sizes[piece->count] = (guint32)n;
                at += n;
        }
}

bool
snapshot_pipe_push(SnapshotPipe *pipe, const void *data, gsize size, GError **error)
{
        Piece *piece = pipe->current;

        piece->data = data;
        piece->size = size;
        piece->count = 0;
        if (pipe->hasher_signs)
                cut(pipe, piece);
        if (!uk_relay_give(pipe->relay, piece, error))
                return false;
        if (pipe->signs && !pipe->hasher_signs)
                signature_maker_add(pipe->chunker, data, size);
        return true;
}

bool
snapshot_pipe_end(SnapshotPipe *pipe, guint8 *hash_out, Signature **signature_out, GError **error)
{
        if (!uk_relay_end(g_steal_pointer(&pipe->relay), error))
                return false;
        if (pipe->hasher_signs) {
                *signature_out = signature_maker_end(pipe->maker, NULL);
                memcpy(hash_out, (*signature_out)->hash, HASH_SHA256_SIZE);
                signature_cutter_reset(pipe->cutter);
                return true;
        }
        hash_stream_end(pipe->stream, hash_out);
        if (pipe->signs)
                *signature_out = signature_maker_end(pipe->chunker, hash_out);
        return true;
}
