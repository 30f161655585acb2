/* wsyncmgr_private.h - what the files of the synchronization manager share: one run. */
#pragma once

#include "host/host.h"
#include "site/supclient.h"
#include "sitedb/sitesystem.h"
#include "sitedb/syncrun.h"

/* What the component holds from start to stop. */
typedef struct {
        SignKey *key;
        char *site;        /* site code */
        char *server;      /* FQDN of the site server */
        gint64 started_us; /* uk_clock_mono() */
} WSyncMgr;

void wsyncmgr_free(WSyncMgr *mgr);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WSyncMgr, wsyncmgr_free)

/* One run, from the start message to the closing lines. Lives on the stack of the run. */
typedef struct {
        Component *c;
        const WSyncMgr *mgr;
        SyncRun *run;            /* as it is stored: kind, origin, trace, mark */
        GPtrArray *sups;         /* of SiteSystem, the default first */
        const SiteSystem *sup;   /* the default */
        SupClient client;        /* to the default */
        gint64 anchor;           /* of the engine's content after phase 1 */
        char *epoch;             /* of the engine's catalogue, which the anchor is of */
        guint sources_failed;    /* of the engine's, which keep their old content */
        char *left_out;          /* a sentence that names them; NULL: none failed */
        bool interrupted;        /* this run was going on when the program stopped */
        gint64 engine_items;     /* update items that the engine reported (SYNC-041) */
        gint64 written;          /* items written in phase 2 */
        bool changed;            /* phase 2 changed the site database */
        gint64 began_us;         /* time of 6701 (SYNC-042) */
        char *source_id;         /* unique ID of the update source, with braces */
        gint64 version;          /* content version after phase 2 */
        const char *noted_phase; /* of the progress that is stored */
        gint64 noted_us;
        char *place; /* of a failure, the caller's; NULL: the name of the phase */
} SyncWork;

/* Raises 6701, 6704 or 6705 and stores it as the state of the default update point. */
bool wsyncmgr_enter(SyncWork *work, int message, GError **error) UK_MUST_USE;
/* What the rows that this run writes have as their cause; the caller's. */
char *wsyncmgr_cause(const SyncWork *work);
/* What is kept of the engine's content: its catalogue and the anchor in it; the caller's. */
char *wsyncmgr_mark(const SyncWork *work);
/* Whether the engine's catalogue is another than the one that the mark is of, and sources failed,
 * so that it has not everything yet: a run in which all came has still to look at everything. */
bool wsyncmgr_is_incomplete(const SyncWork *work);
/* The line of SYNC-032 and SYNC-037. */
void wsyncmgr_say_version(const SyncWork *work, gint64 version);
/* Stores how far the run is, for whoever follows it; at most once a second unless `now`. */
bool wsyncmgr_note_progress(SyncWork *work, const char *phase, gint64 done, gint64 total,
                            GError **error) UK_MUST_USE;
/* Phase 1: the update engine (SYNC-026 to SYNC-031). */
bool wsyncmgr_engine_phase(SyncWork *work, GError **error) UK_MUST_USE;
/* Phase 2: the site database (SYNC-033 to SYNC-038). */
bool wsyncmgr_database_phase(SyncWork *work, GError **error) UK_MUST_USE;
/* Does the whole run that is stored as the present one; the outcome is stored, logged and raised
 * here. False only when the site database cannot be written. */
bool wsyncmgr_run(Component *c, const WSyncMgr *mgr, GError **error) UK_MUST_USE;
