/* distpoint.h - distribution points: where the site server reaches them, what they are told, what
 * they said of themselves, and whether they are let alone for a while (90-tables 5.2; 51, sections
 * 14 and 15).
 */
#pragma once

#include "db/db.h"

typedef struct {
        gint64 id; /* DPID */
        char *nal, *server, *site;
        gint64 is_pull, is_colocated;
        gint64 priority; /* 200 unless set; higher goes first (OQ-D21) */
        char *url;       /* http://DP:80, without a slash at the end */
        char *description;
        gint64 rate_limit;  /* bytes a second, 0 unlimited */
        char *schedule;     /* 168 letters, an hour of the week each: A, M, H, C; "" open */
        gint64 maintenance; /* 1: nothing is sent */
        char *identity;     /* {GUID} that it gave itself; "" before the first contact */
        char *certificate;  /* PEM */
        char *software;
        gint64 bytes_free, bytes_total;
        gint64 configured_us, contact_us;
        gint64 failures;      /* calls in a row */
        gint64 quarantine_us; /* is let alone until then */
        char *last_error;
        char *cause, *trace;
} DistPoint;

void distpoint_free(DistPoint *point);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DistPoint, distpoint_free)

#define DISTPOINT_SCHEDULE_HOURS 168

/* Adds a distribution point, or brings its settings up to date, and tells Distribution Manager
 * (.DPN). Read of the argument are server, site, is_pull, is_colocated, priority (0: 200), url,
 * description, rate_limit, schedule and maintenance; the NALPath is made of server and site. One
 * that becomes a pull distribution point, or ceases to be one, has its jobs begun anew, and in the
 * second case its sources forgotten. INVALID names what is wrong. *id_out may be NULL. */
bool distpoint_put(DbTx *tx, const DistPoint *point, const char *cause, gint64 *id_out,
                   GError **error) UK_MUST_USE;
/* Tells Distribution Manager to configure it anew, as after a change of its sources. */
bool distpoint_notify(DbTx *tx, gint64 id, GError **error) UK_MUST_USE;
/* Removes a distribution point that no package is given to (BUSY names one that is). */
bool distpoint_delete(DbTx *tx, gint64 id, GError **error) UK_MUST_USE;
/* Forgets what a distribution point has, without asking it: it is gone for good. Packages that only
 * waited for it to be deleted are told of. */
bool distpoint_abandon(DbTx *tx, gint64 id, const char *cause, GError **error) UK_MUST_USE;

/* One, by number, NALPath or name of the server (in any case); NOT_FOUND. The caller frees it. */
DistPoint *distpoint_load(Db *db, gint64 id, GError **error) UK_MUST_USE;
DistPoint *distpoint_by_nal(Db *db, const char *nal, GError **error) UK_MUST_USE;
DistPoint *distpoint_by_server(Db *db, const char *server, GError **error) UK_MUST_USE;
/* Those of a site by name; the caller owns the array. */
GPtrArray *distpoint_list(Db *db, const char *site, GError **error) UK_MUST_USE;

/* It took its configuration and said who it is; what it said stands in the argument's identity,
 * certificate, software, bytes_free and bytes_total. */
bool distpoint_configured(DbTx *tx, const DistPoint *point, GError **error) UK_MUST_USE;
/* It answered: failures and quarantine are over. bytes_free below 0: not said. */
bool distpoint_answered(DbTx *tx, gint64 id, gint64 bytes_free, GError **error) UK_MUST_USE;
/* It did not, so many times in a row; it is let alone until quarantine_us. */
bool distpoint_failed(DbTx *tx, gint64 id, gint64 failures, gint64 quarantine_us, const char *why,
                      GError **error) UK_MUST_USE;
/* Removes the point's rows of DPNotification once their notices have been given; for smsdbmon. */
bool distpoint_remove_told(DbTx *tx, const char *id, gint64 seq, GError **error) UK_MUST_USE;
