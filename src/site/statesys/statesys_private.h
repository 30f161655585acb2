/* statesys_private.h - what the files of the state system share: a chunk of reports in one
 * transaction, one report of it, a machine's states, and the topics of messages.
 */
#pragma once

#include "host/host.h"
#include "sitedb/compliance.h"
#include "sitedb/pulldpresponse.h"
#include "sitedb/report.h"
#include "sitedb/scanstatus.h"
#include "sitedb/summary.h"
#include "sitedb/topicstate.h"
#include "sitedb/updatesource.h"
#include "wire/statereport.h"

typedef struct Updates Updates;

/* What the component holds from start to stop; used by the lane of the reports only. */
typedef struct {
        char *site;       /* code */
        Updates *updates; /* by GUID */
        bool adopt;       /* states may wait for updates that are known now */
} StateSys;

/* ---- statesys_updates: which update a GUID means --------------------------------------------- */

#define STATESYS_GUID_SIZE 40

Updates *statesys_updates_new(void);
void statesys_updates_free(Updates *updates);
/* Forgets what may have changed since the last transaction. source may be NULL (none yet). True:
 * updates may be known now that were not. */
bool statesys_updates_refresh(Updates *updates, const UpdateSource *source);
/* How a GUID of any spelling is written in the database; false for what is none. */
bool statesys_updates_spell(const char *text, char guid_out[STATESYS_GUID_SIZE]);
/* The update of a GUID so spelled; *update_out is NULL if it is not known here. */
bool statesys_updates_find(Updates *updates, Db *db, const char *guid,
                           const ComplianceUpdate **update_out, GError **error) UK_MUST_USE;

/* ---- statesys_machine: what a machine's states do to the summary ----------------------------- */

/* What a transaction writes to. */
typedef struct {
        DbTx *tx;
        Db *db;
        Summary *summary;
        GArray *compares; /* of StatesysCompare: to be held against what the machine said */
        gint64 now_us;
} StatesysWork;

typedef struct {
        gint64 machine_id, source_id;
} StatesysCompare;

/* Begins a transaction; the caller commits it or frees it, which rolls it back. */
StatesysWork *statesys_machine_begin(Db *db, GError **error) UK_MUST_USE;
/* Writes the summary and commits; frees work_take in any case. */
bool statesys_machine_commit(StatesysWork *work_take, GError **error) UK_MUST_USE;
void statesys_machine_rollback(StatesysWork *work);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StatesysWork, statesys_machine_rollback)

/* A machine within a transaction. */
typedef struct {
        gint64 id;
        bool counts; /* approved */
        /* The source last asked for (0: none), the version that the last completed scan saw, and
         * whether a full resend is asked for. */
        gint64 source_id, version;
        bool resync;
} StatesysMachine;

/* Stores a state of an update in place of what is there, with its packages (of CompliancePackage;
 * NULL if none). */
bool
statesys_machine_store(StatesysWork *work, StatesysMachine *machine, const ComplianceUpdate *update,
                       const ComplianceState *state, const ComplianceStored *stored,
                       const GArray *packages, GError **error) UK_MUST_USE;
/* The machine's last completed scan of a source saw another version than the one before it. */
bool statesys_machine_scanned(StatesysWork *work, StatesysMachine *machine, gint64 source_id,
                              gint64 before, gint64 after, GError **error) UK_MUST_USE;
/* Forgets all that the machine said of updates and scans; *removed_out rows. */
bool statesys_machine_forget(StatesysWork *work, StatesysMachine *machine, gint64 *removed_out,
                             GError **error) UK_MUST_USE;

/* ---- statesys_chunk: many files, one transaction --------------------------------------------- */

/* A chunk while it is processed. */
typedef struct {
        Component *c;
        StateSys *ss;
        StatesysWork *work;
        UpdateSource *source; /* NULL: none yet */
        GString *text;        /* room for a handler */
        GArray *packages;     /* of CompliancePackage, likewise */
        guint bad;            /* files */
} StatesysChunk;

/* Processes files in one transaction and gives each a verdict. False: nothing was written. */
bool statesys_chunk(Component *c, BatchItem *items, guint count, GError **error) UK_MUST_USE;

/* ---- statesys_report: one file --------------------------------------------------------------- */

/* One report while it is read. */
typedef struct {
        StatesysChunk *chunk;
        ReportSender sender;
        StatesysMachine machine; /* id 0: the sender is not known (yet), or no machine */
        PullDPSender *dp;        /* the distribution point that sent it; NULL: a machine did */
        Report row;              /* counts records while they are read */
        bool headed;             /* it says who sent it */
        gint64 id;               /* of the row, 0 until it is the cause of something */
        gint64 highest_serial;
        char *trace;
} StatesysReport;

void statesys_report_clear(StatesysReport *report);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StatesysReport, statesys_report_clear)
/* Takes a file of that content into the database. After an error of class CORRUPT nothing of it may
 * stay, but *report says what is known of it. */
bool statesys_report_take(StatesysReport *report, StatesysChunk *chunk, const InboxFile *file,
                          const char *data, gsize size, GError **error) UK_MUST_USE;
/* The ID of the report as the cause of a state; makes its row. */
bool statesys_report_cause(StatesysReport *report, gint64 *id_out, GError **error) UK_MUST_USE;
/* The record cannot be used: counted, and in a verbose log said why. Always true. */
bool statesys_report_invalid(StatesysReport *report, const char *why);

/* ---- statesys_topics: what each kind of message does ----------------------------------------- */

/* Takes one message of a report. What cannot be used is counted as invalid and no failure. */
bool statesys_topics_take(StatesysReport *report, const StateReportMessage *message,
                          GError **error) UK_MUST_USE;
/* Takes states of updates that waited until the update was known; *all_out: none is left. */
bool statesys_topics_adopt(StatesysChunk *chunk, bool *all_out, GError **error) UK_MUST_USE;

/* ---- statesys_pulldp ------------------------------------------------------------------------- */

/* Takes a message of topic 902 of report->dp. Class CORRUPT: it does not fit. */
bool statesys_pulldp_take(StatesysReport *report, const StateReportMessage *message,
                          GError **error) UK_MUST_USE;

/* ---- statesys_digest: does the site hold what the machine said --------------------------------
 */

/* Holds the states of the machines of work->compares against their digests, and asks for a full
 * resend where they differ (OQ-C27). */
bool statesys_digest_compare(StatesysWork *work, GError **error) UK_MUST_USE;

/* ---- statesys_tasks: summarization ----------------------------------------------------------- */

/* Runs the tasks that are due and sets the timer "tasks" for the next. */
bool statesys_tasks_run(Component *c, GError **error) UK_MUST_USE;
/* Looks whether a task was asked for by hand. */
bool statesys_tasks_asked(Component *c, GError **error) UK_MUST_USE;
