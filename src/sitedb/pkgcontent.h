/* pkgcontent.h - the content items of a package at the versions that this site keeps (DIST-016,
 * DIST-019).
 */
#pragma once

#include "db/db.h"

typedef struct {
        char *pkg_id;
        gint64 version;
        char *content_id;
        char *hash;           /* of DIST-019, upper-case hexadecimal */
        char *signature_hash; /* of the tar of signatures */
        char *related;        /* the same item in the version before; "" none */
        gint64 files, size;
        char *cause, *trace;
} PkgContent;

void pkgcontent_free(PkgContent *content);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PkgContent, pkgcontent_free)

/* Adds a row, or replaces what an interrupted try left of it. */
bool
pkgcontent_put(DbTx *tx, const PkgContent *content, const char *cause, GError **error) UK_MUST_USE;
/* The items of one version by ID, or with version 0 of all versions, the newest first. The caller
 * owns the array. */
GPtrArray *pkgcontent_list(Db *db, const char *pkg_id, gint64 version, GError **error) UK_MUST_USE;
/* One item by its ID; NOT_FOUND. The caller frees it. */
PkgContent *pkgcontent_load(Db *db, const char *content_id, GError **error) UK_MUST_USE;
/* Forgets one version. */
bool pkgcontent_delete(DbTx *tx, const char *pkg_id, gint64 version, GError **error) UK_MUST_USE;
/* Versions older than `stored` that no distribution point and no job is recorded with any more, and
 * all but the newest `keep` of the older ones: array of gint64, the caller's. */
GArray *pkgcontent_superseded(Db *db, const char *pkg_id, gint64 stored, gint64 keep,
                              GError **error) UK_MUST_USE;
/* The oldest item of a superseded version, of any package, and the size of all of them together;
 * *oldest_out is NULL when there is none, else the caller's. */
bool pkgcontent_oldest_kept(Db *db, PkgContent **oldest_out, gint64 *bytes_out,
                            GError **error) UK_MUST_USE;
