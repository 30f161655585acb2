/* catalog.h - takes what the update engine says of categories and updates into the site database
 * (SYNC-034 to SYNC-036): what is new or different is written, nothing else is touched.
 *
 * One Catalog per run, by one thread. Its calls may be spread over several transactions, one after
 * the other: each update is whole in its own, and a run that is cut short is completed by the next
 * one. After a failure the Catalog is of no more use.
 */
#pragma once

#include "db/db.h"

typedef struct Catalog Catalog;

typedef struct {
        const char *unique_id; /* Product:<guid>, UpdateClassification:<guid>, … */
        const char *type;      /* Company, ProductFamily, Product, UpdateClassification */
        const char *name;
        const char *parent;    /* unique ID of the category above, or NULL; comes before */
        bool allow;            /* may be subscribed */
        bool subscribe;        /* if it is new here: subscribed from the start */
        gint64 end_of_life_us; /* 0 unknown */
} CatalogCategory;

typedef struct {
        const char *name;
        gint64 size;
        const guint8 *sha256; /* 32 bytes */
        const char *url;
        const char *package; /* of the binary package in it; "" for other files, and so below */
        const char *architecture;
        const char *version;
        bool owned; /* false: another update has a higher version of the package (DEB-026) */
} CatalogFile;

/* An update as the engine has it. Lists end with NULL and may be NULL; texts may be NULL for "". */
typedef struct {
        const char *unique_id; /* GUID without braces, either case */
        gint64 revision;
        const char *title;
        const char *description;
        const char *article, *bulletin;
        const char *info_url;
        const char *references; /* one a line */
        gint64 severity;        /* 10, 8, 6, 2, 0 */
        gint64 posted_us, revised_us;
        const char *const *categories;    /* unique IDs */
        const char *const *superseded_by; /* GUIDs */
        bool superseded;                  /* also when those that do it are not named */
        const CatalogFile *files;
        guint file_count;
} CatalogUpdate;

typedef enum {
        CATALOG_SAME,
        CATALOG_ADDED,
        CATALOG_CHANGED,
} CatalogChange;

typedef struct {
        gint64 categories; /* written, and so below */
        gint64 added;
        gint64 changed;
        gint64 expired;
} CatalogCounts;

/* Begins a run. full: what is not named until catalog_finish is expired then. cause is written into
 * the rows and must live as long as the Catalog. NOT_YET without an update source. */
Catalog *catalog_new(Db *db, bool full, const char *cause, GError **error) UK_MUST_USE;
void catalog_free(Catalog *catalog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Catalog, catalog_free)

/* "Product:<guid>": the unique ID of a category of the engine. The caller frees it. */
char *catalog_category_id(const char *type, const char *guid);
/* Takes a category. INVALID for an unknown type or parent. */
bool catalog_category(Catalog *catalog, DbTx *tx, const CatalogCategory *category,
                      CatalogChange *change_out, GError **error) UK_MUST_USE;
/* Takes an update; one that was expired is valid again. INVALID for what no update can be. */
bool catalog_update(Catalog *catalog, DbTx *tx, const CatalogUpdate *update,
                    CatalogChange *change_out, GError **error) UK_MUST_USE;
/* Marks an update as expired; one that is unknown or expired is passed over. */
bool catalog_expire(Catalog *catalog, DbTx *tx, const char *unique_id, bool *changed_out,
                    GError **error) UK_MUST_USE;
/* Ends the run: relations whose other end came later, and in a full run the expiry of what was not
 * named. To be called once, after all else. counts_out may be NULL. */
bool
catalog_finish(Catalog *catalog, DbTx *tx, CatalogCounts *counts_out, GError **error) UK_MUST_USE;
