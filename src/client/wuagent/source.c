/* source.c - asks the update point which evaluation sets are for this machine, and fetches them.
 *
 * In: the machine and the folder of kept sets. Out: the sets, each proved by its SHA-256. A scan
 * with nothing new is one SyncUpdates; the cookie that makes it so is kept beside the sets. A
 * cookie that the update point no longer takes is renewed once, by the whole sequence (40-2,
 * section 2).
 */
#include "client/wuagent/source.h"

#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "client/wuagent/source_cache.h"
#include "deb/evalset.h"
#include "wire/wsusclient.h"
#include "wire/wsussets.h"

#define CLIENT_PATH "/ClientWebService/client.asmx"
#define AUTH_PATH   "/SimpleAuthWebService/SimpleAuth.asmx"
#define PROTOCOL    "2.90"
#define MAX_SESSION (64 * 1024)
#define MAX_ANSWER  (8 * 1024 * 1024)

typedef struct {
        const SourceAsk *ask;
        char *cookie;     /* "" if there is none */
        char *last_fault; /* code of the last fault; "" if none */
        guint requests, steps, wholes;
} Session;

static void
session_clear(Session *session)
{
        g_free(session->cookie);
        g_free(session->last_fault);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

/* ---- calls ---- */

static char *
url_of(const SourceAsk *ask, const char *path)
{
        gsize size = strlen(ask->server_url);

        while (size > 0 && ask->server_url[size - 1] == '/')
                size--;
        return g_strdup_printf("%.*s%s", (int)size, ask->server_url, path);
}

/* Sends a document and reads the answer; a fault is REMOTE, its code is kept. */
static SoapMessage *
call(Session *session, const char *path, const char *ns, const char *method, char *document_take,
     GError **error)
{
        g_autofree char *document = document_take;
        g_autofree char *url = url_of(session->ask, path);
        g_autofree char *action = g_strdup_printf("SOAPAction: \"%s/%s\"", ns, method);
        const char *headers[] = { "Content-Type: text/xml; charset=utf-8", action, NULL };
        HttpCall http = { .url = url,
                          .headers = headers,
                          .body = document,
                          .body_size = strlen(document),
                          .max_bytes = MAX_ANSWER,
                          .accept_errors = true };
        UK_DOING(error, "%s at %s", method, url);
        g_autoptr(HttpResponse) response = http_call(session->ask->http, &http, error);

        if (response == NULL)
                return NULL;
        session->requests++;
        g_autoptr(SoapMessage) message = NULL;
        if (response->status == 200 || response->status == 500)
                message = soap_read(response->body, response->size, MAX_ANSWER, NULL, NULL, error);
        else
                uk_fail(error, UK_ERROR_REMOTE, "the update point answers with status %ld",
                        response->status);
        if (message == NULL || message->fault == NULL)
                return g_steal_pointer(&message);
        g_free(session->last_fault);
        session->last_fault = g_strdup(message->fault->error_code);
        uk_fail(error, UK_ERROR_REMOTE, "the update point answers with the fault %s: %s",
                message->fault->error_code, message->fault->message);
        return NULL;
}

static WsusConfig *
get_config(Session *session, GError **error)
{
        WsusConfigRequest asked = { (char *)PROTOCOL };
        g_autoptr(SoapMessage) answer = call(session, CLIENT_PATH, WSUSCLIENT_NS, "GetConfig",
                                             wsusclient_config_request_write(&asked), error);

        return answer != NULL ? wsusclient_config_read(answer->element, error) : NULL;
}

static char *
get_authorization(Session *session, GError **error)
{
        const SourceAsk *ask = session->ask;
        WsusAuthRequest asked = { (char *)ask->client_id, (char *)"", (char *)ask->name };
        g_autoptr(SoapMessage) answer =
                call(session, AUTH_PATH, WSUSCLIENT_NS_AUTH, "GetAuthorizationCookie",
                     wsusclient_auth_request_write(&asked), error);

        return answer != NULL ? wsusclient_auth_read(answer->element, error) : NULL;
}

static bool
get_cookie(Session *session, gint64 last_change_us, char *auth, GError **error)
{
        WsusCookieRequest asked = { .auth_data = auth,
                                    .old = { 0, (char *)"" },
                                    .last_change_us = last_change_us,
                                    .current_time_us = uk_clock_now(),
                                    .protocol_version = (char *)PROTOCOL };
        g_autoptr(SoapMessage) answer = call(session, CLIENT_PATH, WSUSCLIENT_NS, "GetCookie",
                                             wsusclient_cookie_request_write(&asked), error);
        g_autoptr(WsusCookie) cookie =
                answer != NULL ? wsusclient_cookie_read(answer->element, error) : NULL;

        if (cookie == NULL)
                return false;
        g_free(session->cookie);
        session->cookie = g_strdup(cookie->data);
        return true;
}

static bool
register_computer(Session *session, GError **error)
{
        const SourceAsk *ask = session->ask;
        const DebMachine *machine = ask->machine;
        g_autofree char *os = g_strdup_printf("%s %s", machine->os_id, machine->os_version);
        WsusComputer computer = { .cookie = { 0, session->cookie },
                                  .dns_name = (char *)ask->name,
                                  .os_description = os,
                                  .architecture = machine->status->native };
        g_autoptr(SoapMessage) answer =
                call(session, CLIENT_PATH, WSUSCLIENT_NS, "RegisterComputer",
                     wsusclient_computer_write(&computer), error);

        return answer != NULL;
}

/* The whole sequence, in the order that the protocol imposes. */
static bool
renew(Session *session, GError **error)
{
        g_autoptr(WsusConfig) config = get_config(session, error);
        g_autofree char *auth = config != NULL ? get_authorization(session, error) : NULL;

        return auth != NULL && get_cookie(session, config->last_change_us, auth, error) &&
               (!config->registration_required || register_computer(session, error));
}

/* ---- what is kept between scans ---- */

static char *
session_path(const SourceAsk *ask)
{
        return g_build_filename(ask->cache_dir, "session", NULL);
}

/* A session that cannot be read, or is of another update point, is none. */
static void
load_session(Session *session)
{
        const SourceAsk *ask = session->ask;
        g_autofree char *path = session_path(ask);
        g_autofree char *text = NULL;
        g_autoptr(GKeyFile) file = g_key_file_new();
        gsize size;

        if (!uk_io_read(path, MAX_SESSION, &text, &size, NULL) ||
            !g_key_file_load_from_data(file, text, size, G_KEY_FILE_NONE, NULL))
                return;
        g_autofree char *server = g_key_file_get_string(file, "session", "server", NULL);
        g_autofree char *client = g_key_file_get_string(file, "session", "client", NULL);
        g_autofree char *cookie = g_key_file_get_string(file, "session", "cookie", NULL);

        if (g_strcmp0(server, ask->server_url) == 0 && g_strcmp0(client, ask->client_id) == 0 &&
            cookie != NULL) {
                g_free(session->cookie);
                session->cookie = g_steal_pointer(&cookie);
        }
}

static bool
save_session(const Session *session, GError **error)
{
        g_autofree char *path = session_path(session->ask);
        g_autoptr(GKeyFile) file = g_key_file_new();
        gsize size;

        g_key_file_set_string(file, "session", "server", session->ask->server_url);
        g_key_file_set_string(file, "session", "client", session->ask->client_id);
        g_key_file_set_string(file, "session", "cookie", session->cookie);
        g_autofree char *text = g_key_file_to_data(file, &size, NULL);
        return uk_io_mkdirs(session->ask->cache_dir, 0750, error) &&
               uk_io_replace(path, text, size, 0600, error);
}

static int
compare_sets(gconstpointer a, gconstpointer b)
{
        const SourceSet *one = *(SourceSet *const *)a, *other = *(SourceSet *const *)b;
        int order = strcmp(one->product_id, other->product_id);

        if (order == 0)
                order = strcmp(one->architecture, other->architecture);
        return order != 0 ? order : (one->number > other->number) - (one->number < other->number);
}

/* The kept sets that prove themselves, in the order in which update points name them. */
static GPtrArray *
load_held(const SourceAsk *ask, GError **error)
{
        GPtrArray *sets = source_cache_list(ask->cache_dir, error);

        for (guint i = sets != NULL ? sets->len : 0; i > 0; i--) {
                g_autoptr(GError) why = NULL;

                if (source_cache_load(ask->cache_dir, g_ptr_array_index(sets, i - 1), &why))
                        continue;
                uk_log_as("PT", "WARNING: a kept evaluation set is fetched anew: %s", why->message);
                g_ptr_array_remove_index(sets, i - 1);
        }
        if (sets != NULL)
                g_ptr_array_sort(sets, compare_sets);
        return sets;
}

static SetsAnnouncement *
announce(const DebMachine *machine, const GPtrArray *held)
{
        const DpkgStatus *status = machine->status;
        g_autoptr(GPtrArray) arches = g_ptr_array_new();

        g_ptr_array_add(arches, status->native);
        for (char **arch = status->foreign; arch != NULL && *arch != NULL; arch++)
                g_ptr_array_add(arches, *arch);
        g_ptr_array_add(arches, NULL);
        SetsAnnouncement *a =
                wsussets_announcement_new(machine->os_id, machine->os_codename, machine->os_version,
                                          (const char *const *)arches->pdata);

        for (guint i = 0; i < machine->origins->len; i++) {
                const DebOrigin *o = g_ptr_array_index(machine->origins, i);

                wsussets_announcement_origin(a, o->origin, o->codename, o->place);
        }
        for (guint i = 0; i < held->len; i++) {
                const SourceSet *set = g_ptr_array_index(held, i);

                g_ptr_array_add(a->held, wsussets_name_new(set->product_id, set->architecture,
                                                           set->number, set->sha256));
        }
        return a;
}

/* ---- the question ---- */

static bool
sync_once(Session *session, const SetsAnnouncement *announcement, GPtrArray **names_out,
          GError **error)
{
        g_autoptr(SoapMessage) answer =
                call(session, CLIENT_PATH, WSUSCLIENT_NS, "SyncUpdates",
                     wsussets_request_write(session->cookie, announcement), error);
        const XmlNode *result =
                answer != NULL ? xml_child(answer->element, "SyncUpdatesResult") : NULL;
        const XmlNode *element = wsussets_find(result);

        if (answer == NULL)
                return false;
        if (element == NULL)
                return uk_fail(error, UK_ERROR_UNSUPPORTED,
                               "%s names no evaluation sets: it is no update point of Upkeep",
                               session->ask->server_url);
        char *cookie = xml_child_value(result, "NewCookie/EncryptedData");
        if (*cookie != '\0')
                g_free(g_steal_pointer(&session->cookie));
        if (session->cookie == NULL)
                session->cookie = cookie;
        else
                g_free(cookie);
        return wsussets_answer_read(element, names_out, error);
}

/* Faults after which the protocol has the client begin anew. */
static bool
may_renew(const char *fault)
{
        static const char *const codes[] = { "InvalidCookie",
                                             "CookieExpired",
                                             "ServerChanged",
                                             "ConfigChanged",
                                             "RegistrationRequired",
                                             "InvalidAuthorizationCookie",
                                             NULL };

        return g_strv_contains(codes, fault);
}

static bool
sync_updates(Session *session, const SetsAnnouncement *announcement, GPtrArray **names_out,
             GError **error)
{
        g_autoptr(GError) why = NULL;

        if (*session->cookie != '\0') {
                if (sync_once(session, announcement, names_out, &why))
                        return true;
                if (!may_renew(session->last_fault)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                uk_log_as("PT", "WARNING: SyncUpdates failed with the fault %s: cookie renewed",
                          session->last_fault);
        }
        return renew(session, error) && sync_once(session, announcement, names_out, error);
}

/* ---- the sets ---- */

/* The plain bytes behind a URL. NOT_YET when the update point no longer has them. */
static GBytes *
fetch(Session *session, const char *path, GError **error)
{
        g_autofree char *url = url_of(session->ask, path);
        HttpCall http = { .url = url, .max_bytes = SOURCE_CACHE_MAX_BYTES, .accept_errors = true };
        UK_DOING(error, "fetching %s", url);
        g_autoptr(HttpResponse) response = http_call(session->ask->http, &http, error);

        if (response == NULL)
                return NULL;
        session->requests++;
        if (response->status == 200)
                return source_cache_unpack(response->body, response->size, error);
        uk_fail(error, response->status == 404 ? UK_ERROR_NOT_YET : UK_ERROR_REMOTE,
                "the update point answers with status %ld", response->status);
        return NULL;
}

static bool
keep(Session *session, SourceSet *set, GBytes *text, GError **error)
{
        g_clear_pointer(&set->text, g_bytes_unref);
        set->text = g_bytes_ref(text);
        return source_cache_store(session->ask->cache_dir, set, error);
}

/* From the set held by the step that the update point names. */
static bool
fetch_step(Session *session, const SetsName *name, const SourceSet *held, SourceSet *set,
           GError **error)
{
        g_autoptr(GBytes) step = fetch(session, name->step, error);
        gsize from_size, step_size, size;

        if (step == NULL)
                return false;
        const char *from = g_bytes_get_data(held->text, &from_size);
        const char *lines = g_bytes_get_data(step, &step_size);
        char *text = evalset_step_apply(from, from_size, lines, step_size, &size, error);
        if (text == NULL)
                return false;
        g_autoptr(GBytes) made = g_bytes_new_take(text, size);
        session->steps++;
        return keep(session, set, made, error);
}

static bool
fetch_whole(Session *session, const SetsName *name, SourceSet *set, GError **error)
{
        g_autoptr(GBytes) text = fetch(session, name->url, error);

        if (text == NULL)
                return false;
        session->wholes++;
        return keep(session, set, text, error);
}

/* The set held of the product and architecture of a name, with that digest if there is one. */
static SourceSet *
held_for(const GPtrArray *held, const SetsName *name)
{
        SourceSet *best = NULL;

        for (guint i = 0; i < held->len; i++) {
                SourceSet *set = g_ptr_array_index(held, i);

                if (strcmp(set->product_id, name->product) != 0 ||
                    strcmp(set->architecture, name->arch) != 0)
                        continue;
                if (strcmp(set->sha256, name->sha256) == 0)
                        return set;
                if (g_str_has_prefix(name->step + MIN(strlen(WSUSSETS_PATH), strlen(name->step)),
                                     set->sha256))
                        best = set;
        }
        return best;
}

/* The set of that name: as it is held, by a step, or whole. */
static SourceSet *
obtain(Session *session, const SetsName *name, const GPtrArray *held, GError **error)
{
        g_autoptr(SourceSet) set = g_new0(SourceSet, 1);
        const SourceSet *have = held_for(held, name);
        g_autoptr(GError) why = NULL;

        set->product_id = g_strdup(name->product);
        set->architecture = g_strdup(name->arch);
        set->number = name->number;
        set->sha256 = g_strdup(name->sha256);
        if (have != NULL && strcmp(have->sha256, name->sha256) == 0) {
                /* The same text under another number, of another update point, say. */
                if (have->number != name->number ? keep(session, set, have->text, error)
                                                 : (set->text = g_bytes_ref(have->text)) != NULL)
                        return g_steal_pointer(&set);
                return NULL;
        }
        if (have != NULL && *name->step != '\0') {
                if (fetch_step(session, name, have, set, &why))
                        return g_steal_pointer(&set);
                uk_log_as("PT", "WARNING: the whole evaluation set is fetched: %s", why->message);
        }
        return fetch_whole(session, name, set, error) ? g_steal_pointer(&set) : NULL;
}

static GPtrArray *
obtain_all(Session *session, const GPtrArray *names, const GPtrArray *held, GError **error)
{
        g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func((GDestroyNotify)source_set_free);

        for (guint i = 0; i < names->len; i++) {
                SourceSet *set = obtain(session, g_ptr_array_index(names, i), held, error);

                if (set == NULL)
                        return NULL;
                g_ptr_array_add(sets, set);
        }
        return g_steal_pointer(&sets);
}

/* Asks and fetches. A set that went while it was fetched has a successor: asked once more. */
static GPtrArray *
bring(Session *session, GPtrArray *held, GError **error)
{
        g_autoptr(SetsAnnouncement) announcement = announce(session->ask->machine, held);
        g_autoptr(GError) why = NULL;

        for (int tries = 0; tries < 2; tries++) {
                g_autoptr(GPtrArray) names = NULL;

                if (!sync_updates(session, announcement, &names, error))
                        return NULL;
                if (names == NULL)
                        return g_ptr_array_ref(held);
                g_clear_error(&why);
                GPtrArray *sets = obtain_all(session, names, held, &why);
                if (sets != NULL)
                        return sets;
                if (!g_error_matches(why, UK_ERROR, UK_ERROR_NOT_YET))
                        break;
        }
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
}

GPtrArray *
source_refresh(const SourceAsk *ask, GError **error)
{
        g_auto(Session)
                session = { .ask = ask, .cookie = g_strdup(""), .last_fault = g_strdup("") };
        g_autoptr(GPtrArray) held = load_held(ask, error);

        if (held == NULL)
                return NULL;
        load_session(&session);
        g_autoptr(GPtrArray) sets = bring(&session, held, error);
        if (sets == NULL || !save_session(&session, error) ||
            !source_cache_keep_only(ask->cache_dir, sets, error))
                return NULL;
        uk_log_as("PT", "+ SyncUpdates: %u requests; %u evaluation sets, %u by steps, %u whole",
                  session.requests, sets->len, session.steps, session.wholes);
        return g_steal_pointer(&sets);
}
