/* summary.h - the summary of updates: how many machines lack, have, do not need, or have not said
 * of each; kept current by the transaction that changes a state, and proved from the states.
 *
 * Counted is what a message names (Update_ComplianceCounts), and how many approved machines have
 * scanned up to a version (Update_ScanVersions: a row for each version that updates came with, made
 * before the first of them, updatesource_set_dirty); the rest follows in the view
 * Update_ComplianceSummary. Machines and rules that change are followed by triggers
 * (views/summary.sql).
 */
#pragma once

#include "db/db.h"

/* A state that does not count: not stored, or not covered by the machine's last scan. */
#define SUMMARY_NONE (-1)

/* The changes of one transaction, not written yet. Only for approved machines. */
typedef struct Summary Summary;

Summary *summary_new(void);
void summary_free(Summary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Summary, summary_free)
/* The report that causes the changes noted from now on. */
void summary_cause(Summary *summary, gint64 report_id, const char *trace);
/* The state (0 to 3, or SUMMARY_NONE) that a machine has for an update changed as far as it counts.
 */
void summary_state(Summary *summary, gint64 ci_id, int before, int after);
/* The version that a machine's last completed scan saw changed; 0: none. */
void summary_scan(Summary *summary, gint64 source_id, gint64 before, gint64 after);
/* For savepoints: where the changes stand, and back to there. */
typedef struct {
        guint states, scans;
} SummaryMark;
SummaryMark summary_mark(const Summary *summary);
void summary_return(Summary *summary, SummaryMark mark);
/* Writes the changes and forgets them. */
bool summary_write(Summary *summary, DbTx *tx, gint64 now_us, GError **error) UK_MUST_USE;

/* The proof: what must be added to the summary so that it agrees with the states, all as of one
 * moment. Reads every state; takes no lock. */
typedef struct SummaryProof SummaryProof;

SummaryProof *summary_prove(Db *db, GError **error) UK_MUST_USE;
void summary_proof_free(SummaryProof *proof);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SummaryProof, summary_proof_free)
/* How many updates there are, and of how many the summary is wrong; the lowest CI_ID of these, 0 if
 * there is none. */
gint64 summary_proof_updates(const SummaryProof *proof);
guint summary_proof_wrong(const SummaryProof *proof, gint64 *first_out);
/* How many counts of machines by version are wrong. */
guint summary_proof_wrong_versions(const SummaryProof *proof);
/* Adds what is missing; right whatever was counted meanwhile. Notes the time of the proof. */
bool summary_correct(DbTx *tx, const SummaryProof *proof, gint64 now_us, const char *cause,
                     GError **error) UK_MUST_USE;
