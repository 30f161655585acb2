/* release.h - the signed table of contents of an archive's suite, after its signature was checked.
 *
 * Reads the text of a Release file (the signed part of InRelease) strictly and says who the suite
 * is and which files it has. What is allowed to change between two of them is decided in suite.c.
 */
#pragma once

#include "base/error.h"
#include "crypto/hash.h"

/* A file that the Release lists. */
typedef struct {
        char *path; /* below the suite's folder: "main/binary-amd64/Packages.xz" */
        guint64 size;
        guint8 sha256[HASH_SHA256_SIZE];
} ReleaseFile;

typedef struct {
        char *origin, *label, *suite, *codename, *version; /* "" where not said */
        gint64 date_us;
        gint64 valid_until_us; /* 0: not said */
        bool by_hash;          /* Acquire-By-Hash */
        bool not_automatic, but_automatic_upgrades;
        bool all_in_arches; /* No-Support-for-Architecture-all: Packages */
        char **arches;      /* NULL-terminated; empty: not said */
        char **components;  /* likewise; "updates/main" is "main" (DEB-012) */
        GHashTable *files;  /* path to ReleaseFile */
} Release;

/* Reads the text. PARSE, INVALID with a sentence. The caller frees the result. */
Release *release_read(const char *text, gsize size, GError **error) UK_MUST_USE;
void release_free(Release *release);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Release, release_free)

/* The file of that path, or NULL. Borrowed. */
const ReleaseFile *release_file(const Release *release, const char *path);
/* Whether Packages of Architecture: all have an index of their own that must be read beside those
 * of the architectures. */
bool release_has_all(const Release *release);

/* Priority that apt gives the suite by default: 500, 100 or 1 (DEB-015). */
int release_priority(const Release *release);
/* The classification of what only this suite carries, as an EvalSetClass (DEB-022). asked is the
 * suite's name in the source. */
int release_class(const Release *release, const char *asked);
/* The codename without its pocket: "bookworm" for "bookworm-security"; where the archive names
 * neither codename nor suite, a name made of place (DEB-020). The caller's. */
char *release_codename(const Release *release, const char *asked, const char *uri);
/* Origin, else Label, else the host of uri; the caller's. */
char *release_origin(const Release *release, const char *uri);

/* Reads a date as Release files write it ("Sat, 11 Jul 2026 10:16:37 UTC"). */
bool release_date(const char *text, gint64 *us_out);
