/* pkgxfermgr.c - Package Transfer Manager: decides which job goes to which distribution point when.
 *
 * In: <PkgID>.PKN (a job was made or changed by hand), letters of Distribution Manager (<DPID>.DP:
 * it answers; <PkgID>.PKN). Out: sending threads, one for each job (DIST-075). The dispatcher is
 * fair over distribution points: those with fewest threads come first, then the order of OQ-D21.
 * At most distmgr.max_packages x threads_per_package threads send; one whose distribution point has
 * been silent for half a second lends its place, so that one that hangs slows nobody down. Where a
 * distribution point with work has no thread and another has several, the youngest of those makes
 * room; its file goes on where it stopped.
 */
#include "site/pkgxfermgr/pkgxfermgr.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/pool.h"
#include "host/timer.h"
#include "site/dpcontact.h"
#include "site/pkgxfermgr/pkgxfermgr_private.h"
#include "site/sitekey.h"

/* Silent for so long, a thread lends its place. */
#define SILENT_US (UK_SECOND / 2)
/* While all places are taken and somebody waits, it is looked so often. */
#define LOOK_US (UK_SECOND / 4)
/* Rows of distribution points are at most so old when a job is chosen. */
#define FRESH_US UK_SECOND
/* One that was full is asked so often whether there is room. */
#define FULL_US UK_MINUTE
/* Bundles that are kept: bytes together, and how many. */
#define KEPT_BYTES (32 * 1024 * 1024)
#define KEPT_COUNT 1000
/* Bytes of files that were read for one distribution point and wait for others. */
#define READ_BYTES (64 * 1024 * 1024)

typedef struct {
        gint64 id;
        DistPoint *row;  /* NULL: gone */
        GSequence *jobs; /* Job *, in their order */
        guint threads;
        gint64 ask_us; /* when it is asked for room; UK_NEVER */
        gint64 early;  /* so often in a row it answered the DP manager and failed all the same; */
        gint64 release_us; /* what waits for it goes on then at the earliest */
} Point;

typedef struct {
        char *id;
        GQueue jobs; /* Job *, by their links */
} PackageJobs;

typedef struct {
        DistJob *row;
        PackageJobs *package;
        GList link;
        Point *point;
        GSequenceIter *place;
        Sending *sending; /* NULL: no thread */
        gint64 due_us;
        gint64 planned_us; /* what due_us was set to by the last try or its row */
        bool waits_for_dp; /* due, too, when the distribution point is heard of … */
        gint64 need;       /* … with so many bytes free */
        guint busy;        /* runs in a row that ended so */
        bool halted;       /* suspended while its distribution point may pull, which is told */
        bool pause_waits;  /* … again when it answers */
        guint seen;        /* number of the reading that found its row */
} Job;

typedef struct {
        SignKey *key;
        pthread_mutex_t lock;  /* guards all below */
        GHashTable *jobs;      /* JobID (in row) to Job */
        GHashTable *packages;  /* PkgID (in PackageJobs) to PackageJobs */
        GHashTable *cancelled; /* JobIDs of those to be ended, once they have no thread */
        GHashTable *points;    /* DPID (in Point) to Point */
        GPtrArray *sendings;   /* Sending *, owned */
        gint64 points_us;      /* uk_clock_mono() when the rows of the points were read */
        gint64 longest_us;     /* that a job waits for its next try or poll, by the settings */
        guint readings;
        GQueue bundles; /* Kept *, the newest first */
        gsize bundle_bytes;
        ReadCache *read; /* has a lock of its own */
} PkgXferMgr;

typedef struct {
        char *name; /* "PS100039.2" */
        GBytes *bytes;
} Kept;

const SignKey *
pkgxfermgr_key(Component *c)
{
        return ((const PkgXferMgr *)c->state)->key;
}

static void
job_free(gpointer data)
{
        Job *job = data;

        g_sequence_remove(job->place);
        g_queue_unlink(&job->package->jobs, &job->link);
        distjob_free(job->row);
        g_free(job);
}

static void
package_jobs_free(gpointer data)
{
        PackageJobs *package = data;

        g_free(package->id);
        g_free(package);
}

static void
point_free(gpointer data)
{
        Point *point = data;

        g_sequence_free(point->jobs);
        distpoint_free(point->row);
        g_free(point);
}

/* OQ-D21, within a distribution point. */
static int
compare_jobs(gconstpointer a, gconstpointer b, gpointer unused)
{
        const DistJob *x = ((const Job *)a)->row, *y = ((const Job *)b)->row;

        (void)unused;
        if (x->order != y->order)
                return x->order > y->order ? -1 : 1;
        if (x->priority != y->priority)
                return x->priority < y->priority ? -1 : 1;
        if (x->created_us != y->created_us)
                return x->created_us < y->created_us ? -1 : 1;
        return x->id < y->id ? -1 : x->id > y->id;
}

/* ---- what is known: jobs and distribution points (the lock is held) ---- */

static Point *
point_of(PkgXferMgr *mgr, gint64 id)
{
        Point *point = g_hash_table_lookup(mgr->points, &id);

        if (point == NULL) {
                point = g_new0(Point, 1);
                point->id = id;
                point->jobs = g_sequence_new(NULL);
                point->ask_us = UK_NEVER;
                g_hash_table_insert(mgr->points, &point->id, point);
        }
        return point;
}

static bool
read_points(Component *c, GError **error)
{
        PkgXferMgr *mgr = c->state;
        g_autoptr(GPtrArray) rows = distpoint_list(c->db, host_site_code(c->host), error);
        GHashTableIter iter;
        gpointer value;

        if (rows == NULL)
                return false;
        g_hash_table_iter_init(&iter, mgr->points);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                g_clear_pointer(&((Point *)value)->row, distpoint_free);
        g_ptr_array_set_free_func(rows, NULL);
        for (guint i = 0; i < rows->len; i++)
                point_of(mgr, ((DistPoint *)rows->pdata[i])->id)->row = rows->pdata[i];
        mgr->points_us = uk_clock_mono();
        return true;
}

static PackageJobs *
package_of(PkgXferMgr *mgr, const char *id)
{
        PackageJobs *package = g_hash_table_lookup(mgr->packages, id);

        if (package == NULL) {
                package = g_new0(PackageJobs, 1);
                package->id = g_strdup(id);
                g_hash_table_insert(mgr->packages, package->id, package);
        }
        return package;
}

static Job *
add_job(PkgXferMgr *mgr, DistJob *row_take)
{
        Job *job = g_new0(Job, 1);

        job->row = row_take;
        job->package = package_of(mgr, row_take->pkg_id);
        job->link.data = job;
        g_queue_push_tail_link(&job->package->jobs, &job->link);
        job->point = point_of(mgr, row_take->dp_id);
        job->place = g_sequence_insert_sorted(job->point->jobs, job, compare_jobs, NULL);
        g_hash_table_insert(mgr->jobs, &job->row->id, job);
        /* One that failed in an earlier life of the program is tried when the DP answers. */
        job->waits_for_dp = row_take->state == DISTJOB_PENDING_RESTART;
        return job;
}

static void
replace_row(PkgXferMgr *mgr, Job *job, DistJob *row_take)
{
        g_hash_table_steal(mgr->jobs, &job->row->id);
        distjob_free(job->row);
        job->row = row_take;
        g_hash_table_insert(mgr->jobs, &job->row->id, job);
        g_sequence_sort_changed(job->place, compare_jobs, NULL);
}

static void
stop_sending(Sending *sending, StopReason reason)
{
        int before = atomic_load(&sending->stop);

        if ((int)reason > before)
                atomic_store(&sending->stop, (int)reason);
}

/* Rows know milliseconds. */
static bool
is_planned(const Job *job)
{
        return ABS(job->row->restart_us - job->planned_us) <= UK_SECOND / 1000;
}

/* What the row, as it is now, means for a job: its thread, or when it is due. A job that became due
 * before its time, since its distribution point was heard of, stays so. */
static void
follow_row(PkgXferMgr *mgr, Job *job)
{
        const DistJob *row = job->row;

        if (row->action == DISTJOB_CANCEL)
                g_hash_table_add(mgr->cancelled, g_memdup2(&row->id, sizeof row->id));
        if (job->sending != NULL) {
                if (row->action == DISTJOB_CANCEL)
                        stop_sending(job->sending, STOP_CANCELLED);
                else if (row->state == DISTJOB_SUSPENDED)
                        stop_sending(job->sending, STOP_PAUSED);
                return;
        }
        if (row->state == DISTJOB_PENDING_RESTART || row->send_action[0] != '\0') {
                if (!is_planned(job))
                        job->due_us = job->planned_us = row->restart_us;
        } else {
                job->due_us = 0;
                job->waits_for_dp = false;
        }
}

/* A pull is halted where it runs, once for each time that the job is suspended. Whatever became of
 * one that was begun, its distribution point may be at it: after a failure it goes on by itself. */
static bool
pause_pull(Component *c, Job *job, bool again, GError **error)
{
        const DistPoint *point = job->point->row;
        bool suspended = job->row->state == DISTJOB_SUSPENDED && job->row->start_us != 0 &&
                         (point == NULL || point->is_pull);
        bool before = job->halted && !again;
        g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT, job->row->id);

        if (job->sending != NULL)
                return true; /* which may tell it just now; the row is looked at again behind it */
        if (suspended && !before && !pool_add(c, "pauses", key, error))
                return false;
        job->halted = suspended;
        return true;
}

/* Jobs whose rows the last reading did not find, and the package itself when none are left. */
static gboolean
drop_unseen(gpointer id, gpointer value, gpointer user_data)
{
        PackageJobs *package = value;
        PkgXferMgr *mgr = user_data;

        (void)id;
        for (GList *at = package->jobs.head, *next; at != NULL; at = next) {
                const Job *job = at->data;

                next = at->next;
                if (job->seen != mgr->readings && job->sending == NULL)
                        g_hash_table_remove(mgr->jobs, &job->row->id);
        }
        return package->jobs.length == 0;
}

static void
drop_gone(PkgXferMgr *mgr, const char *pkg_id)
{
        PackageJobs *package;

        if (pkg_id == NULL)
                g_hash_table_foreach_remove(mgr->packages, drop_unseen, mgr);
        else if ((package = g_hash_table_lookup(mgr->packages, pkg_id)) != NULL &&
                 drop_unseen(package->id, package, mgr))
                g_hash_table_remove(mgr->packages, pkg_id);
}

/* Reads the rows of a package's jobs (NULL: of all) and takes over what has changed. */
static bool
read_jobs(Component *c, const char *pkg_id, GError **error)
{
        PkgXferMgr *mgr = c->state;
        g_autoptr(GPtrArray) rows = distjob_list(c->db, pkg_id, error);

        if (rows == NULL)
                return false;
        mgr->readings++;
        g_ptr_array_set_free_func(rows, NULL);
        for (guint i = 0; i < rows->len; i++) {
                DistJob *row = rows->pdata[i];
                Job *job = g_hash_table_lookup(mgr->jobs, &row->id);

                if (job == NULL)
                        job = add_job(mgr, row);
                else
                        replace_row(mgr, job, row);
                job->seen = mgr->readings;
                follow_row(mgr, job);
                if (!pause_pull(c, job, false, error))
                        return false;
        }
        drop_gone(mgr, pkg_id);
        return true;
}

/* ---- choosing (the lock is held) ---- */

/* Threads that send, without those that lend their place or make room. */
static guint
count_senders(const PkgXferMgr *mgr)
{
        gint64 now = uk_clock_mono();
        guint count = 0;

        for (guint i = 0; i < mgr->sendings->len; i++) {
                Sending *sending = mgr->sendings->pdata[i];
                bool counted = now - atomic_load(&sending->active_us) <= SILENT_US &&
                               atomic_load(&sending->stop) != STOP_YIELD;

                atomic_store(&sending->counted, counted);
                count += counted ? 1 : 0;
        }
        return count;
}

/* One that limits its rate, or failed last, gets one thread; a limit may not be met by two. */
static guint
most_threads(Component *c, const DistPoint *row)
{
        if (row->rate_limit > 0 || row->failures > 0)
                return 1;
        return (guint)settings_int(host_settings(c->host), "pkgxfermgr.threads_per_dp");
}

static bool
same_package_runs(const PkgXferMgr *mgr, const Job *job)
{
        for (guint i = 0; i < mgr->sendings->len; i++) {
                const Sending *sending = mgr->sendings->pdata[i];

                if (sending->dp_id == job->row->dp_id &&
                    strcmp(sending->pkg_id, job->row->pkg_id) == 0)
                        return true;
        }
        return false;
}

static gint64
longest_pause(Component *c)
{
        static const char *const pauses[] = { "pkgxfermgr.retry_minutes",
                                              "pkgxfermgr.pull_retry_minutes",
                                              "pkgxfermgr.pull_poll_minutes" };
        gint64 most = 0;

        for (guint i = 0; i < G_N_ELEMENTS(pauses); i++)
                most = MAX(most, settings_int(host_settings(c->host), pauses[i]));
        return most * UK_MINUTE;
}

/* Whether the job may run now; else *wake is when to look again, if time alone brings it. */
static bool
may_run(const PkgXferMgr *mgr, const Job *job, gint64 now, gint64 *wake)
{
        const DistJob *row = job->row;
        gint64 due = MAX(uk_clock_due(job->due_us, mgr->longest_us, now),
                         distpoint_window_next(job->point->row->schedule, row->priority, now));

        if (job->sending != NULL || row->state == DISTJOB_SUSPENDED ||
            row->state == DISTJOB_FAILED || row->action == DISTJOB_CANCEL)
                return false;
        if (due > now) {
                *wake = MIN(*wake, due);
                return false;
        }
        return job->point->threads == 0 || !same_package_runs(mgr, job);
}

static Job *
first_of(Component *c, const Point *point, gint64 now, gint64 *wake)
{
        const DistPoint *row = point->row;

        if (row == NULL || row->maintenance || row->is_colocated ||
            point->threads >= most_threads(c, row))
                return NULL;
        if (uk_clock_due(row->quarantine_us, dpcontact_longest(c), now) > now) {
                *wake = MIN(*wake, row->quarantine_us);
                return NULL;
        }
        for (GSequenceIter *at = g_sequence_get_begin_iter(point->jobs);
             !g_sequence_iter_is_end(at); at = g_sequence_iter_next(at)) {
                Job *job = g_sequence_get(at);

                if (may_run(c->state, job, now, wake))
                        return job;
        }
        return NULL;
}

/* Fewest threads first, so that nobody starves; then the order of OQ-D21. */
static bool
goes_before(const Job *a, const Job *b)
{
        if (b == NULL || a->point->threads != b->point->threads)
                return b == NULL || a->point->threads < b->point->threads;
        if (a->row->order != b->row->order)
                return a->row->order > b->row->order;
        if (a->row->priority != b->row->priority)
                return a->row->priority < b->row->priority;
        if (a->point->row->priority != b->point->row->priority)
                return a->point->row->priority > b->point->row->priority;
        return compare_jobs(a, b, NULL) < 0;
}

static Job *
choose(Component *c, gint64 now, gint64 *wake)
{
        PkgXferMgr *mgr = c->state;
        GHashTableIter iter;
        gpointer value;
        Job *best = NULL;

        g_hash_table_iter_init(&iter, mgr->points);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Job *job = first_of(c, value, now, wake);

                if (job != NULL && goes_before(job, best))
                        best = job;
        }
        return best;
}

/* The threads of a distribution point that are not about to end. */
static guint
count_staying(const PkgXferMgr *mgr, gint64 dp_id)
{
        guint count = 0;

        for (guint i = 0; i < mgr->sendings->len; i++) {
                const Sending *sending = mgr->sendings->pdata[i];

                count += sending->dp_id == dp_id && atomic_load(&sending->stop) == STOP_NONE;
        }
        return count;
}

/* All places are taken and this job's distribution point has none: the youngest thread of the one
 * with most makes room, if that has several. False: none does. */
static bool
make_room(PkgXferMgr *mgr, const Job *job)
{
        Sending *youngest = NULL;
        guint most = 1;

        if (job->point->threads > 0)
                return false;
        for (guint i = 0; i < mgr->sendings->len; i++) {
                Sending *sending = mgr->sendings->pdata[i];

                if (atomic_load(&sending->stop) != STOP_NONE || !atomic_load(&sending->counted))
                        continue;
                guint threads = count_staying(mgr, sending->dp_id);

                if (threads > most || (threads == most && youngest != NULL &&
                                       sending->started_us > youngest->started_us)) {
                        most = threads;
                        youngest = sending;
                }
        }
        if (youngest != NULL)
                stop_sending(youngest, STOP_YIELD);
        return youngest != NULL;
}

static Sending *
sending_new(const Job *job)
{
        Sending *sending = g_new0(Sending, 1);

        sending->job_id = job->row->id;
        sending->dp_id = job->row->dp_id;
        sending->pkg_id = g_strdup(job->row->pkg_id);
        sending->dispatcher = uk_log_thread();
        sending->started_us = uk_clock_mono();
        sending->busy = job->busy;
        atomic_init(&sending->active_us, sending->started_us);
        return sending;
}

static void
sending_free(gpointer data)
{
        Sending *sending = data;

        g_free(sending->pkg_id);
        g_free(sending);
}

static bool
start_job(Component *c, Job *job, GError **error)
{
        PkgXferMgr *mgr = c->state;
        g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT, job->row->id);

        uk_log("Found send request with ID: %" G_GINT64_FORMAT
               ", Package: %s, Version:%" G_GINT64_FORMAT ", Priority: %d, Destination: %s, "
               "DPPriority: %d",
               job->row->id, job->row->pkg_id, job->row->version, (int)job->row->priority,
               job->point->row->server, (int)job->point->row->priority);
        /* Its thread waits for the lock before it looks for what is noted here. */
        if (!pool_add(c, "senders", key, error))
                return false;
        job->sending = sending_new(job);
        job->waits_for_dp = false;
        job->point->threads++;
        g_ptr_array_add(mgr->sendings, job->sending);
        return true;
}

/* The jobs that were taken back and have no thread; their IDs, the caller's. */
static GArray *
list_cancelled(PkgXferMgr *mgr)
{
        GArray *ids = g_array_new(false, false, sizeof(gint64));
        GHashTableIter iter;
        gpointer key;

        g_hash_table_iter_init(&iter, mgr->cancelled);
        while (g_hash_table_iter_next(&iter, &key, NULL)) {
                const Job *job = g_hash_table_lookup(mgr->jobs, key);

                if (job == NULL || job->sending == NULL)
                        g_array_append_val(ids, *(gint64 *)key);
        }
        return ids;
}

/* ---- the lane ---- */

/* Nothing is left of it in the database that wants ending, and nothing here. */
static void
forget_cancelled(PkgXferMgr *mgr, gint64 id)
{
        pthread_mutex_lock(&mgr->lock);
        const Job *job = g_hash_table_lookup(mgr->jobs, &id);
        if (job != NULL && job->row->action == DISTJOB_CANCEL)
                g_hash_table_remove(mgr->jobs, &id);
        g_hash_table_remove(mgr->cancelled, &id);
        pthread_mutex_unlock(&mgr->lock);
}

static bool
end_one(Component *c, gint64 id, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(DistJob) job = distjob_load(c->db, id, &why);

        if (job == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (job != NULL && job->action == DISTJOB_CANCEL &&
            !pkgxfermgr_end_cancelled(c, job, error))
                return false;
        forget_cancelled(c->state, id);
        return true;
}

/* One that cannot be ended now keeps no other waiting; the first failure is the caller's. */
static bool
end_cancelled(Component *c, GError **error)
{
        PkgXferMgr *mgr = c->state;
        bool good = true;

        pthread_mutex_lock(&mgr->lock);
        g_autoptr(GArray) ids = list_cancelled(mgr);
        pthread_mutex_unlock(&mgr->lock);
        for (guint i = 0; i < ids->len; i++)
                good = end_one(c, g_array_index(ids, gint64, i), good ? error : NULL) && good;
        return good;
}

/* Starts what may run; *wake_out is when to look again. */
static bool
start_jobs(Component *c, gint64 *wake_out, GError **error)
{
        PkgXferMgr *mgr = c->state;
        Settings *settings = host_settings(c->host);
        guint most = (guint)(settings_int(settings, "distmgr.max_packages") *
                             settings_int(settings, "distmgr.threads_per_package"));
        gint64 now = uk_clock_now();
        Job *job;

        while ((job = choose(c, now, wake_out)) != NULL) {
                /* Who makes room has lent its place already: nobody waits for its end. */
                if (count_senders(mgr) >= most && !make_room(mgr, job)) {
                        *wake_out = MIN(*wake_out, now + LOOK_US);
                        return true;
                }
                if (!start_job(c, job, error))
                        return false;
        }
        return true;
}

/* Distribution points that were full are asked whether there is room. */
static bool
ask_full(Component *c, gint64 *wake, GError **error)
{
        PkgXferMgr *mgr = c->state;
        gint64 now = uk_clock_now();
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, mgr->points);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Point *point = value;

                if (uk_clock_due(point->ask_us, FULL_US, now) <= now) {
                        point->ask_us = UK_NEVER;
                        if (!dpcontact_ask(c, point->id, error))
                                return false;
                }
                *wake = MIN(*wake, point->ask_us);
        }
        return true;
}

static bool
on_dispatch(Component *c, GError **error)
{
        PkgXferMgr *mgr = c->state;
        gint64 wake = UK_NEVER;

        bool ended = end_cancelled(c, error);
        GError **other = ended ? error : NULL;
        pthread_mutex_lock(&mgr->lock);
        mgr->longest_us = longest_pause(c);
        bool done = (uk_clock_mono() - mgr->points_us <= FRESH_US || read_points(c, other)) &&
                    start_jobs(c, &wake, other) && ask_full(c, &wake, other);
        /* Before the lock is let go: a run that ends now asks for an earlier look, which must not
         * be put off again. */
        timer_set(c, "dispatch", wake);
        pthread_mutex_unlock(&mgr->lock);
        return ended && done;
}

static bool
on_start(Component *c, GError **error)
{
        PkgXferMgr *mgr = c->state;

        pthread_mutex_lock(&mgr->lock);
        bool done = read_points(c, error) && read_jobs(c, NULL, error);
        pthread_mutex_unlock(&mgr->lock);
        if (done)
                timer_set(c, "dispatch", uk_clock_now());
        return done;
}

static bool
on_package(Component *c, const InboxFile *file, GError **error)
{
        UK_DOING(error, "looking at the jobs of package %s", file->stem);
        PkgXferMgr *mgr = c->state;

        pthread_mutex_lock(&mgr->lock);
        bool done = read_jobs(c, file->stem, error);
        pthread_mutex_unlock(&mgr->lock);
        timer_set(c, "dispatch", uk_clock_now());
        return done;
}

/* Jobs that waited for the distribution point are due, if there is room for them; one for which
 * there is none has it asked again (the lock is held). */
static void
release(Component *c, Point *point)
{
        gint64 now = uk_clock_now();
        gint64 due = uk_clock_due(point->release_us, dpcontact_longest(c), now);

        for (GSequenceIter *at = g_sequence_get_begin_iter(point->jobs);
             !g_sequence_iter_is_end(at); at = g_sequence_iter_next(at)) {
                Job *job = g_sequence_get(at);

                if (!job->waits_for_dp || point->row == NULL)
                        continue;
                if (job->need > 0 && job->need > point->row->bytes_free) {
                        point->ask_us = now + FULL_US;
                } else {
                        job->waits_for_dp = false;
                        job->due_us = MIN(job->due_us, due);
                }
        }
}

/* Those whose pause it has not taken are told again (the lock is held). */
static bool
pause_again(Component *c, const Point *point, GError **error)
{
        for (GSequenceIter *at = g_sequence_get_begin_iter(point->jobs);
             !g_sequence_iter_is_end(at); at = g_sequence_iter_next(at)) {
                Job *job = g_sequence_get(at);

                if (job->pause_waits && !pause_pull(c, job, true, error))
                        return false;
        }
        return true;
}

/* <DPID>.DP: it answered just now; <DPID>.DPN: its settings may be others. */
static bool
on_point(Component *c, const InboxFile *file, GError **error)
{
        PkgXferMgr *mgr = c->state;
        gint64 id = g_ascii_strtoll(file->stem, NULL, 10);

        pthread_mutex_lock(&mgr->lock);
        bool done = read_points(c, error);
        if (done && strcmp(file->kind, ".DP") == 0) {
                release(c, point_of(mgr, id));
                done = pause_again(c, point_of(mgr, id), error);
        }
        pthread_mutex_unlock(&mgr->lock);
        timer_set(c, "dispatch", uk_clock_now());
        return done;
}

/* ---- what the sending threads ask ---- */

Sending *
pkgxfermgr_sending(Component *c, gint64 job_id)
{
        PkgXferMgr *mgr = c->state;
        Sending *found = NULL;

        pthread_mutex_lock(&mgr->lock);
        for (guint i = 0; i < mgr->sendings->len && found == NULL; i++) {
                Sending *sending = mgr->sendings->pdata[i];

                if (sending->job_id == job_id)
                        found = sending;
        }
        pthread_mutex_unlock(&mgr->lock);
        return found;
}

void
pkgxfermgr_pause_waits(Component *c, gint64 job_id, bool waits)
{
        PkgXferMgr *mgr = c->state;

        pthread_mutex_lock(&mgr->lock);
        Job *job = g_hash_table_lookup(mgr->jobs, &job_id);
        if (job != NULL)
                job->pause_waits = waits;
        pthread_mutex_unlock(&mgr->lock);
}

guint
pkgxfermgr_threads_of(Component *c, gint64 dp_id)
{
        PkgXferMgr *mgr = c->state;

        pthread_mutex_lock(&mgr->lock);
        guint threads = point_of(mgr, dp_id)->threads;
        pthread_mutex_unlock(&mgr->lock);
        return MAX(threads, 1);
}

guint
pkgxfermgr_others_of(Component *c, const Sending *sending)
{
        PkgXferMgr *mgr = c->state;
        guint others = 0;

        pthread_mutex_lock(&mgr->lock);
        for (guint i = 0; i < mgr->sendings->len; i++) {
                const Sending *other = mgr->sendings->pdata[i];

                others += other != sending && strcmp(other->pkg_id, sending->pkg_id) == 0;
        }
        pthread_mutex_unlock(&mgr->lock);
        return others;
}

ReadCache *
pkgxfermgr_read_cache(Component *c)
{
        return ((PkgXferMgr *)c->state)->read;
}

/* One that answers when it is asked, and fails at what it is sent, is let alone for longer each
 * time, until something succeeds; runs that fail together count once (the lock is held). */
static void
note_early(Component *c, Point *point, const RunEnd *end)
{
        gint64 now = uk_clock_now();

        if (end->worked)
                point->early = point->release_us = 0;
        if (!end->early || !end->waits_for_dp ||
            uk_clock_due(point->release_us, dpcontact_longest(c), now) > now)
                return;
        point->release_us = now + dpcontact_pause(c, point->early);
        point->early++;
}

void
pkgxfermgr_ended(Component *c, Sending *sending, const RunEnd *end)
{
        PkgXferMgr *mgr = c->state;

        pthread_mutex_lock(&mgr->lock);
        Job *job = g_hash_table_lookup(mgr->jobs, &sending->job_id);
        point_of(mgr, sending->dp_id)->threads--;
        note_early(c, point_of(mgr, sending->dp_id), end);
        if (job != NULL) {
                job->sending = NULL;
                job->due_us = job->planned_us = end->due_us;
                job->waits_for_dp = end->waits_for_dp;
                job->need = end->need;
                job->busy = end->busy ? job->busy + 1 : 0;
                if (end->need > 0)
                        job->point->ask_us = uk_clock_now() + FULL_US;
        }
        if (job != NULL && end->gone)
                g_hash_table_remove(mgr->jobs, &job->row->id);
        /* A failure is to be met by its row before the next job is chosen. */
        if (end->waits_for_dp)
                mgr->points_us = 0;
        g_ptr_array_remove_fast(mgr->sendings, sending);
        if (mgr->sendings->len == 0)
                readcache_clear(mgr->read);
        pthread_mutex_unlock(&mgr->lock);
        timer_set(c, "dispatch", uk_clock_now());
}

/* ---- bundles ---- */

static void
kept_free(gpointer data)
{
        Kept *kept = data;

        g_free(kept->name);
        g_bytes_unref(kept->bytes);
        g_free(kept);
}

/* The lock is held. */
static GList *
find_bundle(PkgXferMgr *mgr, const char *name)
{
        GList *link = mgr->bundles.head;

        while (link != NULL && strcmp(((const Kept *)link->data)->name, name) != 0)
                link = link->next;
        return link;
}

GBytes *
pkgxfermgr_kept_bundle(Component *c, const char *pkg_id, gint64 version)
{
        PkgXferMgr *mgr = c->state;
        g_autofree char *name = g_strdup_printf("%s.%" G_GINT64_FORMAT, pkg_id, version);

        pthread_mutex_lock(&mgr->lock);
        const GList *link = find_bundle(mgr, name);
        GBytes *bytes = link != NULL ? g_bytes_ref(((Kept *)link->data)->bytes) : NULL;
        pthread_mutex_unlock(&mgr->lock);
        return bytes;
}

void
pkgxfermgr_keep_bundle(Component *c, const char *pkg_id, gint64 version, GBytes *bundle)
{
        PkgXferMgr *mgr = c->state;
        g_autofree char *name = g_strdup_printf("%s.%" G_GINT64_FORMAT, pkg_id, version);

        pthread_mutex_lock(&mgr->lock);
        if (find_bundle(mgr, name) == NULL) {
                Kept *kept = g_new0(Kept, 1);

                kept->name = g_steal_pointer(&name);
                kept->bytes = g_bytes_ref(bundle);
                g_queue_push_head(&mgr->bundles, kept);
                mgr->bundle_bytes += g_bytes_get_size(bundle);
        }
        while (mgr->bundle_bytes > KEPT_BYTES || mgr->bundles.length > KEPT_COUNT) {
                Kept *oldest = g_queue_pop_tail(&mgr->bundles);

                mgr->bundle_bytes -= g_bytes_get_size(oldest->bytes);
                kept_free(oldest);
        }
        pthread_mutex_unlock(&mgr->lock);
}

static void
pkgxfermgr_free(PkgXferMgr *mgr)
{
        g_queue_clear_full(&mgr->bundles, kept_free);
        readcache_free(mgr->read);
        g_hash_table_unref(mgr->jobs);
        g_hash_table_unref(mgr->packages);
        g_hash_table_unref(mgr->cancelled);
        g_hash_table_unref(mgr->points);
        g_ptr_array_unref(mgr->sendings);
        sign_key_free(mgr->key);
        pthread_mutex_destroy(&mgr->lock);
        g_free(mgr);
}

static bool
start(Component *c, GError **error)
{
        PkgXferMgr *mgr = g_new0(PkgXferMgr, 1);

        pthread_mutex_init(&mgr->lock, NULL);
        g_queue_init(&mgr->bundles);
        mgr->read = readcache_new(READ_BYTES);
        mgr->jobs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, job_free);
        mgr->packages = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, package_jobs_free);
        mgr->cancelled = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        mgr->points = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, point_free);
        mgr->sendings = g_ptr_array_new_with_free_func(sending_free);
        mgr->key = sitekey_load(c->host, host_site_code(c->host), error);
        if (mgr->key == NULL) {
                pkgxfermgr_free(mgr);
                return false;
        }
        c->state = mgr;
        return true;
}

static void
stop(Component *c)
{
        pkgxfermgr_free(c->state);
        c->state = NULL;
}

const ComponentDef pkgxfermgr = {
        .name = "SMS_PACKAGE_TRANSFER_MANAGER",
        .log = "PkgXferMgr.log",
        .log_form = UK_LOG_SERVER,
        .what = "Sends packages to distribution points, and tells pull distribution points to "
                "fetch "
                "them.",
        .boxes = { { .lane = "main",
                     .box = "PkgTransferMgr.box",
                     .kind = ".PKN",
                     .on_file = on_package,
                     .bare_name = true },
                   { .lane = "main", .box = "@pkgxfermgr", .kind = ".PKN", .on_file = on_package },
                   { .lane = "main", .box = "@pkgxfermgr", .kind = ".DP", .on_file = on_point },
                   { .lane = "main", .box = "@pkgxfermgr", .kind = ".DPN", .on_file = on_point } },
        .pools = { { "senders", "pkgxfermgr.max_threads", pkgxfermgr_run },
                   { "cancels", "distmgr.threads_per_package", pkgxfermgr_cancel },
                   { "pauses", "distmgr.threads_per_package", pkgxfermgr_pause_pull } },
        .timers = { { "main", "start", on_start, true },
                    { "main", "dispatch", on_dispatch, false },
                    { "main", "status", pkgxfermgr_on_status, true } },
        .start = start,
        .stop = stop,
};
