/* deb822.c - reads stanzas out of bytes that come in pieces (DEB-013).
 *
 * Lines are found once, with memchr; what is kept of them are offsets from the start of the
 * stanza, because the buffer moves when it grows. Only a whole stanza becomes pointers.
 */
#include "deb/deb822.h"

#include <string.h>

#define SPACE_MIN  (64 * 1024)
#define SPACE_NEW  (256 * 1024)
#define MAX_FIELDS 512

typedef struct {
        gsize name, name_size;
        gsize value, value_size;
} Offsets;

struct Deb822Parser {
        char *name;
        Deb822Limits limits;
        Deb822Fn fn;
        gpointer user;
        char *buffer;
        bool borrowed; /* the buffer is the caller's, and whole */
        gsize capacity;
        gsize stanza; /* where the present stanza begins */
        gsize line;   /* where the present line begins */
        gsize seen;   /* up to where no line break was found */
        gsize end;    /* end of the bytes */
        guint64 line_number;
        guint64 stanza_line;
        guint count;
        Offsets offsets[MAX_FIELDS];
        Deb822Field fields[MAX_FIELDS];
};

Deb822Parser *
deb822_parser_new(const char *name, const Deb822Limits *limits, Deb822Fn fn, gpointer user)
{
        Deb822Parser *parser = g_new0(Deb822Parser, 1);

        parser->name = g_strdup(name);
        if (limits != NULL)
                parser->limits = *limits;
        if (parser->limits.max_line == 0)
                parser->limits.max_line = 1024 * 1024;
        if (parser->limits.max_stanza == 0)
                parser->limits.max_stanza = 4 * 1024 * 1024;
        parser->fn = fn;
        parser->user = user;
        parser->line_number = 1;
        return parser;
}

void
deb822_parser_free(Deb822Parser *parser)
{
        if (parser == NULL)
                return;
        g_free(parser->name);
        if (!parser->borrowed)
                g_free(parser->buffer);
        g_free(parser);
}

char *
deb822_parser_space(Deb822Parser *parser, gsize *size_out)
{
        if (parser->stanza > 0 && parser->capacity - parser->end < SPACE_MIN) {
                memmove(parser->buffer, parser->buffer + parser->stanza,
                        parser->end - parser->stanza);
                parser->line -= parser->stanza;
                parser->seen -= parser->stanza;
                parser->end -= parser->stanza;
                parser->stanza = 0;
        }
        if (parser->capacity - parser->end < SPACE_MIN) {
                parser->capacity = MAX(parser->capacity * 2, SPACE_NEW);
                parser->buffer = g_realloc(parser->buffer, parser->capacity);
        }
        *size_out = parser->capacity - parser->end;
        return parser->buffer + parser->end;
}

static bool
emit(Deb822Parser *parser, GError **error)
{
        const char *base = parser->buffer + parser->stanza;
        Deb822Stanza stanza = { parser->fields, parser->count, parser->stanza_line };

        for (guint i = 0; i < parser->count; i++) {
                const Offsets *o = &parser->offsets[i];

                parser->fields[i] = (Deb822Field){ { base + o->name, o->name_size },
                                                   { base + o->value, o->value_size } };
        }
        parser->count = 0;
        return parser->fn(parser->user, &stanza, error);
}

/* A continuation line: the value reaches to the end of what is not blank in it. */
static bool
continue_field(Deb822Parser *parser, gsize start, gsize end, GError **error)
{
        const char *base = parser->buffer + parser->stanza;
        Offsets *last;

        if (parser->count == 0)
                return uk_fail(error, UK_ERROR_PARSE,
                               "%s: line %" G_GUINT64_FORMAT " continues a field, but none began",
                               parser->name, parser->line_number);
        last = &parser->offsets[parser->count - 1];
        while (end > start && slice_is_blank(base[end - 1]))
                end--;
        if (end == start)
                return true;
        if (last->value_size == 0) {
                while (slice_is_blank(base[start]))
                        start++;
                last->value = start;
        }
        last->value_size = end - last->value;
        return true;
}

static bool
is_name(const char *name, gsize size)
{
        if (size == 0 || *name == '-' || *name == '#')
                return false;
        for (gsize i = 0; i < size; i++) {
                if (name[i] < 33 || name[i] > 126)
                        return false;
        }
        return true;
}

static bool
begin_field(Deb822Parser *parser, gsize start, gsize end, GError **error)
{
        const char *base = parser->buffer + parser->stanza;
        const char *colon = memchr(base + start, ':', end - start);
        gsize name_size = colon != NULL ? (gsize)(colon - base) - start : 0;
        gsize value = start + name_size + 1;

        if (!is_name(base + start, name_size))
                return uk_fail(error, UK_ERROR_PARSE,
                               "%s: line %" G_GUINT64_FORMAT " is not \"Name: value\"",
                               parser->name, parser->line_number);
        if (parser->count == MAX_FIELDS)
                return uk_fail(error, UK_ERROR_LIMIT,
                               "%s: the stanza at line %" G_GUINT64_FORMAT
                               " has more than %d fields",
                               parser->name, parser->stanza_line, MAX_FIELDS);
        if (parser->count == 0)
                parser->stanza_line = parser->line_number;
        while (value < end && slice_is_blank(base[value]))
                value++;
        while (end > value && slice_is_blank(base[end - 1]))
                end--;
        parser->offsets[parser->count++] = (Offsets){ start, name_size, value, end - value };
        return true;
}

/* Takes the line from `line` to `end` (without its break) of the buffer. */
static bool
take_line(Deb822Parser *parser, gsize end, GError **error)
{
        const char *text = parser->buffer + parser->line;
        gsize size = end - parser->line;

        if (size > 0 && text[size - 1] == '\r')
                size--;
        if (size == 0)
                return parser->count == 0 || emit(parser, error);
        if (*text == '#' && parser->limits.comments)
                return true;
        if (*text == ' ' || *text == '\t')
                return continue_field(parser, parser->line - parser->stanza,
                                      parser->line - parser->stanza + size, error);
        return begin_field(parser, parser->line - parser->stanza,
                           parser->line - parser->stanza + size, error);
}

static bool
too_large(Deb822Parser *parser, GError **error)
{
        if (parser->end - parser->line > parser->limits.max_line)
                return uk_fail(error, UK_ERROR_LIMIT,
                               "%s: line %" G_GUINT64_FORMAT " is longer than %" G_GSIZE_FORMAT
                               " bytes",
                               parser->name, parser->line_number, parser->limits.max_line);
        if (parser->end - parser->stanza > parser->limits.max_stanza)
                return uk_fail(error, UK_ERROR_LIMIT,
                               "%s: the stanza at line %" G_GUINT64_FORMAT
                               " is longer than %" G_GSIZE_FORMAT " bytes",
                               parser->name, parser->stanza_line, parser->limits.max_stanza);
        return true;
}

/* The line with the NUL byte; counted only when there is one. */
static bool
refuse_nul(Deb822Parser *parser, gsize at, GError **error)
{
        guint64 line = parser->line_number;

        for (gsize i = parser->line; i < at; i++)
                line += parser->buffer[i] == '\n';
        return uk_fail(error, UK_ERROR_PARSE, "%s: line %" G_GUINT64_FORMAT " contains a NUL byte",
                       parser->name, line);
}

static bool
next_line(Deb822Parser *parser, gsize end, GError **error)
{
        if (end - parser->line > parser->limits.max_line) {
                parser->end = MAX(parser->end, end);
                return too_large(parser, error);
        }
        if (!take_line(parser, end, error))
                return false;
        parser->line_number++;
        parser->line = end + 1;
        if (parser->count == 0)
                parser->stanza = parser->line;
        return true;
}

bool
deb822_parser_filled(Deb822Parser *parser, gsize size, GError **error)
{
        char *text = parser->buffer + parser->end;
        const char *nul = size > 0 ? memchr(text, '\0', size) : NULL;
        const char *newline;

        if (nul != NULL)
                return refuse_nul(parser, (gsize)(nul - parser->buffer), error);
        parser->end += size;
        while (parser->seen < parser->end) {
                newline = memchr(parser->buffer + parser->seen, '\n', parser->end - parser->seen);
                if (newline == NULL)
                        break;
                if (!next_line(parser, (gsize)(newline - parser->buffer), error))
                        return false;
                parser->seen = parser->line;
        }
        parser->seen = parser->end;
        return too_large(parser, error);
}

bool
deb822_parser_feed(Deb822Parser *parser, const void *data, gsize size, GError **error)
{
        const char *from = data;

        while (size > 0) {
                gsize room;
                char *space = deb822_parser_space(parser, &room);

                room = MIN(room, size);
                memcpy(space, from, room);
                if (!deb822_parser_filled(parser, room, error))
                        return false;
                from += room;
                size -= room;
        }
        return true;
}

bool
deb822_parser_end(Deb822Parser *parser, GError **error)
{
        if (parser->line < parser->end && !take_line(parser, parser->end, error))
                return false;
        parser->line = parser->seen = parser->end;
        return parser->count == 0 || emit(parser, error);
}

bool
deb822_read(const char *name, const char *data, gsize size, const Deb822Limits *limits, Deb822Fn fn,
            gpointer user, GError **error)
{
        g_autoptr(Deb822Parser) parser = deb822_parser_new(name, limits, fn, user);

        parser->borrowed = true;
        parser->buffer = (char *)data;
        parser->capacity = size;
        return deb822_parser_filled(parser, size, error) && deb822_parser_end(parser, error);
}

Slice
deb822_get(const Deb822Stanza *stanza, const char *name)
{
        for (guint i = 0; i < stanza->count; i++) {
                if (slice_equal_case(stanza->fields[i].name, name))
                        return stanza->fields[i].value;
        }
        return (Slice){ NULL, 0 };
}

static guint8
name_hash(const char *name, gsize size)
{
        return (guint8)((guint)g_ascii_tolower(name[0]) * 5 +
                        (guint)g_ascii_tolower(name[size - 1]) + (guint)size * 11);
}

void
deb822_names_init(Deb822Names *set, const char *const *names, guint count)
{
        g_assert(count <= G_N_ELEMENTS(set->next));
        *set = (Deb822Names){ .names = names, .count = count };
        for (guint i = 0; i < count; i++) {
                guint8 *slot = &set->first[name_hash(names[i], strlen(names[i]))];

                set->next[i] = *slot;
                *slot = (guint8)(i + 1);
        }
}

const char *
deb822_pick(const Deb822Stanza *stanza, const Deb822Names *set, Slice *values_out)
{
        const char *twice = NULL;

        for (guint i = 0; i < set->count; i++)
                values_out[i] = (Slice){ NULL, 0 };
        for (guint f = 0; f < stanza->count; f++) {
                const Deb822Field *field = &stanza->fields[f];
                guint i = set->first[name_hash(field->name.text, field->name.size)];

                while (i > 0 && !slice_equal_case(field->name, set->names[i - 1]))
                        i = set->next[i - 1];
                if (i == 0)
                        continue;
                if (values_out[i - 1].text != NULL)
                        twice = set->names[i - 1];
                else
                        values_out[i - 1] = field->value;
        }
        return twice;
}
