/* scope_load.c - makes a scope of the catalogue: what is deployed, and the closure of
 * its prerequisites (40-2, section 9; DEB-030).
 *
 * An update has four: the detectoid of its product, one of those of its architectures, its product,
 * its classification. A product has its family, a family its company. What no deployed update
 * needs is not in scope, so that every prerequisite in scope is no leaf, and stays none.
 */
#include <stdlib.h>
#include <string.h>

#include "deb/evalset.h"
#include "sup/catalog/products.h"
#include "sup/soap_client/fragments.h"
#include "sup/soap_client/scope_private.h"

#define TRIES      3
#define MAX_KINDS  65535
#define MAX_PARENT 8

/* What a load needs beside what it makes. */
typedef struct {
        Scope *scope;
        GPtrArray *products;   /* of CatalogProduct */
        GPtrArray *detectoids; /* of CatalogDetectoid */
        GHashTable *numbers;   /* GUID to number of prerequisite + 1 */
        GHashTable *kind_of;   /* "<product> <classification> <arches>" to number of kind + 1 */
        GArray *updates;       /* of ScopeItem */
} Load;

static void
kind_free(gpointer data)
{
        ScopeKind *kind = data;

        g_free(kind->relationships);
        g_free(kind->product);
        g_free(kind->classification);
        g_ptr_array_unref(kind->clauses);
        g_free(kind);
}

static void
prerequisite_free(gpointer data)
{
        ScopePrerequisite *p = data;

        g_free(p->guid);
        g_free(p->type);
        g_free(p->title);
        g_free(p->rules);
        g_free(p);
}

void
scope_unref(Scope *scope)
{
        if (scope == NULL || --scope->refs > 0)
                return;
        g_free(scope->epoch);
        g_array_unref(scope->items);
        g_free(scope->by_id);
        g_free(scope->by_guid);
        g_ptr_array_unref(scope->kinds);
        g_ptr_array_unref(scope->prerequisites);
        g_hash_table_unref(scope->prerequisite_of);
        g_clear_pointer(&scope->categories, g_ptr_array_unref);
        g_clear_pointer(&scope->suites, g_ptr_array_unref);
        g_free(scope);
}

static Scope *
scope_new(const CatalogState *state)
{
        Scope *scope = g_new0(Scope, 1);

        scope->refs = 1;
        scope->epoch = g_strdup(state->epoch);
        scope->change = state->change;
        scope->high = state->revision_id;
        scope->items = g_array_new(FALSE, TRUE, sizeof(ScopeItem));
        scope->kinds = g_ptr_array_new_with_free_func(kind_free);
        scope->prerequisites = g_ptr_array_new_with_free_func(prerequisite_free);
        scope->prerequisite_of = g_hash_table_new(NULL, NULL);
        return scope;
}

/* ---- prerequisites ---- */

static guint
add_prerequisite(Load *load, const char *guid, const char *type, char *title_take, char *rules_take,
                 gint64 revision_id)
{
        ScopePrerequisite *p = g_new0(ScopePrerequisite, 1);
        guint number = load->scope->prerequisites->len + 1;

        p->guid = g_strdup(guid);
        p->type = g_strdup(type);
        p->title = title_take;
        p->rules = rules_take;
        g_ptr_array_add(load->scope->prerequisites, p);
        g_hash_table_insert(load->numbers, p->guid, GUINT_TO_POINTER(number));
        g_hash_table_insert(load->scope->prerequisite_of, GUINT_TO_POINTER((guint)revision_id),
                            GUINT_TO_POINTER(number));
        return number;
}

static const CatalogProduct *
product_of(const Load *load, gint64 id)
{
        for (guint i = 0; i < load->products->len; i++) {
                const CatalogProduct *product = g_ptr_array_index(load->products, i);

                if (product->id == id)
                        return product;
        }
        return NULL;
}

static char *
title_of(const Load *load, const CatalogDetectoid *detectoid)
{
        for (guint i = 0; i < load->products->len; i++) {
                const CatalogProduct *product = g_ptr_array_index(load->products, i);

                if (strcmp(product->category, detectoid->category) == 0)
                        return g_strdup_printf("Machines of %s", product->title);
        }
        return g_strdup_printf("Machines with the architecture %s", detectoid->arch);
}

static void
add_prerequisites(Load *load)
{
        for (guint i = 0; i < load->detectoids->len; i++) {
                const CatalogDetectoid *d = g_ptr_array_index(load->detectoids, i);

                add_prerequisite(load, d->id, "Detectoid", title_of(load, d),
                                 *d->arch != '\0' ? fragments_arch_rules(d->arch)
                                                  : fragments_product_rules(d->rule),
                                 d->revision_id);
        }
        for (guint i = 0; i < load->scope->categories->len; i++) {
                const CatalogCategory *c = g_ptr_array_index(load->scope->categories, i);

                add_prerequisite(load, c->id, c->type, g_strdup(c->title), g_strdup("<True/>"),
                                 c->revision_id);
        }
}

static guint
number_of(const Load *load, const char *guid)
{
        return GPOINTER_TO_UINT(g_hash_table_lookup(load->numbers, guid));
}

static const CatalogCategory *
category_of(const Load *load, const char *guid)
{
        for (guint i = 0; i < load->scope->categories->len; i++) {
                const CatalogCategory *category = g_ptr_array_index(load->scope->categories, i);

                if (strcmp(category->id, guid) == 0)
                        return category;
        }
        return NULL;
}

/* Takes a prerequisite into the scope, and what it needs itself. */
static void
want(Load *load, guint number)
{
        ScopePrerequisite *p = g_ptr_array_index(load->scope->prerequisites, number - 1);
        const CatalogCategory *category = p->in_scope ? NULL : category_of(load, p->guid);
        guint parent = category != NULL ? number_of(load, category->parent) : 0;

        p->in_scope = true;
        if (parent != 0)
                want(load, parent);
}

/* ---- kinds ---- */

/* A clause of one member, or of several of which one must hold. */
static void
add_clause(Load *load, ScopeKind *kind, GString *text, const GArray *members, bool is_category)
{
        bool plain = members->len == 1 && !is_category;

        if (!plain)
                g_string_append(text,
                                is_category ? "<AtLeastOne IsCategory=\"true\">" : "<AtLeastOne>");
        for (guint i = 0; i < members->len; i++) {
                guint number = g_array_index(members, guint, i);
                const ScopePrerequisite *p = g_ptr_array_index(load->scope->prerequisites, number);

                g_string_append_printf(text, "<UpdateIdentity UpdateID=\"%s\"/>", p->guid);
                want(load, number + 1);
        }
        if (!plain)
                g_string_append(text, "</AtLeastOne>");
        g_ptr_array_add(kind->clauses, g_array_ref((GArray *)members));
}

static void
add_clause_of_one(Load *load, ScopeKind *kind, GString *text, const char *guid, bool is_category)
{
        g_autoptr(GArray) members = g_array_new(FALSE, FALSE, sizeof(guint));
        guint number = number_of(load, guid) - 1;

        g_array_append_val(members, number);
        add_clause(load, kind, text, members, is_category);
}

static ScopeKind *
kind_new(const char *product, const char *classification)
{
        ScopeKind *kind = g_new0(ScopeKind, 1);

        kind->product = g_strdup(product);
        kind->classification = g_strdup(classification);
        kind->clauses = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
        return kind;
}

static guint16
keep_kind(Load *load, ScopeKind *kind, GString *clauses_take)
{
        kind->relationships =
                clauses_take->len == 0
                        ? g_strdup("")
                        : g_strdup_printf("<Relationships><Prerequisites>%s</Prerequisites>"
                                          "</Relationships>",
                                          clauses_take->str);
        g_string_free(clauses_take, TRUE);
        g_ptr_array_add(load->scope->kinds, kind);
        return (guint16)(load->scope->kinds->len - 1);
}

/* Numbers of the detectoids of architectures that are known. */
static GArray *
arch_members(const Load *load, const char *arches)
{
        GArray *members = g_array_new(FALSE, FALSE, sizeof(guint));
        g_auto(GStrv) names = g_strsplit(arches, " ", -1);

        for (guint i = 0; names[i] != NULL; i++) {
                g_autofree char *id = products_arch_detectoid(names[i]);
                guint number = number_of(load, id);

                if (number-- != 0)
                        g_array_append_val(members, number);
        }
        return members;
}

/* Makes the kind of an update; false where the catalogue lacks one of its prerequisites, because
 * no synchronization has written it yet. */
static bool
make_kind(Load *load, const CatalogDeployed *row, guint *kind_out)
{
        const CatalogProduct *product = product_of(load, row->product);
        const char *class = evalset_class_guid(*row->classification);
        g_autofree char *detectoid =
                product != NULL ? products_detectoid(product->category) : g_strdup("");
        g_autoptr(GArray) arches = arch_members(load, row->arches);
        GString *text;
        ScopeKind *kind;

        if (product == NULL || class == NULL || arches->len == 0 ||
            number_of(load, detectoid) == 0 || number_of(load, product->category) == 0 ||
            number_of(load, class) == 0 || load->scope->kinds->len == MAX_KINDS)
                return false;
        text = g_string_new(NULL);
        kind = kind_new(product->category, class);
        add_clause_of_one(load, kind, text, detectoid, false);
        add_clause(load, kind, text, arches, false);
        add_clause_of_one(load, kind, text, product->category, true);
        add_clause_of_one(load, kind, text, class, true);
        *kind_out = keep_kind(load, kind, text);
        return true;
}

static bool
kind_of_update(Load *load, const CatalogDeployed *row, guint *kind_out)
{
        g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT " %s %s", row->product,
                                               row->classification, row->arches);
        guint known = GPOINTER_TO_UINT(g_hash_table_lookup(load->kind_of, key));

        if (known != 0) {
                *kind_out = known - 1;
                return true;
        }
        if (!make_kind(load, row, kind_out))
                return false;
        g_hash_table_insert(load->kind_of, g_steal_pointer(&key), GUINT_TO_POINTER(*kind_out + 1));
        return true;
}

/* ---- items ---- */

static bool
add_update(gpointer user, const CatalogDeployed *row, GError **error)
{
        Load *load = user;
        ScopeItem item = { .id = (guint32)row->revision_id,
                           .revision = (guint32)row->revision,
                           .deployment_id = (guint32)row->deployment_id,
                           .type = SCOPE_UPDATE,
                           .change = row->change,
                           .time = row->time };
        guint kind;

        if (!scope_read_guid(row->id, item.guid))
                return uk_fail(error, UK_ERROR_DATABASE, "\"%s\" is no UpdateID", row->id);
        if (!kind_of_update(load, row, &kind))
                return true;
        item.kind = (guint16)kind;
        g_array_append_val(load->updates, item);
        return true;
}

static void
add_item(Load *load, const char *guid, ScopeType type, guint kind, gint64 id, gint64 revision,
         gint64 time)
{
        ScopeItem item = { .id = (guint32)id,
                           .revision = (guint32)revision,
                           .deployment_id = (guint32)id,
                           .kind = (guint16)kind,
                           .type = (guint8)type,
                           .time = time };
        const ScopePrerequisite *p =
                g_ptr_array_index(load->scope->prerequisites, number_of(load, guid) - 1);

        if (p->in_scope && scope_read_guid(guid, item.guid))
                g_array_append_val(load->scope->items, item);
}

static guint
depth_of(const Load *load, const CatalogCategory *category)
{
        guint depth = 0;

        while (depth < MAX_PARENT && *category->parent != '\0' &&
               (category = category_of(load, category->parent)) != NULL)
                depth++;
        return depth;
}

static void
add_categories(Load *load, guint depth, guint roots)
{
        for (guint i = 0; i < load->scope->categories->len; i++) {
                const CatalogCategory *c = g_ptr_array_index(load->scope->categories, i);
                const ScopePrerequisite *p =
                        g_ptr_array_index(load->scope->prerequisites, number_of(load, c->id) - 1);
                guint kind = roots;

                if (!p->in_scope || depth_of(load, c) != depth)
                        continue;
                if (number_of(load, c->parent) != 0) {
                        ScopeKind *fresh = kind_new("", "");
                        GString *text = g_string_new(NULL);

                        add_clause_of_one(load, fresh, text, c->parent, true);
                        kind = keep_kind(load, fresh, text);
                }
                add_item(load, c->id, SCOPE_CATEGORY, kind, c->revision_id, c->revision,
                         c->changed);
        }
}

/* Prerequisites first, each behind its own; then the updates. */
static void
add_items(Load *load)
{
        guint roots = keep_kind(load, kind_new("", ""), g_string_new(NULL));

        for (guint i = 0; i < load->detectoids->len; i++) {
                const CatalogDetectoid *d = g_ptr_array_index(load->detectoids, i);

                add_item(load, d->id, SCOPE_DETECTOID, roots, d->revision_id, d->revision,
                         d->changed);
        }
        for (guint depth = 0; depth <= MAX_PARENT; depth++)
                add_categories(load, depth, roots);
        g_array_append_vals(load->scope->items, load->updates->data, load->updates->len);
}

static int
compare_guids(gconstpointer a, gconstpointer b, gpointer scope)
{
        return memcmp(scope_item(scope, *(const guint32 *)a)->guid,
                      scope_item(scope, *(const guint32 *)b)->guid, 16);
}

/* A synchronization may have given out numbers after the state was read: what was read then is
 * thrown away, but it has its place until then. */
static void
make_indices(Scope *scope)
{
        for (guint i = 0; i < scope->items->len; i++)
                scope->high = MAX(scope->high, (gint64)scope_item(scope, i)->id);
        scope->by_id = g_new0(guint32, (gsize)scope->high + 1);
        scope->by_guid = g_new0(guint32, scope->items->len + 1);
        for (guint i = 0; i < scope->items->len; i++) {
                scope->by_id[scope_item(scope, i)->id] = i + 1;
                scope->by_guid[i] = i;
        }
        g_qsort_with_data(scope->by_guid, (int)scope->items->len, sizeof(guint32), compare_guids,
                          scope);
}

/* ---- loading ---- */

static bool
add_former(Load *load, Db *db, GError **error)
{
        g_autoptr(GPtrArray) former = catalog_former(db, error);

        for (guint i = 0; former != NULL && i < former->len; i++) {
                const CatalogFormer *f = g_ptr_array_index(former, i);
                guint number = number_of(load, f->id);

                if (number != 0)
                        g_hash_table_insert(load->scope->prerequisite_of,
                                            GUINT_TO_POINTER((guint)f->revision_id),
                                            GUINT_TO_POINTER(number));
        }
        return former != NULL;
}

static bool
load_all(Load *load, Db *db, GError **error)
{
        load->products = catalog_products(db, error);
        load->detectoids = load->products != NULL ? catalog_detectoids(db, error) : NULL;
        load->scope->categories = load->detectoids != NULL ? catalog_categories(db, error) : NULL;
        load->scope->suites = load->scope->categories != NULL ? catalog_suites(db, error) : NULL;
        if (load->scope->suites == NULL)
                return false;
        add_prerequisites(load);
        if (!add_former(load, db, error) || !catalog_deployed(db, add_update, load, error))
                return false;
        add_items(load);
        return true;
}

static Scope *
load_once(Db *db, const CatalogState *state, GError **error)
{
        g_autoptr(Scope) scope = scope_new(state);
        g_autoptr(GHashTable) numbers = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GHashTable) kind_of =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GArray) updates = g_array_new(FALSE, FALSE, sizeof(ScopeItem));
        Load load = { scope, NULL, NULL, numbers, kind_of, updates };

        if (state->revision_id > G_MAXINT32) {
                uk_fail(error, UK_ERROR_LIMIT,
                        "the catalogue has given out more numbers than this exchange can carry");
                return NULL;
        }
        bool good = load_all(&load, db, error);

        g_clear_pointer(&load.products, g_ptr_array_unref);
        g_clear_pointer(&load.detectoids, g_ptr_array_unref);
        if (!good)
                return NULL;
        make_indices(scope);
        return g_steal_pointer(&scope);
}

Scope *
scope_load(Db *db, GError **error)
{
        UK_DOING(error, "reading what is deployed");
        g_autoptr(CatalogState) state = catalog_state(db, error);

        for (guint try = 0; state != NULL && try < TRIES; try++) {
                g_autoptr(Scope) scope = load_once(db, state, error);
                CatalogState *after = scope != NULL ? catalog_state(db, error) : NULL;

                if (after != NULL && scope_is_of(scope, after->epoch, after->change)) {
                        catalog_state_free(after);
                        return g_steal_pointer(&scope);
                }
                /* It changed while it was read. */
                catalog_state_free(state);
                state = after;
        }
        if (state != NULL)
                uk_fail(error, UK_ERROR_BUSY, "the catalogue keeps changing");
        return NULL;
}
