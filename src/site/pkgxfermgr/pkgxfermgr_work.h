/* pkgxfermgr_work.h - what the files that send an order's bytes share. */
#pragma once

#include "site/pkgxfermgr/pkgxfermgr_private.h"

/* A file that the receiver lacks. */
typedef struct {
        const TreeEntry *entry;
        const char *content_id;
        bool sent;
        bool taken; /* somebody sends it */
        int ticks;  /* milliseconds, of one that was sent before its turn */
} SendFile;

/* What is to be sent, each file by one of those that send. */
typedef struct {
        pthread_mutex_t lock;
        guint next; /* the first missing file that nobody has taken */
} SendQueue;

/* One order on its way, as one of those sees it that send it: counts and batch are its own. */
typedef struct {
        Send *send;
        SendQueue *queue;
        const DpOrderAnswer *order;
        const GPtrArray *rows;
        GPtrArray *trees;  /* const ContentTree *, referenced from the library */
        GHashTable *files; /* hash (32 bytes) to File, of what is missing */
        GByteArray *batch;
        GPtrArray *in_batch; /* SendFile *, of the batch */
        gint64 sent_us;      /* how long requests with bodies took */
        gint64 sent_bytes;
        GHashTable *old_of; /* hash of a new file to LikenessPair: what it is like there */
        guint whole, batched, deltas, frames;
        gint64 delta_bytes;
} SendWork;

/* ---- pkgxfermgr_files.c ---- */

/* One request below the order, with its bytes; may_pack: they may be compressed. */
bool pkgxfermgr_put(SendWork *work, const char *path, GBytes *plain, bool may_pack,
                    DpVerdict *verdict_out, gint64 *position_out, GError **error) UK_MUST_USE;
/* The file is there, and so many bytes less are lacking. */
void pkgxfermgr_note_sent(SendWork *work, SendFile *file, gint64 left);
/* The verbose lines of a file that was sent in another way than in blocks. */
void pkgxfermgr_log_copy(const SendWork *work, const SendFile *file, int ticks);
/* So much goes into one block, by setting and rate limit. */
gsize pkgxfermgr_block_size(const SendWork *work);
/* Upper-case digits of a hash; the caller's. */
char *pkgxfermgr_hex(const guint8 *hash);

/* Sends files of the queue until none is left. */
bool pkgxfermgr_send_queue(SendWork *work, GError **error) UK_MUST_USE;
/* Sends the small files that wait. */
bool pkgxfermgr_flush_batch(SendWork *work, GError **error) UK_MUST_USE;

/* ---- pkgxfermgr_helper.c ---- */

/* The second one that sends an order: while a request of the one is read, hashed and written at the
 * other end, the other's is on its way. */
typedef struct SendHelper SendHelper;
/* Begins to send files of the queue in a thread of its own. NULL where that is not worth it. */
SendHelper *pkgxfermgr_help(SendWork *work);
/* Waits for its end (good false: and hastens it), and adds its counts to those of work. False with
 * the error that ended it. */
bool
pkgxfermgr_help_end(SendHelper *helper_take, SendWork *work, bool good, GError **error) UK_MUST_USE;

/* ---- pkgxfermgr_delta.c ---- */

/* What an older content item at the receiver spares: partners of large files, a frame of the small
 * ones. */
bool pkgxfermgr_use_old_items(SendWork *work, GError **error) UK_MUST_USE;
/* Sends the file as a delta, if there is one and the receiver can use it; *sent_out false: it goes
 * the next way. */
bool pkgxfermgr_try_delta(SendWork *work, SendFile *file, const DpMissing *missing, bool *sent_out,
                          GError **error) UK_MUST_USE;
