/* distmgr_private.h - what the files of Distribution Manager share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "content/library.h"
#include "crypto/sign.h"
#include "host/host.h"
#include "site/dpclient.h"
#include "sitedb/distpoint.h"
#include "sitedb/package.h"
#include "sitedb/pkgcontent.h"
#include "sitedb/pkgserver.h"

#define DISTMGR_NAME "SMS_DISTRIBUTION_MANAGER"

typedef struct {
        SignKey *key;
        char *site;             /* code */
        char *server;           /* FQDN of the site server */
        atomic_int main_thread; /* that queues packages, for the log */
        pthread_mutex_t lock;   /* guards the rest */
        GHashTable *dp_threads; /* key of pool "dps" to DistMgrThread *, referenced */
        GHashTable *contacts;   /* DPID (gint64 *) to DistMgrContact *, owned */
        bool told_no_mp;        /* that distribution points are told of no management point */
} DistMgr;

/* ---- distmgr_package.c: one package ---- */

/* Worker of pool "packages": whatever is pending for the package. */
bool distmgr_process_package(Component *c, const char *pkg_id, GError **error);
/* Forgets versions that nobody needs any more, and the oldest ones above the budget. */
bool distmgr_trim_versions(Component *c, const char *pkg_id, gint64 stored, GError **error);
/* The first half of it, for every time that a distribution point has got a version: what it costs
 * does not grow with the packages and contents there are. */
bool distmgr_forget_superseded(Component *c, const char *pkg_id, gint64 stored, GError **error);

/* ---- distmgr_snapshot.c: the source becomes a version ---- */

/* Takes the snapshot of the package as `version` into the library, and all rows with it
 * (DIST-015 to DIST-020, DIST-139). *at_site_out: a failure is this site server's, whose library or
 * rows it is, and not the source's. */
bool distmgr_snapshot(Component *c, const Package *package, gint64 version, bool *at_site_out,
                      GError **error);

/* ---- distmgr_dp.c: one package on one distribution point ---- */

/* Starts a DP thread for each distribution point with an action pending and waits for them
 * (DIST-068). */
bool distmgr_serve_dps(Component *c, const Package *package, GError **error);
/* Worker of pool "dps". */
bool distmgr_dp_thread(Component *c, const char *key, GError **error);
/* The content is on that distribution point: its status row, and that it is a source for others
 * (DIST-085). */
bool distmgr_mark_installed(DbTx *tx, const DistPoint *point, const char *pkg_id, gint64 version,
                            const char *cause, GError **error);

/* ---- distmgr_remote.c: what waits for a distribution point's answer: removal ---- */

/* Worker of pool "remote"; key as of pool "dps". */
bool distmgr_remote(Component *c, const char *key, GError **error);
/* Queues one removal or validation. */
bool distmgr_queue_remote(Component *c, const PkgServer *server, GError **error);
/* Queues what waits for the distribution point's answer, now that it answers. */
bool distmgr_requeue_remote(Component *c, const DistPoint *point, GError **error);

/* ---- distmgr_validate.c: whether a package is right where it is ---- */

/* Worker of pool "validations", of a NALPath: has the files of all packages read there that are to
 * be validated, one after the other. */
bool distmgr_validate(Component *c, const char *nal, GError **error);

/* ---- distmgr_dpmgr.c: the distribution points themselves ---- */

/* Handlers of lane "dpmgr", and the worker of pool "configure". */
bool distmgr_on_dp_changed(Component *c, const InboxFile *file, GError **error);
bool distmgr_on_contacts_due(Component *c, GError **error);
bool distmgr_configure(Component *c, const char *dp_id, GError **error);

/* ---- distmgr_incoming.c: what others report ---- */

/* Handlers of lane "replication": .STA (DIST-084) and .PUL (DIST-131). */
bool distmgr_on_status_files(Component *c, BatchItem *items, guint count, GError **error);
/* One file may stand for several answers; all that wait are taken. */
bool distmgr_on_pull_response(Component *c, const InboxFile *file, GError **error);

/* ---- helpers ---- */

/* "PS100039\t<NALPath>", the key of pools "dps" and "remote". */
char *distmgr_key(const char *pkg_id, const char *nal);
bool distmgr_split_key(const char *key, char **pkg_id_out, char **nal_out, GError **error);
/* A client for a distribution point; the struct borrows from c and point. */
DpClient distmgr_client(Component *c, const DistPoint *point);
/* Tells Package Transfer Manager, in this program, to look at a package or distribution point. */
bool distmgr_tell_transfer(Component *c, const char *name, GError **error);
/* The same, at the jobs of a package. */
bool distmgr_tell_package(Component *c, const char *pkg_id, GError **error);
/* The work done from now on belongs to that trace, or to a new one where it is "". */
void distmgr_take_trace(const char *trace);
