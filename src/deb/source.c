/* source.c - the Source field of a binary package. */
#include "deb/source.h"

#include <string.h>

bool
source_split(Slice field, Slice package, Slice version, Slice *name_out, Slice *version_out)
{
        Slice name, rest = field, in_brackets;

        *name_out = package;
        *version_out = version;
        if (field.size == 0)
                return true;
        if (!slice_word(&rest, &name))
                return false;
        *name_out = name;
        if (!slice_word(&rest, &in_brackets))
                return true;
        if (in_brackets.size < 3 || in_brackets.text[0] != '(' ||
            in_brackets.text[in_brackets.size - 1] != ')')
                return false;
        *version_out = (Slice){ in_brackets.text + 1, in_brackets.size - 2 };
        return !slice_word(&rest, &in_brackets);
}

bool
source_name_valid(Slice name)
{
        if (name.size < 2 || name.size > 200 || !g_ascii_isalnum(name.text[0]))
                return false;
        for (gsize i = 1; i < name.size; i++) {
                if (!g_ascii_isalnum(name.text[i]) &&
                    memchr("+-._", name.text[i], strlen("+-._")) == NULL)
                        return false;
        }
        return true;
}
