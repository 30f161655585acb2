/* pulljob.h - packages that a pull distribution point fetches: the job, its content items, their
 * sources, and the state messages that are still to be sent.
 *
 *   SMS DP Provider --stored notification--> PullDP --rows--> PullDP after a restart, GET package
 */
#pragma once

#include "base/error.h"
#include "db/db.h"

#define PULLJOB_RUNNING   "Running"
#define PULLJOB_WAITING   "Waiting" /* no source has it */
#define PULLJOB_PAUSED    "Paused"  /* by the site */
#define PULLJOB_FAILED    "Failed"
#define PULLJOB_SUCCEEDED "Succeeded"
#define PULLJOB_CANCELLED "Cancelled"

/* DIST-112; only 1, 4, 5, 9 and 13 are the product's own numbers (OQ-D33). */
typedef enum {
        PULL_NOT_STARTED = 1,
        PULL_DOWNLOADING_SIGNATURE = 4,
        PULL_SIGNATURE_DOWNLOADED = 5,
        PULL_DOWNLOADING_FULL = 6,
        PULL_DOWNLOADING_DELTA = 7,
        PULL_DOWNLOADED = 9,
        PULL_SI_APPLIED = 13,
        PULL_SUCCEEDED = 14,
} PullState;

typedef struct {
        char *package_id;
        gint64 version;
        char *guid;
        GBytes *notification;
        char *state;
        gint64 reported;         /* bits of state messages raised */
        gint64 reported_percent; /* the last */
        gint64 reported_us, progress_us;
        gint64 failures;
        gint64 next_us; /* 0: no try is planned */
        char *error;
        char *trace;
} PullPackage;

void pulljob_free(PullPackage *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PullPackage, pulljob_free)
/* *package_out is NULL when nothing of that package is being pulled. */
bool
pulljob_load(Db *db, const char *package_id, PullPackage **package_out, GError **error) UK_MUST_USE;
/* All, PullPackage; the caller's. */
GPtrArray *pulljob_list(Db *db, GError **error) UK_MUST_USE;
/* Begins a job in place of the one that the package has, whose downloads the caller removes. */
bool
pulljob_put(DbTx *tx, const PullPackage *package, const char *cause, GError **error) UK_MUST_USE;
/* Keeps state, reports, failures, next time and error; nothing if the job was replaced. */
bool pulljob_save(DbTx *tx, const PullPackage *package, GError **error) UK_MUST_USE;
/* *first_out is false when it does not run: it is in that state already, was ended or replaced. */
bool pulljob_set_state(DbTx *tx, const PullPackage *package, const char *state, bool *first_out,
                       GError **error) UK_MUST_USE;
/* Marks the job of that version; PullDP ends it when it is rung (pulldp_ring). */
bool pulljob_cancel(DbTx *tx, const char *package_id, gint64 version, bool *found_out,
                    GError **error) UK_MUST_USE;
/* Marks what is being pulled of the package, and drops its notifications. */
bool pulljob_end(DbTx *tx, const char *package_id, GError **error) UK_MUST_USE;
/* Marks all that are not over, and drops the notifications that no job was made of yet. */
bool pulljob_cancel_all(DbTx *tx, GError **error) UK_MUST_USE;
/* Halts the job of that version, or lets it go on; what was being downloaded is planned anew then.
 * NOT_FOUND: it is not being pulled. The caller removes the downloads, and rings PullDP. */
bool pulljob_pause(DbTx *tx, const char *package_id, gint64 version, bool paused,
                   GError **error) UK_MUST_USE;
bool pulljob_drop(DbTx *tx, const char *package_id, GError **error) UK_MUST_USE;
/* How many run or wait for a source. */
bool pulljob_active(Db *db, gint64 *count_out, GError **error) UK_MUST_USE;

typedef struct {
        gint64 bytes_all, bytes_done;
        gint64 contents;
        gint64 unfinished; /* content items that have not succeeded */
        gint64 lacking;    /* that are not in the library: till then the way taken may turn out
                            * not to do, and another one downloads more */
        gint64 unplanned;  /* of which it is not known, or not for certain, what must be fetched */
        gint64 unsized;    /* files whose size is estimated */
} PullProgress;
/* As far as it is known: what a content item needs is known once it has been looked at. */
bool pulljob_progress(Db *db, const char *package_id, PullProgress *progress_out,
                      GError **error) UK_MUST_USE;
/* 0 to 100; 0 when nothing is known yet. */
int pulljob_percent(const PullProgress *progress);

typedef struct {
        char *guid; /* of the content job */
        char *package_id;
        gint64 version;
        char *content_id, *related_id;
        gint64 state; /* PullState */
        char *dts_job, *source;
        gint64 bytes_all, bytes_done;
        char *error;
        char *trace;
} PullContent;

void pulljob_content_free(PullContent *content);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PullContent, pulljob_content_free)
bool pulljob_add_content(DbTx *tx, const PullPackage *package, const PullContent *content,
                         const char *cause, GError **error) UK_MUST_USE;
/* *content_out is NULL when there is none (the job was replaced). */
bool
pulljob_content(Db *db, const char *guid, PullContent **content_out, GError **error) UK_MUST_USE;
GPtrArray *pulljob_contents(Db *db, const char *package_id, GError **error) UK_MUST_USE;
/* Of all packages whose job is neither done nor cancelled. */
GPtrArray *pulljob_open_contents(Db *db, GError **error) UK_MUST_USE;
/* STALE: the content job is not one of a job that runs (any more). */
bool pulljob_check_runs(Db *db, const PullContent *content, GError **error) UK_MUST_USE;
/* STALE: the job was replaced, paused or cancelled meanwhile. */
bool pulljob_save_content(DbTx *tx, const PullContent *content, GError **error) UK_MUST_USE;

/* Sources of a content item, in the order of adding. */
typedef enum {
        PULL_SOURCE_LACKS = 1,
        PULL_SOURCE_FAILED = 2,
        PULL_SOURCE_AGAIN = 3, /* what was wrong is fetched from it once more */
} PullVerdict;
bool pulljob_add_source(DbTx *tx, const char *guid, guint position, const char *source,
                        GError **error) UK_MUST_USE;
/* The first that nothing is said against; *source_out is NULL when there is none, else the
 * caller's. */
bool pulljob_next_source(Db *db, const char *guid, char **source_out, GError **error) UK_MUST_USE;
bool pulljob_judge_source(DbTx *tx, const char *guid, const char *source, PullVerdict verdict,
                          GError **error) UK_MUST_USE;
/* *again_out: another source has failed, whose bytes may be among those that are wrong, and this
 * one was not asked again yet; now it is noted as such (PULL_SOURCE_AGAIN). */
bool pulljob_source_again(DbTx *tx, const char *guid, const char *source, bool *again_out,
                          GError **error) UK_MUST_USE;
/* Whether any source failed, rather than lack it. */
bool pulljob_any_failed(Db *db, const char *guid, bool *failed_out, GError **error) UK_MUST_USE;
/* All sources of the package's content items are as good as new. */
bool pulljob_forget_verdicts(DbTx *tx, const char *package_id, GError **error) UK_MUST_USE;

/* A stored notification. */
typedef struct {
        gint64 id;
        GBytes *notification;
        char *trace;
} PullNotification;
void pulljob_notification_free(PullNotification *notification);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PullNotification, pulljob_notification_free)
/* The oldest; *notification_out is NULL when there is none. */
bool
pulljob_first_notification(Db *db, PullNotification **notification_out, GError **error) UK_MUST_USE;
/* *found_out (may be NULL) is false when it was taken back. */
bool pulljob_drop_notification(DbTx *tx, gint64 id, bool *found_out, GError **error) UK_MUST_USE;

/* A state message that waits. */
typedef struct {
        gint64 id;
        char *package_id;
        gint64 version;
        char *guid;
        gint64 state_id;
        char *data;
        gint64 time_us;
        char *trace;
} PullReport;
void pulljob_report_free(PullReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PullReport, pulljob_report_free)
/* Adds one; one with a percentage takes the place of another that waits still. */
bool pulljob_add_report(DbTx *tx, const PullPackage *package, int state_id, const char *data,
                        gint64 time_us, GError **error) UK_MUST_USE;
bool pulljob_first_report(Db *db, PullReport **report_out, GError **error) UK_MUST_USE;
bool pulljob_drop_report(DbTx *tx, gint64 id, GError **error) UK_MUST_USE;
