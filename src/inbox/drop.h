/* drop.h - puts a file into an inbox so that its reader sees it whole and on disk, or not at all.
 *
 * Temporary names begin with a dot and end in ".tmp"; readers do not look at them.
 */
#pragma once

#include "base/error.h"

/* Writes name (no slash, no leading dot, at most 200 bytes; else INVALID) into folder box, which
 * must exist: temporary name, written, synced, renamed, folder synced. A file of that name that
 * is there already is replaced. body may be NULL with size 0: an empty file. */
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

/* The body of a notice; the caller's. */
char *inbox_notice_write(const InboxNotice *notice);
/* Reads a body; an empty one is a notice without anything. Unknown keys are passed over. The
 * caller frees the result. */
InboxNotice *inbox_notice_read(const char *body, gsize size, GError **error) UK_MUST_USE;
void inbox_notice_free(InboxNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InboxNotice, inbox_notice_free)
