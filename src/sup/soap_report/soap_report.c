/* soap_report.c - takes the events that update agents report.
 *
 *   POST /ReportingWebService/ReportingWebService.asmx (and its other name, WebService.asmx)
 *        ReportEventBatch: rows of clients.db, durable before the answer
 *        GetRequiredInventoryType, ReportInventory: no inventory is wanted
 *
 * The cookie of a batch is not asked for its age: a machine that slept may still report.
 */
#include "sup/soap_report/soap_report.h"

#include <string.h>

#include "base/guid.h"
#include "base/log.h"
#include "host/host.h"
#include "sup/soap_client/soap_client_call.h"
#include "sup/soap_client/soap_client_cookie.h"
#include "sup/soap_report/clientstore.h"

#define MAX_BODY (4 * 1024 * 1024)

typedef struct {
        ClientStore *store;
        CookieKey *key;
} Report;

/* Ids become keys and are told apart by their bytes: one that is no GUID is refused. */
static bool
check_event(const WsusEvent *event, GError **error)
{
        if (!uk_guid_valid(event->instance_id))
                return uk_fail(error, UK_ERROR_INVALID, "EventInstanceID");
        if (!uk_guid_valid(event->sid))
                return uk_fail(error, UK_ERROR_INVALID, "TargetID");
        return true;
}

/* Who reports for another machine is worth a line: the events are stored all the same. */
static void
compare_identity(const ClientCookie *cookie, const WsusEventBatch *batch)
{
        const WsusEvent *first = g_ptr_array_index(batch->events, 0);

        if (g_ascii_strcasecmp(first->sid, cookie->client_id) != 0)
                uk_log_engine("Warning", "w3wp", "WebService.ReportEventBatch",
                              "Events of %s came with the cookie of %s", first->sid,
                              cookie->client_id);
}

static bool
report_event_batch(SoapCall *call, GError **error)
{
        Report *state = call->c->state;
        g_autoptr(WsusEventBatch) batch = wsusclient_events_read(call->element, error);
        ClientCookie cookie;
        guint added;

        if (batch == NULL)
                return false;
        if (!soap_client_cookie_read(state->key, batch->cookie.data, COOKIE_CLIENT, &cookie))
                return soap_client_fault(call, error, "InvalidCookie",
                                         "the cookie is none of this update point");
        for (guint i = 0; i < batch->events->len; i++) {
                if (!check_event(g_ptr_array_index(batch->events, i), error))
                        return false;
        }
        if (batch->events->len > 0)
                compare_identity(&cookie, batch);
        if (!clientstore_add_events(state->store, batch, &added, error))
                return false;
        uk_log_engine("Info", "w3wp", "WebService.ReportEventBatch",
                      "%s reported %u events, %u of them new", cookie.client_id, batch->events->len,
                      added);
        call->reply = wsusclient_events_answer_write(true);
        return true;
}

/* An answer whose result is one word. */
static char *
result(const char *method, const char *text)
{
        g_autofree char *response = g_strconcat(method, "Response", NULL);
        g_autofree char *element = g_strconcat(method, "Result", NULL);
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        soap_open(&w, SOAP_ASMX, response, WSUSCLIENT_NS_REPORTING);
        xml_element(&w, element, text);
        soap_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

static bool
get_required_inventory_type(SoapCall *call, GError **error)
{
        call->reply = result("GetRequiredInventoryType", "0");
        return true;
}

static bool
report_inventory(SoapCall *call, GError **error)
{
        call->reply = result("ReportInventory", "true");
        return true;
}

static bool
on_call(Component *c, HttpRequest *request, GError **error)
{
        static const SoapOperation operations[] = {
                { WSUSCLIENT_NS_REPORTING, "ReportEventBatch", report_event_batch },
                { WSUSCLIENT_NS_REPORTING, "GetRequiredInventoryType",
                  get_required_inventory_type },
                { WSUSCLIENT_NS_REPORTING, "ReportInventory", report_inventory },
                { NULL },
        };

        soap_client_serve(c, request, SOAP_ASMX, MAX_BODY, operations);
        return true;
}

static void
stop(Component *c)
{
        Report *state = c->state;

        clientstore_close(state->store);
        soap_client_key_free(state->key);
        g_free(state);
}

static bool
start(Component *c, GError **error)
{
        g_autofree char *path = g_build_filename(host_state_dir(c->host), "clients.db", NULL);
        g_autofree char *key = g_build_filename(host_state_dir(c->host), "cookie.key", NULL);
        Settings *settings = host_settings(c->host);
        const ClientStoreBounds bounds = { settings_int(settings, "sup.max_machines"),
                                           settings_int(settings, "report.max_events") };
        Report *state = g_new0(Report, 1);

        c->state = state;
        state->store = clientstore_open(path, bounds, error);
        state->key = state->store != NULL ? soap_client_key_load(key, error) : NULL;
        if (state->key != NULL)
                return true;
        stop(c);
        c->state = NULL;
        return false;
}

const ComponentDef sup_soap_report = {
        .name = "ReportingWebService",
        .log = "SoftwareDistribution.log",
        .log_form = UK_LOG_ENGINE,
        .what = "Takes the events that clients report.",
        .routes = { { "POST", "/ReportingWebService/ReportingWebService.asmx", CALLER_ANYONE,
                      MAX_BODY, on_call },
                    { "POST", "/ReportingWebService/WebService.asmx", CALLER_ANYONE, MAX_BODY,
                      on_call } },
        .start = start,
        .stop = stop,
};
