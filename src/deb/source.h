/* source.h - which source package a binary package was built from. */
#pragma once

#include "deb/slice.h"

/* Reads the value of a Source field, "name" or "name (version)"; where it or its version is
 * missing, the binary package's own name or version stands for it. False when it is neither form.
 */
bool source_split(Slice field, Slice package, Slice version, Slice *name_out, Slice *version_out);
/* True for a name that policy allows: at least two of small letters, digits, '+', '-', '.', the
 * first a letter or digit. Capitals and '_' are allowed too, since third-party archives use them.
 */
bool source_name_valid(Slice name);
