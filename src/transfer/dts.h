/* dts.h - the Data Transfer Service: a durable queue of downloads, resumed wherever they were cut.
 *
 *   PullDP --job, files--> DataTransferService --HTTP ranges--> distribution point
 *   PullDP <--letter "<key>.DTS" in its mailbox-- DataTransferService
 *
 * A job is a row with its files, in the role's database (DIST-114, DIST-115; 51, section 11). A
 * file is "<name>.part" while it comes and has its name when it is whole, so that a job that is
 * done again, from whichever source, takes nothing twice. What the bytes are is the owner's to
 * prove. One limit of bytes a second and one schedule of hours bind all jobs, and count at once.
 */
#pragma once

#include "db/db.h"
#include "host/component.h"

#define DTS_COMPONENT "DataTransferService"
#define DTS_KIND      ".DTS" /* of the letters to owners */

#define DTS_NONE ".none"

#define DTS_PENDING     "PendingDownload"
#define DTS_DOWNLOADING "DownloadingData"
#define DTS_RETRIEVED   "RetrievedData"
#define DTS_NOTIFIED    "NotifiedComplete"
#define DTS_FAILED      "Failed"

typedef struct {
        const char *path; /* below the source, percent-encoded: "folder/a%20file"; "../" leads up */
        const char *name; /* in the target folder: no '/', no '.' at the beginning; if it is a
                           * SHA-256, a source whose ETag is another one is refused at once */
        const char *title; /* for the log */
        gint64 size;       /* bytes of what is fetched; -1 not known */
        gint64 range_from; /* only `size` bytes from here on; -1: the whole */
        /* That the source lacks it, or sends no parts, is no failure: an empty file "<name>.none"
         * says so then, for this and later jobs. */
        bool optional;
} DtsFile;

typedef struct {
        const char *box;    /* mailbox that is told of the end, "@pulldp" */
        const char *key;    /* by which the owner knows it again: the letter's stem */
        const char *source; /* "http://dp:80/SMS_DP_SMSPKG$/P0100001.2" */
        const char *target; /* folder, absolute; made where missing */
        int priority;       /* 1 high, 2 medium, 3 low */
        const char *cause;
} DtsRequest;

typedef struct {
        char *id;
        char *box, *key, *source, *target, *state;
        gint64 priority, tries;
        gint64 bytes_done, bytes_all;
        gint64 next_us;
        gint64 error_code; /* UkErrorCode of the last failure, 0 none; NOT_FOUND: the source lacks
                            * it; SIGNATURE: it has another thing under that name */
        char *error;
        char *trace;
} DtsJob;

void dts_job_free(DtsJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DtsJob, dts_job_free)

/* Adds a job; *id_out ("{GUID}") is the caller's. INVALID for a name that is no plain one or a
 * target that is no absolute path. After the commit: dts_ring. */
bool dts_add(DbTx *tx, const DtsRequest *request, const DtsFile *files, guint count, char **id_out,
             GError **error) UK_MUST_USE;
/* The job; *job_out is NULL when there is none. */
bool dts_load(Db *db, const char *id, DtsJob **job_out, GError **error) UK_MUST_USE;
/* Forgets a job, ended or not; what it fetched stays. After the commit of one that may be running:
 * dts_stop. */
bool dts_remove(DbTx *tx, const char *id, GError **error) UK_MUST_USE;
/* Bytes a second over all jobs (0: no limit) and the hours in which each priority may transfer. The
 * commit and dts_ring make them count, for transfers that run too. */
bool dts_limit(DbTx *tx, gint64 rate, const char *schedule, GError **error) UK_MUST_USE;

/* Makes the service look at its rows. */
void dts_ring(Host *host);
/* Breaks a transfer off whose job was removed. */
void dts_stop(Host *host, const char *id);

extern const ComponentDef dts;
