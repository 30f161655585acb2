/* pkgstatusfile.h - status files on their way from Package Transfer Manager to Distribution
 * Manager, kept until what they say is stored (DIST-080, DIST-084). With its row a file need not be
 * synced: it is made again where a crash took it.
 */
#pragma once

#include "db/db.h"

typedef struct {
        char *name; /* of the file */
        char *body;
} PkgStatusFile;

void pkgstatusfile_free(PkgStatusFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PkgStatusFile, pkgstatusfile_free)

/* With the end of the job that the file tells of. */
bool pkgstatusfile_keep(DbTx *tx, const char *name, const char *body, GError **error) UK_MUST_USE;
/* What it says is stored, or will never be; one that is not kept is none. */
bool pkgstatusfile_forget(DbTx *tx, const char *name, GError **error) UK_MUST_USE;
/* The text of one that is kept, the caller's; *body_out is NULL where it is not. */
bool pkgstatusfile_body(Db *db, const char *name, char **body_out, GError **error) UK_MUST_USE;
/* All that are kept; the caller owns the array. */
GPtrArray *pkgstatusfile_list(Db *db, GError **error) UK_MUST_USE;
