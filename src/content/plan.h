/* plan.h - what a receiver fetches, file by file, and how: the cheapest way first, the next behind
 * it.
 *
 *   PullDP, with the new tree, its signatures and the library --plan_make--> a way for each file
 *
 * The ways of a file, in the order in which they are tried: a delta against an old file (or, for
 * all small files of an update together, one frame), the ranges of those chunks that no file here
 * has, the whole file. A way that fails is no error: plan_next_way() goes to the next and says why.
 * Whatever the way, library_file_end() proves the whole file (DIST-018, DIST-113).
 */
#pragma once

#include "content/library.h"
#include "content/signature.h"

typedef enum {
        PLAN_FRAME,  /* with the other small files, by the plan's frame */
        PLAN_DELTA,  /* SMSDLT$/<hash>.<old hash> */
        PLAN_CHUNKS, /* the ranges of plan_ranges(), the rest from files that are here */
        PLAN_WHOLE,
} PlanWay;

/* Bytes of the new file: from the other side (source -1), from the file itself, further ahead
 * (source 0; chunks that repeat are fetched once), or from a file that is here. */
typedef struct {
        gint32 source; /* else an index into the file's sources */
        gint64 from;   /* offset in the source */
} PlanPiece;

typedef struct {
        guint entry; /* of the tree; the first with this hash */
        gint64 size;
        guint8 hash[HASH_SHA256_SIZE];
        PlanWay way;
        bool has_old;                      /* a delta is possible, against */
        bool has_partner;                  /* the file here that it is most like, else nothing: */
        guint8 old_hash[HASH_SHA256_SIZE]; /* its hash, or that of an empty file */
        const Signature *signature;        /* NULL: one chunk, or none was given; the plan's */
        GArray *pieces;                    /* PlanPiece, one a chunk of the signature, or NULL */
        GArray *sources;                   /* hashes (32 bytes each), this file's own first */
        gint64 fetch;                      /* bytes that way CHUNKS fetches; size without one */
        gint64 cost;                       /* estimated bytes on the wire by the way taken */
        char *why;                         /* a sentence for the log: the way and the reason */
} PlanFile;

typedef struct {
        GPtrArray *files;  /* PlanFile, owned: each missing file once, in the order of the tree */
        guint have;        /* entries of the tree whose files are here already */
        bool has_frame;    /* SMSDLT$/<new content hash>.<old content hash> is to be tried */
        gint64 frame_size; /* bytes of the files in it */
        gint64 size, cost; /* of all missing files, and the estimate for the ways taken */
        GHashTable *signatures; /* that the files' signatures are in, or NULL */
} Plan;

void plan_free(Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)

/* Makes the plan for the files of the tree that the library lacks. old_tree is the related content
 * item that is here, or NULL (then nothing is compared but chunks). signatures is the tar of the
 * new item, or NULL. Chunks are looked for in the related item's files first, then in those of all
 * content items of the library whose signatures are there. The tree must outlive the plan. */
Plan *plan_make(Library *library, const ContentTree *tree, GBytes *signatures,
                const ContentTree *old_tree, GError **error) UK_MUST_USE;
/* The way taken failed, because of `reason` ("404"); takes the next and sets why. False when the
 * whole file was the way already. */
bool plan_next_way(PlanFile *file, const char *reason);

typedef struct {
        gint64 offset, size;
} PlanRange;
/* The ranges of the file to fetch from `position` on by its way (CHUNKS: those that no file here
 * has, neighbours joined; WHOLE: the rest); GArray of PlanRange, the caller's. */
GArray *plan_ranges(const PlanFile *file, gint64 position);

/* Fills data with the file's bytes at offset, from the other side; called in rising order of
 * offset, for at most SIGNATURE_MAX bytes within one of plan_ranges(). */
typedef bool (*PlanFetch)(gpointer user, gint64 offset, void *data, gsize size, GError **error);
/* Builds the file, by way CHUNKS or WHOLE, from its position on, from what is here and what fetch
 * brings; each chunk is proved. A chunk that is here but is not what its signature says is fetched
 * instead, outside of plan_ranges(). SIGNATURE: fetch brought other bytes. The caller ends the
 * file. */
bool plan_assemble(Library *library, const PlanFile *file, LibraryFile *out, PlanFetch fetch,
                   gpointer user, GError **error) UK_MUST_USE;
/* Builds the file from a delta against its partner, from the beginning. The caller ends the file.
 */
bool plan_apply_delta(Library *library, const PlanFile *file, int delta_fd, LibraryFile *out,
                      GError **error) UK_MUST_USE;
