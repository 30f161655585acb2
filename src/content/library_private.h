/* library_private.h - the inside of a content library.
 *
 * What is true stands on disk; memory holds only what can be read again. DataLib has, beside what
 * administrators read, markers of steps that are not done:
 *   <ContentID>.PEND   hashes whose use was noted for a content item that is not there yet
 *   <ContentID>.GONE   the content item is going: what is left of it is removed
 *   <ContentID>.KEEP   it stays although no package holds it
 * and SMS_DP$/<ContentID>.users is the [Users] text that new files' INIs are links to.
 */
#pragma once

#include "content/library.h"
#include "content/signature.h"

#include <pthread.h>
#include <sys/stat.h>

#define LIBRARY_FILE_MODE   0644 /* another server (nginx) may serve the library, too */
#define LIBRARY_FOLDER_MODE 0755
#define LIBRARY_MAX_INI     (64 * 1024 * 1024)
#define LIBRARY_MAX_TREE    (1024 * 1024 * 1024)

/* What a temporary file is in use for. */
typedef enum {
        FILE_RECEIVING = 1,
        FILE_PROVED, /* it waits for library_publish */
} FileUse;

/* A proved file that waits for library_publish. */
typedef struct {
        guint8 hash[HASH_SHA256_SIZE];
        char *content_id;
        char *temporary; /* path */
        gint since;      /* failed_syncs before its first byte */
} Proved;

typedef struct LibraryOpened LibraryOpened;

struct Library {
        char *root;
        bool writer;
        int root_fd, files_fd; /* the root, FileLib */
        int lock_fd;           /* of the writer */
        bool tidied; /* the mark of an open library is there, and is taken away at the end */

        LibraryOpened *opened; /* has a lock of its own, taken last */

        pthread_mutex_t lock;    /* guards what follows */
        GHashTable *trees;       /* content ID -> CachedTree (library_tree.c) */
        guint64 trees_entries;   /* of all these together */
        GHashTable *busy;        /* paths of temporary files in use -> FileUse */
        pthread_cond_t received; /* one of them is received no more */
        GPtrArray *proved;       /* Proved */
        GHashTable *lost;        /* hashes of those that went before they had their names; set */

        pthread_mutex_t syncing; /* held while the file system is synced; taken last */
        gint failed_syncs;       /* so many have failed; atomic */
        gint syncs, synced;      /* number of the last that began, and that ended well; atomic */

        pthread_mutex_t publishing; /* held while files are published; taken before all others */
        pthread_mutex_t change; /* held while the library is changed on disk; taken before lock */
        GHashTable *packages;   /* ID -> LibraryPackage; the writer's */
        GHashTable *noted;      /* content ID -> uses noted by this process (library_users.c) */
        GHashTable *pending;    /* content IDs with a .PEND; set */
        GHashTable *touched;    /* content ID -> gint64, when files came last (uk_clock_mono) */
        GHashTable *ahead;      /* content ID -> what is written of it (library_ahead.c) */
        GHashTable *gone;       /* content IDs with a .GONE; set */
        gint gone_count;        /* of these; atomic, so that a look at it needs no lock */
};

/* library.c */
/* "<root>/<folder>/<name><ending>"; the caller's. */
char *
library_path(const Library *library, const char *folder, const char *name, const char *ending);
/* "<root>/FileLib/<4>/<HASH><ending>"; the caller's. */
char *library_file_path(const Library *library, const guint8 *hash, const char *ending);
/* DENIED for one that only reads. */
bool library_check_writer(const Library *library, GError **error);
bool library_content_exists(Library *library, const char *content_id);
/* Syncs the file system. A failure is told once, and then all is said to be well: so it raises
 * failed_syncs, and what was written before that has to be written again, whoever wrote it. */
bool library_sync(Library *library, GError **error);
/* Whether it is for want of something (descriptors, memory) that opening or reading a file failed,
 * which says nothing of the file. */
bool library_is_shortage(int failure);
/* The file is there, and the disk cannot give it: it is damaged, and to ask again is no use. */
bool library_is_unreadable(const char *path);
/* True when a package of the writer holds the content item; change is held. */
bool library_is_held(Library *library, const char *content_id);
/* An empty array of Proved, which it owns. */
GPtrArray *library_proved_new(void);
/* Sets of hashes and of texts; a table by hashes that frees its values. The caller's. */
GHashTable *library_hash_set(void);
GHashTable *library_hash_table(GDestroyNotify value_free);
GHashTable *library_text_set(void);

/* library_opened.c */
LibraryOpened *library_opened_new(void);
void library_opened_free(LibraryOpened *opened);
/* The file has been removed or replaced. */
void library_opened_forget(Library *library, const guint8 *hash);

/* library_users.c; change is held. */
/* Removes the folder of a file that has just gone, if it was the last in it. Who puts a file there
 * makes the folder and the note of its use within one hold of the lock, and the note stays until
 * the use is dropped: so no folder goes that somebody is about to put a file into. */
bool library_users_drop_folder(Library *library, const char *file_path, GError **error);
/* Of many content items: what this process has noted of each. */
GHashTable *library_users_new(void);
/* Whether this process has noted the use, and no sync has failed since. */
bool library_users_has(Library *library, const guint8 *hash, const char *content_id);
/* Makes content_id a user of the file, durable with the next sync. */
bool
library_users_note(Library *library, const guint8 *hash, const char *content_id, GError **error);
/* Takes it out; the file goes with its last user. */
bool
library_users_drop(Library *library, const guint8 *hash, const char *content_id, GError **error);
/* The users that the trees tell: hash -> GPtrArray of IDs; the caller's. */
GHashTable *library_users_by_trees(Library *library, GError **error);
/* The IDs that the note itself names, none if it is not there (*missing_out) or damaged; the
 * caller's. */
char **library_users_noted(Library *library, const guint8 *hash, bool *missing_out, GError **error);
/* Writes the note anew: those that it still names, content_id, and what users (by trees) says. */
bool library_users_renew(Library *library, const guint8 *hash, const char *content_id,
                         GHashTable *users, GError **error);
/* Makes a lost note again. */
bool library_users_restore(Library *library, const guint8 *hash, GPtrArray *ids, GError **error);
/* Notes that the hashes (GPtrArray of guint8[32]) are used by a content item to come. */
bool
library_users_pend(Library *library, const char *content_id, GPtrArray *hashes, GError **error);
/* More came of what is noted as coming. */
void library_users_touch(Library *library, const char *content_id);
/* The hashes in <ContentID>.PEND as a set; empty when there is none. */
GHashTable *library_users_pending(Library *library, const char *content_id, GError **error);
/* Forgets .PEND and the shared text; what it named has been noted or dropped. */
bool library_users_settled(Library *library, const char *content_id, GError **error);

/* library_tree.c */
/* The tree on disk, whether the content item is visible or not; *stored_out (may be NULL) says that
 * the compact form was good. NOT_FOUND, SIGNATURE. The caller's. */
ContentTree *
library_tree_load(Library *library, const char *content_id, bool *stored_out, GError **error);
/* The tree as it is to be, whichever of its forms is damaged or missing: proved by the content
 * hash. The caller's. */
ContentTree *library_tree_prove(Library *library, const char *content_id, GError **error);
void library_tree_forget(Library *library, const char *content_id);
void library_tree_free_cache(Library *library);

/* library_mirror.c */
/* Writes the tree's entries from first to before end into DataLib/<ContentID>/, which has those
 * before first. Not synced. */
bool library_mirror_write(Library *library, const ContentTree *tree, guint first, guint end,
                          GError **error);
/* Adds the files and folders of the mirror to tree, which has those of the content's INI. */
bool library_mirror_read(Library *library, ContentTree *tree, GError **error);

/* Tells the INIs and folders of the mirror that are not what the tree says, by their paths below
 * the library's root. */
typedef void (*MirrorTell)(gpointer user, char *path_take, bool missing);
bool library_mirror_compare(Library *library, const ContentTree *tree, MirrorTell tell,
                            gpointer user, GError **error);

/* library_check.c; change is held. */
/* Writes anew what of the definition of a content item that is there is not as the tree says. */
bool library_mend(Library *library, const ContentTree *tree, GError **error);

/* library_file.c */
/* Whether somebody is receiving the temporary file, or it is proved and waits. */
bool library_is_busy(Library *library, const char *temporary);
/* The same of any temporary file of the content item. */
bool library_is_any_busy(Library *library, const char *content_id);
/* The content item in "<HASH>-<ContentID>.temp", or NULL; the caller's. */
char *library_content_of_temporary(const char *name);
/* Puts in bytes whose hash the caller has just computed; one that waits already is success. */
bool library_file_store(Library *library, const guint8 *hash, const void *data, gsize size,
                        const char *content_id, GError **error);
/* A file whose hash is not known before its end; freed before that it leaves nothing. */
LibraryFile *library_file_begin_new(Library *library, const char *content_id, GError **error);
/* With the hash that the caller has found of the very bytes it wrote; *is_new_out says that the
 * library had not got it, so that it waits for publishing. */
bool library_file_end_new(LibraryFile *file, const guint8 *hash, bool *is_new_out, GError **error);

/* library_ahead.c; change is held. */
GHashTable *library_ahead_new(void);
/* So many entries of this very tree stand in the mirror already. */
guint library_ahead_mirrored(Library *library, const ContentTree *tree);
/* The content item has been added, or its mirror taken away. */
void library_ahead_forget(Library *library, const char *content_id);

/* library_add.c; change is held. */
/* The hashes that this process has not noted yet for the content item; borrowed from the tree. */
GPtrArray *library_add_not_noted(Library *library, const ContentTree *tree);
/* Files of no tree: drops their uses by content_id, and forgets that they were pending. */
bool library_add_settle(Library *library, const char *content_id, const ContentTree *tree,
                        GError **error);

/* library_signatures.c; change is held. */
/* Puts it beside its file, if that is there, in place of what is another one. Not synced. */
bool library_signature_keep(Library *library, const Signature *signature, GError **error);

/* library_draft.c */
/* Gives it its name at path, not synced, if its bytes were synced since it was written. */
bool library_draft_place(Library *library, LibraryDraft *draft, const char *path, bool *placed_out,
                         GError **error);

/* library_remove.c; change is held. */
/* The version in "<PkgID>.<version>", or -1. */
gint64 library_version_of(const char *content_id, const char *package_id);
/* Whether it stays although no package holds it. */
bool library_is_kept(Library *library, const char *content_id);
/* INVALID. */
bool library_check_package_id(const char *package_id, GError **error);
/* library_set_package and library_set_draft; draft may be NULL. Takes change itself. */
bool library_change_package(Library *library, const char *package_id, gint64 version,
                            const char *const *ids, LibraryDraft *draft, GError **error);
/* Writes the package's INI, unless it is this very one, and remembers it. draft may be NULL. */
bool library_write_package(Library *library, const char *package_id, gint64 version,
                           const char *const *ids, LibraryDraft *draft, GError **error);
/* Ends all removals that were begun. One that fails is warned of and tried again with the next
 * change of the library; it is the caller's error if it is among ids (NULL-terminated; may be
 * NULL). */
bool library_remove_finish(Library *library, const char *const *ids, GError **error);
/* Takes away what a content item that is not visible has in DataLib and SMSSIG$. */
bool library_remove_traces(Library *library, const char *content_id, GError **error);
/* Removes temporary files of the content item that nobody uses. */
bool library_remove_temporaries(Library *library, const char *content_id, GError **error);

/* library_tidy.c */
/* The names in a folder, without "." and ".."; the caller's. */
GPtrArray *library_names(const char *folder, GError **error);
/* The name without the ending, if that leaves an ID, else NULL; the caller's. */
char *library_name_before(const char *name, const char *ending);
/* What a writer does first; change is held. */
bool library_tidy(Library *library, GError **error);
