/* libraryini.h - the INI files of a content library, as the community's scripts read them.
 *
 *   PkgLib/<PkgID>.INI          [Packages] <ContentID>=  …  [Info] Version=<n>
 *   DataLib/<ContentID>.INI     [Info] Hash=<content hash>; ours: [Folders], [Links]
 *   DataLib/<ContentID>/…/<file>.INI  [File] Size, TimeModified (FILETIME), Attributes, Hash; ours:
 *                               Mode, Twin, Name (percent-encoded, of a name that the form cannot
 *                               hold)
 *   FileLib/<4>/<HASH>.INI      [Users] <ContentID>=  …
 *
 * Keys and sections are read without case, text in bytes. Folders and symbolic links stand with the
 * content item (numbered, "<mode> <time> <path>" and "<time> <path> <target>", times in
 * microseconds since 1970, texts percent-encoded), because a script takes every INI of the mirror
 * for a file.
 */
#pragma once

#include "base/error.h"
#include "content/tree.h"

/* Upper-case hexadecimal text, as names of the library have it; the caller's. */
char *libraryini_hex(const guint8 *hash);
/* Back; false for anything else but 64 digits. */
bool libraryini_from_hex(const char *text, guint8 *hash_out);

/* The name under which DataLib keeps a file's INI, or a folder: the caller's. Names that the form
 * cannot hold become "~<sha256 of the name>"; *odd_out (may be NULL) says so. */
char *libraryini_mirror_name(const char *name, bool is_folder, bool *odd_out);

/* The texts; the caller's. ids is NULL-terminated. */
char *libraryini_package_write(gint64 version, const char *const *ids);
char *libraryini_content_write(const ContentTree *tree);
char *libraryini_users_write(const char *const *ids);
/* The INI of a file of the tree, appended to out; odd_name: its name where the mirror has another,
 * else NULL. */
void libraryini_file_write(GString *out, const TreeEntry *file, const char *odd_name);
/* The INI beside a folder that the mirror has under another name; the caller's. */
char *libraryini_folder_write(const char *odd_name);

/* Reads them. PARSE for a text that is none. What is returned is the caller's. */
bool libraryini_package_read(const char *text, gsize size, gint64 *version_out, char ***ids_out,
                             GError **error) UK_MUST_USE;
bool
libraryini_users_read(const char *text, gsize size, char ***ids_out, GError **error) UK_MUST_USE;
/* Adds the folders and links of a content item to tree; hash_out: its content hash. */
bool libraryini_content_read(const char *text, gsize size, ContentTree *tree, guint8 *hash_out,
                             GError **error) UK_MUST_USE;
/* *entry_out gets all but path; *name_out the odd name, or NULL. The INI of an odd folder gives
 * kind TREE_FOLDER. */
bool libraryini_file_read(const char *text, gsize size, TreeEntry *entry_out, char **name_out,
                          GError **error) UK_MUST_USE;
