/* provider.c - SMS Provider: the AdminService over the provider's classes.
 *
 *   GET    /AdminService/wmi/Class[?$filter=…]         a list
 *   GET    /AdminService/wmi/Class('key')              one instance
 *   POST   /AdminService/wmi/Class.Method              a static method
 *   POST   /AdminService/wmi/Class('key')/AdminService.Method
 *   POST   /AdminService/wmi/Class                     creates an instance
 *   POST   /AdminService/wmi/Class('key')              changes an instance
 *   DELETE /AdminService/wmi/Class('key')
 *
 * Every change is audited: a line in SMSProv.log and a row. What the classes are is in
 * wmi_classes.c. (Spec: admin interface, 1.)
 */
#include "provider/provider.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"
#include "provider/caller.h"
#include "provider/follow.h"
#include "provider/metadata.h"
#include "provider/wmi.h"

#define PREFIX   "/AdminService/wmi/"
#define MAX_BODY (1024 * 1024)

static void
answer_json(HttpRequest *request, unsigned status, GString *json_take)
{
        gsize size = json_take->len;

        http_answer_take(request, status, "application/json", g_string_free(json_take, FALSE),
                         size);
}

static const WmiClass *
class_of(const ODataPath *path, GError **error)
{
        const WmiClass *class = wmi_find(path->class_name);

        if (class == NULL)
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "there is no class %s; GET /AdminService/wmi/$metadata lists them",
                        path->class_name);
        return class;
}

static ODataQuery *
query_of(HttpRequest *request, GError **error)
{
        return odata_query_parse(
                http_request_query(request, "$filter"), http_request_query(request, "$select"),
                http_request_query(request, "$orderby"), http_request_query(request, "$top"),
                http_request_query(request, "$skip"), http_request_query(request, "$count"), error);
}

static char *
self_of(HttpRequest *request)
{
        const char *query = http_request_raw_query(request);

        return g_strconcat(http_request_raw_path(request), query != NULL ? "?" : "", query, NULL);
}

static bool
on_get(Component *c, HttpRequest *request, GError **error)
{
        const char *rest = http_request_path(request) + strlen(PREFIX);

        if (g_str_equal(rest, "$metadata")) {
                g_autofree char *xml = metadata_write();

                http_answer(request, 200, "application/xml", xml, strlen(xml));
                return true;
        }
        g_autoptr(ODataPath) path = odata_path_parse(rest, error);
        const WmiClass *class = path != NULL ? class_of(path, error) : NULL;
        g_autoptr(ODataQuery) query = class != NULL ? query_of(request, error) : NULL;
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *self = self_of(request);

        if (query == NULL)
                return false;
        if (path->method != NULL)
                return uk_fail(error, UK_ERROR_INVALID, "methods are called by POST");
        if (follow_wants(request) && path->key == NULL)
                return follow_add(c, class, g_steal_pointer(&query), request, error);
        if (path->key != NULL ? !wmi_instance(c, class, path->key, query, out, error)
                              : !wmi_list(c, class, query, self, out, error))
                return false;
        answer_json(request, 200, g_steal_pointer(&out));
        return true;
}

static const WmiMethod *
method_of(const WmiClass *class, const ODataPath *path, GError **error)
{
        for (const WmiMethod *method = class->methods; method->name != NULL; method++) {
                if (!g_str_equal(method->name, path->method))
                        continue;
                if (method->is_static == (path->key == NULL))
                        return method;
                uk_fail(error, UK_ERROR_INVALID, "%s.%s is a method of %s", class->name,
                        method->name, method->is_static ? "the class" : "an instance");
                return NULL;
        }
        uk_fail(error, UK_ERROR_NOT_FOUND, "%s has no method %s", class->name, path->method);
        return NULL;
}

/* The instance as the log names it: SMS_Package.PackageID="PS100039", or the class alone. */
static char *
instance_name(const WmiClass *class, const char *key)
{
        if (key == NULL)
                return g_strdup(class->name);
        char quote = class->quote != '\0' ? class->quote : '"';

        return class->key_is_text
                       ? g_strdup_printf("%s.%s=%c%s%c", class->name, class->key, quote, key, quote)
                       : g_strdup_printf("%s.%s=%s", class->name, class->key, key);
}

/* Does what is asked and puts the answer into call->answer. */
static bool
perform(WmiCall *call, const WmiClass *class, const ODataPath *path, bool remove, GError **error)
{
        g_autofree char *name = instance_name(class, path->key);

        if (path->method != NULL) {
                const WmiMethod *method = method_of(class, path, error);

                if (method == NULL)
                        return false;
                uk_log("ExecMethodAsync : %s::%s%s", name, method->name,
                       method->tail != NULL ? method->tail : "");
                if (method->tail != NULL)
                        uk_log("CExtProviderClassObject::DoExecuteMethod %s~", method->name);
                return method->fn(call, error);
        }
        WmiMethodFn change = path->key == NULL ? class->create
                             : remove          ? class->remove
                                               : class->put;

        if (change == NULL || (remove && path->key == NULL))
                return uk_fail(error, UK_ERROR_UNSUPPORTED, "%s cannot be %s", name,
                               remove              ? "deleted"
                               : path->key == NULL ? "created"
                                                   : "changed");
        uk_log("CExtProviderClassObject::%s~",
               remove ? "DoDeleteInstance" : "DoPutInstanceInstance");
        return change(call, error);
}

static bool
change(Component *c, HttpRequest *request, bool remove, GError **error)
{
        gsize size;
        const char *data = http_request_body(request, &size);
        g_autoptr(JsonDoc) doc = size > 0 ? json_read(data, size, MAX_BODY, error) : NULL;
        g_autoptr(ODataPath) path =
                size == 0 || doc != NULL
                        ? odata_path_parse(http_request_path(request) + strlen(PREFIX), error)
                        : NULL;
        const WmiClass *class = path != NULL ? class_of(path, error) : NULL;

        if (class == NULL)
                return false;
        g_autofree char *user =
                g_strdup_printf("%s\\%.64s", host_machine(c->host), caller_name(request));
        g_autofree char *made = http_request_trace(request) == NULL ? uk_trace_new() : NULL;
        g_autoptr(GString) answer = g_string_new(NULL);
        WmiCall call = { .c = c,
                         .request = request,
                         .user = user,
                         .trace = made != NULL ? made : http_request_trace(request),
                         .key = path->key,
                         .body = doc != NULL ? json_root(doc) : NULL,
                         .answer = answer };
        const char *application = http_request_header(request, "X-Upkeep-Application");

        uk_log("Context: SMSAppName=%.64s~",
               application != NULL ? application : "Configuration Manager Administrator console");
        uk_trace_set(call.trace);
        bool done = perform(&call, class, path, remove, error);

        uk_trace_set("");
        if (!done)
                return false;
        if (answer->len == 0)
                g_string_append(answer, "{\"ReturnValue\":0}");
        answer_json(request, 200, g_steal_pointer(&answer));
        return true;
}

static bool
on_post(Component *c, HttpRequest *request, GError **error)
{
        return change(c, request, false, error);
}

static bool
on_delete(Component *c, HttpRequest *request, GError **error)
{
        return change(c, request, true, error);
}

static bool
start(Component *c, GError **error)
{
        c->state = follow_new();
        return true;
}

static void
stop(Component *c)
{
        follow_free(c->state);
}

const ComponentDef provider = {
        .name = "SMS Provider",
        .log = "SMSProv.log",
        .log_form = UK_LOG_SERVER,
        .what = "The administrator's interface to the site, audited.",
        .routes = { { "GET", PREFIX "*", CALLER_ADMIN, 0, on_get },
                    { "POST", PREFIX "*", CALLER_ADMIN, MAX_BODY, on_post },
                    { "DELETE", PREFIX "*", CALLER_ADMIN, 0, on_delete } },
        .timers = { { "follow", "follow", follow_on_time, false } },
        .on_commit = follow_on_commit,
        .start = start,
        .stop = stop,
};
