/* statesys_topics.c - what each kind of state message does, by a table of topics.
 *
 * In: one message. Out: the row of its topic, if the message is newer than what is there
 * (COMP-071): by its time, then by its serial number; and nothing from before the machine last
 * began to send all its states anew. Topics without a handler are kept as they are.
 */
#include <string.h>

#include "base/log.h"
#include "site/statesys/statesys_packages.h"
#include "site/statesys/statesys_private.h"
#include "wire/scansummary.h"

#define TOPIC_DETECTION 500
#define TOPIC_SCAN      501
#define TOPIC_RESYNC    700
#define TOPIC_PULL_DP   902

#define MILLISECOND 1000
/* States of updates that waited, taken at the beginning of a chunk. */
#define ADOPT_MAX 1000

/* Times are stored in milliseconds; a message must not be newer than itself. */
static gint64
stored_time(const StateReportMessage *message)
{
        return message->time_us - message->time_us % MILLISECOND;
}

/* States that are sent again keep their old times, and what comes late has an old number. With both
 * a lower number and a later time it is of a client whose numbers began anew (put back from a
 * snapshot, say). A time that is still to come says nothing. */
static bool
is_from_before_resync(const StatesysReport *report, const StateReportMessage *message)
{
        const ReportSender *sender = &report->sender;
        gint64 time = stored_time(message), now = report->chunk->work->now_us;

        return message->serial < sender->resync_serial &&
               (time <= sender->resync_us || time > now || sender->resync_us > now);
}

/* A whole number; true and 0 for a parameter that is not there. */
static bool
read_number(const StateReportMessage *message, guint place, gint64 *number_out)
{
        const char *text = place < message->param_count ? message->params[place] : "";

        *number_out = 0;
        return text[0] == '\0' ||
               g_ascii_string_to_signed(text, 10, -G_MAXINT64, G_MAXINT64, number_out, NULL);
}

/* ---- any topic ------------------------------------------------------------------------------- */

static char *
join_parameters(const StateReportMessage *message)
{
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < message->param_count; i++)
                g_string_append_printf(text, "%s%s", i > 0 ? "\n" : "", message->params[i]);
        return g_string_free(text, FALSE);
}

static bool
store(StatesysReport *report, const StateReportMessage *message, const char *topic_id,
      bool *stored_out, GError **error)
{
        StatesysWork *work = report->chunk->work;
        g_autofree char *parameters = join_parameters(message);
        TopicState state = { .machine_id = report->machine.id,
                             .topic_type = message->topic_type,
                             .topic_id = (char *)topic_id,
                             .state = message->state_id,
                             .time_us = stored_time(message),
                             .serial = message->serial,
                             .parameters = parameters,
                             .details = (char *)message->details };

        if (!topicstate_newer(work->db, &state, work->now_us, stored_out, error))
                return false;
        return !*stored_out || (statesys_report_cause(report, &state.cause_id, error) &&
                                topicstate_put(work->tx, &state, error));
}

static bool
on_other(StatesysReport *report, const StateReportMessage *message, GError **error)
{
        bool stored;

        return store(report, message, message->topic_id, &stored, error);
}

/* ---- 500: an update -------------------------------------------------------------------------- */

static bool
take_detection(StatesysReport *report, const StateReportMessage *message,
               const ComplianceUpdate *update, gint64 revision, GError **error)
{
        StatesysWork *work = report->chunk->work;
        ComplianceState state = { .machine_id = report->machine.id,
                                  .ci_id = update->ci_id,
                                  .status = message->state_id,
                                  .revision = revision,
                                  .time_us = stored_time(message),
                                  .serial = message->serial };
        ComplianceStored stored;

        if (!compliance_compare(work->db, &state, work->now_us, &stored, error))
                return false;
        if (!stored.newer)
                return true;
        return statesys_report_cause(report, &state.cause_id, error) &&
               statesys_machine_store(work, &report->machine, update, &state, &stored,
                                      report->chunk->packages, error);
}

static bool
on_detection(StatesysReport *report, const StateReportMessage *message, GError **error)
{
        StatesysChunk *chunk = report->chunk;
        const ComplianceUpdate *update = NULL;
        char guid[STATESYS_GUID_SIZE];
        gint64 revision;
        bool stored;

        if (message->state_id < 0 || message->state_id > 3)
                return statesys_report_invalid(report, "an update has no such state");
        if (!statesys_updates_spell(message->topic_id, guid))
                return statesys_report_invalid(report, "the ID of the update is no GUID");
        if (!read_number(message, 0, &revision))
                return statesys_report_invalid(report, "the revision is no number");
        if (!statesys_packages_read(message->state_id == 2 ? message->details : "", chunk->text,
                                    chunk->packages))
                return statesys_report_invalid(report, "a package line is not of four words");
        if (is_from_before_resync(report, message))
                return true;
        if (!statesys_updates_find(chunk->ss->updates, chunk->work->db, guid, &update, error))
                return false;
        if (update == NULL) /* the engine had it before this database */
                return store(report, message, guid, &stored, error);
        return take_detection(report, message, update, revision, error);
}

/* ---- 501: a scan ----------------------------------------------------------------------------- */

static bool
is_source(const UpdateSource *source, const char *topic_id)
{
        gsize length = strlen(topic_id);

        if (source == NULL)
                return false;
        return g_ascii_strcasecmp(source->unique_id, topic_id) == 0 ||
               (length + 2 == strlen(source->unique_id) &&
                g_ascii_strncasecmp(source->unique_id + 1, topic_id, length) == 0);
}

/* What a completed scan says of itself. One without details counts with the version and the time
 * of its message. */
static void
complete(ScanStatus *scan, const ScanSummary *summary, const UpdateSource *source)
{
        scan->scan_us = summary != NULL ? summary->scan_us : scan->state_us;
        /* A version of another catalogue, as after a restore of this database, is not believed. */
        scan->completed_version = CLAMP(scan->package_version, 0, source->version);
        scan->version = scan->completed_version;
        scan->missing = summary != NULL ? summary->missing : 0;
        scan->installed = summary != NULL ? summary->installed : 0;
        scan->not_applicable = summary != NULL ? summary->not_applicable : 0;
        g_free(scan->location);
        scan->location = g_strdup(summary != NULL ? summary->location : "");
        g_free(scan->digest);
        scan->digest = g_strdup(summary != NULL ? summary->digest : "");
}

static bool
is_newer_scan(const ScanStatus *said, const ScanStatus *stored, gint64 now_us)
{
        if (said->state_us > now_us || stored->state_us > now_us)
                return said->serial > stored->serial;
        return said->state_us > stored->state_us ||
               (said->state_us == stored->state_us && said->serial > stored->serial);
}

static bool
take_scan(StatesysReport *report, const StateReportMessage *message, const ScanStatus *said,
          const ScanSummary *summary, GError **error)
{
        StatesysWork *work = report->chunk->work;
        const UpdateSource *source = report->chunk->source;
        g_autoptr(ScanStatus) scan =
                scanstatus_load(work->db, report->machine.id, source->id, error);

        if (scan == NULL)
                return false;
        if (!is_newer_scan(said, scan, work->now_us))
                return true;
        gint64 before = scan->version;
        scan->state = said->state;
        scan->state_us = said->state_us;
        scan->serial = said->serial;
        scan->error_code = said->error_code;
        scan->package_version = said->package_version;
        if (said->state == SCANSTATUS_COMPLETED) {
                const StatesysCompare compare = { report->machine.id, source->id };

                complete(scan, summary, source);
                g_array_append_val(work->compares, compare);
        }
        return statesys_report_cause(report, &scan->cause_id, error) &&
               scanstatus_put(work->tx, report->machine.id, source->id, scan, error) &&
               statesys_machine_scanned(work, &report->machine, source->id, before, scan->version,
                                        error);
}

static bool
on_scan(StatesysReport *report, const StateReportMessage *message, GError **error)
{
        ScanStatus said = { .state = message->state_id,
                            .state_us = stored_time(message),
                            .serial = message->serial };
        bool completed = message->state_id == SCANSTATUS_COMPLETED;
        g_autoptr(ScanSummary) summary = NULL;
        g_autoptr(GError) why = NULL;

        if (message->state_id < 0 || message->state_id > 6)
                return statesys_report_invalid(report, "a scan has no such state");
        if (!is_source(report->chunk->source, message->topic_id))
                return on_other(report, message, error);
        if (!read_number(message, 0, &said.error_code) ||
            !read_number(message, 1, &said.package_version))
                return statesys_report_invalid(report, "error code or version is no number");
        if (completed && message->details[0] != '\0') {
                summary = scansummary_read(message->details, strlen(message->details), &why);
                if (summary == NULL)
                        return statesys_report_invalid(report, why->message);
                said.package_version = summary->content_version;
        }
        return is_from_before_resync(report, message) ||
               take_scan(report, message, &said, summary, error);
}

/* ---- 700: everything again ------------------------------------------------------------------- */

/* The machine sends all its states anew: what it does not name again, it does not have. Until its
 * next completed scan is in, all is unknown. */
static bool
on_resync(StatesysReport *report, const StateReportMessage *message, GError **error)
{
        bool newer = false;
        gint64 removed = 0;

        if (is_from_before_resync(report, message))
                return true;
        if (!store(report, message, message->topic_id, &newer, error))
                return false;
        if (!newer)
                return true;
        report->sender.resync_serial = message->serial;
        report->sender.resync_us = stored_time(message);
        uk_verbose("Client %s sends all its states anew.", report->sender.name);
        return statesys_machine_forget(report->chunk->work, &report->machine, &removed, error);
}

/* ---- the table ------------------------------------------------------------------------------- */

typedef bool (*TopicFn)(StatesysReport *report, const StateReportMessage *message, GError **error);

static const struct {
        int type;
        TopicFn take;
} topics[] = {
        { TOPIC_DETECTION, on_detection },
        { TOPIC_SCAN, on_scan },
        { TOPIC_RESYNC, on_resync },
};

bool
statesys_topics_take(StatesysReport *report, const StateReportMessage *message, GError **error)
{
        bool of_dp = message->topic_type == TOPIC_PULL_DP;

        if (of_dp != (report->dp != NULL))
                return statesys_report_invalid(
                        report, of_dp ? "a client cannot speak for a distribution point"
                                      : "a distribution point sends topic 902 only");
        if (of_dp)
                return statesys_pulldp_take(report, message, error);
        for (guint i = 0; i < G_N_ELEMENTS(topics); i++) {
                if (topics[i].type == message->topic_type)
                        return topics[i].take(report, message, error);
        }
        return on_other(report, message, error);
}

/* ---- states that waited ---------------------------------------------------------------------- */

/* A waiting state as if its report came now. Its machine counts if it is approved still. */
static bool
adopt(StatesysChunk *chunk, const TopicState *waiting, GError **error)
{
        const ComplianceUpdate *update = NULL;
        g_auto(GStrv) params = g_strsplit(waiting->parameters, "\n", 2);
        ComplianceState state = { .machine_id = waiting->machine_id,
                                  .status = (int)waiting->state,
                                  .time_us = waiting->time_us,
                                  .serial = waiting->serial,
                                  .cause_id = waiting->cause_id };
        StatesysMachine machine = { .id = waiting->machine_id };
        ComplianceStored stored;

        if (!statesys_updates_find(chunk->ss->updates, chunk->work->db, waiting->topic_id, &update,
                                   error) ||
            !topicstate_remove(chunk->work->tx, waiting, error))
                return false;
        if (update == NULL || !statesys_packages_read(state.status == 2 ? waiting->details : "",
                                                      chunk->text, chunk->packages))
                return true;
        state.ci_id = update->ci_id;
        if (params[0] != NULL)
                state.revision = g_ascii_strtoll(params[0], NULL, 10);
        if (!report_machine_counts(chunk->work->db, machine.id, &machine.counts, error) ||
            !compliance_compare(chunk->work->db, &state, chunk->work->now_us, &stored, error))
                return false;
        summary_cause(chunk->work->summary, waiting->cause_id, "");
        return !stored.newer || statesys_machine_store(chunk->work, &machine, update, &state,
                                                       &stored, chunk->packages, error);
}

bool
statesys_topics_adopt(StatesysChunk *chunk, bool *all_out, GError **error)
{
        g_autoptr(GPtrArray) known = topicstate_known(chunk->work->db, ADOPT_MAX, error);

        for (guint i = 0; known != NULL && i < known->len; i++) {
                if (!adopt(chunk, known->pdata[i], error))
                        return false;
        }
        if (known != NULL && known->len > 0)
                uk_log("%u states of updates that were not known here until now have been taken.",
                       known->len);
        *all_out = known != NULL && known->len < ADOPT_MAX;
        return known != NULL;
}
