/* slice.h - bytes that lie within a buffer of another, so that reading copies nothing.
 *
 * A slice lives as long as its buffer. text may be NULL when size is 0.
 */
#pragma once

#include "base/error.h"

typedef struct {
        const char *text;
        gsize size;
} Slice;

/* The first line of a value. */
Slice slice_line(Slice value);
/* Takes the next word (between blanks and line breaks) off *rest; false when there is none. Lines
 * that begin with '#' are passed over. */
bool slice_word(Slice *rest, Slice *word_out);
bool slice_equal(Slice slice, const char *text);      /* byte for byte */
bool slice_equal_case(Slice slice, const char *text); /* without regard to case */
char *slice_dup(Slice slice);                         /* NUL-terminated, the caller's */
/* Reads decimal digits only; false when empty, anything else, or above max. */
bool slice_number(Slice slice, guint64 max, guint64 *number_out);
/* Order of bytes, the shorter first; for sorting. */
int slice_compare(Slice a, Slice b);
/* Blank, tab or an end of line. */
bool slice_is_blank(char c);
/* A slice of a NUL-terminated text (NULL gives an empty one). */
Slice slice_of(const char *text);
