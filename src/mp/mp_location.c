/* mp_location.c - tells clients where the update servers are (COMP-032 to COMP-035).
 *
 * In: a WSUSLocationRequest. Out: a WSUSLocationReply with the servers that have at least the
 * content version asked for, those of the client's forest first; an empty one says why. The three
 * lookups are those of the product, in its order; boundaries are not known yet, so the site of a
 * client is the one it is assigned to.
 */
#include <string.h>

#include "mp/mp_private.h"
#include "sitedb/site.h"
#include "sitedb/sitesystem.h"
#include "sitedb/syncstatus.h"
#include "wire/locationdoc.h"

/* MP_GetMPSitesFromAssignedSite: whether the assigned site is one whose clients are served here. */
static bool
look_up_assigned_site(MpMessage *message, const WsusLocationRequest *request, bool *known_out,
                      GError **error)
{
        g_autoptr(GPtrArray) sites = NULL;

        uk_verbose("SQL>>> exec MP_GetMPSitesFromAssignedSite N'%s'", request->assigned_site);
        sites = site_list(message->c->db, error);
        if (sites == NULL)
                return false;
        *known_out = false;
        for (guint i = 0; i < sites->len; i++) {
                const Site *site = g_ptr_array_index(sites, i);

                if (g_ascii_strcasecmp(site->code, request->assigned_site) == 0)
                        *known_out = true;
        }
        return true;
}

/* MP_GetSiteInfoUnified: the site that the client's location maps to. */
static char *
look_up_located_site(const WsusLocationRequest *request)
{
        g_autofree char *info = locationdoc_client_info(request);

        uk_verbose("SQL>>> exec MP_GetSiteInfoUnified N'%s'", info);
        return g_ascii_strup(request->assigned_site, -1);
}

/* Whether the server takes such clients; from the Internet only by https (OQ-C12). */
static bool
accepts(const SiteSystem *server, bool on_internet)
{
        if (on_internet)
                return server->internet != 0 && strcmp(server->scheme, "https") == 0;
        return server->intranet != 0;
}

static const SyncStatus *
status_of(const GPtrArray *statuses, const SiteSystem *server)
{
        for (guint i = 0; i < statuses->len; i++) {
                const SyncStatus *status = g_ptr_array_index(statuses, i);

                if (g_ascii_strcasecmp(status->site, server->site) == 0 &&
                    g_ascii_strcasecmp(status->server, server->server) == 0)
                        return status;
        }
        return NULL;
}

/* Adds the servers of the client's forest, or the others. A server without a forest belongs to
 * that of every client. *newest_out is the highest version that any of them has. */
static void
add_servers(WsusLocationReply *reply, const WsusLocationRequest *request, const GPtrArray *servers,
            const GPtrArray *statuses, bool own_forest, gint64 *newest)
{
        gint64 wanted = g_ascii_strtoll(request->content_version, NULL, 10);

        for (guint i = 0; i < servers->len; i++) {
                const SiteSystem *server = g_ptr_array_index(servers, i);
                const SyncStatus *status = status_of(statuses, server);
                bool own = server->forest[0] == '\0' ||
                           g_ascii_strcasecmp(server->forest, request->forest) == 0;

                if (own != own_forest || status == NULL ||
                    g_ascii_strcasecmp(status->source_id, request->content_id) != 0 ||
                    !accepts(server, request->on_internet))
                        continue;
                *newest = MAX(*newest, status->version);
                /* A newer version serves as well (OQ-C11). */
                if (status->version < wanted)
                        continue;
                g_autofree char *url = sitesystem_url(server);
                g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT, status->version);

                locationdoc_reply_add(reply, url, server->server, version);
        }
}

/* MP_GetWSUSServerLocations. */
static bool
look_up_servers(MpMessage *message, const WsusLocationRequest *request, const char *located,
                WsusLocationReply *reply, GError **error)
{
        g_autoptr(GPtrArray) servers = NULL;
        g_autoptr(GPtrArray) statuses = NULL;
        gint64 newest = -1;

        uk_log("MP LM: calling MP_GetWSUSServerLocations");
        uk_verbose("SQL>>> exec MP_GetWSUSServerLocations "
                   "N'%s',N'%s',N'%s',N'%s',N'%d',N'%s'",
                   request->content_id, request->content_version, request->assigned_site, located,
                   request->on_internet ? 1 : 0, request->forest);
        servers = sitesystem_list(message->c->db, located, SITESYSTEM_SUP, error);
        statuses = servers != NULL ? syncstatus_list(message->c->db, error) : NULL;
        if (statuses == NULL)
                return false;
        add_servers(reply, request, servers, statuses, true, &newest);
        add_servers(reply, request, servers, statuses, false, &newest);
        if (reply->locations->len > 0)
                return true;
        g_free(reply->reason);
        reply->reason =
                newest >= 0
                        ? g_strdup_printf("no update point has version %s of %s yet; the newest is "
                                          "%" G_GINT64_FORMAT,
                                          request->content_version, request->content_id, newest)
                        : g_strdup_printf("site %s has no update point for %s that takes clients "
                                          "%s",
                                          located, request->content_id,
                                          request->on_internet ? "on the Internet"
                                                               : "on the intranet");
        return true;
}

static bool
look_up(MpMessage *message, const WsusLocationRequest *request, WsusLocationReply *reply,
        GError **error)
{
        g_autofree char *located = NULL;
        bool known;

        if (!look_up_assigned_site(message, request, &known, error))
                return false;
        located = look_up_located_site(request);
        if (known)
                return look_up_servers(message, request, located, reply, error);
        g_free(reply->reason);
        reply->reason = g_strdup_printf("site '%s' is not known here", request->assigned_site);
        return true;
}

/* A location is given to anybody; who proves to be a client of ours is noted, so that one can see
 * how far it has come. */
static bool
note(MpMessage *message, const WsusLocationRequest *request, const WsusLocationReply *reply,
     GError **error)
{
        const Envelope *envelope = message->envelope;
        const char *smsid = envelope->source_id != NULL ? envelope->source_id : "";
        const WsusLocation *first =
                reply->locations->len > 0 ? g_ptr_array_index(reply->locations, 0) : NULL;
        g_autoptr(Machine) client = NULL;

        if (smsid[0] == '\0')
                return true;
        if (!machine_by_smsid(message->c->db, smsid, &client, error))
                return false;
        if (client != NULL && mp_keys_check(message->mp->keys, client, envelope, NULL))
                mp_contacts_location(message->mp->contacts, client->id,
                                     g_ascii_strtoll(request->content_version, NULL, 10),
                                     first != NULL ? first->url : "", reply->reason);
        return true;
}

bool
mp_location_on_message(MpMessage *message, GError **error)
{
        const Envelope *envelope = message->envelope;
        g_autoptr(WsusLocationReply) reply = NULL;
        g_autoptr(WsusLocationRequest) request = NULL;
        g_autofree char *text = NULL;

        uk_log("MP LM: Message Body : %s", envelope->body);
        request = locationdoc_request_read(envelope->body, envelope->body_size, error);
        if (request == NULL)
                return false;
        reply = locationdoc_reply_new(host_site_code(message->c->host));
        if (!look_up(message, request, reply, error) || !note(message, request, reply, error))
                return false;
        if (reply->reason[0] != '\0')
                uk_warn("MP LM: Message '%s' of %s gets no location: %s", mp_message_id(message),
                        envelope->source_host, reply->reason);
        text = locationdoc_reply_write(reply);
        uk_log("MP LM: Reply message body:");
        uk_log("%s", text);
        return mp_reply(message, text, error);
}

/* The component is its log; its messages come through MP_Framework. */
static bool
start(Component *c, GError **error)
{
        c->state = uk_log_bound();
        return true;
}

const ComponentDef mp_location = {
        .name = "MP_LocationManager",
        .log = "MP_Location.log",
        .log_form = UK_LOG_CLIENT,
        .what = "tells clients which update servers have the content version they need",
        .start = start,
};
