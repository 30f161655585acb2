/* suite.h - one suite of an archive in the course of a run: what is asked of it, what it says,
 * which of its indices must be read (DEB-010 to DEB-012).
 */
#pragma once

#include "deb/aptconf.h"
#include "deb/aptsources.h"
#include "sup/catalog/catalog.h"
#include "sup/upstream/decode.h"
#include "sup/upstream/fetch.h"
#include "sup/upstream/release.h"
#include "sup/upstream/trust.h"
#include "sup/upstream/upstream.h"

/* An index that is asked for. */
typedef struct {
        char *component, *arch; /* "" both of a flat archive */
} SuiteWant;

/* An index that the suite has. */
typedef struct {
        char *component, *arch;            /* arch "all" too; "" both of a flat archive */
        char *serves;                      /* architectures, separated by blanks */
        char *name;                        /* "main/binary-amd64/Packages.xz" */
        const ReleaseFile *packed, *plain; /* in the Release; plain may be NULL */
        DecodeKind kind;
        char *sha256;  /* by which the held one is known to be the same */
        char **urls;   /* by hash first, NULL-terminated */
        bool held;     /* the catalogue has this content */
        char *spooled; /* file with what was read of it; NULL if held */
} SuiteIndex;

typedef struct {
        char *uri, *name; /* as asked for */
        bool flat;
        char *signed_by;
        int check_valid_until, by_hash;
        char *where;              /* in the sources */
        GPtrArray *wants;         /* of SuiteWant */
        char **arches;            /* all that are asked for, sorted */
        const CatalogSuite *held; /* NULL: none */
        char *wants_text;         /* all that decides what is read, as text */

        UpstreamOutcome outcome;
        GError *error; /* of a failure */
        bool wanted;   /* subscribed, as far as is known */
        TrustKeys *keys;
        TrustCheck *check;
        char *etag, *last_modified, *sha256; /* of the InRelease received */
        Release *release;
        char *origin, *codename; /* who it is, pocket taken off */
        GPtrArray *indexes;      /* of SuiteIndex */
        guint refused;
} Suite;

void suite_free(Suite *suite);
/* The suites that sources ask for: those of one URI and name are one. Array of Suite, the
 * caller's. machine_arches (NULL-terminated) are for sources that name none. */
GPtrArray *
suite_list(const GPtrArray *sources, const char *const *machine_arches, GPtrArray *problems);
/* URL of its InRelease; the caller's. */
char *suite_release_url(const Suite *suite);

/* Reads and judges the signed part of an InRelease: name, dates, rollback. What is only worth a
 * word goes to problems. Sets release, origin and codename. */
bool suite_read_release(Suite *suite, const char *text, gsize size, const AptConf *conf,
                        gint64 now_us, GPtrArray *problems, GError **error) UK_MUST_USE;
/* Whether what is held may still be used, though it is unchanged: Valid-Until may have passed. */
bool suite_check_held(const Suite *suite, const AptConf *conf, gint64 now_us,
                      GError **error) UK_MUST_USE;
/* Chooses the indices to be read; held (of CatalogIndex) is what the catalogue has. */
bool
suite_plan(Suite *suite, const GPtrArray *held, GPtrArray *problems, GError **error) UK_MUST_USE;
