/* stanzas.h - the content of one index, packed: what the catalogue needs of each binary package.
 *
 *   upstream (reads Packages) --stanzas--> catalogue (makes updates of them, keeps them per index)
 *
 * The catalogue's updates are computed from the stanzas of all indices of a product, so these are
 * kept as they came: a synchronization in which one of ten indices changed reads one anew and takes
 * nine from here.
 */
#pragma once

#include "crypto/hash.h"
#include "deb/slice.h"

/* A binary package of an index. Slices point into the packed bytes. */
typedef struct {
        Slice package, version, arch;
        Slice source, source_version;
        Slice path;         /* whole, or only its folder if path_is_usual */
        bool path_is_usual; /* the file's name is <package>_<version without epoch>_<arch>.deb */
        Slice description;  /* its first line */
        Slice homepage;
        Slice marks;   /* deb/marks.h */
        Slice urgency; /* "" where the archive says none */
        guint64 size;
        const guint8 *sha256;
} Stanza;

/* Appends a stanza to packed bytes; path is the whole one here. Values that are longer than 65,535
 * bytes are cut. */
void stanzas_add(GByteArray *packed, const Stanza *stanza);
/* The stanza at *position, which moves behind it. False at the end, and where the bytes are damaged
 * (then *position is not the size). */
bool stanzas_next(const guint8 *packed, gsize size, gsize *position, Stanza *stanza_out);
/* The whole path of a file, put together in scratch if need be. */
Slice stanzas_path(const Stanza *stanza, GString *scratch);

/* Packed bytes compressed, for keeping, and back; the caller's. PARSE when damaged, LIMIT above max
 * bytes. */
GBytes *stanzas_compress(const guint8 *packed, gsize size);
GByteArray *stanzas_expand(const void *data, gsize size, gsize max, GError **error) UK_MUST_USE;
