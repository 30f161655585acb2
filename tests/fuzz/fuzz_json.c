/* fuzz_json.c - JSON: what is read can be written and read again, and is then the same text. */
#include <stdint.h>
#include <string.h>

#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy(JsonWriter *w, const char *name, const JsonValue *v);

static void
copy_member(const char *name, const JsonValue *value, gpointer w)
{
        copy(w, name, value);
}

static void
copy(JsonWriter *w, const char *name, const JsonValue *v)
{
        gint64 n = 0;

        switch (json_kind(v)) {
        case 'o':
                json_object(w, name);
                json_each(v, copy_member, w);
                json_end(w, '}');
                break;
        case 'a':
                json_array(w, name);
                for (gsize i = 0; i < json_count(v); i++)
                        copy(w, NULL, json_at(v, i));
                json_end(w, ']');
                break;
        case 'i':
                g_assert(json_as_int(v, &n));
                json_int(w, name, n);
                break;
        case 's':
                json_text(w, name, json_as_text(v));
                break;
        default:
                json_null(w, name); /* reals change their form, words need no proof */
                break;
        }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(JsonDoc) doc = json_read((const char *)data, size, size, NULL);
        g_autoptr(GString) once = g_string_new(NULL);
        g_autoptr(GString) twice = g_string_new(NULL);
        JsonWriter w;

        if (doc == NULL || (json_kind(json_root(doc)) != 'o' && json_kind(json_root(doc)) != 'a'))
                return 0;
        (void)json_get_text(json_root(doc), "a", "");
        json_begin(&w, once);
        copy(&w, NULL, json_root(doc));
        g_autoptr(JsonDoc) again = json_read(once->str, once->len, once->len, NULL);
        g_assert(again != NULL);
        json_begin(&w, twice);
        copy(&w, NULL, json_root(again));
        g_assert(strcmp(once->str, twice->str) == 0);
        return 0;
}
