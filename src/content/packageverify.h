/* packageverify.h - whether a package in the library is what it should be, all of it, now: its
 * definition, and each file by its hash.
 */
#pragma once

#include "content/library.h"

typedef struct {
        char *content_id; /* or the package's, whose own INI it is */
        char *path;       /* in the package, or below the library's root */
} PackageDamage;

typedef struct {
        gint64 version;      /* that is here; 0: its definition does not say */
        gint64 files, bytes; /* that were read */
        GPtrArray *damaged;  /* PackageDamage */
        guint flaws;         /* so many of them, the last ones, are in definitions */
} PackageVerdict;

void packageverify_clear(PackageVerdict *verdict);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PackageVerdict, packageverify_clear)

/* False: no more is to be read, the program stops. Asked before each file. */
typedef bool (*PackageVerifyFn)(gpointer user);

/* Reads the package; verdict_out is empty, and to be cleared. Damaged files are set aside
 * (verify.h). mend: definitions that are damaged are made again, and are none of the damage then (a
 * writer's). NOT_FOUND when there is none of that ID, CHANGED when it has become another while it
 * was read, CANCELLED when go_on (may be NULL) said so. */
bool packageverify_run(Library *library, const char *package_id, bool mend, PackageVerifyFn go_on,
                       gpointer user, PackageVerdict *verdict_out, GError **error) UK_MUST_USE;
