/* slice.c - small readers of slices. */
#include "deb/slice.h"

#include <string.h>

bool
slice_is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

Slice
slice_of(const char *text)
{
        return (Slice){ text, text != NULL ? strlen(text) : 0 };
}

int
slice_compare(Slice a, Slice b)
{
        gsize size = MIN(a.size, b.size);
        int difference = size > 0 ? memcmp(a.text, b.text, size) : 0;

        if (difference != 0)
                return difference;
        return a.size < b.size ? -1 : a.size > b.size;
}

Slice
slice_line(Slice value)
{
        const char *newline = value.size > 0 ? memchr(value.text, '\n', value.size) : NULL;

        if (newline != NULL)
                value.size = (gsize)(newline - value.text);
        while (value.size > 0 && slice_is_blank(value.text[value.size - 1]))
                value.size--;
        return value;
}

/* Moves *rest to the next byte that is not blank and not in a comment line. */
static void
skip_blanks(Slice *rest, bool at_line)
{
        while (rest->size > 0 && (slice_is_blank(*rest->text) || (at_line && *rest->text == '#'))) {
                if (at_line && *rest->text == '#') {
                        const char *newline = memchr(rest->text, '\n', rest->size);

                        rest->size -= newline != NULL ? (gsize)(newline - rest->text) : rest->size;
                        rest->text = newline;
                        continue;
                }
                at_line = *rest->text == '\n';
                rest->text++;
                rest->size--;
        }
}

bool
slice_word(Slice *rest, Slice *word_out)
{
        gsize size = 0;

        skip_blanks(rest, false);
        while (size < rest->size && !slice_is_blank(rest->text[size]))
                size++;
        if (size == 0)
                return false;
        *word_out = (Slice){ rest->text, size };
        rest->text += size;
        rest->size -= size;
        return true;
}

bool
slice_equal(Slice slice, const char *text)
{
        gsize size = strlen(text);

        return slice.size == size && (size == 0 || memcmp(slice.text, text, size) == 0);
}

bool
slice_equal_case(Slice slice, const char *text)
{
        gsize size = strlen(text);

        return slice.size == size &&
               (size == 0 || g_ascii_strncasecmp(slice.text, text, size) == 0);
}

char *
slice_dup(Slice slice)
{
        return g_strndup(slice.text != NULL ? slice.text : "", slice.size);
}

bool
slice_number(Slice slice, guint64 max, guint64 *number_out)
{
        guint64 number = 0;

        for (gsize i = 0; i < slice.size; i++) {
                guint digit = (guint)(slice.text[i] - '0');

                if (slice.text[i] < '0' || slice.text[i] > '9' || digit > max ||
                    number > (max - digit) / 10)
                        return false;
                number = number * 10 + digit;
        }
        if (slice.size == 0)
                return false;
        *number_out = number;
        return true;
}
