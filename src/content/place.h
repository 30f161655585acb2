/* place.h - one folder of a tree that is open, however deep it lies.
 *
 * Paths may be longer than the system takes in one call, and deeper than it lets files be open: so
 * one folder is open at a time, reached in steps where its path is long. No link is followed below
 * the top.
 */
#pragma once

#include "base/error.h"

typedef struct {
        int top;       /* of the tree; the caller's */
        int fd;        /* of the folder; -1 at first */
        GString *path; /* the folder's path below the top */
} Place;

/* Begins at no folder. place_clear frees what it holds. */
void place_init(Place *place, int top);
void place_clear(Place *place);
/* Opens the folder of that path below the top ("" is the top itself), from the one that is open if
 * it lies below that. NOT_FOUND when it is not there, or no folder. */
bool place_go(Place *place, const char *path, GError **error) UK_MUST_USE;
