/* pkgserver.h - which package goes to which distribution point, and what is to be done there
 * (90-tables 4.3; DIST-031, DIST-072, DIST-141, DIST-151).
 */
#pragma once

#include "db/db.h"

typedef struct {
        char *pkg_id;
        char *nal;  /* NALPath of the distribution point */
        char *site; /* site of the distribution point */
        char *source_site;
        gint64 refresh_us;      /* last job */
        gint64 refresh_trigger; /* 1: a redistribution (OQ-D50) */
        gint64 update_mask;
        gint64 action;       /* PackageAction */
        char *cause, *trace; /* of what is pending */
} PkgServer;

void pkgserver_free(PkgServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PkgServer, pkgserver_free)

/* AddDistributionPoints: gives the package to a distribution point of `site` (DIST-031, DIST-032).
 * One that has it already stays as it is, but a pending removal becomes an addition; *changed_out
 * (may be NULL) says whether anything was. NOT_FOUND for a package or site that is not known. */
bool pkgserver_add(DbTx *tx, const char *pkg_id, const char *nal, const char *site,
                   const char *source_site, const char *cause, bool *changed_out,
                   GError **error) UK_MUST_USE;
/* Asks for everything to be sent to that one distribution point again (DIST-151). NOT_FOUND. */
bool pkgserver_redistribute(DbTx *tx, const char *pkg_id, const char *nal, const char *site,
                            const char *cause, GError **error) UK_MUST_USE;
/* Asks for the package's removal from the distribution point. NOT_FOUND. */
bool pkgserver_remove(DbTx *tx, const char *pkg_id, const char *nal, const char *site,
                      const char *cause, GError **error) UK_MUST_USE;
/* Asks for the package's files there to be read and compared. Whatever else is pending goes first,
 * and proves the files anyway. NOT_FOUND. */
bool pkgserver_validate(DbTx *tx, const char *pkg_id, const char *nal, const char *site,
                        const char *cause, GError **error) UK_MUST_USE;
/* Marks all of the package's distribution points of the site for an update (DIST-141, OQ-D47). */
bool pkgserver_mark_update(DbTx *tx, const char *pkg_id, const char *site, const char *cause,
                           GError **error) UK_MUST_USE;
/* Marks all of them, of any site, for removal: the package is deleted. */
bool
pkgserver_mark_remove(DbTx *tx, const char *pkg_id, const char *cause, GError **error) UK_MUST_USE;

/* One row; NOT_FOUND. The caller frees it. */
PkgServer *pkgserver_load(Db *db, const char *pkg_id, const char *nal, const char *site,
                          GError **error) UK_MUST_USE;
/* The package's rows of the site by NALPath, or only those with an action pending. The caller owns
 * the array. */
GPtrArray *pkgserver_list(Db *db, const char *pkg_id, const char *site, bool pending,
                          GError **error) UK_MUST_USE;

/* The rows of one distribution point whose pending action waits for its answer (removal and
 * validation). The caller owns the array. */
GPtrArray *pkgserver_list_waiting(Db *db, const char *nal, GError **error) UK_MUST_USE;

/* All rows of one distribution point. The caller owns the array. */
GPtrArray *pkgserver_list_of(Db *db, const char *nal, GError **error) UK_MUST_USE;

/* A package that a distribution point has said to hold. */
typedef struct {
        char *pkg_id;
        gint64 version;
} PkgHeld;

void pkgserver_held_free(PkgHeld *held);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PkgHeld, pkgserver_held_free)
/* What a distribution point has at its present version by all that was reported before that time,
 * and nothing is about to be done with; the caller owns the array. */
GPtrArray *
pkgserver_list_held(Db *db, const char *nal, gint64 before_us, GError **error) UK_MUST_USE;

/* The action that is pending now: another one may have been asked for while that of `server` was
 * served. That of `server`, where the row has gone. */
bool pkgserver_pending(DbTx *tx, const PkgServer *server, gint64 *action_out,
                       GError **error) UK_MUST_USE;
/* Whether something else was asked for since `server` was loaded: it is pending now, or was done
 * meanwhile, or the row has gone. */
bool pkgserver_is_overtaken(DbTx *tx, const PkgServer *server, bool *overtaken_out,
                            GError **error) UK_MUST_USE;
/* What was pending by `server` is done, or has become a job (DIST-072): a deletion survives, and
 * whatever else was asked for since. */
bool pkgserver_reset_action(DbTx *tx, const PkgServer *server, GError **error) UK_MUST_USE;
/* The row goes: the package has left the distribution point. One asked for again stays. */
bool pkgserver_delete_removed(DbTx *tx, const PkgServer *server, GError **error) UK_MUST_USE;
