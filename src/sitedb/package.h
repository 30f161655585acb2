/* package.h - packages: what every site knows of one, and what is true of it at this site
 * (90-tables 4.1; DIST-004 to DIST-007, DIST-137).
 *
 * Written through the view SMSPackages, whose triggers fan a row out and tell Distribution Manager.
 */
#pragma once

#include "db/db.h"

/* What is to be done with a package, or with it on one distribution point (90-tables 7.1). */
typedef enum {
        PACKAGE_ACTION_NONE = 0,
        PACKAGE_ACTION_UPDATE = 1,
        PACKAGE_ACTION_ADD = 2,
        PACKAGE_ACTION_DELETE = 3,
        PACKAGE_ACTION_VALIDATE = 4,
        PACKAGE_ACTION_CANCEL = 5,
} PackageAction;

/* Bits of UpdateMask and UpdateMaskEx (90-tables 7.2). */
#define PACKAGE_MASK_SOURCE     0x20
#define PACKAGE_MASK_STORED     0x80
#define PACKAGE_MASK_EX_REFRESH 0x800000

/* Kinds (PackageType). */
typedef enum {
        PACKAGE_TYPE_REGULAR = 0,
        PACKAGE_TYPE_UPDATES = 5, /* each folder of the source is a content item of its own */
        PACKAGE_TYPE_CONTENT = 8, /* the content of an application */
} PackageType;

typedef struct {
        char *id;      /* PS100039 */
        char *name;    /* not empty */
        char *version; /* text of the administrator's; not the content version */
        char *language, *manufacturer, *description;
        char *hash;        /* of the content, by algorithm 32780; "" before the first snapshot */
        char *source;      /* absolute path of the source folder */
        char *source_site; /* site that owns the package */
        char *stored_path; /* where this site keeps a compressed copy; "" none */
        char *preferred_address;
        char *share_name;
        gint64 priority; /* 1 high, 2 medium, 3 low */
        gint64 type;     /* PackageType */
        gint64 flags, share_type, store_flag;
        gint64 source_version, stored_version;
        gint64 source_us;   /* when the source last changed */
        gint64 source_size; /* KBytes */
        gint64 refresh_us;  /* last refresh */
        gint64 update_mask, update_mask_ex, action;
        char *cause, *trace;
} Package;

void package_free(Package *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Package, package_free)

/* After a restore: no package ID and no version of a package is given out a second time. */
bool package_leap(DbTx *tx, GError **error) UK_MUST_USE;
/* The version that the package's source is to become. */
bool package_next_version(Db *db, const Package *package, gint64 *version_out,
                          GError **error) UK_MUST_USE;
/* Creates a package (DIST-004 to DIST-007) of site `source_site` with the next ID of that site
 * (DIST-005). Read of the argument are name, version, language, manufacturer, description, source,
 * source_site, priority (0: medium), type and flags (0: the default). INVALID names what is wrong;
 * LIMIT when the site's IDs are used up. *id_out is the caller's. */
bool package_create(DbTx *tx, const Package *package, const char *cause, char **id_out,
                    GError **error) UK_MUST_USE;
/* Brings name, version, language, manufacturer, description, source and priority up to date, and
 * tells Distribution Manager; another source is a refresh too. NOT_FOUND, INVALID. */
bool
package_change(DbTx *tx, const Package *package, const char *cause, GError **error) UK_MUST_USE;
/* RefreshPkgSource (DIST-136, DIST-137): a new version is made of the source. NOT_FOUND. */
bool package_refresh(DbTx *tx, const char *id, const char *cause, GError **error) UK_MUST_USE;
/* Asks for the package to be deleted, everywhere; the row goes when its content has gone.
 * NOT_FOUND. */
bool package_ask_delete(DbTx *tx, const char *id, const char *cause, GError **error) UK_MUST_USE;

/* One package; NOT_FOUND. The caller frees it. */
Package *package_load(Db *db, const char *id, GError **error) UK_MUST_USE;
/* All packages by ID; the caller owns the array. */
GPtrArray *package_list(Db *db, GError **error) UK_MUST_USE;
/* IDs (char *) of the packages with something to be done for them or for one of their distribution
 * points at `site`; for the start. The caller owns the array. */
GPtrArray *package_list_pending(Db *db, const char *site, GError **error) UK_MUST_USE;

/* The refresh that was asked for begins (OQ-D45): one asked for from now on is another. */
bool package_begin(DbTx *tx, const char *id, GError **error) UK_MUST_USE;
/* A snapshot has become version `version`: what SMSPackages says of it (DIST-024), and the mark
 * that the source is to be read goes. */
bool package_store(DbTx *tx, const char *id, gint64 version, const char *hash, gint64 size_kb,
                   const char *cause, GError **error) UK_MUST_USE;
/* The pending action is done, unless a deletion or another refresh was asked for meanwhile. */
bool package_done(DbTx *tx, const char *id, GError **error) UK_MUST_USE;
/* Why the pending action cannot be done at present ("" when it can): the row's Cause. */
bool package_set_cause(DbTx *tx, const char *id, const char *cause, GError **error) UK_MUST_USE;
/* Removes the package with all that hangs on it. */
bool package_delete(DbTx *tx, const char *id, GError **error) UK_MUST_USE;
