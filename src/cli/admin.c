/* admin.c - a client of the provider's AdminService, the administrator's interface over HTTP.
 *
 * Comes in: classes, keys, queries, methods. Goes out: rows as JSON values, or an error whose
 * sentence is the provider's, or, where nobody answered, names the command that helps.
 */
#include "cli/admin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lab/lab.h"
#include "net/http_client.h"

#define MAX_ANSWER (256 * 1024 * 1024)
/* More pages than any site has rows: an end to a provider that sends us in a circle. */
#define MAX_PAGES 100000
/* The provider answers when something has changed, at the latest after so many seconds. */
#define FOLLOW_HEADER "Prefer: wait=5"

struct Admin {
        char *base; /* http://127.0.0.1:8085/AdminService/wmi/ */
        HttpClient *http;
        unsigned stall_seconds; /* 0: as long as is usual */
};

void
admin_rows_free(AdminRows *rows)
{
        if (rows == NULL)
                return;
        g_ptr_array_unref(rows->rows);
        g_ptr_array_unref(rows->docs);
        g_free(rows);
}

static AdminRows *
rows_new(void)
{
        AdminRows *rows = g_new0(AdminRows, 1);

        rows->docs = g_ptr_array_new_with_free_func((GDestroyNotify)json_doc_free);
        rows->rows = g_ptr_array_new();
        return rows;
}

/* Who may not read which port the provider has is none of those whom it serves. */
static bool
may_look(const char *root, GError **error)
{
        g_autofree char *ready = g_strconcat(root, "/run/upkeep/provider.ready", NULL);

        return access(ready, R_OK) == 0 || errno != EACCES ||
               uk_fail(error, UK_ERROR_DENIED,
                       "%s may not administer the site below %s (%s cannot be read): run it as "
                       "root (sudo), or as a member of the group upkeep (as root: usermod -aG "
                       "upkeep %s)",
                       g_get_user_name(), *root != '\0' ? root : "/", ready, g_get_user_name());
}

Admin *
admin_open(const char *root, const char *url, GError **error)
{
        g_autofree char *found = NULL;

        if (url == NULL && !may_look(root, error))
                return NULL;
        if (url == NULL) {
                guint16 port = lab_ready_port(root, "provider", NULL, error);

                if (port == 0) {
                        g_prefix_error(error,
                                       "no provider runs below %s: ", *root != '\0' ? root : "/");
                        return NULL;
                }
                url = found = g_strdup_printf("http://127.0.0.1:%u", port);
        }
        Admin *admin = g_new0(Admin, 1);

        admin->base = g_strdup_printf("%s%sAdminService/wmi/", url,
                                      g_str_has_suffix(url, "/") ? "" : "/");
        admin->http = http_client_new();
        return admin;
}

void
admin_close(Admin *admin)
{
        if (admin == NULL)
                return;
        http_client_free(admin->http);
        g_free(admin->base);
        g_free(admin);
}

void
admin_patience(Admin *admin, unsigned seconds)
{
        admin->stall_seconds = seconds;
}

char *
admin_quote(const char *text)
{
        g_auto(GStrv) parts = g_strsplit(text, "'", -1);
        g_autofree char *joined = g_strjoinv("''", parts);

        return g_strdup_printf("'%s'", joined);
}

static UkErrorCode
code_of_status(long status)
{
        switch (status) {
        case 400:
                return UK_ERROR_INVALID;
        case 401:
        case 403:
                return UK_ERROR_DENIED;
        case 404:
                return UK_ERROR_NOT_FOUND;
        case 409:
                return UK_ERROR_EXISTS;
        case 413:
                return UK_ERROR_LIMIT;
        case 429:
        case 503:
                return UK_ERROR_BUSY;
        default:
                return UK_ERROR_REMOTE;
        }
}

/* {"error":{"code":"…","message":"…"}} as an error of ours. */
static bool
fail_as_told(const HttpResponse *response, GError **error)
{
        g_autoptr(JsonDoc) doc = json_read(response->body, response->size, MAX_ANSWER, NULL);
        const JsonValue *told = doc != NULL ? json_get(json_root(doc), "error") : NULL;
        const char *message = json_get_text(told, "message", NULL);

        if (message == NULL)
                return uk_fail(error, code_of_status(response->status),
                               "the provider answered %ld without a reason", response->status);
        return uk_fail(error, code_of_status(response->status), "%s", message);
}

/* One request; NULL with the provider's error. method NULL: GET, or POST with a body. etag (NULL:
 * none) asks for an answer when the content is another, and gets that of the answer. */
static JsonDoc *
ask_by(Admin *admin, const char *method, const char *url, const char *body, char **etag,
       GError **error)
{
        g_autofree char *seen =
                etag != NULL && *etag != NULL ? g_strconcat("If-None-Match: ", *etag, NULL) : NULL;
        const char *headers[] = { "Content-Type: application/json", "Accept: application/json",
                                  etag != NULL ? FOLLOW_HEADER : NULL, seen, NULL };
        HttpCall call = { .method = method,
                          .url = url,
                          .headers = headers,
                          .body = body,
                          .body_size = body != NULL ? strlen(body) : 0,
                          .max_bytes = MAX_ANSWER,
                          .stall_seconds = admin->stall_seconds,
                          .proxy = "",
                          .accept_errors = true };
        g_autoptr(HttpResponse) response = http_call(admin->http, &call, error);

        if (response == NULL) {
                g_prefix_error(error,
                               "the provider at %s does not answer (upkeep lab status, or "
                               "systemctl status upkeep-provider, tells why): ",
                               admin->base);
                return NULL;
        }
        if (response->status >= 400) {
                fail_as_told(response, error);
                return NULL;
        }
        if (etag != NULL) {
                g_free(*etag);
                *etag = g_strdup(response->etag);
        }
        if (response->size == 0)
                return json_read("{}", 2, 2, error);
        return json_read(response->body, response->size, MAX_ANSWER, error);
}

static JsonDoc *
ask(Admin *admin, const char *url, const char *body, GError **error)
{
        return ask_by(admin, NULL, url, body, NULL, error);
}

static void
add_argument(GString *url, const char *name, const char *value)
{
        if (value == NULL)
                return;
        g_autofree char *escaped = g_uri_escape_string(value, "(),'", FALSE);

        g_string_append_printf(url, "%c%s=%s", strchr(url->str, '?') != NULL ? '&' : '?', name,
                               escaped);
}

static char *
list_url(const Admin *admin, const char *class_name, const AdminQuery *query)
{
        GString *url = g_string_new(admin->base);
        /* One more than wanted tells whether there are more. */
        g_autofree char *top = query != NULL && query->top > 0
                                       ? g_strdup_printf("%" G_GINT64_FORMAT, query->top + 1)
                                       : NULL;

        g_string_append(url, class_name);
        if (query != NULL) {
                add_argument(url, "$filter", query->filter);
                add_argument(url, "$select", query->select);
                add_argument(url, "$orderby", query->orderby);
        }
        add_argument(url, "$top", top);
        return g_string_free(url, FALSE);
}

/* Takes the rows of one page over; *next_out is the URL of the next one, or NULL. */
static bool
take_page(const Admin *admin, AdminRows *rows, JsonDoc *doc_take, gint64 top, char **next_out,
          GError **error)
{
        const JsonValue *root = json_root(doc_take);
        const JsonValue *values = json_get(root, "value");
        const char *next = json_get_text(root, "@odata.nextLink", NULL);

        g_ptr_array_add(rows->docs, doc_take);
        *next_out = NULL;
        if (json_kind(values) != 'a')
                return uk_fail(error, UK_ERROR_PARSE,
                               "the provider's answer has no list of values");
        for (gsize i = 0; i < json_count(values) && !rows->more; i++) {
                if (top > 0 && rows->rows->len == top)
                        rows->more = true;
                else
                        g_ptr_array_add(rows->rows, (gpointer)json_at(values, i));
        }
        if (next != NULL && !rows->more)
                *next_out = g_uri_resolve_relative(admin->base, next, G_URI_FLAGS_ENCODED, error);
        return next == NULL || rows->more || *next_out != NULL;
}

/* Takes the first page and asks for the others. */
static AdminRows *
take_pages(Admin *admin, JsonDoc *first_take, gint64 top, GError **error)
{
        g_autoptr(AdminRows) rows = rows_new();
        JsonDoc *doc = first_take;

        for (guint page = 0; doc != NULL; page++) {
                g_autofree char *url = NULL;

                if (!take_page(admin, rows, doc, top, &url, error))
                        return NULL;
                if (url == NULL)
                        return g_steal_pointer(&rows);
                if (page == MAX_PAGES) {
                        uk_fail(error, UK_ERROR_LIMIT, "the provider's pages have no end");
                        return NULL;
                }
                doc = ask(admin, url, NULL, error);
        }
        return NULL;
}

AdminRows *
admin_list(Admin *admin, const char *class_name, const AdminQuery *query, GError **error)
{
        UK_DOING(error, "asking for %s", class_name);
        g_autofree char *url = list_url(admin, class_name, query);

        return take_pages(admin, ask(admin, url, NULL, error), query != NULL ? query->top : 0,
                          error);
}

AdminRows *
admin_follow(Admin *admin, const char *class_name, const AdminQuery *query, char **etag,
             GError **error)
{
        UK_DOING(error, "following %s", class_name);
        g_autofree char *url = list_url(admin, class_name, query);

        return take_pages(admin, ask_by(admin, NULL, url, NULL, etag, error), 0, error);
}

static char *
instance_url(const Admin *admin, const char *class_name, const char *key, const char *method)
{
        g_autofree char *escaped = key != NULL ? g_uri_escape_string(key, "'=,", FALSE) : NULL;

        if (key == NULL && method == NULL)
                return g_strconcat(admin->base, class_name, NULL);
        if (key == NULL)
                return g_strdup_printf("%s%s.%s", admin->base, class_name, method);
        if (method == NULL)
                return g_strdup_printf("%s%s(%s)", admin->base, class_name, escaped);
        return g_strdup_printf("%s%s(%s)/AdminService.%s", admin->base, class_name, escaped,
                               method);
}

AdminRows *
admin_one(Admin *admin, const char *class_name, const char *key, GError **error)
{
        UK_DOING(error, "asking for %s(%s)", class_name, key);
        g_autoptr(AdminRows) rows = rows_new();
        g_autofree char *url = instance_url(admin, class_name, key, NULL);
        g_autofree char *next = NULL;
        JsonDoc *doc = ask(admin, url, NULL, error);

        if (doc == NULL || !take_page(admin, rows, doc, 1, &next, error))
                return NULL;
        if (rows->rows->len == 0) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "there is none");
                return NULL;
        }
        return g_steal_pointer(&rows);
}

JsonDoc *
admin_call(Admin *admin, const char *class_name, const char *key, const char *method,
           const char *body, GError **error)
{
        UK_DOING(error, "%s %s%s%s", method != NULL ? "calling" : "creating",
                 method != NULL ? method : class_name, method != NULL ? " of " : "",
                 method != NULL ? class_name : "");
        g_autofree char *url = instance_url(admin, class_name, key, method);

        return ask(admin, url, body, error);
}

bool
admin_change(Admin *admin, const char *class_name, const char *key, const char *body,
             GError **error)
{
        UK_DOING(error, "changing %s(%s)", class_name, key);
        g_autofree char *url = instance_url(admin, class_name, key, NULL);
        g_autoptr(JsonDoc) doc = ask(admin, url, body, error);

        return doc != NULL;
}

bool
admin_delete(Admin *admin, const char *class_name, const char *key, GError **error)
{
        UK_DOING(error, "deleting %s(%s)", class_name, key);
        g_autofree char *url = instance_url(admin, class_name, key, NULL);
        g_autoptr(JsonDoc) doc = ask_by(admin, "DELETE", url, NULL, NULL, error);

        return doc != NULL;
}
