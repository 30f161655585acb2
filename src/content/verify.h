/* verify.h - whether files of the library are what their hashes say, read from the disk.
 *
 * A file that is not is set aside as SMS_DP$/<HASH>.damaged: from then on it is missing, so that it
 * is not served, and what of it is good saves its repair most of the bytes (repair.h).
 */
#pragma once

#include "content/library.h"

/* A file on its way through verification, some bytes at a time. */
typedef struct Verify Verify;

typedef enum {
        VERIFY_MORE, /* there is more to read */
        VERIFY_GOOD,
        VERIFY_DAMAGED, /* set aside */
        VERIFY_MISSING, /* it is not there, or not any more */
} VerifyState;

/* Begins with a file; the caller frees it. */
Verify *verify_begin(Library *library, const guint8 *hash, gint64 size);
void verify_free(Verify *verify);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Verify, verify_free)
/* Reads at most max bytes from the disk, not from memory; *read_out is how many. One that is
 * damaged while a repair has put another in its place is left alone, and that one is begun with.
 * After an error nothing more is to be done with it. */
bool verify_step(Verify *verify, gsize max, gsize *read_out, VerifyState *state_out,
                 GError **error) UK_MUST_USE;
/* The path of a file that was set aside; the caller's. */
char *verify_damaged_path(const Library *library, const guint8 *hash);
