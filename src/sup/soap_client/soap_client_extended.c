/* soap_client_extended.c - the calls around a scan: StartCategoryScan, RefreshCache,
 * GetExtendedUpdateInfo, GetFileLocations (40-2, sections 7 and 12 to 15).
 *
 * In: the reader's records. Out: fragments made of the catalogue's rows, places of files in the
 * archives. Content is not held here, so places are those of the archives.
 */
#include <string.h>

#include "sup/soap_client/fragments.h"
#include "sup/soap_client/soap_client_private.h"

/* ---- StartCategoryScan ---- */

/* A wish of several categories that must all hold: the last of its product and classification. */
typedef struct {
        gint64 group;
        const char *product;
        guint products, classifications;
        bool in_error; /* it has an unknown category */
} Group;

static Group *
group_of(GArray *groups, gint64 number)
{
        Group fresh = { .group = number };

        for (guint i = 0; i < groups->len; i++) {
                if (g_array_index(groups, Group, i).group == number)
                        return &g_array_index(groups, Group, i);
        }
        g_array_append_val(groups, fresh);
        return &g_array_index(groups, Group, groups->len - 1);
}

static void
sort_wishes(const Scope *scope, const GPtrArray *wishes, GArray *groups, GPtrArray *in_error)
{
        for (guint i = 0; i < wishes->len; i++) {
                WsusCategoryWish *wish = g_ptr_array_index(wishes, i);
                Group *group = group_of(groups, wish->group);
                const char *type = scope_category_type(scope, wish->category);

                if (g_strcmp0(type, "Product") == 0) {
                        group->product = wish->category;
                        group->products++;
                } else if (type != NULL) {
                        group->classifications++;
                } else {
                        group->in_error = true;
                        g_ptr_array_add(in_error, wish->category);
                }
        }
}

/* A product, or a product and a classification, is that product; any other wish cannot be met by a
 * filter of products, and the client scans without one. */
static void
choose(const GArray *groups, GPtrArray *preferred)
{
        for (guint i = 0; i < groups->len; i++) {
                const Group *group = &g_array_index(groups, Group, i);

                if (group->in_error)
                        continue;
                if (group->products != 1 || group->classifications > 1) {
                        g_ptr_array_set_size(preferred, 0);
                        return;
                }
                g_ptr_array_add(preferred, (gpointer)group->product);
        }
}

bool
soap_client_start_category_scan(SoapCall *call, GError **error)
{
        g_autoptr(GPtrArray) wishes = wsusclient_category_scan_read(call->element, error);
        g_autoptr(Scope) scope = wishes != NULL ? soap_client_scope(call, error) : NULL;
        g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(Group));
        g_autoptr(GPtrArray) preferred = g_ptr_array_new(), in_error = g_ptr_array_new();

        if (scope == NULL)
                return false;
        sort_wishes(scope, wishes, groups, in_error);
        choose(groups, preferred);
        call->reply = wsusclient_category_scan_answer_write(preferred, in_error);
        return true;
}

/* ---- RefreshCache ---- */

bool
soap_client_refresh_cache(SoapCall *call, GError **error)
{
        g_autoptr(WsusRefreshRequest) asked = wsusclient_refresh_request_read(call->element, error);
        g_autoptr(GPtrArray) updates =
                g_ptr_array_new_with_free_func((GDestroyNotify)wsusclient_update_free);
        g_autoptr(GPtrArray) identities = g_ptr_array_new();
        g_autoptr(Scope) scope = NULL;
        ClientCookie cookie;

        if (asked == NULL || !soap_client_let_in(call, asked->cookie.data, &cookie, error))
                return false;
        scope = soap_client_scope(call, error);
        if (scope == NULL)
                return false;
        for (guint i = 0; i < asked->identities->len; i++) {
                WsusIdentity *identity = g_ptr_array_index(asked->identities, i);
                const ScopeItem *item = scope_find_guid(scope, identity->update_id);

                if (item == NULL || item->revision != identity->revision)
                        continue;
                g_ptr_array_add(updates, soap_client_update_info(item, NULL));
                g_ptr_array_add(identities, identity);
        }
        call->reply = wsusclient_refresh_answer_write(updates, identities);
        return true;
}

/* ---- GetExtendedUpdateInfo ---- */

typedef char *(*Writer)(const Scope *scope, const ScopeItem *item, const CatalogUpdate *update);

/* Fragments that nothing here has are asked for in vain, but not in error. */
static const struct {
        const char *name;
        Writer make;
} fragment_types[] = {
        { "Published", NULL },
        { "Core", fragments_core },
        { "Extended", fragments_extended },
        { "VerificationRule", NULL },
        { "LocalizedProperties", fragments_localized },
        { "Eula", NULL },
        { "FileUrl", NULL },
        { "FileDecryption", NULL },
};

static bool
check_types(const GPtrArray *names, GError **error)
{
        for (guint i = 0; i < names->len; i++) {
                bool known = false;

                for (guint k = 0; k < G_N_ELEMENTS(fragment_types) && !known; k++)
                        known = strcmp(fragment_types[k].name, g_ptr_array_index(names, i)) == 0;
                if (!known)
                        return uk_fail(error, UK_ERROR_INVALID, "infoTypes");
        }
        return true;
}

static bool
is_wanted(const GPtrArray *names, const char *name)
{
        for (guint i = 0; i < names->len; i++) {
                if (strcmp(g_ptr_array_index(names, i), name) == 0)
                        return true;
        }
        return false;
}

static void
update_clear(gpointer update)
{
        catalog_update_free(update);
}

/* The rows of what is in scope, NULL for what is no update; items are in the same order. */
static bool
load_rows(SoapCall *call, const Scope *scope, const GArray *ids, GPtrArray *items, GPtrArray *rows,
          WsusExtendedReply *reply, GError **error)
{
        for (guint i = 0; i < ids->len; i++) {
                gint64 id = g_array_index(ids, gint64, i);
                const ScopeItem *item = scope_find(scope, id);
                CatalogUpdate *update = NULL;

                if (item == NULL) {
                        g_array_append_val(reply->out_of_scope, id);
                        continue;
                }
                if (!soap_client_row(call, item, &update, error))
                        return false;
                g_ptr_array_add(items, (gpointer)item);
                g_ptr_array_add(rows, update);
                if (update != NULL)
                        soap_client_files_of(scope, update, reply->locations);
        }
        return true;
}

static void
write_fragments(const Scope *scope, const WsusExtendedRequest *asked, const GPtrArray *items,
                const GPtrArray *rows, WsusExtendedReply *reply)
{
        for (guint k = 0; k < G_N_ELEMENTS(fragment_types); k++) {
                Writer make = fragment_types[k].make;

                if (make == NULL || !is_wanted(asked->info_types, fragment_types[k].name))
                        continue;
                for (guint i = 0; i < items->len; i++) {
                        const ScopeItem *item = g_ptr_array_index(items, i);
                        g_autofree char *xml = make(scope, item, g_ptr_array_index(rows, i));

                        wsusclient_extended_reply_fragment(reply, item->id, xml);
                }
        }
}

static bool
answer_extended(SoapCall *call, const WsusExtendedRequest *asked, GError **error)
{
        g_autoptr(Scope) scope = soap_client_scope(call, error);
        g_autoptr(WsusExtendedReply) reply = wsusclient_extended_reply_new();
        g_autoptr(GPtrArray) items = g_ptr_array_new();
        g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(update_clear);

        if (scope == NULL || !load_rows(call, scope, asked->revisions, items, rows, reply, error))
                return false;
        write_fragments(scope, asked, items, rows, reply);
        call->reply = wsusclient_extended_reply_write(reply);
        return true;
}

bool
soap_client_get_extended_update_info(SoapCall *call, GError **error)
{
        g_autoptr(WsusExtendedRequest) asked =
                wsusclient_extended_request_read(call->element, error);
        ClientCookie cookie;

        if (asked == NULL || !soap_client_let_in(call, asked->cookie.data, &cookie, error) ||
            !check_types(asked->info_types, error))
                return false;
        if (asked->revisions->len > SOAP_CLIENT_MAX_EXTENDED)
                return uk_fail(error, UK_ERROR_INVALID, "revisionIDs");
        for (guint try = 1;; try++) {
                g_autoptr(GError) why = NULL;

                if (answer_extended(call, asked, &why))
                        return true;
                if (!soap_client_again(try, why)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
}

/* ---- GetFileLocations ---- */

bool
soap_client_get_file_locations(SoapCall *call, GError **error)
{
        ClientService *state = call->c->state;
        g_autoptr(WsusLocationsRequest) asked =
                wsusclient_locations_request_read(call->element, error);
        g_autoptr(WsusLocationsReply) reply = wsusclient_locations_reply_new();
        g_autoptr(Scope) scope = NULL;
        ClientCookie cookie;

        if (asked == NULL || !soap_client_let_in(call, asked->cookie.data, &cookie, error))
                return false;
        scope = soap_client_scope(call, error);
        if (scope == NULL || !soap_client_files_find(state->files, call->c->db, scope,
                                                     asked->digests, reply->locations, error))
                return false;
        reply->cookie.expiration_us = cookie.expires_us;
        reply->cookie.data = soap_client_cookie_make(state->key, &cookie);
        call->reply = wsusclient_locations_reply_write(reply);
        return true;
}
