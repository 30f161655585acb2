/* aptsources.h - where the machine's apt gets packages: sources.list and sources.list.d (DEB-010).
 *
 * Both forms are read, with their options, "Enabled: no", comments, flat archives and keys within
 * the file. One AptSource is one suite at one URI. What cannot be used is named, not dropped
 * silently, and takes nothing else with it.
 */
#pragma once

#include "base/error.h"

typedef struct {
        char *uri;   /* ends in '/' */
        char *suite; /* "bookworm"; of a flat archive its path, "./" or "amd64/" */
        bool flat;
        char **components;    /* NULL-terminated; empty if flat */
        char **arches;        /* those named; NULL: the machine's */
        char **arches_add;    /* to be added (never NULL) */
        char **arches_remove; /* and taken away (never NULL) */
        char *signed_by; /* paths and fingerprints, or a key in armour; NULL: the machine's keys */
        int check_valid_until; /* 1, 0, or -1: not said */
        int by_hash;           /* likewise */
        char *where;           /* "/etc/apt/sources.list.d/debian.sources:3" */
} AptSource;

void aptsources_source_free(AptSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AptSource, aptsources_source_free)

/* Reads the sources below root; native replaces $(ARCH) in suites. What could not be used is
 * appended to problems (of char *, a sentence with file and line; may be NULL). No file at all is
 * an empty array; only a file that cannot be read is an error. The caller owns the array (of
 * AptSource, freed with it). */
GPtrArray *aptsources_read(const char *root, const char *native, GPtrArray *problems,
                           GError **error) UK_MUST_USE;
/* The same for the text of one file in the one-line form, or as stanzas; appends to sources. */
void aptsources_parse_list(const char *name, const char *text, gsize size, const char *native,
                           GPtrArray *sources, GPtrArray *problems);
void aptsources_parse_stanzas(const char *name, const char *text, gsize size, const char *native,
                              GPtrArray *sources, GPtrArray *problems);
/* The architectures a source is for, where the machine has these; NULL-terminated, the caller's. */
char **aptsources_arches(const AptSource *source, const char *const *machine_arches);
