/* dts_private.h - what the parts of the Data Transfer Service share. */
#pragma once

#include "transfer/dts.h"
#include "transfer/dts_gate.h"

/* ---- dts_job: the rows ----------------------------------------------------------------------- */

/* A file of a job as it is stored. */
typedef struct {
        gint64 seq;
        char *path, *name, *title;
        gint64 size, range_from, optional;
        char *etag;
} DtsFileRow;

/* All files of the job, in order; the caller's. */
GPtrArray *dts_job_files(Db *db, const char *id, GError **error) UK_MUST_USE;
/* Jobs that may begin now, the most urgent first, at most 200; the caller's. No pause is longer
 * than longest_us: the clock may have been set back. */
GPtrArray *dts_job_pending(Db *db, gint64 longest_us, GError **error) UK_MUST_USE;
/* Jobs that are retrieved and whose owners were not told. */
GPtrArray *dts_job_untold(Db *db, GError **error) UK_MUST_USE;
/* When the next of such pauses ends; UK_NEVER if none does. */
bool dts_job_next_time(Db *db, gint64 longest_us, gint64 *next_out, GError **error) UK_MUST_USE;
/* Each a transaction of its own; nothing for a job that was removed. */
bool dts_job_begin(Db *db, const char *id, GError **error) UK_MUST_USE;
bool dts_job_set_state(Db *db, const DtsJob *job, const char *state, GError **error) UK_MUST_USE;
/* Keeps state, tries, bytes, next time and error of the job. */
bool dts_job_set_failed(Db *db, const DtsJob *job, GError **error) UK_MUST_USE;
bool dts_job_set_progress(Db *db, const DtsJob *job, GError **error) UK_MUST_USE;
bool
dts_job_set_etag(Db *db, const char *id, gint64 seq, const char *etag, GError **error) UK_MUST_USE;
/* After a start: what ran is pending again. */
bool dts_job_resume(Db *db, GError **error) UK_MUST_USE;
/* The limits; none when nobody has set any. *schedule_out is the caller's. */
bool dts_job_limits(Db *db, gint64 *rate_out, char **schedule_out, GError **error) UK_MUST_USE;

/* ---- dts_run: one try of one job ------------------------------------------------------------- */

/* Told now and then while bytes come. */
typedef void (*DtsTell)(Component *c, const DtsJob *job);

/* Fetches what is missing; job->bytes_done is kept up to date. False with the error that ended it:
 * NOT_FOUND, SIGNATURE and UNSUPPORTED are the source's, NOT_YET the schedule's, FULL and IO this
 * machine's, CANCELLED that nobody wants it any more. *moved_out says whether any byte came,
 * *refused_out (the caller's, or NULL) which file the source refused with nothing of it. */
bool dts_run(Component *c, DtsJob *job, DtsPasser *passer, DtsTell tell, bool *moved_out,
             char **refused_out, GError **error) UK_MUST_USE;
