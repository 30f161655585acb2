/* tree.h - the definition of one content item: a folder tree without its bytes.
 *
 * What a snapshot finds, what DataLib mirrors, what travels in a package's bundle, and what a
 * receiver proves its files by. Paths are bytes, relative, separated by '/'; they are never empty,
 * absolute, "." or "..", and hold no NUL. Entries stand in byte order of their paths, each folder
 * before what is in it (DIST-015, DIST-019; 51-content-library 3, 4, 18).
 */
#pragma once

#include "base/error.h"
#include "crypto/hash.h"

#define TREE_MAX_ENTRIES 4000000
#define TREE_MAX_PATH    4095

typedef enum {
        TREE_FILE,
        TREE_FOLDER,
        TREE_SYMLINK,
} TreeKind;

typedef struct {
        const char *path; /* borrowed from the tree */
        TreeKind kind;
        guint32 mode;                  /* permission bits, 07777; of a symbolic link 0777 */
        gint64 modified_us;            /* not covered by any hash */
        gint64 size;                   /* of a file's bytes; 0 for the others */
        guint8 hash[HASH_SHA256_SIZE]; /* of a file's bytes; zero for the others */
        const char *target;            /* of a symbolic link, never followed; else NULL */
        /* Hard links of one another carry the same number, above 0; a file without any has 0. */
        guint32 twin;
} TreeEntry;

typedef struct ContentTree ContentTree;

/* True for a package's or content item's ID that may be a file's name: letters, digits and "._{}-"
 * (no dot at the beginning), at most 128 bytes, and none of the endings that the library's own
 * files have. */
bool tree_valid_id(const char *id);

/* An empty tree for "PS100039.2"; the caller frees it. That the ID is valid is seen by tree_seal.
 */
ContentTree *tree_new(const char *content_id);
void tree_free(ContentTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentTree, tree_free)
/* Adds a copy of the entry. PARSE for a path that is none of the above, LIMIT for too many. */
bool tree_add(ContentTree *tree, const TreeEntry *entry, GError **error) UK_MUST_USE;
/* Sorts, checks (no path twice, every entry's folder is there and a folder, twins are equal) and
 * computes the content hash. Nothing can be added afterwards. */
bool tree_seal(ContentTree *tree, GError **error) UK_MUST_USE;

/* What the tree is of, and its entries in order; all borrowed. */
const char *tree_content_id(const ContentTree *tree);
/* How many entries there are. */
guint tree_count(const ContentTree *tree);
/* The entry at index, below tree_count. */
const TreeEntry *tree_entry(const ContentTree *tree, guint index);
/* By its exact path; else, as Windows habits want it, by the only path that is equal without case
 * (ASCII); NULL. */
const TreeEntry *tree_find(const ContentTree *tree, const char *path);
/* The content hash of DIST-019: SHA-256 over names and file hashes, folder by folder. Names are fed
 * in lower case as UTF-16LE, with '/' between them; where tree_windows_warning is set, so that
 * lower case would say less than the names do, by their exact bytes. A symbolic link counts as a
 * file that holds its target. */
const guint8 *tree_hash(const ContentTree *tree);
/* Sum of the sizes of all files, twins counted once. */
gint64 tree_size(const ContentTree *tree);
/* Why Windows receivers cannot hold it (names that differ by case only, or are not UTF-8); NULL if
 * they can. Borrowed. */
const char *tree_windows_warning(const ContentTree *tree);

/* The compact form, about 60 bytes an entry; with a checksum. The caller's. */
GBytes *tree_write(const ContentTree *tree);
/* Reads it, hostile bytes included, and seals it; PARSE, LIMIT. The caller's. */
ContentTree *tree_read(const void *data, gsize size, GError **error) UK_MUST_USE;
