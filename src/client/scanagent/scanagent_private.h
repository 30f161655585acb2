/* scanagent_private.h - what the files of Scan Agent share.
 */
#pragma once

#include "client/policyevaluator/actualconfig.h"
#include "client/scanagent/scanagent.h"
#include "client/scanagent/scanjob.h"
#include "wire/locationdoc.h"

/* State IDs of topic 501. */
typedef enum {
        SCAN_STATE_WAITING = 1,
        SCAN_STATE_RUNNING = 2,
        SCAN_STATE_COMPLETED = 3,
        SCAN_STATE_RETRY = 4,
        SCAN_STATE_FAILED = 5,
} ScanState;

/* scanagent_history.c: when the next scan is due. */
typedef struct {
        gint64 first_us;  /* the first scan, planned at random; 0: none is planned */
        gint64 anchor_us; /* the last scheduled start; 0: none */
        char *last_location;
} ScanHistory;

void scanagent_history_free(ScanHistory *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScanHistory, scanagent_history_free)
ScanHistory *scanagent_history(Db *db, GError **error) UK_MUST_USE;
/* Plans the first scan at a random moment within the bound (COMP-003), if none was made. */
bool scanagent_plan_first(Work *work, GError **error) UK_MUST_USE;
/* A scheduled scan begins: the next is counted from here. */
bool scanagent_set_started(Work *work, gint64 now_us, GError **error) UK_MUST_USE;
/* A scan was completed: its server is kept to (COMP-081). */
bool scanagent_set_good(Work *work, const ScanJob *job, GError **error) UK_MUST_USE;
/* When the next scan is due by schedule, UK_NEVER if none is. */
bool scanagent_due(Component *c, gint64 *due_out, GError **error) UK_MUST_USE;

/* scanagent_job.c: the states of a job that are ScanAgent's turn. */
/* Takes a job one state further; it is stored by the caller. */
bool scanagent_advance(Work *work, ScanJob *job, GError **error) UK_MUST_USE;
/* The answer to its location request. */
bool scanagent_take_locations(Work *work, ScanJob *job, const WorkLetter *letter,
                              GError **error) UK_MUST_USE;
/* Ends it without success. */
bool scanagent_fail_job(Work *work, ScanJob *job, GError **error) UK_MUST_USE;

/* scanagent_locations.c: which of the update points. Borrowed from the reply, which has at least
 * one. last: of the last good scan, "" if none. */
const WsusLocation *scanagent_choose(const WsusLocationReply *reply, ScanJob *job, const char *last,
                                     const char *forest);
