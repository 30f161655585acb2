/* catalog_run_private.h - between the files of catalog_run. */
#pragma once

#include "sup/catalog/catalog_run.h"
#include "sup/catalog/compute.h"
#include "sup/catalog/products.h"

struct CatalogRun {
        Db *db;
        DbTx *tx;
        char *root;
        gint64 now_us;
        gint64 change; /* the number this run gives to what it changes */
        gint64 revision_id;
        bool wrote; /* something got that number */
        gint64 next_suite, next_product;
        GPtrArray *suites;     /* of CatalogSuite, as they are by now */
        GPtrArray *products;   /* of CatalogProduct, likewise */
        GHashTable *dirty;     /* IDs of products to be computed anew */
        CatalogUpdateFn added; /* catalog_run_watch(); or NULL */
        gpointer added_user;
};

/* Writes the categories of a product and the product; finds it if it is known. */
bool catalog_run_product(CatalogRun *run, const CatalogRunSuite *suite, gint64 *product_id_out,
                         GError **error) UK_MUST_USE;
/* Writes rules of products anew where their suites' places changed. */
bool catalog_run_rules(CatalogRun *run, GError **error) UK_MUST_USE;
/* Writes the updates of a product; its rows are compared with what was computed. */
bool
catalog_run_updates(CatalogRun *run, const CatalogProduct *product, const Compute *compute,
                    GArray *revisions_out, CatalogRunResult *result, GError **error) UK_MUST_USE;
/* Makes the evaluation sets of a product; revisions (of int) are those of its updates. */
bool catalog_run_sets(CatalogRun *run, const CatalogProduct *product, const Compute *compute,
                      const GArray *revisions, GError **error) UK_MUST_USE;
/* A value for a time that may be missing. */
DbArg catalog_run_time(const char *name, gint64 us);

/* What stands in the rules of updates (DEB-032), see catalog_run_rules.c. */
typedef struct CatalogRules CatalogRules;

/* compute must outlive it; the caller frees it. */
CatalogRules *catalog_rules_new(const Compute *compute);
void catalog_rules_free(CatalogRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CatalogRules, catalog_rules_free)
/* Sets arches to the architectures on which an update owns something, and special to the lines of
 * binaries whose rule is not the usual one. */
void catalog_rules_of(const CatalogRules *rules, const ComputeUpdate *update, GString *arches,
                      GString *special);
/* Writes detectoids that are new or have another rule now (DEB-030). */
bool catalog_run_detectoids(CatalogRun *run, GError **error) UK_MUST_USE;
