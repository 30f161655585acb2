/* inbox_private.h - what reading and dropping share. */
#pragma once

#include "base/error.h"

/* The folder of an inbox, open and locked: droppers share it, a remover has it alone, so that no
 * file is removed that was dropped after it was looked at. A box is held for a rename or an unlink
 * only, never for a sync. Returns the descriptor, whose closing unlocks; or -1. */
int inbox_lock(const char *box, bool alone, GError **error) UK_MUST_USE;

/* inbox_drop without a look at the name. */
bool inbox_put(const char *box, const char *name, const void *body, gsize size, bool synced,
               GError **error) UK_MUST_USE;

/* Gives a file the time at_us. */
bool inbox_stamp(const char *path, gint64 at_us, GError **error) UK_MUST_USE;
