/* likeness.h - which old file a new one is made from.
 *
 * Partners are found by likeness, not by path alone: the old file with which a new one shares the
 * most chunks, if that is a good part of it; else the one of the same path; of the same path, then
 * name, with numbers of versions blanked ("modules/6.1.0-50/xfs.ko", "modules/6.1.0-56/xfs.ko");
 * of several the one nearest in size. Both ends come to the same from the same trees and
 * signatures, so that a receiver asks for the delta that the site has made.
 */
#pragma once

#include "content/library.h"

typedef struct {
        guint8 new_hash[HASH_SHA256_SIZE];
        guint8 old_hash[HASH_SHA256_SIZE];
} LikenessPair;

/* For each file of `new` that `old` has not, each once and in the order of the tree, the file of
 * `old` it is most like, if there is one; GArray of LikenessPair, the caller's. The tables are
 * signature_tar_read()'s of the two content items, or NULL. */
GArray *likeness_find(const ContentTree *old_tree, GHashTable *old_signatures,
                      const ContentTree *new_tree, GHashTable *new_signatures);
/* The same for two content items of the library, with the signatures that are there. */
GArray *likeness_pairs(Library *library, const ContentTree *old_tree, const ContentTree *new_tree,
                       GError **error) UK_MUST_USE;

/* The signatures of a content item that the library has, as of signature_tar_read(); the caller's.
 * NOT_FOUND. */
GHashTable *
likeness_signatures(Library *library, const char *content_id, GError **error) UK_MUST_USE;
