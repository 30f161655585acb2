/* scanjob.h - a scan as the client keeps it: CCM_ScanJobInstance (COMP-027).
 *
 *   New --> WaitingPolicy | WaitingLocation --> AddSource --> SourceAdded --> Search --> Stored
 *       --> Completed;   from AddSource and Search also --> Failing --> RetryPending | Failed
 *
 * AddSource and Search are WUAHandler's turn, the others ScanAgent's. Whoever writes a job loads it
 * in the same transaction.
 */
#pragma once

#include "client/work.h"

#define SCANJOB_NEW              "New"
#define SCANJOB_WAITING_POLICY   "WaitingPolicy"
#define SCANJOB_WAITING_LOCATION "WaitingLocation"
#define SCANJOB_ADD_SOURCE       "AddSource"
#define SCANJOB_SOURCE_ADDED     "SourceAdded"
#define SCANJOB_SEARCH           "Search"
#define SCANJOB_STORED           "Stored"
#define SCANJOB_FAILING          "Failing"
#define SCANJOB_RETRY_PENDING    "RetryPending"
#define SCANJOB_COMPLETED        "Completed"
#define SCANJOB_FAILED           "Failed"

typedef struct {
        char *id;        /* with braces */
        char *source_id; /* with braces; "" as long as there is no policy */
        gint64 content_version, required_version;
        char *state;
        gint64 urgent;        /* somebody waits */
        char *again_trace;    /* asked for once more while it ran */
        gint64 again_version; /* content version that is required then */
        char *location_request;
        char *location; /* URL of the update point */
        char *location_version;
        gint64 tries;                          /* failures on that location */
        char *failed_locations;                /* one a line */
        gint64 created_us, next_us, finish_us; /* 0: none */
        gint64 error_code;
        char *error_text;
        gint64 missing, installed, not_applicable;
        char *details;  /* StateDetails of the completed scan (wire/scansummary.h) */
        gint64 scan_us; /* when the machine was looked at */
        char *cause, *trace;
} ScanJob;

void scanjob_free(ScanJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScanJob, scanjob_free)
/* A new job, not stored yet. cause and trace are copied. */
ScanJob *scanjob_new(const char *cause, const char *trace);
/* Gives a text member a new value. */
void scanjob_set(char **member, const char *value);

/* Stores a new job. */
bool scanjob_add(DbTx *tx, const ScanJob *job, GError **error) UK_MUST_USE;
/* Writes all that may change. */
bool scanjob_save(DbTx *tx, const ScanJob *job, GError **error) UK_MUST_USE;
/* NULL without error: there is none. */
ScanJob *scanjob_load(Db *db, const char *id, GError **error) UK_MUST_USE;
/* The job that is not finished, the newest if there were several. */
ScanJob *scanjob_active(Db *db, GError **error) UK_MUST_USE;
/* The oldest job in a state whose time (if it has one) has come. */
ScanJob *scanjob_first(Db *db, const char *state, gint64 now_us, GError **error) UK_MUST_USE;
/* The job that waits for the answer to a location request. */
ScanJob *scanjob_of_request(Db *db, const char *request, GError **error) UK_MUST_USE;
/* When the next retry is due, UK_NEVER if none is. */
bool scanjob_next_time(Db *db, gint64 *time_out, GError **error) UK_MUST_USE;
/* All retries that are due after now_us are due then. */
bool scanjob_all_due(Db *db, gint64 now_us, GError **error) UK_MUST_USE;
/* Removes the jobs that were finished before a time. */
bool scanjob_remove_old(DbTx *tx, gint64 before_us, GError **error) UK_MUST_USE;
/* WUAHandler's part ended badly: the job goes back to ScanAgent. */
bool
scanjob_fail(Work *work, ScanJob *job, guint32 code, const char *text, GError **error) UK_MUST_USE;
