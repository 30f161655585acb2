/* dts.c - the Data Transfer Service: which job runs, what becomes of it, and who is told.
 *
 * In: rows of jobs and a ring. Out: files in the jobs' folders, the state of the rows, a letter to
 * the owner. One try of a job is dts_run.c; nothing here knows what is downloaded.
 */
#include "transfer/dts.h"

#include <pthread.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"
#include "host/mailbox.h"
#include "host/pool.h"
#include "host/timer.h"
#include "transfer/dts_private.h"

#define BOX            "@dts"
#define RING           ".RING"
#define STOP           ".STOP"
#define FULL_WAIT      UK_MINUTE /* until a disk is looked at for room again */
#define MOST_DOUBLINGS 10
/* So much more room than at the last try makes another one worth its bytes. */
#define MORE_ROOM (1024 * 1024)
#define MORE_PART 8 /* an eighth of the job, if that is more */

typedef struct {
        DtsGate *gate;
        pthread_mutex_t lock; /* guards the tables */
        GHashTable *called;   /* IDs of jobs that a worker has or will have */
        GHashTable *running;  /* job ID to DtsPasser; both borrowed from the worker */
        GHashTable *full;     /* job ID to gint64 *: free bytes when it found no room */
        GHashTable *refused;  /* job ID to the name of the file that ended its last try */
} Dts;

static void
post(Host *host, const char *box, const char *name, const char *body)
{
        g_autoptr(GError) error = NULL;

        if (!mailbox_post(host, box, name, body, strlen(body), &error))
                uk_warn("%s", error->message);
}

void
dts_ring(Host *host)
{
        post(host, BOX, "look" RING, "");
}

void
dts_stop(Host *host, const char *id)
{
        g_autofree char *name = g_strconcat(id, STOP, NULL);

        post(host, BOX, name, "");
}

/* The owner finds the rest in the row. */
static void
tell_owner(Component *c, const DtsJob *job)
{
        g_autofree char *name = g_strconcat(job->key, DTS_KIND, NULL);

        post(c->host, job->box, name, job->id);
}

/* ---- which job runs -------------------------------------------------------------------------- */

static bool
take_limits(Component *c, GError **error)
{
        Dts *state = c->state;
        g_autofree char *schedule = NULL;
        gint64 rate;

        if (!dts_job_limits(c->db, &rate, &schedule, error))
                return false;
        if (!dts_gate_set(state->gate, rate, schedule))
                uk_warn("A schedule of %zu letters cannot be used; the last one stays. It must "
                        "have "
                        "168 letters A, M, H or C.",
                        strlen(schedule));
        return true;
}

/* Whether the job gets a worker now; false with *full_out when none gets one. */
static bool
call(Dts *state, const char *id, guint most, bool *full_out)
{
        bool called = false;

        pthread_mutex_lock(&state->lock);
        *full_out = g_hash_table_size(state->called) >= most;
        if (!*full_out)
                called = g_hash_table_add(state->called, g_strdup(id));
        pthread_mutex_unlock(&state->lock);
        return called;
}

static void
end_call(Dts *state, const char *id)
{
        pthread_mutex_lock(&state->lock);
        g_hash_table_remove(state->called, id);
        pthread_mutex_unlock(&state->lock);
}

/* The longest that a job waits for its next try. */
static gint64
longest_pause(Component *c)
{
        gint64 first = settings_int(host_settings(c->host), "dts.retry_seconds") * UK_SECOND;

        return MAX(first << MOST_DOUBLINGS, FULL_WAIT);
}

/* Starts pending jobs as long as there is a worker for them; *next_out is when to look again. */
static bool
start_jobs(Component *c, gint64 *next_out, GError **error)
{
        Dts *state = c->state;
        g_autoptr(GPtrArray) pending = dts_job_pending(c->db, longest_pause(c), error);
        guint most = (guint)settings_int(host_settings(c->host), "dts.max_jobs");
        bool full = false;

        if (pending == NULL)
                return false;
        for (guint i = 0; i < pending->len && !full; i++) {
                const DtsJob *job = g_ptr_array_index(pending, i);
                gint64 opens;

                if (!dts_gate_open(state->gate, (int)job->priority, &opens)) {
                        *next_out = MIN(*next_out, opens);
                        continue;
                }
                if (call(state, job->id, most, &full) && !pool_add(c, "jobs", job->id, error)) {
                        end_call(state, job->id);
                        return false;
                }
        }
        return true;
}

static bool
look(Component *c, GError **error)
{
        UK_DOING(error, "looking for downloads");
        gint64 next;

        if (!take_limits(c, error) || !dts_job_next_time(c->db, longest_pause(c), &next, error) ||
            !start_jobs(c, &next, error))
                return false;
        timer_set(c, "next", next);
        return true;
}

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return look(c, error);
}

static bool
on_stop(Component *c, const InboxFile *file, GError **error)
{
        Dts *state = c->state;

        pthread_mutex_lock(&state->lock);
        DtsPasser *passer = g_hash_table_lookup(state->running, file->stem);
        g_hash_table_remove(state->full, file->stem);
        g_hash_table_remove(state->refused, file->stem);
        if (passer != NULL)
                dts_passer_cancel(passer);
        pthread_mutex_unlock(&state->lock);
        return true;
}

/* ---- one job --------------------------------------------------------------------------------- */

/* What is left to do once all bytes are there (DIST-115). A crash in between tells the owner twice,
 * which looks at the row. */
static bool
notify_complete(Component *c, const DtsJob *job, GError **error)
{
        uk_log("Execute called for DTS job '%s'.  Current state: '" DTS_RETRIEVED "'.", job->id);
        if (!dts_job_set_state(c->db, job, DTS_NOTIFIED, error))
                return false;
        uk_log("DTSJob %s in state '" DTS_NOTIFIED "'.", job->id);
        uk_log("DTS job %s has completed:", job->id);
        tell_owner(c, job);
        return true;
}

static bool
retrieved(Component *c, const DtsJob *job, GError **error)
{
        if (!dts_job_set_state(c->db, job, DTS_RETRIEVED, error))
                return false;
        uk_log("DTSJob %s successfully completed download.", job->id);
        return notify_complete(c, job, error);
}

static bool
is_of_the_source(const GError *why)
{
        return g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND) ||
               g_error_matches(why, UK_ERROR, UK_ERROR_SIGNATURE) ||
               g_error_matches(why, UK_ERROR, UK_ERROR_UNSUPPORTED);
}

static void
put(char **member, const char *value)
{
        g_free(*member);
        *member = g_strdup(value);
}

/* Counts the try, unless bytes came: a link that is cut now and then is a slow link. True: it is
 * tried again. */
static bool
try_again(Component *c, DtsJob *job, bool moved)
{
        Settings *settings = host_settings(c->host);
        gint64 pause = settings_int(settings, "dts.retry_seconds") * UK_SECOND;

        job->tries = moved ? 1 : job->tries + 1;
        if (job->tries >= settings_int(settings, "dts.tries"))
                return false;
        job->next_us = uk_clock_now() + (pause << MIN(job->tries - 1, MOST_DOUBLINGS));
        return true;
}

static bool
put_off(Component *c, DtsJob *job, const GError *why, GError **error)
{
        g_autofree char *until = uk_clock_iso(job->next_us);

        put(&job->state, DTS_PENDING);
        uk_warn("DTSJob %s waits until %s: %s", job->id, until, why->message);
        if (!dts_job_set_failed(c->db, job, error))
                return false;
        tell_owner(c, job);
        return true;
}

/* ---- a full volume ---- */

/* Free bytes of the job's volume; -1 when that cannot be told. */
static gint64
room_of(const DtsJob *job)
{
        struct statvfs space;

        return statvfs(job->target, &space) == 0 ? (gint64)space.f_bavail * (gint64)space.f_frsize
                                                 : -1;
}

static void
note_full(Dts *state, const DtsJob *job)
{
        gint64 room = room_of(job);

        pthread_mutex_lock(&state->lock);
        g_hash_table_replace(state->full, g_strdup(job->id), g_memdup2(&room, sizeof room));
        pthread_mutex_unlock(&state->lock);
}

/* A job that found no room is tried again when all of it fits, or, since zeros take none, when
 * there is a good deal more than then: a try that ends for want of room has moved its bytes in
 * vain. */
static bool
may_fit(Dts *state, const DtsJob *job)
{
        gint64 room = room_of(job), more = MAX(MORE_ROOM, job->bytes_all / MORE_PART);

        pthread_mutex_lock(&state->lock);
        const gint64 *then = g_hash_table_lookup(state->full, job->id);
        bool fits = then == NULL || room < 0 || room >= job->bytes_all - job->bytes_done ||
                    room >= *then + more;
        if (fits)
                g_hash_table_remove(state->full, job->id);
        pthread_mutex_unlock(&state->lock);
        return fits;
}

/* Which volume it is, and what is to be done. */
static void
say_full(DtsJob *job, const GError *why)
{
        g_free(job->error);
        job->error = g_strdup_printf("the volume of %s is full: " UK_ERROR_MAKE_ROOM
                                     ", the rest is fetched when there is (%s)",
                                     job->target, why->message);
}

/* The hours are looked at again before it begins; they may have been changed by then. */
static bool
hold(Component *c, DtsJob *job, const GError *why, GError **error)
{
        Dts *state = c->state;
        gint64 next;
        bool open = dts_gate_open(state->gate, (int)job->priority, &next);
        g_autofree char *until = open || next == UK_NEVER ? NULL : uk_clock_iso(next);

        put(&job->state, DTS_PENDING);
        uk_log("DTSJob %s is held until %s: %s", job->id,
               until != NULL ? until : "the schedule changes", why->message);
        return dts_job_set_failed(c->db, job, error);
}

/* Notes the file that ended a try of the job (NULL: none), and says whether it ended the one
 * before, too. One that the source never gives counts as that, whatever comes beside it; one that
 * it refuses now and another one then, each as the first. */
static bool
note_refused(Dts *state, const DtsJob *job, const char *refused)
{
        pthread_mutex_lock(&state->lock);
        bool again = refused != NULL &&
                     g_strcmp0(g_hash_table_lookup(state->refused, job->id), refused) == 0;
        if (refused != NULL)
                g_hash_table_replace(state->refused, g_strdup(job->id), g_strdup(refused));
        else
                g_hash_table_remove(state->refused, job->id);
        pthread_mutex_unlock(&state->lock);
        return again;
}

static bool
give_up(Component *c, DtsJob *job, const GError *why, GError **error)
{
        (void)note_refused(c->state, job, NULL);
        put(&job->state, DTS_FAILED);
        uk_error("DTSJob %s encountered an error while downloading from '%s': %s", job->id,
                 job->source, why->message);
        if (!dts_job_set_failed(c->db, job, error))
                return false;
        tell_owner(c, job);
        return true;
}

static bool
failed(Component *c, DtsJob *job, bool moved, const GError *why, GError **error)
{
        put(&job->error, why->message);
        job->error_code = why->domain == UK_ERROR ? why->code : UK_ERROR_IO;
        job->next_us = 0;
        switch (job->error_code) {
        case UK_ERROR_NOT_YET:
                return hold(c, job, why, error);
        case UK_ERROR_FULL:
                say_full(job, why);
                note_full(c->state, job);
                /* fall through */
        case UK_ERROR_IO:
        case UK_ERROR_DATABASE:
                job->next_us = uk_clock_now() + FULL_WAIT;
                return put_off(c, job, why, error);
        default:
                if (!is_of_the_source(why) && try_again(c, job, moved))
                        return put_off(c, job, why, error);
                return give_up(c, job, why, error);
        }
}

static void
enter(Dts *state, const DtsJob *job, DtsPasser *passer)
{
        pthread_mutex_lock(&state->lock);
        g_hash_table_insert(state->running, job->id, passer);
        pthread_mutex_unlock(&state->lock);
}

static void
leave(Dts *state, const DtsJob *job, DtsPasser *passer)
{
        pthread_mutex_lock(&state->lock);
        g_hash_table_remove(state->running, job->id);
        pthread_mutex_unlock(&state->lock);
        dts_passer_free(passer);
}

/* Nothing has changed: the row keeps its reason. */
static bool
wait_for_room(Component *c, DtsJob *job, GError **error)
{
        uk_verbose("DTSJob %s still has no room: %s", job->id, job->error);
        put(&job->state, DTS_PENDING);
        job->next_us = uk_clock_now() + FULL_WAIT;
        return dts_job_set_failed(c->db, job, error);
}

static bool
run_job(Component *c, DtsJob *job, GError **error)
{
        Dts *state = c->state;
        g_autoptr(GError) why = NULL;
        g_autofree char *refused = NULL;
        bool moved = false;

        if (!may_fit(state, job))
                return wait_for_room(c, job, error);
        DtsPasser *passer = dts_passer_new(state->gate, (int)job->priority, host_stop_fd(c->host));
        enter(state, job, passer);
        bool done = dts_run(c, job, passer, tell_owner, &moved, &refused, &why);
        bool cancelled = dts_passer_cancelled(passer);
        leave(state, job, passer);
        if (host_stopping(c->host) || cancelled)
                return true; /* it is taken up at the next start, or nobody wants it */
        if (note_refused(state, job, refused))
                moved = false;
        return done ? retrieved(c, job, error) : failed(c, job, moved, why, error);
}

/* A job that was called twice may have its end or its pause already. One that a failure of the
 * database left as running runs on; no other thread has it. */
static bool
may_run(Component *c, const DtsJob *job)
{
        gint64 now = uk_clock_now();

        return (strcmp(job->state, DTS_PENDING) == 0 &&
                uk_clock_due(job->next_us, longest_pause(c), now) <= now) ||
               strcmp(job->state, DTS_DOWNLOADING) == 0;
}

/* Worker of the pool "jobs". */
static bool
on_job(Component *c, const char *id, GError **error)
{
        UK_DOING(error, "downloading for DTS job %s", id);
        g_autoptr(DtsJob) job = NULL;

        if (!dts_load(c->db, id, &job, error))
                return false;
        if (job != NULL && may_run(c, job)) {
                uk_trace_set(job->trace);
                if (job->tries == 0 && job->error_code == 0 && job->bytes_done == 0)
                        uk_log("DTSJob %s created to download from '%s' to '%s'.", id, job->source,
                               job->target);
                if (!dts_job_begin(c->db, id, error) || !run_job(c, job, error))
                        return false;
        }
        end_call(c->state, id);
        if (!host_stopping(c->host))
                dts_ring(c->host); /* there is room for the next one */
        return true;
}

/* ---- the component --------------------------------------------------------------------------- */

/* Takes up what a kill or a stop has cut off. */
static bool
on_start(Component *c, GError **error)
{
        g_autoptr(GPtrArray) untold = NULL;

        if (!dts_job_resume(c->db, error))
                return false;
        untold = dts_job_untold(c->db, error);
        for (guint i = 0; untold != NULL && i < untold->len; i++) {
                if (!notify_complete(c, g_ptr_array_index(untold, i), error))
                        return false;
        }
        return untold != NULL && look(c, error);
}

static bool
start(Component *c, GError **error)
{
        Dts *state = g_new0(Dts, 1);

        pthread_mutex_init(&state->lock, NULL);
        state->called = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        state->running = g_hash_table_new(g_str_hash, g_str_equal);
        state->full = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        state->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        state->gate = dts_gate_new();
        c->state = state;
        return true;
}

static void
stop(Component *c)
{
        Dts *state = c->state;

        g_hash_table_unref(state->called);
        g_hash_table_unref(state->running);
        g_hash_table_unref(state->full);
        g_hash_table_unref(state->refused);
        dts_gate_free(state->gate);
        pthread_mutex_destroy(&state->lock);
        g_free(state);
}

const ComponentDef dts = {
        .name = DTS_COMPONENT,
        .log = "DataTransferService.log",
        .log_form = UK_LOG_CLIENT,
        .what = "downloads files over HTTP: resumed, by priority, within a rate and a schedule",
        .boxes = {
                { .lane = "main", .box = BOX, .kind = RING, .on_file = on_ring },
                { .lane = "main", .box = BOX, .kind = STOP, .on_file = on_stop },
        },
        .pools = { { "jobs", "dts.max_jobs", on_job } },
        .timers = {
                { "main", "start", on_start, true },
                { "main", "next", look, false },
        },
        .start = start,
        .stop = stop,
};
