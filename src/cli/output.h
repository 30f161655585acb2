/* output.h - how things are shown to people: tables that fit the terminal, ages, sizes, spans. */
#pragma once

#include "base/error.h"

typedef struct {
        const char *head;
        bool right;  /* numbers stand to the right */
        bool shrink; /* may be cut with "…" to make the row fit */
} OutputColumn;

typedef struct OutputTable OutputTable;

/* An empty table with those columns (count of them, which must outlive it). The caller frees it. */
OutputTable *output_table_new(const OutputColumn *columns, guint count);
void output_table_free(OutputTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputTable, output_table_free)
/* Adds the next cell, row by row; takes text over (NULL: "-"). Control characters are replaced, so
 * that what came from outside cannot move the cursor. */
void output_table_add_take(OutputTable *table, char *text_take);
/* The table as text, in at most width columns where shrinking allows it (0: as wide as need be).
 * The caller's. */
char *output_table_text(const OutputTable *table, int width);

/* "3 min ago", "in 2 h", "just now"; "never" for 0. The caller's. */
char *output_age(gint64 then_us, gint64 now_us);
/* "4 min 10 s", "2 d 3 h": the two largest units. The caller's. */
char *output_span(gint64 span_us);
/* "12.3 MB", in steps of 1000. The caller's. */
char *output_size(gint64 bytes);
/* "34 172": thousands apart. The caller's. */
char *output_count(gint64 count);
/* The text in at most width columns, the last of them "…" if it was cut. The caller's. */
char *output_cut(const char *text, int width);
/* A copy without control characters (each becomes "?"; invalid UTF-8 U+FFFD). The caller's. */
char *output_clean(const char *text);
/* The same, but with the line breaks. The caller's. */
char *output_clean_lines(const char *text);
