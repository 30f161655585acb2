/* dpkgstatus.h - what dpkg has installed, read from its own files below a root folder.
 *
 * Without root, lock, dpkg or apt (DEB-040). What counts as installed is what apt counts (DEB-033).
 */
#pragma once

#include "deb/slice.h"

/* An installed package. The slices lie in the DpkgStatus. */
typedef struct {
        Slice name;
        Slice arch; /* as in its stanza: "all" too */
        Slice version;
        Slice source;         /* its source package's name */
        Slice source_version; /* and version */
        Slice marks;          /* see marks.h */
        bool hold;            /* wanted so by the administrator */
        bool reinstreq;       /* broken, to be installed again */
        bool configured;      /* its state is "installed" */
} DpkgPackage;

typedef struct {
        char *native;                /* architecture */
        char **foreign;              /* architectures, NULL-terminated */
        const DpkgPackage *packages; /* by name, then architecture, byte for byte */
        guint count;
        guint not_installed; /* stanzas that do not count */
        GArray *array;       /* private: of DpkgPackage */
        GPtrArray *texts;    /* private: what the slices point to */
} DpkgStatus;

/* Reads <root>/var/lib/dpkg/status, or status.d/ (images without dpkg) where there is no such
 * file, and the architectures. A file that was replaced meanwhile is read again. NOT_FOUND when
 * there is neither; PARSE with file and line. The caller frees the result. */
DpkgStatus *dpkgstatus_read(const char *root, GError **error) UK_MUST_USE;
void dpkgstatus_free(DpkgStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DpkgStatus, dpkgstatus_free)
/* Reads a text in the form of dpkg's status file; for tests and the fuzzer. The slices point into
 * the text, which must outlive the result; architectures are taken from it alone. */
DpkgStatus *dpkgstatus_parse(const char *text, gsize size, GError **error) UK_MUST_USE;
/* True when arch is native or foreign here. */
bool dpkgstatus_has_arch(const DpkgStatus *status, const char *arch);
