/* snapshot_private.h - the list of a source folder: what is there, and whether it is still so; and
 * the pipe between the two threads that take a large file. */
#pragma once

#include "content/signature.h"
#include "content/tree.h"

#include <sys/stat.h>

/* What was found at a path. */
typedef struct SnapshotFound SnapshotFound;
struct SnapshotFound {
        char *path;
        TreeKind kind;
        guint32 mode;
        gint64 modified_us, size;
        char *target;
        guint32 twin;               /* of a file with hard links, the same for all of them */
        const SnapshotFound *first; /* the hard link that is read in its place, or NULL */
        bool sparse;
        dev_t dev;
        ino_t ino;
        struct timespec modified, changed;
        guint8 hash[HASH_SHA256_SIZE]; /* set when it has been read */
};

typedef struct {
        GPtrArray *all;   /* SnapshotFound, owned; folder by folder, in the order of the names */
        GPtrArray *files; /* those that are to be read; borrowed */
        gint64 bytes;     /* of these */
        SnapshotFound top;
} SnapshotList;

/* Opens the source folder; -1 with NOT_FOUND when there is none. */
int snapshot_list_open(const char *source, GError **error);
/* Lists it. UNSUPPORTED names a device node, socket or FIFO. The caller's. */
SnapshotList *snapshot_list_make(int top, GError **error);
void snapshot_list_free(SnapshotList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SnapshotList, snapshot_list_free)
/* Whether the file is still the one that was listed. */
bool snapshot_list_is_same(const SnapshotFound *found, const struct stat *st);
/* Looks at everything again; CHANGED names what is not as it was. */
bool snapshot_list_check(const SnapshotList *list, int top, GError **error);

#define SNAPSHOT_PIECE (256 * 1024) /* of a large file */

/* snapshot_pipe.c: one file after the other; after a failure in the middle of one it takes no
 * other. The caller's. */
typedef struct SnapshotPipe SnapshotPipe;
SnapshotPipe *snapshot_pipe_new(void);
void snapshot_pipe_free(SnapshotPipe *pipe);
/* Begins a file, which is to be hashed, and if sign cut into chunks, too. */
bool snapshot_pipe_begin(SnapshotPipe *pipe, bool sign, GError **error) UK_MUST_USE;
/* Room for its next piece, SNAPSHOT_PIECE bytes; waits for the hashing thread. */
char *snapshot_pipe_room(SnapshotPipe *pipe);
/* The piece, at least one byte of it: in the room, or elsewhere if it stays as it is. */
bool
snapshot_pipe_push(SnapshotPipe *pipe, const void *data, gsize size, GError **error) UK_MUST_USE;
/* Ends the file: its hash, and if it was to be cut its signature, which is the caller's. */
bool snapshot_pipe_end(SnapshotPipe *pipe, guint8 *hash_out, Signature **signature_out,
                       GError **error) UK_MUST_USE;
