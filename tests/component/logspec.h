/* logspec.h - holds log lines against the acceptance trace, docs/spec/93-logs.md, whose patterns
 * are read from that file; the counterpart of tests/lab/logtrace.py for component tests.
 */
#pragma once

#include <glib.h>

/* The texts of the records of a log in the servers' form, one a line; the caller's. */
char *logspec_texts(const char *log);
/* Demands that the lines of the block'th text block of a section ("7.3") stand in the log's texts
 * in their order, other lines between them, from offset `from` on. Returns the offset behind the
 * last one. <n>, <tid>, <v> are numbers; any other placeholder is any text of one line. */
gsize logspec_check(const char *texts, gsize from, const char *section, guint block);
/* How many lines a pattern of the same kind fits. */
guint logspec_count(const char *texts, const char *pattern);
