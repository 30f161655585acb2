/* json_read.c - reads JSON (RFC 8259) into a tree that is looked at and thrown away whole.
 *
 * Bytes from anywhere come in, capped by the caller; nothing is believed: UTF-8 is checked first,
 * depth is bounded, and keys may not repeat. Values lie in an arena that belongs to the document.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json.h"

#define MAX_DEPTH  64
#define BLOCK_SIZE 8192

struct JsonValue {
        char kind;
        const char *name;   /* of a member; NULL else */
        JsonValue *next;    /* the sibling, while its parent is being read */
        guint count;        /* of an object or array, */
        JsonValue **items;  /* in the order of the document, */
        JsonValue **sorted; /* and of an object by name */
        union {
                const char *text;
                gint64 integer;
                double real;
                bool boolean;
        };
};

struct JsonDoc {
        GPtrArray *blocks; /* of the arena */
        gsize left;        /* bytes free in the last block */
        JsonValue *root;
};

typedef struct {
        JsonDoc *doc;
        const char *begin;
        const char *at; /* NUL-terminated behind the end, see json_read() */
        guint depth;
        GString *text; /* scratch of texts with escapes */
        GError **error;
} Reader;

static bool read_value(Reader *r, JsonValue *out);

/* --- the arena --- */

static void *
take(JsonDoc *doc, gsize size)
{
        char *block;

        size = (size + 7) & ~(gsize)7;
        if (size > doc->left) {
                gsize block_size = MAX(size, BLOCK_SIZE);

                g_ptr_array_add(doc->blocks, g_malloc(block_size));
                g_ptr_array_add(doc->blocks, GSIZE_TO_POINTER(block_size));
                doc->left = block_size;
        }
        block = doc->blocks->pdata[doc->blocks->len - 2];
        doc->left -= size;
        return block + GPOINTER_TO_SIZE(doc->blocks->pdata[doc->blocks->len - 1]) - doc->left -
               size;
}

static const char *
take_text(JsonDoc *doc, const char *text, gsize size)
{
        char *copy = take(doc, size + 1);

        memcpy(copy, text, size);
        copy[size] = '\0';
        return copy;
}

/* --- errors and blanks --- */

static bool
fail(const Reader *r, const char *why)
{
        int line = 1;
        const char *start = r->begin;

        for (const char *p = r->begin; p < r->at; p++) {
                if (*p == '\n') {
                        line++;
                        start = p + 1;
                }
        }
        return uk_fail(r->error, UK_ERROR_PARSE, "JSON, line %d, column %d: %s", line,
                       (int)(r->at - start) + 1, why);
}

static void
skip_blanks(Reader *r)
{
        while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')
                r->at++;
}

static bool
accept(Reader *r, char c)
{
        if (*r->at != c)
                return false;
        r->at++;
        return true;
}

/* --- texts --- */

/* Four hexadecimal digits; -1 if they are none. */
static int
read_unit(Reader *r)
{
        int unit = 0;

        for (int i = 0; i < 4; i++) {
                int digit = g_ascii_xdigit_value(r->at[i]);

                if (digit < 0)
                        return -1;
                unit = unit << 4 | digit;
        }
        r->at += 4;
        return unit;
}

/* Behind "\u": one unit, or a pair of surrogates. */
static bool
read_unicode(Reader *r)
{
        int unit = read_unit(r);

        if (unit < 0)
                return fail(r, "four hexadecimal digits are missing");
        if (unit == 0)
                return fail(r, "NUL in a text");
        if (unit >= 0xd800 && unit < 0xdc00) {
                int low = r->at[0] == '\\' && r->at[1] == 'u' ? (r->at += 2, read_unit(r)) : -1;

                if (low < 0xdc00 || low > 0xdfff)
                        return fail(r, "half a surrogate pair");
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        } else if (unit >= 0xdc00 && unit <= 0xdfff) {
                return fail(r, "half a surrogate pair");
        }
        g_string_append_unichar(r->text, (gunichar)unit);
        return true;
}

static bool
read_escape(Reader *r)
{
        static const char from[] = "\"\\/bfnrt";
        static const char to[] = "\"\\/\b\f\n\r\t";
        const char *found;

        if (accept(r, 'u'))
                return read_unicode(r);
        found = *r->at != '\0' ? strchr(from, *r->at) : NULL;
        if (found == NULL)
                return fail(r, "an escape that does not exist");
        g_string_append_c(r->text, to[found - from]);
        r->at++;
        return true;
}

/* Behind the opening quote. */
static bool
read_text(Reader *r, const char **text_out)
{
        g_string_truncate(r->text, 0);
        for (;;) {
                const char *start = r->at;

                while ((guchar)*r->at >= 0x20 && *r->at != '"' && *r->at != '\\')
                        r->at++;
                g_string_append_len(r->text, start, r->at - start);
                if (accept(r, '"'))
                        break;
                if (!accept(r, '\\'))
                        return fail(r, "a text without end, or with a control character");
                if (!read_escape(r))
                        return false;
        }
        *text_out = take_text(r->doc, r->text->str, r->text->len);
        return true;
}

/* --- numbers and words --- */

static const char *
skip_digits(const char *at)
{
        while (g_ascii_isdigit(*at))
                at++;
        return at;
}

/* The end of a number by the grammar, or NULL; *is_real_out tells a fraction or an exponent. */
static const char *
number_end(const char *at, bool *is_real_out)
{
        const char *digits = *at == '-' ? at + 1 : at;
        const char *end = *digits == '0' ? digits + 1 : skip_digits(digits);

        *is_real_out = false;
        if (end == digits)
                return NULL;
        if (*end == '.') {
                *is_real_out = true;
                digits = end + 1;
                end = skip_digits(digits);
                if (end == digits)
                        return NULL;
        }
        if (*end == 'e' || *end == 'E') {
                *is_real_out = true;
                digits = end[1] == '+' || end[1] == '-' ? end + 2 : end + 1;
                end = skip_digits(digits);
                if (end == digits)
                        return NULL;
        }
        return end;
}

static bool
read_number(Reader *r, JsonValue *out)
{
        bool is_real;
        const char *end = number_end(r->at, &is_real);

        if (end == NULL)
                return fail(r, "a value that is none");
        if (is_real) {
                out->kind = 'r';
                out->real = g_ascii_strtod(r->at, NULL);
                if (!isfinite(out->real))
                        return fail(r, "a number that is too large");
        } else {
                g_autofree char *digits = g_strndup(r->at, (gsize)(end - r->at));

                out->kind = 'i';
                if (!g_ascii_string_to_signed(digits, 10, G_MININT64, G_MAXINT64, &out->integer,
                                              NULL))
                        return fail(r, "a number that is too large");
        }
        r->at = end;
        return true;
}

static bool
read_word(Reader *r, JsonValue *out)
{
        static const struct {
                const char *word;
                char kind;
                bool value;
        } words[] = { { "true", 'b', true }, { "false", 'b', false }, { "null", 'n', false } };

        for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
                if (g_str_has_prefix(r->at, words[i].word)) {
                        r->at += strlen(words[i].word);
                        out->kind = words[i].kind;
                        out->boolean = words[i].value;
                        return true;
                }
        }
        return read_number(r, out);
}

/* --- objects and arrays --- */

static int
compare_names(const void *a, const void *b)
{
        const JsonValue *const *left = a;
        const JsonValue *const *right = b;

        return strcmp((*left)->name, (*right)->name);
}

static bool
sort_members(Reader *r, JsonValue *object)
{
        object->sorted = take(r->doc, object->count * sizeof object->sorted[0]);
        if (object->count > 0) {
                memcpy(object->sorted, object->items, object->count * sizeof object->sorted[0]);
                qsort(object->sorted, object->count, sizeof object->sorted[0], compare_names);
        }
        for (guint i = 1; i < object->count; i++) {
                if (strcmp(object->sorted[i - 1]->name, object->sorted[i]->name) == 0)
                        return fail(r, "a key stands twice in the object that ends here");
        }
        return true;
}

static void
keep_items(Reader *r, JsonValue *parent, JsonValue *first)
{
        parent->items = take(r->doc, parent->count * sizeof parent->items[0]);
        for (guint i = 0; i < parent->count; i++, first = first->next)
                parent->items[i] = first;
}

static bool
read_item(Reader *r, bool is_member, JsonValue *item)
{
        skip_blanks(r);
        if (is_member) {
                if (!accept(r, '"'))
                        return fail(r, "a key is missing");
                if (!read_text(r, &item->name))
                        return false;
                skip_blanks(r);
                if (!accept(r, ':'))
                        return fail(r, "':' is missing");
                skip_blanks(r);
        }
        return read_value(r, item);
}

/* Behind the opening bracket. */
static bool
read_items(Reader *r, JsonValue *parent, bool is_object)
{
        const char closing = is_object ? '}' : ']';
        JsonValue *first = NULL;
        JsonValue **last = &first;

        skip_blanks(r);
        if (!accept(r, closing)) {
                do {
                        JsonValue *item = take(r->doc, sizeof *item);

                        *item = (JsonValue){ 0 };
                        if (!read_item(r, is_object, item))
                                return false;
                        *last = item;
                        last = &item->next;
                        parent->count++;
                        skip_blanks(r);
                } while (accept(r, ','));
                if (!accept(r, closing))
                        return fail(r,
                                    is_object ? "',' or '}' is missing" : "',' or ']' is missing");
        }
        keep_items(r, parent, first);
        return !is_object || sort_members(r, parent);
}

static bool
read_value(Reader *r, JsonValue *out)
{
        bool ok;

        if (accept(r, '"')) {
                out->kind = 's';
                return read_text(r, &out->text);
        }
        if (*r->at != '{' && *r->at != '[')
                return read_word(r, out);
        if (r->depth == MAX_DEPTH)
                return fail(r, "nested too deep");
        r->depth++;
        out->kind = *r->at == '{' ? 'o' : 'a';
        ok = (r->at++, read_items(r, out, out->kind == 'o'));
        r->depth--;
        return ok;
}

/* --- the document --- */

JsonDoc *
json_read(const char *data, gsize size, gsize max, GError **error)
{
        g_autoptr(JsonDoc) doc = NULL;
        g_autoptr(GString) scratch = NULL;
        g_autofree char *text = NULL;
        Reader r = { 0 };

        if (size > max) {
                uk_fail(error, UK_ERROR_LIMIT, "JSON of %zu bytes, at most %zu are read", size,
                        max);
                return NULL;
        }
        if (!g_utf8_validate_len(data, size, NULL)) {
                uk_fail(error, UK_ERROR_PARSE, "JSON with bytes that are no UTF-8, or with NUL");
                return NULL;
        }
        text = g_strndup(data, size);
        scratch = g_string_new(NULL);
        doc = g_new0(JsonDoc, 1);
        doc->blocks = g_ptr_array_new();
        doc->root = take(doc, sizeof *doc->root);
        *doc->root = (JsonValue){ 0 };
        r = (Reader){ .doc = doc, .begin = text, .at = text, .text = scratch, .error = error };
        skip_blanks(&r);
        if (!read_value(&r, doc->root))
                return NULL;
        skip_blanks(&r);
        if (*r.at != '\0') {
                fail(&r, "text behind the document");
                return NULL;
        }
        return g_steal_pointer(&doc);
}

void
json_doc_free(JsonDoc *doc)
{
        if (doc == NULL)
                return;
        for (guint i = 0; i < doc->blocks->len; i += 2)
                g_free(doc->blocks->pdata[i]);
        g_ptr_array_unref(doc->blocks);
        g_free(doc);
}

const JsonValue *
json_root(const JsonDoc *doc)
{
        return doc->root;
}

const JsonValue *
json_get(const JsonValue *v, const char *name)
{
        const JsonValue key = { .name = name };
        const JsonValue *wanted = &key;
        JsonValue *const *found;

        if (v == NULL || v->kind != 'o' || v->count == 0)
                return NULL;
        found = bsearch(&wanted, v->sorted, v->count, sizeof v->sorted[0], compare_names);
        return found != NULL ? *found : NULL;
}

gsize
json_count(const JsonValue *v)
{
        return v != NULL && v->kind == 'a' ? v->count : 0;
}

const JsonValue *
json_at(const JsonValue *v, gsize index)
{
        return index < json_count(v) ? v->items[index] : NULL;
}

void
json_each(const JsonValue *v, JsonMemberFn fn, gpointer user)
{
        if (v == NULL || v->kind != 'o')
                return;
        for (guint i = 0; i < v->count; i++)
                fn(v->items[i]->name, v->items[i], user);
}

char
json_kind(const JsonValue *v)
{
        return v != NULL ? v->kind : 0;
}

bool
json_is_null(const JsonValue *v)
{
        return json_kind(v) == 'n';
}

const char *
json_as_text(const JsonValue *v)
{
        return json_kind(v) == 's' ? v->text : NULL;
}

bool
json_as_int(const JsonValue *v, gint64 *out)
{
        if (json_kind(v) != 'i')
                return false;
        *out = v->integer;
        return true;
}

const char *
json_get_text(const JsonValue *v, const char *name, const char *fallback)
{
        const char *text = json_as_text(json_get(v, name));

        return text != NULL ? text : fallback;
}

gint64
json_get_int(const JsonValue *v, const char *name, gint64 fallback)
{
        const JsonValue *value = json_get(v, name);

        return json_kind(value) == 'i' ? value->integer : fallback;
}

double
json_get_real(const JsonValue *v, const char *name, double fallback)
{
        const JsonValue *value = json_get(v, name);

        if (json_kind(value) == 'i')
                return (double)value->integer;
        return json_kind(value) == 'r' ? value->real : fallback;
}

bool
json_get_bool(const JsonValue *v, const char *name, bool fallback)
{
        const JsonValue *value = json_get(v, name);

        return json_kind(value) == 'b' ? value->boolean : fallback;
}
