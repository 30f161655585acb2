/* marks.h - a short text by which two builds of one package version can be told apart (DEB-003).
 *
 * apt takes a version for another one, though its number is equal, when one of these fields
 * differs. A mark is a letter per field that is there, followed by two hexadecimal digits of a hash
 * of its value ("i3fda2ms"), so that the evaluation set can carry it in a few bytes.
 */
#pragma once

#include "deb/slice.h"

/* Installed-Size, Depends, Pre-Depends, Conflicts, Breaks, Replaces, Multi-Arch. */
#define MARKS_FIELDS 7
/* Room for the longest mark and its NUL. */
#define MARKS_SIZE 24

extern const char *const marks_fields[MARKS_FIELDS];

/* Writes the mark of a stanza; values[i] is that of marks_fields[i], text NULL if there is none.
 * Returns its length. What dpkg writes otherwise into its status (blanks, "0:") makes no
 * difference. */
gsize marks_make(const Slice values[MARKS_FIELDS], char mark_out[MARKS_SIZE]);
/* The names of the fields in which two marks differ, "Depends, Multi-Arch"; NULL if in none. The
 * caller's. */
char *marks_differ(Slice a, Slice b);
