/* pkgxfermgr_private.h - what the files of Package Transfer Manager share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "content/bundle.h"
#include "content/library.h"
#include "crypto/sign.h"
#include "host/host.h"
#include "site/dpclient.h"
#include "site/pkgxfermgr/readcache.h"
#include "sitedb/distjob.h"
#include "sitedb/distpoint.h"
#include "sitedb/distpoint_window.h"
#include "sitedb/package.h"
#include "sitedb/pkgcontent.h"
#include "sitedb/pkgstatus.h"

/* Why a sending thread is to end before its time; the least important first. */
typedef enum {
        STOP_NONE,
        STOP_YIELD,     /* makes room for a distribution point that has no thread */
        STOP_PAUSED,    /* the job was suspended */
        STOP_CANCELLED, /* the job was taken back */
} StopReason;

/* A sending thread, as the dispatcher sees it. */
typedef struct {
        gint64 job_id, dp_id;
        char *pkg_id;
        int dispatcher;         /* its thread, for the log */
        gint64 started_us;      /* uk_clock_mono() */
        atomic_llong active_us; /* uk_clock_mono() when something last moved */
        atomic_int stop;        /* StopReason */
        atomic_bool counted;    /* takes one of the threads of the setting (not lent) */
        guint busy;             /* so many runs before this one found it busy, one after another */
} Sending;

/* How it ended. */
typedef enum {
        SENT_DONE,
        SENT_STOPPED,  /* by StopReason, a closed window or the end of the program */
        SENT_FAILED,   /* the error says why */
        SENT_OBSOLETE, /* there is nothing to send any more */
        SENT_WAITING,  /* a pull job that goes on elsewhere: its row says when it is looked at */
} SendResult;

/* What one run of a job has at hand; lives on the worker's stack. A large order has a helper beside
 * it, with a connection and a Send of its own, which leaves the database to the first one. */
typedef struct Send Send;
struct Send {
        Component *c;
        Sending *sending;
        DistJob *job;
        DistPoint *point;
        Package *package;
        Library *library;
        DpClient client;
        bool blame;        /* a failure now would be the distribution point's */
        bool given_up;     /* a failure now is the last, whatever was counted */
        bool begun;        /* the job's row says that it runs */
        gint64 told_us;    /* uk_clock_mono() of the last progress row */
        gint64 looked_us;  /* … of the last look at the distribution point's row */
        gint64 last_bytes; /* what the call in progress had sent at the last tick */
        GPtrArray *last; /* the small files that go with the end of the order, for the log; NULL */
        gint64 spared;   /* bytes of the package's files that are holes and take no room */
        bool measured;   /* the order's answer has told what is lacking */
        Send *helps;     /* the first one, where this is a helper's; or NULL */
        /* What the first one and its helper share: */
        atomic_llong left;   /* bytes that the order lacks */
        atomic_llong beside; /* bytes that the helper sent */
        atomic_llong rate;   /* what a helper may send in a second */
        atomic_bool helped;  /* it has one, */
        atomic_bool over;    /* which is to end */
};

/* ---- pkgxfermgr_job.c: what became of a job ---- */

/* Runs a job; worker of pool "senders". */
bool pkgxfermgr_run(Component *c, const char *job_id, GError **error);
/* A job that was being pulled, and is over or waits, makes room for the oldest that waits for room
 * there, whose package goes to *next_out, the caller's; NULL: none. */
bool
pkgxfermgr_make_room(DbTx *tx, const DistJob *job, char **next_out, GError **error) UK_MUST_USE;
/* The dispatcher looks at the jobs of that package; NULL: nobody is told. */
void pkgxfermgr_wake_next(Component *c, const char *next);
/* Says in the job's row that it runs, if it does not yet. A short run that succeeds never says so:
 * its row goes. */
bool pkgxfermgr_begin(Send *send, GError **error) UK_MUST_USE;
/* Worker of the pool "cancels": tells a distribution point that a package is not wanted. */
bool pkgxfermgr_cancel(Component *c, const char *key, GError **error) UK_MUST_USE;
/* Worker of the pool "pauses": has a pull distribution point halt what a suspended job told it. */
bool pkgxfermgr_pause_pull(Component *c, const char *key, GError **error) UK_MUST_USE;
/* Whether the job's distribution point is to be told of its pause when it answers. */
void pkgxfermgr_pause_waits(Component *c, gint64 job_id, bool waits);
/* Ends a job whose thread does not run: it was taken back. */
bool pkgxfermgr_end_cancelled(Component *c, const DistJob *job, GError **error) UK_MUST_USE;
/* "11/23/2026 3:06:04 PM UTC", local time (OQ-L03); the caller's. */
char *pkgxfermgr_local_time(gint64 at_us);

/* ---- pkgxfermgr_status.c: Distribution Manager is told ---- */

/* Reports a status (DIST-080), durably but for one that says only that something begins. */
bool pkgxfermgr_report(Send *send, PkgStatusState status, const char *error_text,
                       GError **error) UK_MUST_USE;
bool
pkgxfermgr_drop_status(Component *c, const DistJob *job, const DistPoint *point,
                       PkgStatusState status, const char *error_text, GError **error) UK_MUST_USE;
void pkgxfermgr_log_status(const DistJob *job, const DistPoint *point, PkgStatusState status);
/* The name and the text of a status file that is kept in a row first; the caller's. */
char *pkgxfermgr_status_name(void);
char *pkgxfermgr_status_text(const DistJob *job, const DistPoint *point, PkgStatusState status,
                             const char *error_text);
/* Drops one whose row is there; what fails is done again by the timer. */
void pkgxfermgr_drop_kept(Component *c, const char *name, const char *body);
/* Timer "status": drops those that are kept and not there. */
bool pkgxfermgr_on_status(Component *c, GError **error);

/* ---- pkgxfermgr_send.c: a standard distribution point ---- */

/* Orders, files, commit (DIST-077). FAILED sets error. */
SendResult pkgxfermgr_send(Send *send, GError **error);
/* The package's bundle at the job's version; NOT_FOUND when the site has it no more. *rows_out
 * are its content items, the caller's. */
GBytes *pkgxfermgr_bundle(Send *send, GPtrArray **rows_out, GError **error);

/* ---- pkgxfermgr_sparse.c: files with holes ---- */

/* "<hash>=<bytes on the disk>,…" of the large files of these content items that take less of a disk
 * than their size, which is so many bytes in all; the caller's, NULL: there are none. */
char *pkgxfermgr_sparse(Library *library, const GPtrArray *rows, gint64 *spared_out);

/* ---- pkgxfermgr_files.c: the bytes ---- */

/* Sends what the order lacks; false with CANCELLED when it was stopped. The last small files are
 * left for the end of the order, in *last_out, whose bytes are the caller's; NULL: sent, too. */
bool pkgxfermgr_files(Send *send, const DpOrderAnswer *order, const GPtrArray *rows,
                      DpBatch *last_out, GError **error) UK_MUST_USE;
/* In the log: the last small files are there, whose request took so many milliseconds. */
void pkgxfermgr_log_last(Send *send, int ticks);
/* Looks whether to go on: false with CANCELLED. To be called between requests. Also writes the
 * progress row about once a second, and takes up a changed rate limit. */
bool pkgxfermgr_go_on(Send *send, GError **error) UK_MUST_USE;
/* HttpProgress of every call; user is the Send. */
bool pkgxfermgr_tick(gpointer user, gint64 done, gint64 total);

/* ---- pkgxfermgr_pull.c: a pull distribution point ---- */

/* Notifies it, or asks it for the result, whichever is due (DIST-095). FAILED sets error. */
SendResult pkgxfermgr_pull(Send *send, GError **error);

/* ---- pkgxfermgr.c: the dispatcher ---- */

/* The Sending of a job that was dispatched; NULL: it is not (a repeated call). */
Sending *pkgxfermgr_sending(Component *c, gint64 job_id);
/* A run is over: its thread is free, and the job, if it is still there, is due at due_us. because:
 * it waits for the distribution point, and goes on when that is heard of again with at least
 * need bytes free. early: it had been heard of, and failed all the same. worked: it did what it
 * was asked. gone: the job's row is no more. busy: it had not let go of what an earlier run sent.
 */
typedef struct {
        bool worked, gone, busy;
        gint64 due_us;
        bool waits_for_dp, early;
        gint64 need;
} RunEnd;
void pkgxfermgr_ended(Component *c, Sending *sending, const RunEnd *end);
/* The site's key, borrowed. */
const SignKey *pkgxfermgr_key(Component *c);
/* Bundles that were made lately, since one goes to many distribution points; referenced, NULL when
 * it is not there. */
GBytes *pkgxfermgr_kept_bundle(Component *c, const char *pkg_id, gint64 version);
void pkgxfermgr_keep_bundle(Component *c, const char *pkg_id, gint64 version, GBytes *bundle);
guint pkgxfermgr_threads_of(Component *c, gint64 dp_id);
/* How many others send the same package now. */
guint pkgxfermgr_others_of(Component *c, const Sending *sending);
/* What they have read of it; borrowed. */
ReadCache *pkgxfermgr_read_cache(Component *c);
