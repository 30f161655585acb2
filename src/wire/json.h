/* json.h - JSON: a streaming writer and a strict reader, both ours (docs/decisions/0002-json.md).
 */
#pragma once

#include "base/error.h"

/* Writes into a GString; commas and quoting are done here. Misuse is an assertion. */
typedef struct {
        GString *out;
        guint depth;
        guint64 has_member; /* bit per depth */
        guint64 in_object;  /* bit per depth; else an array */
} JsonWriter;

/* Begins a document at the end of out, which stays the caller's. At most 63 levels. */
void json_begin(JsonWriter *w, GString *out);
void json_object(JsonWriter *w, const char *name); /* name NULL in arrays and at the top */
void json_array(JsonWriter *w, const char *name);
void json_end(JsonWriter *w, char closing);                         /* '}' or ']' */
void json_text(JsonWriter *w, const char *name, const char *value); /* NULL writes null */
void json_int(JsonWriter *w, const char *name, gint64 value);
void json_bool(JsonWriter *w, const char *name, bool value);
void json_real(JsonWriter *w, const char *name, double value); /* not a number: null */
void json_null(JsonWriter *w, const char *name);

/* A document that was read; values are borrowed from it. */
typedef struct JsonDoc JsonDoc;
typedef struct JsonValue JsonValue;
/* Reads at most max bytes (LIMIT). PARSE, with line and column, for whatever RFC 8259 does not
 * allow, and for duplicate keys, depth above 64, NUL in a text, and numbers that do not fit. */
JsonDoc *json_read(const char *data, gsize size, gsize max, GError **error) UK_MUST_USE;
void json_doc_free(JsonDoc *doc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonDoc, json_doc_free)
const JsonValue *json_root(const JsonDoc *doc);
/* NULL when there is no such member, or v is not an object (v may be NULL). */
const JsonValue *json_get(const JsonValue *v, const char *name);
gsize json_count(const JsonValue *v); /* members of an array; 0 else */
const JsonValue *json_at(const JsonValue *v, gsize index);
/* Members of an object, in the order of the document. */
typedef void (*JsonMemberFn)(const char *name, const JsonValue *value, gpointer user);
void json_each(const JsonValue *v, JsonMemberFn fn, gpointer user);
/* Values with a fallback for a missing member or another type. Text is borrowed. */
const char *json_get_text(const JsonValue *v, const char *name, const char *fallback);
gint64 json_get_int(const JsonValue *v, const char *name, gint64 fallback);
double json_get_real(const JsonValue *v, const char *name, double fallback);
bool json_get_bool(const JsonValue *v, const char *name, bool fallback);
const char *json_as_text(const JsonValue *v); /* NULL if it is none */
bool json_as_int(const JsonValue *v, gint64 *out);
bool json_is_null(const JsonValue *v);
/* 'o', 'a', 's', 'i', 'r', 'b', 'n'; 0 for NULL. */
char json_kind(const JsonValue *v);
