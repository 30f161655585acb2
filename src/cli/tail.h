/* tail.h - the lines of a file that grows, and that may be renamed away and begun anew. */
#pragma once

#include "base/error.h"

typedef struct Tail Tail;

/* Opens a file; of what it holds already at most the last `back` bytes are read (-1: all), from
 * the first whole line. The caller frees the result. */
Tail *tail_open(const char *path, gint64 back, GError **error) UK_MUST_USE;
void tail_free(Tail *tail);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tail, tail_free)
/* Whether that is the file that is being read; also under another name. */
bool tail_reads(const Tail *tail, const char *path);
/* The name of the file without its folder; borrowed. */
const char *tail_name(const Tail *tail);
/* The next whole line without its line break, or NULL when there is none yet. The caller's. */
char *tail_next(Tail *tail);
