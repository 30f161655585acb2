/* library_ahead.c - what can be written of a content item while its bytes are still on their way:
 * the uses of its files, and its mirror.
 *
 * Nothing of it shows before the content item's INI does: .PEND names the hashes first, and a
 * mirror without an INI goes when the library is opened (library_tidy.c). What is written is
 * remembered, so that library_add_content does the rest only; the lock is let go again and again,
 * lest files that are here wait for it.
 */
#include <sched.h>
#include <string.h>

#include "content/library_private.h"

/* So many entries of a tree at once. */
#define SLICE 256

typedef struct {
        GBytes *tree;   /* compact form: another tree of the same ID is another one */
        guint noted;    /* entries before it have their uses noted, */
        guint mirrored; /* and stand in the mirror */
        gint since;     /* failed_syncs before that */
} Ahead;

static void
ahead_free(gpointer data)
{
        Ahead *ahead = data;

        g_bytes_unref(ahead->tree);
        g_free(ahead);
}

GHashTable *
library_ahead_new(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, ahead_free);
}

void
library_ahead_forget(Library *library, const char *content_id)
{
        g_hash_table_remove(library->ahead, content_id);
}

/* What was written before a sync failed may not be on the disk. */
static bool
is_of(const Library *library, const Ahead *ahead, GBytes *tree)
{
        return ahead->since == g_atomic_int_get(&library->failed_syncs) &&
               g_bytes_equal(ahead->tree, tree);
}

guint
library_ahead_mirrored(Library *library, const ContentTree *tree)
{
        const Ahead *ahead = g_hash_table_lookup(library->ahead, tree_content_id(tree));

        if (ahead == NULL)
                return 0;
        g_autoptr(GBytes) bytes = tree_write(tree);
        return is_of(library, ahead, bytes) ? ahead->mirrored : 0;
}

/* The first step: from then on the hashes are known to be coming. */
static Ahead *
begin(Library *library, const ContentTree *tree, GBytes *bytes, GError **error)
{
        const char *id = tree_content_id(tree);
        g_autoptr(GPtrArray) hashes = library_add_not_noted(library, tree);
        gint since = g_atomic_int_get(&library->failed_syncs);

        if (!library_remove_traces(library, id, error) ||
            !library_users_pend(library, id, hashes, error))
                return NULL;
        Ahead *ahead = g_new0(Ahead, 1);
        ahead->tree = g_bytes_ref(bytes);
        ahead->since = since;
        g_hash_table_insert(library->ahead, g_strdup(id), ahead);
        return ahead;
}

static bool
note_some(Library *library, const ContentTree *tree, Ahead *ahead, GError **error)
{
        guint end = MIN(ahead->noted + SLICE, tree_count(tree));

        for (; ahead->noted < end; ahead->noted++) {
                const TreeEntry *e = tree_entry(tree, ahead->noted);

                if (e->kind == TREE_FILE &&
                    !library_users_note(library, e->hash, tree_content_id(tree), error))
                        return false;
        }
        return true;
}

static bool
mirror_some(Library *library, const ContentTree *tree, Ahead *ahead, GError **error)
{
        guint end = MIN(ahead->mirrored + SLICE, tree_count(tree));

        if (!library_mirror_write(library, tree, ahead->mirrored, end, error))
                return false;
        ahead->mirrored = end;
        return true;
}

/* One slice; *more_out false: nothing is left to be done, or it is not to be done. */
static bool
step(Library *library, const ContentTree *tree, GBytes *bytes, bool first, bool *more_out,
     GError **error)
{
        const char *id = tree_content_id(tree);
        Ahead *ahead = g_hash_table_lookup(library->ahead, id);

        *more_out = false;
        /* What is there is not touched before all of the new one is here. */
        if (library_content_exists(library, id) || g_hash_table_contains(library->gone, id))
                return true;
        if (ahead == NULL || !is_of(library, ahead, bytes)) {
                if (!first)
                        return true; /* it was added, or taken back, or another one came */
                ahead = begin(library, tree, bytes, error);
        }
        if (ahead == NULL)
                return false;
        *more_out = true;
        if (ahead->noted < tree_count(tree))
                return note_some(library, tree, ahead, error);
        *more_out = ahead->mirrored < tree_count(tree);
        return !*more_out || mirror_some(library, tree, ahead, error);
}

bool
library_add_ahead(Library *library, const ContentTree *tree, GError **error)
{
        UK_DOING(error, "preparing content item %s in the content library", tree_content_id(tree));
        g_autoptr(GBytes) bytes = NULL;
        bool ok = library_check_writer(library, error), more = ok;

        bytes = ok ? tree_write(tree) : NULL;
        for (bool first = true; ok && more; first = false) {
                pthread_mutex_lock(&library->change);
                ok = step(library, tree, bytes, first, &more, error);
                pthread_mutex_unlock(&library->change);
                sched_yield();
        }
        return ok;
}
