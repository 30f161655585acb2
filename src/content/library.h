/* library.h - the content library: every file once, by its SHA-256, whatever packages hold it.
 *
 *   <root>/PkgLib/<PkgID>.INI             [Packages] its content items, [Info] Version
 *   <root>/DataLib/<ContentID>.INI        [Info] Hash
 *   <root>/DataLib/<ContentID>/…/<file>.INI   the tree, each file a small INI
 *   <root>/DataLib/<ContentID>.TREE       the same tree in its compact form, for speed
 *   <root>/FileLib/<4 hex>/<HASH>         the bytes; <HASH>.INI [Users]; <HASH>.SIG (signature.h)
 *   <root>/SMS_DP$/<HASH>-<ContentID>.temp    files on their way in
 *   <root>/SMSSIG$/<ContentID>.tar        signatures of a content item
 *   <root>/SMSDLT$/<NEW>.<OLD>            deltas (deltastore.h)
 *
 * Published by rename only when the bytes, hashed while they were written, are on disk; the use is
 * noted before the content shows, and a file goes only with its last use (DIST-016, DIST-017, DIST-
 * 148; 51-content-library 2, 3, 5, 18). Every step may be cut off and done again. One program of a
 * machine writes, any number read; a Library may be used by many threads at once.
 */
#pragma once

#include "base/error.h"
#include "content/tree.h"

typedef struct Library Library;
typedef struct LibraryFile LibraryFile;

#define LIBRARY_FOLDER "var/lib/upkeep/content" /* below a machine's root */

/* Opens the library at root. A writer makes the folders, takes the lock (BUSY when another program
 * has it), ends what a crash left half done, and builds what is kept in memory; a reader finds
 * NOT_FOUND when there is none yet, and sees a content item from the moment it is whole. */
Library *library_open(const char *root, bool writer, GError **error) UK_MUST_USE;
void library_free(Library *library);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Library, library_free)
const char *library_root(const Library *library);

/* Files. A hash is 32 bytes. */

/* True when the file is published and not known to be damaged. size_out may be NULL. */
bool library_has(Library *library, const guint8 *hash, gint64 *size_out);
/* Opens the published bytes for reading: a descriptor, or -1 with NOT_FOUND. */
int library_open_file(Library *library, const guint8 *hash, gint64 *size_out,
                      GError **error) UK_MUST_USE;
/* The same for those who read at offsets only, since descriptors of one file have one position; the
 * file stays open for the next one who asks. */
int library_open_shared(Library *library, const guint8 *hash, gint64 *size_out,
                        GError **error) UK_MUST_USE;

/* A file on its way in, for content_id; what an earlier try left is taken up at its position,
 * having been hashed again. Two at once for one hash and content: BUSY. The caller frees it, which
 * leaves the bytes for the next try. */
LibraryFile *library_file_begin(Library *library, const guint8 *hash, gint64 size,
                                const char *content_id, GError **error) UK_MUST_USE;
/* Waits while the file is received by somebody else for that content item, at most until that
 * moment (uk_clock_mono). Whether it may be begun now. */
bool
library_file_wait(Library *library, const guint8 *hash, const char *content_id, gint64 until_us);
void library_file_free(LibraryFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LibraryFile, library_file_free)
gint64 library_file_position(const LibraryFile *file);
/* Adds bytes at the position; runs of zeros become holes. FULL when there is no room; LIMIT beyond
 * the size. */
bool
library_file_write(LibraryFile *file, const void *data, gsize size, GError **error) UK_MUST_USE;
/* Reads back bytes below the position (of a file that repeats itself). */
bool library_file_peek(const LibraryFile *file, gint64 offset, void *data, gsize size,
                       GError **error) UK_MUST_USE;
/* Begins again at 0 (a bad delta, a source that lied). */
bool library_file_restart(LibraryFile *file, GError **error) UK_MUST_USE;
/* Proves the hash: SIGNATURE, and the bytes are gone, when it is another. A proved file waits,
 * unsynced, for library_publish. */
bool library_file_end(LibraryFile *file, GError **error) UK_MUST_USE;
/* Takes the file at path (of the same file system; none: what an earlier try left) over and proves
 * it: SIGNATURE, and it is gone; NOT_YET when it is not whole. Where the file has been proved
 * already and waits, that one stays, and the one at path goes. */
bool library_file_adopt(Library *library, const guint8 *hash, gint64 size, const char *content_id,
                        const char *path, GError **error) UK_MUST_USE;
/* Syncs all proved files that wait, many at once, notes their uses, and renames them into FileLib.
 * Called now and then while many arrive, and before library_add_content. One that fails waits for
 * the next time, and the others do not wait for it; it is the caller's error if it is of a content
 * item among ids (NULL-terminated; NULL: none), and else warned of. */
bool library_publish(Library *library, const char *const *ids, GError **error) UK_MUST_USE;
/* Whether bytes of the file were proved and then went before they were published (a sync failed,
 * say), and none have been since: what the library has of it is what it had before. */
bool library_was_lost(Library *library, const guint8 *hash);
/* "PS100039" of "PS100039.3", what a content item is a version of, the caller's; NULL: of nothing.
 * version_out may be NULL. */
char *library_thing_of(const char *content_id, gint64 *version_out);
/* What a set of content IDs are versions of, a set of texts, the caller's; one that is a version of
 * nothing stands for itself. */
GHashTable *library_things_of(GHashTable *ids);
/* Files on their way in for content items of the package ("<PkgID>.<version>"), and for any version
 * of those among ids, go, proved or not, unless theirs is among keep (sets of texts). What somebody
 * is receiving right now stays. */
bool library_drop_arriving(Library *library, const char *package_id, GHashTable *ids,
                           GHashTable *keep, GError **error) UK_MUST_USE;
/* Puts a whole small file in (begin, write, end in one); it waits for library_publish. */
bool library_put(Library *library, const guint8 *hash, const void *data, gsize size,
                 const char *content_id, GError **error) UK_MUST_USE;

/* Content items and packages. */

/* The indexes (guint) of those entries of the tree whose files are missing, each hash once, in the
 * order of the tree; the caller's. */
GArray *library_missing(Library *library, const ContentTree *tree);
/* Does beside the arriving files what library_add_content would do at the end and can be done
 * before: nothing of it shows. Worth it for many files; may be left out, and may be called by
 * several threads. */
bool library_add_ahead(Library *library, const ContentTree *tree, GError **error) UK_MUST_USE;
/* Makes the content item visible: its files must be published (NOT_FOUND names the first that is
 * not). signatures (the tar) may be NULL. Durable when it returns; the same again is success. */
bool library_add_content(Library *library, const ContentTree *tree, GBytes *signatures,
                         GError **error) UK_MUST_USE;
/* Says whether to go on with what takes long. */
typedef bool (*LibraryGoOn)(gpointer user);
/* The tar of signatures of a content item whose files are in the library (NOT_FOUND), made of their
 * bytes. prove: which are proved by their hashes while they are read (SIGNATURE). CANCELLED. The
 * caller's. */
GBytes *library_make_signatures(Library *library, const ContentTree *tree, bool prove,
                                LibraryGoOn go_on, gpointer user, GError **error) UK_MUST_USE;
/* Sets what the package is: version and content items (NULL-terminated), which must be there.
 * Content items that no package holds any more go, and then the files that no content item uses;
 * also what came in for older versions of the content items. */
bool library_set_package(Library *library, const char *package_id, gint64 version,
                         const char *const *content_ids, GError **error) UK_MUST_USE;
/* What the package will be, written already and not synced, so that what is synced of the library
 * meanwhile (library_add_content) syncs it, too. Freed, it leaves nothing but what was set. */
typedef struct LibraryDraft LibraryDraft;
LibraryDraft *library_draft_package(Library *library, const char *package_id, gint64 version,
                                    const char *const *content_ids, GError **error) UK_MUST_USE;
void library_draft_free(LibraryDraft *draft);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LibraryDraft, library_draft_free)
/* As library_set_package. */
bool library_set_draft(Library *library, LibraryDraft *draft, GError **error) UK_MUST_USE;
/* Takes the package out, and what only it held. One that is not there is success. Of a package that
 * is set or removed, files on their way in for older versions ("<PkgID>.<version>") go, too. */
bool library_remove_package(Library *library, const char *package_id, GError **error) UK_MUST_USE;
/* A content item kept although no package holds it (an old version that deltas are made from),
 * until library_release_content. Durable. */
bool library_keep_content(Library *library, const char *content_id, GError **error) UK_MUST_USE;
bool library_release_content(Library *library, const char *content_id, GError **error) UK_MUST_USE;
/* Takes away what came in for a content item that will not be added, or that was added and that no
 * package holds: files, uses, temporary files. Not there is success. */
bool library_abandon_content(Library *library, const char *content_id, GError **error) UK_MUST_USE;

typedef struct {
        char *package_id;
        gint64 version;
        char **content_ids;
} LibraryPackage;
void library_package_free(LibraryPackage *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LibraryPackage, library_package_free)
/* One package (NOT_FOUND), or all of them, by ID; the caller's. */
LibraryPackage *
library_package(Library *library, const char *package_id, GError **error) UK_MUST_USE;
GPtrArray *library_packages(Library *library, GError **error) UK_MUST_USE;
/* The tree of a content item, shared; the caller gives it back with library_tree_unref. NOT_FOUND.
 */
const ContentTree *
library_tree_ref(Library *library, const char *content_id, GError **error) UK_MUST_USE;
void library_tree_unref(Library *library, const ContentTree *tree);
/* IDs of the content items that are there, in order, NULL-terminated; the caller's. */
char **library_contents(Library *library, GError **error) UK_MUST_USE;
/* IDs of the content items that use the file, NULL-terminated; the caller's. */
char **library_users(Library *library, const guint8 *hash, GError **error) UK_MUST_USE;

/* Free and all bytes of the file system the library is on. */
bool
library_space(Library *library, gint64 *free_out, gint64 *total_out, GError **error) UK_MUST_USE;
