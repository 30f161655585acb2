/* snapshot.h - reads a source folder once, in a stable order, into the content library.
 *
 * Comes in: a folder. Goes out: its tree, with every file hashed, in the library, and a signature
 * of every file (DIST-015, DIST-016, DIST-018). Links are recorded, never followed. A device node,
 * socket or FIFO is refused by name; a file that changes while it is read is CHANGED, and the
 * snapshot is tried again by its caller.
 */
#pragma once

#include "content/library.h"

typedef struct {
        gint64 files_done, bytes_done; /* so far */
        gint64 files_new, bytes_new;   /* of these, that the library had not */
        gint64 files_all, bytes_all;   /* known once the folder has been listed; else -1 */
} SnapshotProgress;

/* Told a few times a second; false stops the snapshot with CANCELLED. */
typedef bool (*SnapshotTell)(gpointer user, const SnapshotProgress *progress);

typedef struct {
        ContentTree *tree;
        GBytes *signatures; /* the tar of all files' signatures, for library_add_content */
        guint8 signature_hash[HASH_SHA256_SIZE];
} Snapshot;

void snapshot_free(Snapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Snapshot, snapshot_free)
/* Reads source as content_id, by two threads. UNSUPPORTED, CHANGED and NOT_FOUND name what. The
 * files are published when it returns; the content item is not added yet (library_add_content).
 * *library_fails_out (may be NULL): a failure is the library's, and not the source's. The caller
 * frees the snapshot. */
Snapshot *
snapshot_take(Library *library, const char *source, const char *content_id, SnapshotTell tell,
              gpointer user, bool *library_fails_out, GError **error) UK_MUST_USE;
