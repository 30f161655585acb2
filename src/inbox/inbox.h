/* inbox.h - reads the files of an inbox folder; a durable queue.
 *
 * A file is taken by a handler that may run twice and is removed after the handler's effect is
 * durable. Names are compared without regard to case; the oldest file comes first.
 */
#pragma once

#include "base/error.h"

/* One file of an inbox, or one letter of a mailbox in memory (the handler cannot tell which). */
typedef struct {
        char *path;  /* whole path; for a letter "@box/name" */
        char *name;  /* SELF.SYN */
        char *stem;  /* SELF, spelled as in the name */
        char *kind;  /* .SYN, in capitals; "" without a dot */
        gint64 size; /* bytes */
        gint64 mtime_us;
        guint64 inode;
        GBytes *letter; /* the content of a letter in memory, else NULL */
} InboxFile;

void inbox_file_free(InboxFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InboxFile, inbox_file_free)

/* The regular files of folder box whose kind is one of kinds (NULL-terminated, ".SYN"; "*" is
 * any), oldest first (by time, then name), at most max (0: all). Names that begin with a dot
 * or that inbox_name_valid refuses, folders, links and devices are passed over. The caller owns the
 * array and what is in it. */
GPtrArray *
inbox_scan(const char *box, const char *const *kinds, guint max, GError **error) UK_MUST_USE;

/* Reads a file's (or letter's) body, at most max bytes (else LIMIT); see uk_io_read. */
bool inbox_file_read(const InboxFile *file, gsize max, char **data_out, gsize *size_out,
                     GError **error) UK_MUST_USE;

/* Removes a file whose effect is durable. Another file that was dropped under the same name
 * meanwhile (another inode) is left where it is, so that its news is not lost. */
bool inbox_file_done(const InboxFile *file, GError **error) UK_MUST_USE;

/* Moves a file to corrupt/ of the inbox (the folder of its path that ends in ".box", else its own)
 * and writes <name>.why beside it with the reason and the time. A name taken gets a number. */
bool inbox_file_corrupt(const InboxFile *file, const char *why, GError **error) UK_MUST_USE;

/* Keeps at most max_files and nothing older than max_age_us in the corrupt/ folder of box. And
 * tidies box itself: temporary files of writers that were killed are removed, files whose names
 * inbox_scan passes over for ever go to corrupt/ under a clean name. For the start and now and
 * then. */
bool
inbox_trim_corrupt(const char *box, guint max_files, gint64 max_age_us, GError **error) UK_MUST_USE;

/* Number of files waiting (any kind) and the age of the oldest in microseconds (0 if none). */
bool inbox_backlog(const char *box, guint *count_out, gint64 *oldest_age_us_out,
                   GError **error) UK_MUST_USE;
