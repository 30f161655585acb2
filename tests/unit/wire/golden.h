/* golden.h - the documents of tests/wire/, for the tests of this folder. */
#pragma once

#include "base/error.h"

/* The document without the line feed at its end; the caller's. */
static inline char *
golden(const char *name)
{
        g_autofree char *path =
                g_build_filename(g_getenv("UPKEEP_SOURCE_ROOT"), "tests", "wire", name, NULL);
        g_autoptr(GError) error = NULL;
        char *text = NULL;

        g_file_get_contents(path, &text, NULL, &error);
        g_assert_no_error(error);
        return g_strchomp(text);
}
