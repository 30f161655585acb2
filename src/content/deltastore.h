/* deltastore.h - deltas kept as files beside the library: SMSDLT$/<NEW>.<OLD>, by file hashes.
 *
 * Made on demand, once for any number of receivers; counted in the library's space; dropped when
 * the content items they belong to go, or, the longest unused first, when the budget is exceeded. A
 * file may be missing at any moment: that is no error, only the next way. An old hash that is that
 * of an empty file stands for no old file: the new one compressed. Small files of one
 * content item share a frame, SMSDLT$/<new content hash>.<old content hash>: all files of the new
 * item below DELTASTORE_SMALL bytes that the old one has not, one behind the other, as a delta
 * against those of the old one that the new one has not.
 */
#pragma once

#include "content/library.h"

#define DELTASTORE_SMALL (256 * 1024)

/* Opens the delta new.old for reading, having made it if it is not there and both files are in the
 * library; *size_out is its size. A descriptor, or -1: NOT_FOUND when it cannot be made, LIMIT when
 * the files are too large, or it would not be smaller than the new file. Any number may ask for the
 * same at once, in any program: one makes it and the others wait. */
int deltastore_open(Library *library, const guint8 *new_hash, const guint8 *old_hash,
                    gint64 *size_out, GError **error) UK_MUST_USE;
/* The same for the frame of the small files of two content items. NOT_FOUND also when there are
 * none. */
int
deltastore_open_frame(Library *library, const ContentTree *new_tree, const ContentTree *old_tree,
                      gint64 *size_out, GError **error) UK_MUST_USE;
/* Unpacks a frame, hostile bytes included, into the library (each file proved, waiting for
 * library_publish). The old tree's small files must be in the library. */
bool deltastore_apply_frame(Library *library, const ContentTree *new_tree,
                            const ContentTree *old_tree, int frame_fd, GError **error) UK_MUST_USE;
/* The indexes (guint) of the entries whose files are in the frame, each hash once, in the order of
 * the tree; the caller's. */
GArray *deltastore_frame_files(const ContentTree *new_tree, const ContentTree *old_tree);

/* "<NEW>.<OLD>"; the caller's. */
char *deltastore_name(const guint8 *new_hash, const guint8 *old_hash);
/* Opens one that is there, by the names of hashes; -1 with NOT_FOUND, INVALID for a name that is
 * none. For servers. */
int deltastore_open_named(Library *library, const char *name, gint64 *size_out,
                          GError **error) UK_MUST_USE;
/* Puts one in that came from elsewhere (a source distribution point). PARSE when it is no delta,
 * INVALID when it is that of another name. */
bool deltastore_put(Library *library, const char *name, int fd, GError **error) UK_MUST_USE;
/* Drops what no content item needs any more, then the longest unused above the budget (bytes). */
bool deltastore_trim(Library *library, gint64 budget, GError **error) UK_MUST_USE;
