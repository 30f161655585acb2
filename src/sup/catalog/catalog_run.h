/* catalog_run.h - what a synchronization writes into the catalogue, all of it or nothing.
 *
 *   upstream --suites, indices--> CatalogRun --one transaction--> catalogue
 *
 * A run says what it found of each suite; at the end the products whose content changed are
 * computed anew, updates are added, revised and expired, and evaluation sets made, before anybody
 * sees anything (DEB-014). A suite that failed keeps its content.
 */
#pragma once

#include "sup/catalog/catalog.h"

typedef struct CatalogRun CatalogRun;

/* Begins the transaction of a run; catalogue and root (for distro-info-data) must outlive it.
 * now_us is the time that rows get. A run that is freed without a commit changed nothing. */
CatalogRun *catalog_run_begin(Db *db, const char *root, gint64 now_us, GError **error) UK_MUST_USE;
void catalog_run_free(CatalogRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CatalogRun, catalog_run_free)

/* A suite that was read. */
typedef struct {
        const char *uri, *suite;                         /* as the source has them */
        const char *origin, *codename, *label, *version; /* of the release, without pocket */
        const char *release_codename, *release_suite;    /* as its Release says */
        int priority;
        int classification; /* an EvalSetClass */
        const char *etag, *last_modified, *sha256, *wants;
        gint64 date_us, valid_until_us;
        bool changed; /* another InRelease than the one held */
} CatalogRunSuite;

/* Writes a suite that was read; *suite_id_out is the key of its indices. */
bool catalog_run_suite(CatalogRun *run, const CatalogRunSuite *suite, gint64 *suite_id_out,
                       GError **error) UK_MUST_USE;
/* Writes that a suite is as it was (its InRelease was asked for and is the one held). */
bool catalog_run_suite_unchanged(CatalogRun *run, gint64 suite_id, const char *etag,
                                 const char *last_modified, GError **error) UK_MUST_USE;
/* Writes that a suite failed, and why; its content stays. */
bool catalog_run_suite_failed(CatalogRun *run, const char *uri, const char *suite, const char *why,
                              GError **error) UK_MUST_USE;

/* The content of an index. */
typedef struct {
        const char *component, *arch; /* "" both of a flat archive */
        const char *serves;           /* architectures, separated by blanks */
        const char *sha256;
        guint stanzas, refused;
        GBytes *content; /* stanzas_compress(); NULL: as it was, only serves may have changed */
} CatalogRunIndex;

/* Writes an index of a suite. */
bool catalog_run_index(CatalogRun *run, gint64 suite_id, const CatalogRunIndex *index,
                       GError **error) UK_MUST_USE;
/* Removes an index of a suite, or a suite with all of them: nobody asks for it any more. */
bool catalog_run_drop_index(CatalogRun *run, gint64 suite_id, const char *component,
                            const char *arch, GError **error) UK_MUST_USE;
bool catalog_run_drop_suite(CatalogRun *run, gint64 suite_id, GError **error) UK_MUST_USE;
/* Removes the content of a suite, which stays known, because nobody subscribed to it. */
bool catalog_run_empty_suite(CatalogRun *run, gint64 suite_id, GError **error) UK_MUST_USE;

/* From now on fn is told each update that the run adds, as readers will see it after the commit and
 * in the order of catalog_changes_since(); its error ends the run. */
void catalog_run_watch(CatalogRun *run, CatalogUpdateFn fn, gpointer user);

/* What became of it. */
typedef struct {
        guint products; /* computed anew */
        guint added;    /* updates that are new */
        guint revised;  /* with a new revision */
        guint moved;    /* of which only owners, superseders or places changed */
        guint expired;
        guint unchanged;     /* of the products computed anew */
        gint64 change;       /* the catalogue's change number now */
        GPtrArray *refusals; /* of char *: stanzas refused because a stricter suite contradicts */
} CatalogRunResult;

void catalog_run_result_clear(CatalogRunResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CatalogRunResult, catalog_run_result_clear)

/* Told while products are computed and written; false stops with CANCELLED. */
typedef bool (*CatalogRunProgress)(gpointer user, guint done, guint total);

/* Computes what changed and commits. summary is the sentence of CatalogState.last_result; good says
 * that no suite failed. */
bool
catalog_run_commit(CatalogRun *run, const char *summary, bool good, CatalogRunProgress progress,
                   gpointer user, CatalogRunResult *result_out, GError **error) UK_MUST_USE;
