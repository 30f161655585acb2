/* soap_client.c - lets clients in and tells them what is for them.
 *
 *   POST /SimpleAuthWebService/SimpleAuth.asmx   GetAuthorizationCookie
 *   POST /ClientWebService/Client.asmx           GetConfig, GetCookie, RegisterComputer,
 * SyncUpdates, and the rest of the service GET  /EvaluationSets/<sha256>                an
 * evaluation set, or the step to one
 *
 * In: requests from anybody. Out: documents of wire/wsusclient; rows of machines in clients.db. The
 * catalogue is read when it changes, not when somebody asks.
 */
#include "sup/soap_client/soap_client.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "host/host.h"
#include "sup/soap_client/soap_client_private.h"

#define MAX_BODY      (8 * 1024 * 1024)
#define MAX_AUTH_BODY (64 * 1024)
#define COOKIE_LIFE   UK_HOUR
#define MARK          "client.configuration"

/* What every client is told; another text is another configuration (ConfigChanged). */
#define PROTOCOL        "3.2"
#define REPORTING_LEVEL 2
#define AUTH_URL        "SimpleAuthWebService/SimpleAuth.asmx"

/* "2.90": a number, a point, a number. */
static bool
read_protocol(const char *text, ClientCookie *cookie, GError **error)
{
        g_auto(GStrv) parts = g_strsplit(text, ".", -1);
        guint64 major, minor;

        if (g_strv_length(parts) != 2 ||
            !g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXUINT16, &major, NULL) ||
            !g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXUINT16, &minor, NULL))
                return uk_fail(error, UK_ERROR_INVALID, "protocolVersion");
        cookie->major = (guint16)major;
        cookie->minor = (guint16)minor;
        return true;
}

static WsusConfig
configuration(const ClientService *state)
{
        return (WsusConfig){
                .last_change_us = state->last_change_us,
                .registration_required = true,
                .max_extended = SOAP_CLIENT_MAX_EXTENDED,
                .protocol_version = (char *)PROTOCOL,
                .reporting_level = REPORTING_LEVEL,
                .auth_url = (char *)AUTH_URL,
        };
}

static bool
get_config(SoapCall *call, GError **error)
{
        const ClientService *state = call->c->state;
        g_autoptr(WsusConfigRequest) asked = wsusclient_config_request_read(call->element, error);
        ClientCookie unused;

        if (asked == NULL || !read_protocol(asked->protocol_version, &unused, error))
                return false;
        WsusConfig config = configuration(state);
        call->reply = wsusclient_config_write(&config);
        return true;
}

/* How clients are let in, without the rest. */
static bool
get_auth_config(SoapCall *call, GError **error)
{
        WsusConfig config = configuration(call->c->state);

        call->reply = wsusclient_auth_config_write(&config);
        return true;
}

/* Fills in what every cookie of this update point has. */
static void
begin_cookie(const ClientService *state, ClientCookie *cookie)
{
        gint64 change;
        g_autofree char *epoch = soap_client_sets_epoch(state->sets, &change);

        g_strlcpy(cookie->server, epoch, sizeof cookie->server);
        cookie->expires_us = (uk_clock_now() + COOKIE_LIFE) / UK_SECOND * UK_SECOND;
        cookie->last_change_us = state->last_change_us;
}

static bool
get_authorization_cookie(SoapCall *call, GError **error)
{
        ClientService *state = call->c->state;
        g_autoptr(WsusAuthRequest) asked = wsusclient_auth_request_read(call->element, error);
        ClientCookie cookie = { .kind = COOKIE_AUTHORIZATION };

        if (asked == NULL)
                return false;
        g_autofree char *id = g_ascii_strdown(asked->client_id, -1);
        if (!uk_guid_valid(id))
                return uk_fail(error, UK_ERROR_INVALID, "clientId");
        if (*asked->dns_name == '\0')
                return uk_fail(error, UK_ERROR_INVALID, "dnsName");
        if (!clientstore_seen(state->store, id, asked->dns_name, asked->target_group, error))
                return false;
        begin_cookie(state, &cookie);
        g_strlcpy(cookie.client_id, id, sizeof cookie.client_id);
        g_autofree char *text = soap_client_cookie_make(state->key, &cookie);
        call->reply = wsusclient_auth_write(text);
        return true;
}

/* The old cookie is carried over, so it must be one of ours; none at all is a first contact. */
static bool
carry_over(SoapCall *call, const char *old, ClientCookie *cookie, GError **error)
{
        const ClientService *state = call->c->state;
        ClientCookie before;

        if (*old == '\0')
                return true;
        if (!soap_client_cookie_read(state->key, old, COOKIE_CLIENT, &before))
                return soap_client_fault(call, error, "InvalidCookie",
                                         "the old cookie is none of this update point");
        if (strcmp(before.server, cookie->server) != 0)
                return soap_client_fault(call, error, "ServerChanged",
                                         "the old cookie is of another catalogue");
        cookie->mark = before.mark;
        return true;
}

static bool
get_cookie(SoapCall *call, GError **error)
{
        ClientService *state = call->c->state;
        g_autoptr(WsusCookieRequest) asked = wsusclient_cookie_request_read(call->element, error);
        ClientCookie cookie = { .kind = COOKIE_CLIENT }, auth;

        if (asked == NULL || !read_protocol(asked->protocol_version, &cookie, error))
                return false;
        begin_cookie(state, &cookie);
        if (!soap_client_cookie_read(state->key, asked->auth_data, COOKIE_AUTHORIZATION, &auth) ||
            auth.expires_us < uk_clock_now())
                return soap_client_fault(call, error, "InvalidAuthorizationCookie",
                                         "the authorization cookie is expired or not ours");
        if (!carry_over(call, asked->old.data, &cookie, error))
                return false;
        if (asked->last_change_us / UK_SECOND != state->last_change_us / UK_SECOND)
                return soap_client_fault(call, error, "ConfigChanged",
                                         "the configuration has changed");
        g_strlcpy(cookie.client_id, auth.client_id, sizeof cookie.client_id);
        if (!clientstore_is_registered(state->store, auth.client_id, &cookie.registered, error))
                return false;
        g_autofree char *text = soap_client_cookie_make(state->key, &cookie);
        WsusCookie made = { cookie.expires_us, text };
        call->reply = wsusclient_cookie_write(&made);
        return true;
}

bool
soap_client_open_cookie(SoapCall *call, const char *text, ClientCookie *cookie, GError **error)
{
        ClientService *state = call->c->state;
        gint64 change;
        g_autofree char *epoch = soap_client_sets_epoch(state->sets, &change);

        if (!soap_client_cookie_read(state->key, text, COOKIE_CLIENT, cookie))
                return soap_client_fault(call, error, "InvalidCookie",
                                         "the cookie is none of this update point");
        if (strcmp(cookie->server, epoch) != 0)
                return soap_client_fault(call, error, "ServerChanged",
                                         "the cookie is of another catalogue");
        if (cookie->last_change_us != state->last_change_us)
                return soap_client_fault(call, error, "ConfigChanged",
                                         "the configuration has changed");
        if (cookie->expires_us < uk_clock_now())
                return soap_client_fault(call, error, "CookieExpired", "The cookie has expired.");
        return true;
}

bool
soap_client_let_in(SoapCall *call, const char *text, ClientCookie *cookie, GError **error)
{
        ClientService *state = call->c->state;

        if (!soap_client_open_cookie(call, text, cookie, error))
                return false;
        if (cookie->registered)
                return true;
        if (!clientstore_is_registered(state->store, cookie->client_id, &cookie->registered, error))
                return false;
        return cookie->registered || soap_client_fault(call, error, "RegistrationRequired",
                                                       "the machine has not registered");
}

static bool
register_computer(SoapCall *call, GError **error)
{
        ClientService *state = call->c->state;
        g_autoptr(WsusComputer) computer = wsusclient_computer_read(call->element, error);
        ClientCookie cookie;

        if (computer == NULL ||
            !soap_client_open_cookie(call, computer->cookie.data, &cookie, error) ||
            !clientstore_register(state->store, cookie.client_id, computer, error))
                return false;
        call->reply = wsusclient_computer_answer_write();
        return true;
}

static bool
on_client(Component *c, HttpRequest *request, GError **error)
{
        static const SoapOperation operations[] = {
                { WSUSCLIENT_NS, "SyncUpdates", soap_client_sync_updates },
                { WSUSCLIENT_NS, "GetConfig", get_config },
                { WSUSCLIENT_NS, "GetCookie", get_cookie },
                { WSUSCLIENT_NS, "RegisterComputer", register_computer },
                { WSUSCLIENT_NS, "GetAuthConfig", get_auth_config },
                { WSUSCLIENT_NS, "StartCategoryScan", soap_client_start_category_scan },
                { WSUSCLIENT_NS, "SyncPrinterCatalog", soap_client_sync_printer_catalog },
                { WSUSCLIENT_NS, "RefreshCache", soap_client_refresh_cache },
                { WSUSCLIENT_NS, "GetExtendedUpdateInfo", soap_client_get_extended_update_info },
                { WSUSCLIENT_NS, "GetFileLocations", soap_client_get_file_locations },
                { NULL },
        };

        soap_client_serve(c, request, SOAP_PLAIN, MAX_BODY, operations);
        return true;
}

static bool
on_auth(Component *c, HttpRequest *request, GError **error)
{
        static const SoapOperation operations[] = {
                { WSUSCLIENT_NS_AUTH, "GetAuthorizationCookie", get_authorization_cookie },
                { NULL },
        };

        soap_client_serve(c, request, SOAP_ASMX, MAX_AUTH_BODY, operations);
        return true;
}

/* What a name stands for never changes, so it may be kept for ever on the way. */
static bool
on_file(Component *c, HttpRequest *request, GError **error)
{
        const ClientService *state = c->state;
        const char *name = http_request_path(request) + strlen(WSUSSETS_PATH);
        HttpCached *file = soap_client_sets_file(state->sets, c->db, name, error);

        if (file == NULL)
                return false;
        http_answer_header(request, "Cache-Control", "public, max-age=31536000, immutable");
        http_answer_cached(request, file);
        http_cached_unref(file);
        return true;
}

static bool
on_commit(Component *c, GError **error)
{
        const ClientService *state = c->state;

        return soap_client_sets_refresh(state->sets, c->db, error);
}

/* When what clients are told last changed: kept, so that a restart is no change. */
static bool
load_configuration(Component *c, GError **error)
{
        ClientService *state = c->state;
        g_autofree char *text = g_strdup_printf("%d %s %d %s", SOAP_CLIENT_MAX_EXTENDED, PROTOCOL,
                                                REPORTING_LEVEL, AUTH_URL);
        g_autofree char *digest = hash_sha256_hex(text, strlen(text));
        g_autofree char *kept = host_mark_get(c->host, MARK);
        gint64 now = uk_clock_now() / UK_SECOND;

        if (kept != NULL && g_str_has_prefix(kept, digest)) {
                state->last_change_us =
                        g_ascii_strtoll(kept + strlen(digest), NULL, 10) * UK_SECOND;
                return true;
        }
        state->last_change_us = now * UK_SECOND;
        g_autofree char *mark = g_strdup_printf("%s %" G_GINT64_FORMAT, digest, now);
        return host_mark_set(c->host, MARK, mark, error);
}

static void
stop(Component *c)
{
        ClientService *state = c->state;

        soap_client_key_free(state->key);
        clientstore_close(state->store);
        soap_client_sets_free(state->sets);
        soap_client_files_free(state->files);
        scope_unref(state->scope);
        pthread_mutex_destroy(&state->lock);
        g_free(state);
}

static bool
start(Component *c, GError **error)
{
        g_autofree char *key = g_build_filename(host_state_dir(c->host), "cookie.key", NULL);
        g_autofree char *path = g_build_filename(host_state_dir(c->host), "clients.db", NULL);
        Settings *settings = host_settings(c->host);
        const ClientStoreBounds bounds = { settings_int(settings, "sup.max_machines"),
                                           settings_int(settings, "report.max_events") };
        ClientService *state = g_new0(ClientService, 1);

        c->state = state;
        pthread_mutex_init(&state->lock, NULL);
        state->sets = soap_client_sets_new();
        state->files = soap_client_files_new();
        state->key = soap_client_key_load(key, error);
        state->store = state->key != NULL ? clientstore_open(path, bounds, error) : NULL;
        if (state->store != NULL && load_configuration(c, error) && on_commit(c, error))
                return true;
        stop(c);
        c->state = NULL;
        return false;
}

const ComponentDef sup_soap_client = {
        .name = "ClientWebService",
        .log = "SoftwareDistribution.log",
        .log_form = UK_LOG_ENGINE,
        .what = "Lets clients in and tells them which updates are for them.",
        .routes = { { "POST", "/ClientWebService/Client.asmx", CALLER_ANYONE, MAX_BODY, on_client },
                    { "POST", "/SimpleAuthWebService/SimpleAuth.asmx", CALLER_ANYONE, MAX_AUTH_BODY,
                      on_auth },
                    { "GET", "/EvaluationSets/*", CALLER_ANYONE, 0, on_file } },
        .on_commit = on_commit,
        .start = start,
        .stop = stop,
};
