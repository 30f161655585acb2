/* deb822.h - Debian's control format: stanzas of "Name: value" lines, read strictly and fast.
 *
 * The bytes are pushed in as they come (a decoder writes straight into the parser's buffer), whole
 * stanzas come out as slices of that buffer. Lines and stanzas have caps and NUL bytes are refused,
 * since the bytes may come from anywhere; errors name the source and the line.
 */
#pragma once

#include "deb/slice.h"

typedef struct {
        Slice name;
        Slice value; /* without blanks around it; inner line breaks and blanks as written */
} Deb822Field;

/* One stanza; fields in the order of the text. Valid until the function given it returns. */
typedef struct {
        const Deb822Field *fields;
        guint count;
        guint64 line; /* of its first field, counted from 1 */
} Deb822Stanza;

/* Takes a stanza; false stops the reading with that error. */
typedef bool (*Deb822Fn)(gpointer user, const Deb822Stanza *stanza, GError **error);

typedef struct {
        gsize max_line;   /* bytes; 0: 1 MiB */
        gsize max_stanza; /* bytes; 0: 4 MiB */
        bool comments;    /* lines that begin with '#' are passed over (sources, not indices) */
} Deb822Limits;

typedef struct Deb822Parser Deb822Parser;

/* name ("main/binary-amd64/Packages") is for messages; it is copied. limits may be NULL. The
 * caller frees the parser. */
Deb822Parser *
deb822_parser_new(const char *name, const Deb822Limits *limits, Deb822Fn fn, gpointer user);
void deb822_parser_free(Deb822Parser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Deb822Parser, deb822_parser_free)
/* Where the next bytes may be written: at least 64 KiB, *size_out of them. */
char *deb822_parser_space(Deb822Parser *parser, gsize *size_out);
/* Says that size bytes were written there, and reads them. PARSE, LIMIT, or fn's error. */
bool deb822_parser_filled(Deb822Parser *parser, gsize size, GError **error) UK_MUST_USE;
/* The same for bytes that lie elsewhere. */
bool
deb822_parser_feed(Deb822Parser *parser, const void *data, gsize size, GError **error) UK_MUST_USE;
/* Says that nothing more comes; the last stanza goes out here. */
bool deb822_parser_end(Deb822Parser *parser, GError **error) UK_MUST_USE;

/* Reads a whole text where it lies; the slices given to fn point into it. */
bool deb822_read(const char *name, const char *data, gsize size, const Deb822Limits *limits,
                 Deb822Fn fn, gpointer user, GError **error) UK_MUST_USE;

/* The value of a field by name, without regard to case; a slice with text NULL if there is none.
 * A name that occurs twice gives the first. */
Slice deb822_get(const Deb822Stanza *stanza, const char *name);
/* A set of field names to be looked up in many stanzas. names and what it points to must outlive
 * it; at most 64. */
typedef struct {
        const char *const *names;
        guint count;
        guint8 first[256]; /* by a hash of the name: index + 1, or 0 */
        guint8 next[64];
} Deb822Names;
/* Prepares a set. */
void deb822_names_init(Deb822Names *set, const char *const *names, guint count);
/* Looks up all names of the set: values_out[i] for names[i] (text NULL if there is none). Returns
 * the name of one that the stanza has twice, or NULL. */
const char *deb822_pick(const Deb822Stanza *stanza, const Deb822Names *set, Slice *values_out);
