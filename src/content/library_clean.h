/* library_clean.h - what lies in a content library and does not belong there.
 *
 * Left by what no crash and no package explains: a content item that no package holds, files on
 * their way in with which nobody went on, bytes that nobody uses, names that are none of ours. Safe
 * beside everything else that goes on: what is younger than an age is left alone, and each thing is
 * looked at again in the moment in which it is removed.
 */
#pragma once

#include "content/library.h"

typedef struct {
        char *path; /* below the library's root */
        gint64 bytes;
        gint64 changed_us; /* when it was changed last, by the file system */
        const char *why;   /* in words */
        char *content_id;  /* the content item that goes as a whole, or NULL: only the file */
} LibraryOrphan;

/* What does not belong there and is older than that (microseconds); GPtrArray of LibraryOrphan, the
 * caller's. Of the content items among spared (a set of IDs; NULL: none), which a package is still
 * to hold, nothing is one. Also for one that only reads. */
GPtrArray *library_clean_find(Library *library, gint64 older_than_us, GHashTable *spared,
                              GError **error) UK_MUST_USE;
/* Removes what library_clean_find told of, if it still does not belong there, and nobody is at it.
 */
bool library_clean_remove(Library *library, const GPtrArray *orphans, GError **error) UK_MUST_USE;
