/* locationservices.c - Location Services: keeps each request, sends it, again every 15 minutes
 * while there is no server, and calls back.
 *
 * In: rows of requests, replies to the endpoint LS_ReplyLocations. Out: messages to
 * MP_LocationManager, letters to ScanAgent. Chooses nothing.
 */
#include "client/locationservices/locationservices.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/log.h"
#include "client/ccmmessaging/ccmmessaging.h"
#include "client/clientid/clientid.h"
#include "client/locationservices/addresses.h"
#include "client/locationservices.sql.h"
#include "host/host.h"
#include "host/timer.h"

#define REPLY "LS_ReplyLocations"

typedef struct {
        char *id, *content_id, *state, *cause, *trace;
        gint64 content_version, next_us, expire_us;
} LocationRow;

static const DbField row_fields[] = {
        DB_FIELD(TEXT, LocationRow, id, "ID"),
        DB_FIELD(TEXT, LocationRow, content_id, "ContentID"),
        DB_FIELD(INT, LocationRow, content_version, "ContentVersion"),
        DB_FIELD(TEXT, LocationRow, state, "State"),
        DB_FIELD(TIME, LocationRow, next_us, "NextTime"),
        DB_FIELD(TIME, LocationRow, expire_us, "ExpireTime"),
        DB_FIELD(TEXT, LocationRow, cause, "Cause"),
        DB_FIELD(TEXT, LocationRow, trace, "Trace"),
        DB_FIELD_END,
};

static void
row_clear(LocationRow *row)
{
        g_free(row->id);
        g_free(row->content_id);
        g_free(row->state);
        g_free(row->cause);
        g_free(row->trace);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LocationRow, row_clear)

bool
locationservices_request(Work *work, const char *content_id, gint64 content_version, char **id_out,
                         GError **error) /* COMP-026, COMP-028, COMP-029 */
{
        g_autofree char *id = uk_guid_new_braced();
        gint64 now = uk_clock_now();
        gint64 hours = settings_int(host_settings(work->c->host), "locationservices.give_up_hours");

        if (!db_run(work->tx, &sql_locationservices_add,
                    DB_ARGS(DB_TEXT("id", id), DB_TEXT("content_id", content_id),
                            DB_INT("content_version", content_version), DB_TIME("now", now),
                            DB_TIME("expire", now + hours * UK_HOUR), DB_TEXT("cause", work->cause),
                            DB_TEXT("trace", uk_trace_get())),
                    error))
                return false;
        work_ring(work, WORK_BOX_LOCATION);
        *id_out = g_steal_pointer(&id);
        return true;
}

bool
locationservices_forget(Work *work, const char *id, GError **error)
{
        return db_run(work->tx, &sql_locationservices_remove, DB_ARGS(DB_TEXT("id", id)), error);
}

static WsusLocationRequest *
make_document(Component *c, const LocationRow *row, GError **error) /* COMP-030 */
{
        Settings *settings = host_settings(c->host);
        g_autoptr(WsusLocationRequest) request = g_new0(WsusLocationRequest, 1);

        if (!addresses_list(&request->addresses, &request->subnets, error))
                return NULL;
        request->content_id = g_strdup(row->content_id);
        request->content_version = g_strdup_printf("%" G_GINT64_FORMAT, row->content_version);
        request->assigned_site = clientid_site(c->host);
        request->on_internet = settings_bool(settings, "client.on_internet");
        request->ad_site = settings_text(settings, "client.ad_site");
        request->forest = settings_text(settings, "client.forest");
        request->domain = settings_text(settings, "client.domain");
        return g_steal_pointer(&request);
}

static gint64
retry_pause(Component *c)
{
        return settings_int(host_settings(c->host), "locationservices.retry_minutes") * UK_MINUTE;
}

static bool
send_request(Work *work, const LocationRow *row, const char *document, GError **error)
{
        gint64 next = uk_clock_now() + retry_pause(work->c);
        CcmMessage message = {
                .queue = "mp:[http]mp_locationmanager",
                .endpoint = "MP_LocationManager",
                .reply_to = REPLY,
                .box = WORK_BOX_LOCATION,
                .key = row->id,
                .body = document,
                .size = strlen(document),
                .expire_us = next,
        };

        return ccmmessaging_queue(work, &message, NULL, error) &&
               db_run(work->tx, &sql_locationservices_set_sent,
                      DB_ARGS(DB_TEXT("id", row->id), DB_TIME("next", next)), error);
}

static bool
serve_request(Component *c, const LocationRow *row, GError **error) /* COMP-028 */
{
        UK_DOING(error, "asking for locations of %s", row->content_id);
        bool first = strcmp(row->state, "new") == 0;

        if (first) {
                uk_log("CCCMWSUSLocation::GetLocationsAsyncEx");
                uk_log("Attempting to persist WSUS location request for ContentID='%s' and "
                       "ContentVersion='%" G_GINT64_FORMAT "'",
                       row->content_id, row->content_version);
                uk_log("Persisted WSUS location request");
        }
        uk_log("Attempting to send WSUS Location Request for ContentID='%s'", row->content_id);
        g_autoptr(WsusLocationRequest) request = make_document(c, row, error);
        g_autofree char *document = request != NULL ? locationdoc_request_write(request) : NULL;
        g_autoptr(Work) work = document != NULL ? work_begin(c, row->cause, error) : NULL;

        if (work == NULL || !send_request(work, row, document, error) ||
            !work_commit(g_steal_pointer(&work), error))
                return false;
        uk_log("WSUSLocationRequest : %s", document);
        uk_log("Created and Sent Location Request '%s' for package %s", row->id, row->content_id);
        return true;
}

/* OQ-C09: after a day the scan job fails and waits for its next schedule. */
static bool
give_up(Component *c, const LocationRow *row, GError **error)
{
        static const char why[] = "no update server was found in time";
        g_autoptr(Work) work = work_begin(c, row->cause, error);

        uk_error("Giving up the location request '%s' for package %s", row->id, row->content_id);
        return work != NULL &&
               work_tell(work, WORK_BOX_SCAN, LOCATION_FAILED, row->id, why, strlen(why), error) &&
               locationservices_forget(work, row->id, error) &&
               work_commit(g_steal_pointer(&work), error);
}

/* The clock was set back: what waits for a time that is far ahead now is asked at once. */
static bool
ask_at_once(Component *c, gint64 now, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL &&
               db_run(tx, &sql_locationservices_all_due, DB_ARGS(DB_TIME("now", now)), error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
plan(Component *c, GError **error)
{
        g_autofree char *text = NULL;
        gint64 next = UK_NEVER, due;
        bool found = false;

        if (!db_text(c->db, &sql_locationservices_next_time, DB_NO_ARGS, &text, &found, error) ||
            (found && !uk_clock_parse(text, &next, error)))
                return false;
        due = uk_clock_due(next, retry_pause(c), uk_clock_now());
        if (due != next && !ask_at_once(c, due, error))
                return false;
        timer_set(c, "retry", due);
        return true;
}

static bool
serve_due(Component *c, GError **error)
{
        bool found = true;

        while (found) {
                gint64 now = uk_clock_now();
                g_auto(LocationRow) row = { 0 };

                if (!db_one(c->db, &sql_locationservices_due, DB_ARGS(DB_TIME("now", now)),
                            row_fields, &row, &found, error))
                        return false;
                if (!found)
                        break;
                uk_trace_set(row.trace);
                bool done = row.expire_us <= now ? give_up(c, &row, error)
                                                 : serve_request(c, &row, error);
                uk_trace_set("");
                if (!done)
                        return false;
        }
        return plan(c, error);
}

static void
log_locations(const WsusLocationReply *reply, const char *document, const char *id)
{
        uk_log("WSUSLocationReply : %s", document);
        uk_log("Calling back with the following WSUS locations");
        for (guint i = 0; i < reply->locations->len; i++) {
                const WsusLocation *location = g_ptr_array_index(reply->locations, i);

                uk_log("WSUS Path='%s', Server='%s', Version='%s'", location->url, location->server,
                       location->version);
        }
        uk_log("Calling back with locations for WSUS request %s", id);
}

static bool
no_locations(Work *work, const LocationRow *row, const WsusLocationReply *reply, GError **error)
{
        bool told = reply->reason != NULL && reply->reason[0] != '\0';

        uk_warn("No update server for %s version %" G_GINT64_FORMAT ": %s", row->content_id,
                row->content_version, told ? reply->reason : "the management point knows none");
        return db_run(work->tx, &sql_locationservices_set_empty,
                      DB_ARGS(DB_TEXT("id", row->id), DB_TEXT("reason", reply->reason)), error);
}

static bool
on_reply(Work *work, const WorkLetter *letter, GError **error) /* COMP-037 */
{
        UK_DOING(error, "reading the locations for request %s", letter->key);
        gsize size;
        const char *data = g_bytes_get_data(letter->body, &size);
        g_auto(LocationRow) row = { 0 };
        bool found = false;

        uk_log("Processing Location reply message");
        if (!db_one(work_db(work), &sql_locationservices_load, DB_ARGS(DB_TEXT("id", letter->key)),
                    row_fields, &row, &found, error))
                return false;
        if (!found)
                return true; /* answered before, or nobody waits any more */
        g_autoptr(WsusLocationReply) reply = locationdoc_reply_read(data, size, error);
        if (reply == NULL)
                return false;
        if (reply->locations->len == 0)
                return no_locations(work, &row, reply, error);
        g_autofree char *document = g_strndup(data, size);
        log_locations(reply, document, row.id);
        work->cause = letter->cause;
        return work_tell(work, WORK_BOX_SCAN, LOCATION_FOUND, row.id, data, size, error) &&
               locationservices_forget(work, row.id, error);
}

/* The request itself goes out again at its time. */
static bool
on_undelivered(Work *work, const WorkLetter *letter, GError **error)
{
        return true;
}

static const WorkHandler handlers[] = {
        { REPLY, on_reply },
        { CCM_UNDELIVERED, on_undelivered },
        { NULL, NULL },
};

static bool
on_due(Component *c, GError **error)
{
        return work_serve(c, WORK_BOX_LOCATION, handlers, error) && serve_due(c, error);
}

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return on_due(c, error);
}

const ComponentDef locationservices = {
        .name = "LocationServices",
        .log = "LocationServices.log",
        .log_form = UK_LOG_CLIENT,
        .what = "finds the update servers that have the content version of the policy",
        .boxes = {
                { .lane = "main", .box = "@location", .kind = WORK_RING, .on_file = on_ring },
        },
        .timers = {
                { "main", "start", on_due, true },
                { "main", "retry", on_due, false },
        },
};
