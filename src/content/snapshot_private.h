/* snapshot_private.h - the list of a source folder: what is there, and whether it is still so. */
#pragma once

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
