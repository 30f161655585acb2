/* soap_client_sync.c - SyncUpdates: what is for a machine.
 *
 * A client that announces the extension is told its evaluation sets, from ready bytes. Every other
 * lists the revisions it has, and is told what it lacks, what is deployed otherwise by now, and
 * what it may forget (scope.h): the same updates by the same rules.
 */
#include <string.h>

#include "base/clock.h"
#include "host/host.h"
#include "sup/soap_client/fragments.h"
#include "sup/soap_client/soap_client_private.h"

/* Our clients scan once in days. Their cookie proves nothing that an hour would make safer, and a
 * longer life makes a scan with nothing new one exchange (DEB-042). */
#define COOKIE_LIFE (30 * UK_DAY)

static bool
answer_with_sets(SoapCall *call, const XmlNode *element, ClientCookie *cookie, GError **error)
{
        ClientService *state = call->c->state;
        g_autoptr(SetsAnnouncement) announcement = wsussets_announcement_read(element, error);
        g_autofree char *named =
                announcement != NULL
                        ? soap_client_sets_answer(state->sets, call->c->db, announcement, error)
                        : NULL;

        if (named == NULL)
                return false;
        cookie->expires_us = (uk_clock_now() + COOKIE_LIFE) / UK_SECOND * UK_SECOND;
        g_autofree char *text = soap_client_cookie_make(state->key, cookie);
        call->reply = wsussets_reply_write(text, cookie->expires_us, named);
        return true;
}

/* ---- what is deployed ---- */

Scope *
soap_client_scope(SoapCall *call, GError **error)
{
        ClientService *state = call->c->state;
        g_autoptr(CatalogState) now = catalog_state(call->c->db, error);
        Scope *scope = NULL;

        if (now == NULL)
                return NULL;
        pthread_mutex_lock(&state->lock);
        if (state->scope == NULL || !scope_is_of(state->scope, now->epoch, now->change)) {
                Scope *fresh = scope_load(call->c->db, error);

                if (fresh != NULL) {
                        scope_unref(state->scope);
                        state->scope = fresh;
                }
                scope = fresh;
        } else {
                scope = state->scope;
        }
        if (scope != NULL)
                scope_ref(scope);
        pthread_mutex_unlock(&state->lock);
        return scope;
}

bool
soap_client_row(SoapCall *call, const ScopeItem *item, CatalogUpdate **update_out, GError **error)
{
        g_autoptr(GError) why = NULL;

        *update_out = NULL;
        if (item->type != SCOPE_UPDATE)
                return true;
        *update_out = catalog_update_of_revision(call->c->db, item->id, &why);
        if (*update_out != NULL)
                return true;
        if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                return uk_fail(error, UK_ERROR_BUSY, "the catalogue has just changed");
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

bool
soap_client_again(guint tries, const GError *why)
{
        return tries < 3 && g_error_matches(why, UK_ERROR, UK_ERROR_BUSY);
}

WsusUpdateInfo *
soap_client_update_info(const ScopeItem *item, const char *xml)
{
        bool leaf = item->type == SCOPE_UPDATE;
        WsusUpdateInfo *info = wsusclient_update_new(
                item->id, item->deployment_id, leaf ? "PreDeploymentCheck" : "Evaluate", leaf, xml);

        info->deployment.last_change_us = item->time;
        return info;
}

/* ---- the exchange by lists ---- */

static bool
add_new(SoapCall *call, const Scope *scope, const GArray *added, WsusSyncReply *reply,
        GError **error)
{
        for (guint i = 0; i < added->len; i++) {
                const ScopeItem *item = scope_item(scope, g_array_index(added, guint, i));
                g_autoptr(CatalogUpdate) update = NULL;
                g_autofree char *core = NULL;

                if (!soap_client_row(call, item, &update, error))
                        return false;
                core = fragments_core(scope, item, update);
                g_ptr_array_add(reply->added, soap_client_update_info(item, core));
        }
        return true;
}

/* Without a filter what is not for a client is in one group, and with one only for clients that
 * know of two. */
static void
add_gone(const WsusSyncRequest *asked, const ScopeAnswer *answer, WsusSyncReply *reply)
{
        GArray *filtered = reply->out_of_scope;

        g_array_append_vals(reply->out_of_scope, answer->gone->data, answer->gone->len);
        if (asked->two_groups && reply->since_1_7)
                filtered = reply->deployed_out_of_scope = g_array_new(FALSE, FALSE, sizeof(gint64));
        g_array_append_vals(filtered, answer->filtered->data, answer->filtered->len);
}

static bool
is_since(const ClientCookie *cookie, guint major, guint minor)
{
        return cookie->major > major || (cookie->major == major && cookie->minor >= minor);
}

/* Makes the cookie of a reply: another mark, the same end. */
static void
renew_cookie(SoapCall *call, const ClientCookie *cookie, WsusSyncReply *reply)
{
        const ClientService *state = call->c->state;

        reply->cookie.expiration_us = cookie->expires_us;
        reply->cookie.data = soap_client_cookie_make(state->key, cookie);
}

static WsusSyncReply *
begin_reply(const ClientCookie *cookie)
{
        WsusSyncReply *reply = wsusclient_sync_reply_new();

        reply->since_1_7 = is_since(cookie, 1, 7);
        reply->since_1_8 = is_since(cookie, 1, 8);
        reply->drivers_not_needed = true; /* no source of ours has any */
        return reply;
}

static ScopeAnswer *
ask_scope(SoapCall *call, const Scope *scope, const WsusSyncRequest *asked, gint64 mark,
          GError **error)
{
        ScopeQuestion question = {
                .installed = asked->installed,
                .cached = asked->skip_software ? asked->drivers : asked->cached,
                .filter = asked->categories,
                .drivers = asked->skip_software,
                .mark = mark,
                .max = (guint)settings_int(host_settings(call->c->host), "sup.max_new_updates"),
        };
        g_autoptr(GError) why = NULL;
        ScopeAnswer *answer = scope_answer(scope, &question, &why);

        if (answer == NULL)
                soap_client_fault(call, error, "ServerChanged", "%s", why->message);
        return answer;
}

static bool
answer_by_scope(SoapCall *call, const WsusSyncRequest *asked, ClientCookie *cookie, GError **error)
{
        g_autoptr(Scope) scope = soap_client_scope(call, error);
        g_autoptr(ScopeAnswer) answer =
                scope != NULL ? ask_scope(call, scope, asked, cookie->mark, error) : NULL;
        g_autoptr(WsusSyncReply) reply = begin_reply(cookie);

        if (answer == NULL || !add_new(call, scope, answer->added, reply, error))
                return false;
        for (guint i = 0; i < answer->changed->len; i++) {
                guint index = g_array_index(answer->changed, guint, i);

                g_ptr_array_add(reply->changed,
                                soap_client_update_info(scope_item(scope, index), NULL));
        }
        add_gone(asked, answer, reply);
        reply->truncated = answer->truncated;
        cookie->mark = answer->mark;
        renew_cookie(call, cookie, reply);
        call->reply = wsusclient_sync_reply_write(reply);
        return true;
}

static bool
answer_with_lists(SoapCall *call, ClientCookie *cookie, GError **error)
{
        g_autoptr(WsusSyncRequest) asked = wsusclient_sync_request_read(call->element, error);

        if (asked == NULL)
                return false;
        wsusclient_lift_return(&call->lifted, call->element, asked);
        for (guint try = 1;; try++) {
                g_autoptr(GError) why = NULL;

                if (answer_by_scope(call, asked, cookie, &why))
                        return true;
                if (!soap_client_again(try, why)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
}

/* What a catalogue does not name, machines say they do not lack: one that was lost or put back
 * names nothing before a synchronization has made it whole. */
static bool
check_catalogue(SoapCall *call, GError **error)
{
        ClientService *state = call->c->state;

        return soap_client_sets_ended(state->sets) ||
               uk_fail(error, UK_ERROR_BUSY,
                       "no synchronization has ended on this catalogue (upkeep sync start)");
}

bool
soap_client_sync_updates(SoapCall *call, GError **error)
{
        g_autofree char *text = xml_child_value(call->element, "cookie/EncryptedData");
        const XmlNode *element = wsussets_find(xml_child(call->element, "parameters"));
        ClientCookie cookie;

        if (!soap_client_let_in(call, text, &cookie, error) || !check_catalogue(call, error))
                return false;
        return element != NULL ? answer_with_sets(call, element, &cookie, error)
                               : answer_with_lists(call, &cookie, error);
}

/* No archive has drivers of printers. */
bool
soap_client_sync_printer_catalog(SoapCall *call, GError **error)
{
        g_autofree char *text = xml_child_value(call->element, "cookie/EncryptedData");
        ClientCookie cookie;

        if (!soap_client_let_in(call, text, &cookie, error))
                return false;
        g_autoptr(WsusSyncReply) reply = begin_reply(&cookie);
        reply->since_1_7 = false;
        renew_cookie(call, &cookie, reply);
        call->reply = wsusclient_printers_reply_write(reply);
        return true;
}
