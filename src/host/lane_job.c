/* lane_job.c - work by time on a lane: timers, schedules, the tick, and following commits.
 *
 * In: times set by handlers, recurrences from the settings, the database's bell. Out: calls of the
 * component's functions, and for schedules a mark of the last run, so that a restart neither
 * repeats nor forgets one. Files are lane_box.c's.
 */
#include <string.h>

#include "base/clock.h"
#include "host/lane_private.h"

void
lane_job_free(LaneJob *job)
{
        g_free(job->text);
        g_free(job);
}

void
lane_job_add(Lane *lane, LaneJobType type, const char *name, ComponentFn fn, gint64 due_us)
{
        LaneJob *job = g_new0(LaneJob, 1);

        job->type = type;
        job->name = name;
        job->fn = fn;
        job->due_us = due_us;
        job->later_us = UK_NEVER;
        g_ptr_array_add(lane->jobs, job);
}

static void
set_due(Lane *lane, LaneJob *job, gint64 due_us, gint64 span_us)
{
        pthread_mutex_lock(&lane->lock);
        job->due_us = due_us;
        job->span_us = span_us;
        job->later_us = UK_NEVER;
        job->later_span_us = 0;
        pthread_mutex_unlock(&lane->lock);
}

/* A job that is due now, taken to be run: what it is set to from here on, by whomever, is for the
 * time after this run. False: it was set to a later time in the meantime. */
static bool
take_due(Lane *lane, LaneJob *job, gint64 now)
{
        pthread_mutex_lock(&lane->lock);
        bool due = job->due_us <= now;
        if (due) {
                job->due_us = job->later_us;
                job->span_us = job->later_span_us;
                job->later_us = UK_NEVER;
                job->later_span_us = 0;
        }
        pthread_mutex_unlock(&lane->lock);
        return due;
}

/* Due at once, and at the time that was set while it ran as well. */
static void
put_back(Lane *lane, LaneJob *job, gint64 began)
{
        pthread_mutex_lock(&lane->lock);
        if (job->type == LANE_JOB_TIMER) {
                job->later_us = job->due_us;
                job->later_span_us = job->span_us;
        }
        job->due_us = began;
        job->span_us = 0;
        pthread_mutex_unlock(&lane->lock);
}

/* When a job is due. A clock that was set back must not make a pause longer than it was. */
static gint64
get_due(Lane *lane, LaneJob *job, gint64 now)
{
        pthread_mutex_lock(&lane->lock);
        if (job->span_us != 0)
                job->due_us = MIN(job->due_us, now + job->span_us);
        gint64 due = job->due_us;
        pthread_mutex_unlock(&lane->lock);
        return due;
}

static char *
mark_key(const Lane *lane, const LaneJob *job)
{
        return g_strdup_printf("%s/%s", lane->owner->def->name, job->name);
}

/* The mark of a schedule is "<time of the last run> <recurrence>"; a recurrence that changed
 * counts from the change, so that no run is made up for a time that is already over. */
static gint64
last_run(Lane *lane, LaneJob *job)
{
        g_autofree char *key = mark_key(lane, job);
        g_autofree char *mark = host_mark_get(lane->owner->host, key);
        char *rest = mark != NULL ? strchr(mark, ' ') : NULL;
        gint64 last = 0;

        if (rest == NULL)
                return 0;
        *rest++ = '\0';
        if (strcmp(rest, job->text) != 0 || !uk_clock_parse(mark, &last, NULL))
                return 0;
        return last;
}

static void
mark_run(Lane *lane, LaneJob *job, gint64 now)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *key = mark_key(lane, job);
        g_autofree char *time = uk_clock_iso(now);
        g_autofree char *mark = g_strdup_printf("%s %s", time, job->text);

        if (!host_mark_set(lane->owner->host, key, mark, &error))
                uk_warn("After a restart %s may run once more than it should: %s", job->name,
                        error->message);
}

static void
plan_schedule(Lane *lane, LaneJob *job, gint64 now)
{
        char *text = settings_text(lane->owner->host->settings, job->name);
        g_autoptr(Schedule) schedule = NULL;

        if (g_strcmp0(text, job->text) == 0) {
                g_free(text);
                return;
        }
        g_free(job->text);
        job->text = text;
        schedule = schedule_parse(text, NULL); /* the settings have let it pass */
        gint64 last = last_run(lane, job);
        /* A run of before the clock was set back counts from here, also for whoever starts next. */
        if (last == 0 || last > now) {
                last = now;
                mark_run(lane, job, now);
        }
        set_due(lane, job, schedule_next(schedule, last, last), 0);
        job->tries = 0;
}

static void
plan_tick(Lane *lane, LaneJob *job, gint64 now)
{
        gint64 span = UK_MINUTE * settings_int(lane->owner->host->settings, job->name);

        if (span == 0)
                set_due(lane, job, UK_NEVER, 0);
        else if (!lane->planned)
                set_due(lane, job, now, span);
        else
                set_due(lane, job, now + span, span);
}

void
lane_job_plan(Lane *lane)
{
        unsigned settings = settings_generation(lane->owner->host->settings);
        gint64 now = uk_clock_now();
        bool set_back = now < lane->planned_us;

        if (lane->planned && settings == lane->settings_seen && !set_back) {
                lane->planned_us = now;
                return;
        }
        for (guint i = 0; i < lane->jobs->len; i++) {
                LaneJob *job = g_ptr_array_index(lane->jobs, i);

                if (set_back)
                        g_clear_pointer(&job->text, g_free);
                if (job->type == LANE_JOB_SCHEDULE)
                        plan_schedule(lane, job, now);
                else if (job->type == LANE_JOB_TICK)
                        plan_tick(lane, job, now);
        }
        lane->settings_seen = settings;
        lane->planned_us = now;
        lane->planned = true;
}

/* The next regular time, once the job has succeeded or was given up. */
static void
plan_next(Lane *lane, LaneJob *job, gint64 began)
{
        job->tries = 0;
        if (job->type == LANE_JOB_TICK) {
                gint64 span = UK_MINUTE * settings_int(lane->owner->host->settings, job->name);

                set_due(lane, job, span != 0 ? began + span : UK_NEVER, span);
        } else if (job->type == LANE_JOB_SCHEDULE) {
                g_autoptr(Schedule) schedule = schedule_parse(job->text, NULL);

                mark_run(lane, job, began);
                set_due(lane, job, schedule_next(schedule, began, began), 0);
        }
}

static void
plan_retry(Lane *lane, LaneJob *job, const GError *error)
{
        gint64 unit = job->type == LANE_JOB_COMMIT ? UK_SECOND : UK_MINUTE;
        gint64 span = component_pause(job->tries++, unit);

        pthread_mutex_lock(&lane->lock);
        /* A timer that its own function has set meanwhile stays. */
        if (job->due_us == UK_NEVER || job->type != LANE_JOB_TIMER) {
                job->due_us = uk_clock_now() + span;
                job->span_us = span;
        }
        pthread_mutex_unlock(&lane->lock);
        if (host_stopping(lane->owner->host))
                return;
        g_autofree char *pause = component_span_text(span);
        uk_warn("The work \"%s\" cannot be done now and is tried again in %s: %s", job->name, pause,
                error->message);
}

static void
run_job(Lane *lane, LaneJob *job)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GError) not_told = NULL;
        Component *c = &lane->context->c;
        gint64 began = uk_clock_now();

        uk_trace_set("");
        if (job->fn(c, &error)) {
                plan_next(lane, job, began);
                return;
        }
        if (error == NULL)
                uk_fail(&error, UK_ERROR_BROKEN, "\"%s\" failed without saying why", job->name);
        switch (uk_error_class(error)) {
        case UK_CLASS_HALT:
                /* Due again as soon as the component runs again. */
                put_back(lane, job, began);
                component_halt(lane->context, error);
                break;
        case UK_CLASS_CORRUPT:
                uk_error("The work \"%s\" was given up: %s", job->name, error->message);
                if (!statusmsg_raise(c, NULL, 60005, &not_told, job->name, c->def->name,
                                     error->message, NULL))
                        uk_error("%s", not_told->message);
                plan_next(lane, job, began);
                break;
        case UK_CLASS_LATER:
                plan_retry(lane, job, error);
                break;
        }
}

bool
lane_job_serve(Lane *lane, gint64 *due_out)
{
        gint64 now = uk_clock_now();
        LaneJob *first = NULL;
        gint64 first_due = UK_NEVER;

        for (guint i = 0; i < lane->jobs->len; i++) {
                LaneJob *job = g_ptr_array_index(lane->jobs, i);
                gint64 due = get_due(lane, job, now);

                if (due < first_due) {
                        first = job;
                        first_due = due;
                }
        }
        if (first == NULL || first_due > now) {
                *due_out = MIN(*due_out, first_due);
                return false;
        }
        if (take_due(lane, first, now))
                run_job(lane, first);
        return true;
}

void
lane_job_commit(Lane *lane)
{
        for (guint i = 0; i < lane->jobs->len; i++) {
                LaneJob *job = g_ptr_array_index(lane->jobs, i);

                /* After a failure the pause holds, however many commits there are. */
                if (job->type == LANE_JOB_COMMIT && job->tries == 0)
                        set_due(lane, job, 0, 0);
        }
}

bool
lane_job_set_timer(Lane *lane, const char *name, gint64 at_us)
{
        gint64 span = at_us == UK_NEVER ? 0 : MAX(at_us - uk_clock_now(), 0);

        for (guint i = 0; i < lane->jobs->len; i++) {
                LaneJob *job = g_ptr_array_index(lane->jobs, i);

                if (job->type != LANE_JOB_TIMER || strcmp(job->name, name) != 0)
                        continue;
                set_due(lane, job, at_us, span);
                lane_wake(lane);
                return true;
        }
        return false;
}
