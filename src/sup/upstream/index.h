/* index.h - reads one Packages index as its bytes arrive (DEB-012, DEB-013).
 *
 * Compressed bytes go in; digests and sizes of the compressed and of the plain bytes are checked,
 * stanzas come out packed. Bad stanzas are refused and counted; too many refuse the whole.
 */
#pragma once

#include "base/error.h"
#include "sup/upstream/decode.h"
#include "sup/upstream/release.h"

typedef struct {
        const char *name;          /* "main/binary-amd64/Packages.xz", for messages */
        const ReleaseFile *packed; /* what the Release promises of the file fetched */
        const ReleaseFile *plain;  /* and of what is in it; NULL if it says nothing */
        DecodeKind kind;
        const char *const *arches; /* stanzas of other architectures are passed over; NULL: none */
        double refused_share;      /* of the stanzas: above it the whole index is refused */
        /* Told after each piece that was read how many stanzas there were; false with an error ends
         * the reading. NULL: nobody is. */
        bool (*tell)(gpointer user, guint count, GError **error);
        gpointer user;
} IndexAsk;

typedef struct Index Index;

/* What was read. */
typedef struct {
        GByteArray *stanzas; /* packed (catalog/stanzas.h); the caller's */
        guint count;         /* stanzas that were taken */
        guint refused;
        guint passed_over;   /* of other architectures, or twice the same */
        GPtrArray *refusals; /* of char *: the first 20, each a sentence; the caller's */
} IndexResult;

/* Whether an index of the size that its Release promises is read at all; LIMIT. */
bool index_check(const IndexAsk *ask, GError **error) UK_MUST_USE;
/* Begins. ask and what it points to must outlive it. The caller frees it. */
Index *index_new(const IndexAsk *ask, GError **error) UK_MUST_USE;
void index_free(Index *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Index, index_free)
/* Takes the next bytes. SIGNATURE, PARSE, LIMIT with a sentence. */
bool index_feed(Index *index, const void *data, gsize size, GError **error) UK_MUST_USE;
/* Says that nothing more comes, checks all promises, and hands out the result. */
bool index_end(Index *index, IndexResult *result_out, GError **error) UK_MUST_USE;
void index_result_clear(IndexResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(IndexResult, index_result_clear)
/* Stanzas read so far, for progress. */
guint index_count(const Index *index);
