/* scanagent_history.c - when scans are due: the first at random, the others by schedule. */
#include "base/clock.h"
#include "base/log.h"
#include "client/policyevaluator/policyevaluator.h"
#include "client/scanagent_history.sql.h"
#include "client/scanagent/scanagent_private.h"
#include "crypto/random.h"
#include "host/host.h"
#include "host/schedule.h"

/* A last scan that lies further ahead was made before the clock was set back. */
#define CLOCK_SLACK UK_MINUTE

static const DbField fields[] = {
        DB_FIELD(TIME, ScanHistory, first_us, "FirstTime"),
        DB_FIELD(TIME, ScanHistory, anchor_us, "AnchorTime"),
        DB_FIELD(TEXT, ScanHistory, last_location, "LastLocation"),
        DB_FIELD_END,
};

void
scanagent_history_free(ScanHistory *history)
{
        if (history == NULL)
                return;
        g_free(history->last_location);
        g_free(history);
}

ScanHistory *
scanagent_history(Db *db, GError **error)
{
        g_autoptr(ScanHistory) history = g_new0(ScanHistory, 1);
        bool found = false;

        if (!db_one(db, &sql_scanagent_history_load, DB_NO_ARGS, fields, history, &found, error))
                return NULL;
        if (!found)
                history->last_location = g_strdup("");
        return g_steal_pointer(&history);
}

static gint64
longest_delay(Component *c)
{
        return UK_SECOND * settings_int(host_settings(c->host), "scanagent.first_delay_seconds");
}

/* The bound of the random delay: the policy's, if the setting does not shorten it. */
static bool
max_delay(Work *work, gint64 *delay_out, GError **error)
{
        g_autofree char *text = NULL;
        guint64 minutes = 0;

        *delay_out = longest_delay(work->c);
        if (!actualconfig_get(work_db(work), POLICY_CLASS_CONFIG, "MaxRandomDelayMinutes", &text,
                              error))
                return false;
        if (text != NULL && g_ascii_string_to_unsigned(text, 10, 0, 100000, &minutes, NULL))
                *delay_out = MIN(*delay_out, (gint64)minutes * UK_MINUTE);
        return true;
}

static gint64
random_below(gint64 span)
{
        guint64 number;

        crypto_random(&number, sizeof number);
        return span > 0 ? (gint64)(number % (guint64)(span + 1)) : 0;
}

/* Policy may switch the feature off; a source to scan against switches it on. */
static bool
is_enabled(Db *db, bool *enabled_out, GError **error) /* COMP-002, COMP-005 */
{
        g_autofree char *text = NULL;
        g_autoptr(GError) why = NULL;
        g_autoptr(UpdateSource) source = actualconfig_source(db, &why);

        *enabled_out = false;
        if (why != NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (!actualconfig_get(db, POLICY_CLASS_CONFIG, "Enabled", &text, error))
                return false;
        *enabled_out = source != NULL && (text == NULL || g_ascii_strcasecmp(text, "true") == 0 ||
                                          g_ascii_strcasecmp(text, "1") == 0);
        return true;
}

static bool
set_first(Work *work, gint64 first_us, GError **error)
{
        return db_run(work->tx, &sql_scanagent_history_set_first,
                      DB_ARGS(DB_TIME_OR_NULL("first", first_us), DB_TEXT("cause", work->cause),
                              DB_TEXT("trace", uk_trace_get())),
                      error);
}

/* A plan stands, also when it is over and a further policy comes before the scan; one of a time
 * that ended is dropped, so that the clients of a site that gets an update source again do not all
 * scan at that moment. */
bool
scanagent_plan_first(Work *work, GError **error) /* COMP-003 */
{
        g_autoptr(ScanHistory) history = scanagent_history(work_db(work), error);
        gint64 delay = 0;
        bool enabled = false;

        if (history == NULL || !is_enabled(work_db(work), &enabled, error) ||
            !max_delay(work, &delay, error))
                return false;
        if (history->anchor_us != 0 || enabled == (history->first_us != 0))
                return true;
        if (!enabled) {
                uk_log("The first scan is not scheduled any more: policy has switched scans off");
                return set_first(work, 0, error);
        }
        gint64 first = uk_clock_now() + random_below(delay);
        g_autofree char *text = uk_clock_iso(first);
        uk_log("The first scan is scheduled for %s", text);
        return set_first(work, first, error);
}

bool
scanagent_set_started(Work *work, gint64 now_us, GError **error)
{
        return db_run(work->tx, &sql_scanagent_history_set_started,
                      DB_ARGS(DB_TIME("now", now_us), DB_TEXT("cause", work->cause),
                              DB_TEXT("trace", uk_trace_get())),
                      error);
}

bool
scanagent_set_good(Work *work, const ScanJob *job, GError **error)
{
        return db_run(work->tx, &sql_scanagent_history_set_good,
                      DB_ARGS(DB_TEXT("location", job->location), DB_TIME("scan", job->scan_us)),
                      error);
}

/* The policy's schedule, else the setting's. One that cannot be read is said and replaced. */
static Schedule *
load_schedule(Component *c, GError **error)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) why = NULL;

        if (!actualconfig_get(c->db, POLICY_CLASS_CONFIG, "ScanSchedule", &text, error))
                return NULL;
        Schedule *schedule = text != NULL && text[0] != '\0' ? schedule_parse(text, &why) : NULL;
        if (why != NULL)
                uk_error("The scan schedule of the policy: %s", why->message);
        if (schedule != NULL)
                return schedule;
        g_autofree char *fallback = settings_text(host_settings(c->host), "scanagent.schedule");
        return schedule_parse(fallback, error);
}

bool
scanagent_due(Component *c, gint64 *due_out, GError **error) /* COMP-022, OQ-C07 */
{
        g_autoptr(ScanHistory) history = scanagent_history(c->db, error);
        bool enabled = false;

        *due_out = UK_NEVER;
        if (history == NULL || !is_enabled(c->db, &enabled, error))
                return false;
        if (!enabled || (history->anchor_us == 0 && history->first_us == 0))
                return true;
        gint64 now = uk_clock_now(); /* the clock may have been set back */

        if (history->anchor_us == 0) {
                *due_out = uk_clock_due(history->first_us, longest_delay(c), now);
                return true;
        }
        g_autoptr(Schedule) schedule = load_schedule(c, error);
        if (schedule == NULL)
                return false;
        *due_out = schedule_next(schedule, history->anchor_us, history->anchor_us);
        /* Counted from now instead, it would lie ahead again whenever it is looked at. */
        if (*due_out != UK_NEVER && history->anchor_us > now + CLOCK_SLACK)
                *due_out = now;
        return true;
}
