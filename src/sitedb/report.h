/* report.h - reports of state messages: who sent one and may, what it is the cause of, and why one
 * was refused.
 */
#pragma once

#include "db/db.h"

/* The sender of a report as the site knows it. */
typedef struct {
        gint64 machine_id;
        char *name;
        char *site;
        gint64 state;         /* MachineState */
        gint64 resync_serial; /* number of the message with which it last began to send all anew */
        gint64 resync_us;     /* its time; 0: it never did */
} ReportSender;

void report_sender_clear(ReportSender *sender);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ReportSender, report_sender_clear)

/* The machine of an SMSID ("GUID:<upper case>"); *found_out false: none. */
bool report_sender(Db *db, const char *smsid, ReportSender *sender_out, bool *found_out,
                   GError **error) UK_MUST_USE;

/* Whether the states of a machine count, which is so while it is approved. */
bool report_machine_counts(Db *db, gint64 machine_id, bool *counts_out, GError **error) UK_MUST_USE;

typedef struct {
        gint64 machine_id; /* 0: not known */
        gint64 received_us;
        const char *file; /* name */
        const char *trace;
        gint64 messages, invalid; /* records; those that could not be used */
} Report;

/* Adds a report that changes something; *id_out is what its states have as their cause. The counts
 * follow with report_count. */
bool report_add(DbTx *tx, const Report *report, gint64 *id_out, GError **error) UK_MUST_USE;
bool report_count(DbTx *tx, gint64 id, const Report *report, GError **error) UK_MUST_USE;
/* Remembers that a report was refused, and why; once, however often the same file is refused. */
bool report_refuse(DbTx *tx, const Report *report, const char *reason, GError **error) UK_MUST_USE;
/* Remembers that a report of the machine came in, and the highest number of its messages. */
bool report_contact(DbTx *tx, gint64 machine_id, gint64 received_us, gint64 serial,
                    GError **error) UK_MUST_USE;

/* Contacts that are still to come, of before the clock was set back, are of now_us from now on. */
bool report_cap_contacts(DbTx *tx, gint64 now_us, GError **error) UK_MUST_USE;

/* The newest report of a machine that was refused: *reason_out is NULL if there is none, else the
 * caller's. */
bool report_last_refusal(Db *db, gint64 machine_id, gint64 *time_out, char **reason_out,
                         GError **error) UK_MUST_USE;

/* Where a walk over old reports stands. */
typedef struct {
        char *time; /* as stored; "" at the beginning */
        gint64 id;
        bool at_end;
} ReportWalk;

/* Removes reports from before before_us that are the cause of no state any more, among the next
 * thousand of the walk (which begins as { g_strdup(""), 0, false }); *removed_out counts them. */
bool report_remove_aged(Db *db, gint64 before_us, ReportWalk *walk, gint64 *removed_out,
                        GError **error) UK_MUST_USE;
