/* drop.h - puts a file into an inbox so that its reader sees it whole and on disk, or not at all.
 *
 * Temporary names begin with a dot and end in ".tmp"; readers do not look at them.
 */
#pragma once

#include "base/error.h"

#define INBOX_NAME_MAX 200

/* Whether a file of that name may be dropped and is read: 1 to 200 bytes of UTF-8 without control
 * characters and slashes, no dot at the beginning. */
bool inbox_name_valid(const char *name);

/* Writes name (see inbox_name_valid; else INVALID) into folder box, which must exist: temporary
 * name, written, synced, renamed, folder synced. A file of that name that is there already is
 * replaced; a reader that is just removing that one leaves the new one. The file's time is that of
 * uk_clock, in microseconds, so that the order of drops is kept, and it is given to the owner of
 * the box, whoever drops it. body may be NULL with size 0: an
 * empty file. */
bool inbox_drop(const char *box, const char *name, const void *body, gsize size,
                GError **error) UK_MUST_USE;

/* As inbox_drop without any sync, for batches whose caller syncs afterwards or can make the file
 * again after a crash (the management point's journal). */
bool inbox_drop_unsynced(const char *box, const char *name, const void *body, gsize size,
                         GError **error) UK_MUST_USE;

/* A notice as SMSDBMON drops it and others read it: "Key: value" lines. seq makes a repeated
 * drop recognisable, traces (NULL-terminated, may be NULL) name the work that led to it. */
typedef struct {
        gint64 seq;    /* 0: none, as in a file made by hand */
        char *value;   /* may be NULL */
        char **traces; /* never NULL after reading */
} InboxNotice;

/* The body of a notice; the caller's. Lines "Seq: <n>", "Value: <text>", "Trace: <trace ID>"; in a
 * text %, CR and LF are written %25, %0D and %0A. */
char *inbox_notice_write(const InboxNotice *notice);
/* Reads a body; an empty one is a notice without anything. Unknown keys and traces that are no
 * trace IDs are passed over; PARSE for what is no such text, LIMIT above 1 MB. The caller frees the
 * result. */
InboxNotice *inbox_notice_read(const char *body, gsize size, GError **error) UK_MUST_USE;
void inbox_notice_free(InboxNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InboxNotice, inbox_notice_free)
