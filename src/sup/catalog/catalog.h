/* catalog.h - the update engine's catalogue, as its services and its site server read it.
 *
 *   upstream --(catalog_run.h)--> catalogue --> client and admin services
 *
 * Everything here reads, but for what people choose. A Db is a connection to the catalogue's
 * database; each thread has its own. Change numbers only grow: a reader that keeps the last one it
 * saw (with the epoch) asks for what lies above, and is told of expired updates too.
 */
#pragma once

#include "db/db.h"
#include "deb/slice.h"

/* Opens the database at path (made and migrated where needed). A HostRole migrates it by itself,
 * with catalog_migrations of the generated "sup/catalog/schema.h"; catalog_prepare() then sees to
 * it that there is a state. The caller closes it. */
Db *catalog_open(const char *path, GError **error) UK_MUST_USE;
bool catalog_prepare(Db *db, GError **error) UK_MUST_USE;

/* Makes it another catalogue for all who know it by a change number: it was put back to an earlier
 * state, and will give out numbers a second time. */
bool catalog_renew(Db *db, GError **error) UK_MUST_USE;
/* The same for one that the site knows nothing of: until a run has ended on it to which all sources
 * came, what it does not hold is no answer to anybody. */
bool catalog_distrust(Db *db, GError **error) UK_MUST_USE;

/* ---- state ---- */

typedef struct {
        char *epoch;         /* GUID; another one means another catalogue: read it all again */
        char *former_epoch;  /* which catalogue it was before it was renewed; "" if it never was */
        gint64 change;       /* the last change number */
        gint64 revision_id;  /* the last number given to a revision */
        char *sources;       /* "" for the machine's own apt sources, else a .sources text */
        gint64 last_started; /* times of runs; 0: never */
        gint64 last_ended;   /* on this catalogue: 0 means that it is not to be relied on */
        gint64 last_good;
        char *last_result; /* a sentence */
} CatalogState;

/* The state; the caller frees it. */
CatalogState *catalog_state(Db *db, GError **error) UK_MUST_USE;
void catalog_state_free(CatalogState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CatalogState, catalog_state_free)
/* Where to synchronize from: a text in the form of apt's .sources files, or "" for the machine's
 * own sources. It is not checked here: see upstream_check_sources(). */
bool catalog_set_sources(DbTx *tx, const char *sources, GError **error) UK_MUST_USE;

/* Sums over all updates. */
typedef struct {
        gint64 updates, expired, superseded, files;
} CatalogCounts;
bool catalog_counts(Db *db, CatalogCounts *counts_out, GError **error) UK_MUST_USE;

/* ---- categories and what is subscribed ---- */

typedef struct {
        char *id;     /* GUID */
        char *type;   /* Company, ProductFamily, Product, UpdateClassification */
        char *parent; /* GUID or "" */
        char *title;
        gint64 revision_id, revision, change;
        gint64 changed; /* when; 0: not known */
        gint64 wanted;  /* 0 or 1; what nobody chose is wanted */
} CatalogCategory;

/* All of them, by type and title; array of CatalogCategory, the caller's. */
GPtrArray *catalog_categories(Db *db, GError **error) UK_MUST_USE;
void catalog_category_free(CatalogCategory *category);
/* Subscribes or unsubscribes a product or classification, known already or not; the next
 * synchronization acts on it. INVALID when id is no GUID. */
bool catalog_subscribe(DbTx *tx, const char *id, bool wanted, GError **error) UK_MUST_USE;
/* Whether a category is wanted. */
bool catalog_is_wanted(Db *db, const char *id, bool *wanted_out, GError **error) UK_MUST_USE;

typedef struct {
        gint64 id;
        char *category; /* GUID */
        char *title;
        char *origin, *codename, *version;
        char *rule;        /* for whom it is: deb/machine.h */
        char *end_of_life; /* day, or "" */
} CatalogProduct;

/* Array of CatalogProduct, the caller's. */
GPtrArray *catalog_products(Db *db, GError **error) UK_MUST_USE;
void catalog_product_free(CatalogProduct *product);

/* ---- suites: how old what we know is ---- */

typedef struct {
        gint64 id;
        char *uri, *suite;
        gint64 product; /* 0: not known yet */
        char *codename, *release_suite;
        gint64 priority;
        char *classification;                /* one letter (deb/evalset.h), "" if not known yet */
        char *etag, *last_modified, *sha256; /* of the InRelease held */
        char *wants;              /* components, architectures and keys it was read with */
        gint64 date, valid_until; /* what it says; 0: nothing */
        gint64 checked;           /* when it was last known to be the present one; 0: never */
        gint64 changed;           /* when its content last changed */
        gint64 failed;            /* since when it cannot be read; 0: it can */
        char *failure;            /* why */
} CatalogSuite;

/* Array of CatalogSuite, the caller's. */
GPtrArray *catalog_suites(Db *db, GError **error) UK_MUST_USE;
void catalog_suite_free(CatalogSuite *suite);

typedef struct {
        gint64 suite_id;
        char *component, *arch, *serves;
        char *sha256; /* of the index as it was fetched */
        gint64 stanzas, refused;
} CatalogIndex;

/* Array of CatalogIndex, the caller's. */
GPtrArray *catalog_indexes(Db *db, GError **error) UK_MUST_USE;
void catalog_index_free(CatalogIndex *index);

/* ---- updates ---- */

typedef struct {
        gint64 revision_id; /* a new number with each revision, never given out twice */
        char *id;           /* UpdateID */
        char *source;       /* ArticleID */
        char *version;
        gint64 revision;
        gint64 expired;
        char *classification; /* letter */
        char *severity;       /* Critical, Important, Moderate, Low; "" if not said */
        char *description;
        char *url;           /* more information; "" if none */
        char *superseded_by; /* UpdateIDs, separated by blanks; "" if none */
        gint64 file_count, file_size;
        char *files; /* to be read with catalog_file_next() */
        gint64 posted, revised;
        gint64 first_change; /* with which it came: above a reader's mark it is new to the reader */
        gint64 change;
        gint64 product;   /* CatalogProduct.id */
        char *product_id; /* GUID */
        char *special;    /* binaries whose rule is not the usual one: catalog_special_next() */
} CatalogUpdate;

void catalog_update_free(CatalogUpdate *update);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CatalogUpdate, catalog_update_free)
/* "<source> <version> (<classification>)"; the caller's. */
char *catalog_update_title(const CatalogUpdate *update);
/* GUID of its classification; static. */
const char *catalog_update_classification(const CatalogUpdate *update);

/* By UpdateID, or by the number of its present revision. NULL with NOT_FOUND when there is none;
 * the caller frees it. */
CatalogUpdate *catalog_update_get(Db *db, const char *update_id, GError **error) UK_MUST_USE;
CatalogUpdate *catalog_update_of_revision(Db *db, gint64 revision_id, GError **error) UK_MUST_USE;

typedef bool (*CatalogUpdateFn)(gpointer user, const CatalogUpdate *update, GError **error);
/* Tells fn of every update changed after that change number, in the order of change; expired ones
 * too. Reads a page at a time, so that no cursor is open while fn works. *change_out (may be NULL)
 * is the number to ask with next time. */
bool catalog_changes_since(Db *db, gint64 change, CatalogUpdateFn fn, gpointer user,
                           gint64 *change_out, GError **error) UK_MUST_USE;

/* A binary package of an update. Slices lie in its files text. */
typedef struct {
        Slice package, version, arch;
        guint64 size;
        Slice sha256; /* 64 hexadecimal digits */
        Slice owned;  /* "+" on all its architectures, "-" on none, else "amd64,i386" */
        gint64 suite; /* CatalogSuite.id */
        Slice folder; /* its path below the suite's URI, */
        Slice name;   /* and the file's name; empty if it is the usual one */
} CatalogFile;

/* Takes the next file off *rest (at first slice_of(update->files)); false at the end. */
bool catalog_file_next(const CatalogUpdate *update, Slice *rest, CatalogFile *file_out);
/* Whether the update owns it on an architecture. */
bool catalog_file_is_owned(const CatalogFile *file, const char *arch);
/* Puts its URL below uri (of its suite) into url. */
void catalog_file_url(const CatalogFile *file, const char *uri, GString *url);

/* The rule of a binary that is not the usual one, for some machines (catalog_run_rules.c). */
typedef struct {
        guint64 file;  /* number of the file, from 0 */
        Slice above;   /* only above this version; "" wherever it is installed; "!" never */
        Slice native;  /* only where this is the native architecture; "" everywhere */
        Slice natives; /* not where one of these, separated by ',', is the native architecture */
} CatalogSpecial;

/* Takes the next line off *rest (at first slice_of(update->special)); false at the end. */
bool catalog_special_next(Slice *rest, CatalogSpecial *special_out);

/* ---- what the exchange by lists of revisions needs: catalog_scope.c ---- */

/* "This machine is a …", of a product or of an architecture (DEB-030). */
typedef struct {
        char *id;       /* GUID */
        char *category; /* GUID of the product, or "" */
        char *arch;     /* or "" */
        char *rule;     /* of a product: deb/machine.h */
        gint64 revision_id, revision;
        gint64 changed; /* when */
} CatalogDetectoid;

/* Array of CatalogDetectoid, the caller's. */
GPtrArray *catalog_detectoids(Db *db, GError **error) UK_MUST_USE;
void catalog_detectoid_free(CatalogDetectoid *detectoid);

/* A number that a category or detectoid had before. */
typedef struct {
        gint64 revision_id;
        char *id; /* GUID */
} CatalogFormer;

/* Array of CatalogFormer, the caller's. */
GPtrArray *catalog_former(Db *db, GError **error) UK_MUST_USE;
void catalog_former_free(CatalogFormer *former);

/* An update that owns something, as it is deployed: evaluated and reported, nothing more. */
typedef struct {
        gint64 revision_id, revision;
        char *id;             /* GUID */
        char *classification; /* letter */
        gint64 product;       /* CatalogProduct.id */
        char *arches;         /* where it owns something, separated by blanks */
        gint64 deployment_id;
        gint64 change; /* with which a deployment of this revision was made anew; 0: never */
        gint64 time;   /* of its deployment */
} CatalogDeployed;

typedef bool (*CatalogDeployedFn)(gpointer user, const CatalogDeployed *deployed, GError **error);
/* Tells fn of each, in the order of revisions. fn must not use the database. */
bool catalog_deployed(Db *db, CatalogDeployedFn fn, gpointer user, GError **error) UK_MUST_USE;

/* ---- evaluation sets ---- */

typedef struct {
        gint64 product;   /* CatalogProduct.id */
        char *product_id; /* GUID */
        char *arch;
        gint64 number;
        char *sha256;      /* of the plain text, lower-case hexadecimal */
        gint64 plain_size; /* bytes */
        gint64 packed_size;
        gint64 created;
} CatalogSet;

/* The present set of each product and architecture; array of CatalogSet, the caller's. */
GPtrArray *catalog_sets(Db *db, GError **error) UK_MUST_USE;
void catalog_set_free(CatalogSet *set);
/* Its bytes, a zstd frame, ready to be sent; the caller's. */
GBytes *catalog_set_content(Db *db, const CatalogSet *set, GError **error) UK_MUST_USE;
/* The step to the present set from the one with that SHA-256, a zstd frame; *content_out NULL when
 * there is none, so that the whole set is to be sent. */
bool catalog_step_content(Db *db, const CatalogSet *set, const char *from_sha256,
                          GBytes **content_out, GError **error) UK_MUST_USE;
/* The UpdateID that owns a binary package for a set, of the best class of priority; the caller's.
 * NULL with NOT_FOUND when nobody does. */
char *
catalog_owner_of(Db *db, const CatalogSet *set, const char *package, GError **error) UK_MUST_USE;
/* The plain text of a frame of either kind, at most max bytes; the caller's. */
GBytes *catalog_unpack(GBytes *packed, gsize max, GError **error) UK_MUST_USE;
