/* distjob.h - the jobs of Package Transfer Manager, one for each package that is to go to a
 * distribution point (90-tables 5.1, 7.6, 7.7; DIST-071, DIST-075, DIST-099, DIST-104).
 */
#pragma once

#include "db/db.h"

typedef enum {
        DISTJOB_PENDING = 0,
        DISTJOB_READY = 1,
        DISTJOB_STARTED = 2,
        DISTJOB_IN_PROGRESS = 3,
        DISTJOB_PENDING_RESTART = 4,
        DISTJOB_COMPLETE = 5,
        DISTJOB_FAILED = 6,
        DISTJOB_CANCELLED = 7,
        DISTJOB_SUSPENDED = 8,
} DistJobState;

typedef enum {
        DISTJOB_SEND = 1,         /* what the distribution point lacks */
        DISTJOB_REDISTRIBUTE = 2, /* everything */
        DISTJOB_CANCEL = 5,
} DistJobAction;

#define DISTJOB_POLL "PullQueryResultAction" /* SendAction of a pull job that was notified */

typedef struct {
        gint64 id, dp_id;
        char *pkg_id;
        gint64 version;
        gint64 state;  /* DistJobState */
        gint64 action; /* DistJobAction */
        char *send_action;
        gint64 created_us, start_us, restart_us, update_us;
        gint64 retry_count;
        gint64 order; /* DynamicOrder: above 0 moved to the top, below 0 to the bottom */
        gint64 total_size, remaining_size, bytes_sent;
        gint64 priority; /* of the package */
        gint64 attempts, polls;
        char *last_error, *way;
        char *cause, *trace;
} DistJob;

void distjob_free(DistJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DistJob, distjob_free)

/* Adds the job of a package and distribution point (DIST-071) with the package's priority. One that
 * is there for the two already is taken back (action 5), but that everything was to be sent again
 * goes over to the new one. *id_out may be NULL. */
bool distjob_add(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, DistJobAction action,
                 const char *cause, gint64 *id_out, GError **error) UK_MUST_USE;

/* The distribution point has become one of the other kind: a new job takes the place of each that
 * it has, and begins anew; one that was paused stays so. */
bool distjob_begin_anew(DbTx *tx, gint64 dp_id, const char *cause, GError **error) UK_MUST_USE;

/* One job; NOT_FOUND. The caller frees it. */
DistJob *distjob_load(Db *db, gint64 id, GError **error) UK_MUST_USE;
/* The jobs of a package (NULL: all), in the order in which they go (OQ-D21); the caller owns the
 * array. */
GPtrArray *distjob_list(Db *db, const char *pkg_id, GError **error) UK_MUST_USE;
/* How many jobs a pull distribution point works on besides that one (DIST-099). */
bool distjob_count_active(Db *db, const char *nal, gint64 but_id, gint64 *count_out,
                          GError **error) UK_MUST_USE;
/* How many jobs, of those that are not taken back, are to bring that version there. */
bool distjob_count_for(Db *db, gint64 dp_id, const char *pkg_id, gint64 version, gint64 *count_out,
                       GError **error) UK_MUST_USE;

/* For people, at once; each is BUSY when the job is past that, NOT_FOUND when it is gone. */
bool distjob_cancel(DbTx *tx, gint64 id, const char *cause, GError **error) UK_MUST_USE;
/* A pull that was begun stays in trouble (last_error) until its distribution point has taken the
 * pause. */
bool distjob_pause(DbTx *tx, gint64 id, const char *cause, GError **error) UK_MUST_USE;
/* Also one that waits for its next try, or failed for good: it is tried now. */
bool distjob_resume(DbTx *tx, gint64 id, const char *cause, GError **error) UK_MUST_USE;
bool distjob_to_top(DbTx *tx, gint64 id, const char *cause, GError **error) UK_MUST_USE;
bool distjob_to_bottom(DbTx *tx, gint64 id, const char *cause, GError **error) UK_MUST_USE;

/* For Package Transfer Manager. A job that was cancelled or suspended meanwhile stays so. */
bool distjob_start(DbTx *tx, gint64 id, GError **error) UK_MUST_USE;
bool distjob_progress(DbTx *tx, const DistJob *job, GError **error) UK_MUST_USE;
/* Goes back to the queue as it is: it made room, or the site stopped. */
bool distjob_put_back(DbTx *tx, gint64 id, GError **error) UK_MUST_USE;
/* It waits for its next try (state 4) at restart_us, or failed for good (state 6). */
bool distjob_retry(DbTx *tx, gint64 id, DistJobState state, gint64 retry_count, gint64 restart_us,
                   const char *why, GError **error) UK_MUST_USE;
/* The pull distribution point is not told, or knows nothing of it any more: a source, or room
 * there, is looked for at restart_us, or when one of the two below comes. */
bool distjob_wait(DbTx *tx, gint64 id, gint64 retry_count, gint64 restart_us, const char *why,
                  GError **error) UK_MUST_USE;
/* The pull distribution point has been told (DIST-104), or polled; the next poll is at
 * restart_us. why is what keeps it from going on, "" nothing. */
bool distjob_told(DbTx *tx, gint64 id, gint64 attempts, gint64 polls, gint64 restart_us,
                  const char *why, GError **error) UK_MUST_USE;
/* The distribution point of a paused pull has not taken the pause: why, and when it is told again;
 * or, with "" and 0, it has. */
bool distjob_pause_waits(DbTx *tx, gint64 id, const char *why, gint64 restart_us,
                         GError **error) UK_MUST_USE;
/* The job is done or given up: its row goes. */
bool distjob_delete(DbTx *tx, gint64 id, GError **error) UK_MUST_USE;
/* All jobs of a package on a distribution point are taken back; Package Transfer Manager ends
 * them. */
bool distjob_cancel_for(DbTx *tx, gint64 dp_id, const char *pkg_id, const char *cause,
                        GError **error) UK_MUST_USE;
/* How far a pull distribution point is with what it must fetch. */
typedef struct {
        gint64 percent;
        gint64 done, all; /* bytes; all 0: it did not say */
} DistJobPull;
/* What it said at said_us, that a version is there: jobs for it, and for older ones, go (DIST-107,
 * DIST-133). What it said was of a job before, where there is one that it was not told of, which
 * stays: one that sends everything again, or was made since. */
bool distjob_pull_done(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, gint64 said_us,
                       GError **error) UK_MUST_USE;
/* It said that a pull was cancelled, that of a job before most likely: one that it was told of is
 * asked after at once, and told again where it knows nothing of it. */
bool distjob_pull_cancelled(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version,
                            GError **error) UK_MUST_USE;
/* What it said of its job: how far it is, what keeps it from going on at present, or that it
 * failed, after which it is told again at restart_us. */
bool distjob_pull_progress(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version,
                           const DistJobPull *pull, GError **error) UK_MUST_USE;
bool distjob_pull_waits(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, const char *why,
                        GError **error) UK_MUST_USE;
bool distjob_pull_failed(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version,
                         gint64 restart_us, const char *why, GError **error) UK_MUST_USE;
/* Why a paused pull is in trouble; distjob_pause says the same. */
#define DISTJOB_PAUSING "its distribution point has not taken the pause yet"
/* Why a job waits for room at its pull distribution point; distjob_room_ready knows it by that. */
#define DISTJOB_NO_ROOM "the pull distribution point has as many jobs as it may have"
/* What the site itself has lost of the version to be sent, after its name; why knows it by that. */
#define DISTJOB_LOST "is not in the content library of the site server"
/* A pull distribution point has done with a job: the oldest of those that wait for room there need
 * wait no longer. *pkg_id_out is its package, NULL when none waits; the caller's. */
bool distjob_room_ready(DbTx *tx, gint64 dp_id, char **pkg_id_out, GError **error) UK_MUST_USE;
/* A source holds the package now: jobs of those that pull from it need wait no longer. So many
 * were waiting. */
bool distjob_source_ready(DbTx *tx, const char *pkg_id, gint64 version, const char *source,
                          gint64 *woken_out, GError **error) UK_MUST_USE;
