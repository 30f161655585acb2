/* syncrun.h - what WSyncMgr must not forget of a site's synchronization: the request that waits,
 * the run that goes on, the retry, and the mark up to which the engine's changes are here.
 *
 * At most one request waits and at most one run goes on (SYNC-071). A run that is found going on
 * when the program starts was interrupted and counts as failed (SYNC-072).
 */
#pragma once

#include "db/db.h"

/* Kinds of a run; the stronger is the greater. */
typedef enum {
        SYNCRUN_NONE = 0,
        SYNCRUN_DELTA = 1,
        SYNCRUN_FULL = 2,
} SyncRunKind;

/* Origins, as they are stored. */
#define SYNCRUN_SCHEDULE     "schedule"
#define SYNCRUN_LOCAL        "local"
#define SYNCRUN_PARENT       "parent"
#define SYNCRUN_RETRY        "retry"
#define SYNCRUN_INSTALLATION "installation"

typedef struct {
        char *site;
        gint64 pending_kind; /* SyncRunKind; NONE: no request waits, and so on below */
        char *pending_origin;
        gint64 pending_us;
        char *pending_trace;
        gint64 taken_seq; /* newest notice that became a request */
        gint64 running_kind;
        char *running_origin;
        gint64 running_us;
        char *running_trace;
        char *phase; /* words of the caller: "WSUS synchronizing updates" */
        gint64 done, total;
        gint64 progress_us;
        gint64 retry_kind;
        gint64 retry_us;
        gint64 interruptions; /* runs in a row that a stop of the program cut short */
        char *anchor;         /* "" before the first success: everything is new */
        gint64 last_start_us, last_end_us, last_success_us;
        char *last_error; /* of the last run, "" if it succeeded with all sources */
        char *cause, *trace;
} SyncRun;

void syncrun_free(SyncRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SyncRun, syncrun_free)

/* The state of a site; all empty where nothing was ever asked. The caller frees it. */
SyncRun *syncrun_load(Db *db, const char *site, GError **error) UK_MUST_USE;

/* Remembers a request, with the transaction's trace: merged with the one that waits, the stronger
 * kind wins and brings its origin and trace (SYNC-071). seq is the number of the notice that
 * brought it; one that was taken before is not taken again, 0 always is. The notices of a full run
 * are counted apart, since each kind has a file of its own, and the older may be read later.
 * *taken_out (may be NULL) says whether it was. */
bool syncrun_request(DbTx *tx, const char *site, SyncRunKind kind, const char *origin, gint64 seq,
                     bool *taken_out, GError **error) UK_MUST_USE;
/* The waiting request becomes the run and a retry that was due is settled by it: the run is full
 * if either asked for it. NOT_FOUND when nothing waits, BUSY when a run goes on. */
bool syncrun_begin(DbTx *tx, const char *site, GError **error) UK_MUST_USE;
/* How far the run is. */
bool syncrun_progress(DbTx *tx, const char *site, const char *phase, gint64 done, gint64 total,
                      GError **error) UK_MUST_USE;
/* The run is over: the mark moves to anchor. What it had to leave out, if it had, is in `why` (""
 * nothing), and it is tried again at retry_us, of the same kind; 0: nothing is to be retried. */
bool syncrun_succeed(DbTx *tx, const char *site, const char *anchor, const char *why,
                     gint64 retry_us, const char *cause, GError **error) UK_MUST_USE;
/* The run is over and is to be tried again at retry_us, of the same kind; the mark stays. */
bool syncrun_fail(DbTx *tx, const char *site, const char *why, gint64 retry_us, const char *cause,
                  GError **error) UK_MUST_USE;
/* At the start of the program: a run that goes on was interrupted; it counts as failed. */
bool syncrun_recover(DbTx *tx, const char *site, gint64 retry_us, bool *interrupted_out,
                     GError **error) UK_MUST_USE;
