/* io_private.h - appending and renaming for the log, and writing for the fault report: the same
 * system calls as io.h, but no fault points, because saying what happened must not change it.
 * And random bytes for names and IDs (keys are made in crypto).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Appends a record with one write where the system allows it. When it fails, *torn_out says
 * whether a part of the record is in the file. */
bool io_append_record(int fd, const void *data, gsize size, bool *torn_out);
/* Makes a folder and those above it, mode 0750. */
bool io_mkdirs_quietly(const char *path);
/* Renames a file that has grown too large. */
bool io_rename_quietly(const char *from, const char *to);
/* Removes an old file; true when there was one. */
bool io_unlink_quietly(const char *path);
/* Fills data with random bytes, at most 256. A system that has none ends the program. */
void io_random(void *data, gsize size);
