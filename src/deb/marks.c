/* marks.c - hashes of the fields that make two builds of one version differ for apt. */
#include "deb/marks.h"

#include <string.h>

const char *const marks_fields[MARKS_FIELDS] = {
        "Installed-Size", "Depends", "Pre-Depends", "Conflicts", "Breaks", "Replaces", "Multi-Arch",
};
static const char letters[MARKS_FIELDS] = "idpcbrm";
#define MULTI_ARCH (MARKS_FIELDS - 1)

/* FNV-1a over what apt hashes: no blanks, no '=', no zero epochs, small letters. */
static guint8
hash_value(Slice value)
{
        guint32 hash = 2166136261u;

        for (gsize i = 0; i < value.size; i++) {
                char c = value.text[i];

                if (c == '0' && i + 1 < value.size && value.text[i + 1] == ':') {
                        i++;
                        continue;
                }
                if (slice_is_blank(c) || c == '=')
                        continue;
                hash = (hash ^ (guchar)g_ascii_tolower(c)) * 16777619u;
        }
        return (guint8)(hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24);
}

gsize
marks_make(const Slice values[MARKS_FIELDS], char mark_out[MARKS_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        gsize size = 0;

        for (guint i = 0; i < MULTI_ARCH; i++) {
                guint8 hash;

                if (values[i].size == 0)
                        continue;
                hash = hash_value(values[i]);
                mark_out[size++] = letters[i];
                mark_out[size++] = digits[hash >> 4];
                mark_out[size++] = digits[hash & 15];
        }
        if (values[MULTI_ARCH].size > 0 && !slice_equal(values[MULTI_ARCH], "no")) {
                mark_out[size++] = letters[MULTI_ARCH];
                mark_out[size++] =
                        g_ascii_isalnum(*values[MULTI_ARCH].text) ? *values[MULTI_ARCH].text : '?';
        }
        mark_out[size] = '\0';
        return size;
}

/* The part of a mark for field i, empty if there is none. */
static Slice
part(Slice mark, guint i)
{
        gsize at = 0;

        while (at < mark.size) {
                gsize size = mark.text[at] == letters[MULTI_ARCH] ? 2 : 3;

                size = MIN(size, mark.size - at);
                if (mark.text[at] == letters[i])
                        return (Slice){ mark.text + at, size };
                at += size;
        }
        return (Slice){ NULL, 0 };
}

char *
marks_differ(Slice a, Slice b)
{
        g_autoptr(GString) names = g_string_new(NULL);

        for (guint i = 0; i < MARKS_FIELDS; i++) {
                if (slice_compare(part(a, i), part(b, i)) != 0)
                        g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "",
                                               marks_fields[i]);
        }
        return names->len > 0 ? g_string_free(g_steal_pointer(&names), FALSE) : NULL;
}
