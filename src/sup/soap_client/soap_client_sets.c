/* soap_client_sets.c - a view of the catalogue's evaluation sets, with all that was made of it. */
#include "sup/soap_client/soap_client_sets.h"

#include <pthread.h>
#include <string.h>

#include "crypto/hash.h"
#include "deb/machine.h"
#include "sup/catalog/catalog.h"

/* Answers kept at most; kinds of machines are few, and whoever invents more starts it anew. */
#define MAX_ANSWERS 1024
#define FRAME_TYPE  "application/zstd"

/* What the catalogue had at one time; products and sets are never changed, so reading them needs no
 * lock. */
typedef struct {
        int refs; /* by the lock of Sets */
        char *epoch;
        gint64 change;
        bool ended;          /* a synchronization has ended on it */
        GPtrArray *products; /* of CatalogProduct */
        GPtrArray *sets;     /* of CatalogSet, by product's GUID and architecture */
        GHashTable *answers; /* SHA-256 of an announcement to element; by the lock */
        GHashTable *files;   /* name to HttpCached; by the lock */
} View;

struct Sets {
        pthread_mutex_t lock; /* guards view, and the refs and tables of views */
        View *view;
};

static void
view_free(View *view)
{
        g_free(view->epoch);
        g_clear_pointer(&view->products, g_ptr_array_unref);
        g_clear_pointer(&view->sets, g_ptr_array_unref);
        g_hash_table_unref(view->answers);
        g_hash_table_unref(view->files);
        g_free(view);
}

static View *
view_ref(Sets *sets)
{
        pthread_mutex_lock(&sets->lock);
        View *view = sets->view;
        view->refs++;
        pthread_mutex_unlock(&sets->lock);
        return view;
}

static void
view_unref(Sets *sets, View *view)
{
        pthread_mutex_lock(&sets->lock);
        bool last = --view->refs == 0;
        pthread_mutex_unlock(&sets->lock);
        if (last)
                view_free(view);
}

static View *
view_new(const char *epoch, gint64 change)
{
        View *view = g_new0(View, 1);

        view->refs = 1;
        view->epoch = g_strdup(epoch);
        view->change = change;
        view->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        view->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify)http_cached_unref);
        return view;
}

Sets *
soap_client_sets_new(void)
{
        Sets *sets = g_new0(Sets, 1);

        pthread_mutex_init(&sets->lock, NULL);
        sets->view = view_new("", -1);
        sets->view->products = g_ptr_array_new();
        sets->view->sets = g_ptr_array_new();
        return sets;
}

void
soap_client_sets_free(Sets *sets)
{
        if (sets == NULL)
                return;
        view_free(sets->view);
        pthread_mutex_destroy(&sets->lock);
        g_free(sets);
}

/* The order in which every update point names them. */
static int
compare_sets(gconstpointer a, gconstpointer b)
{
        const CatalogSet *one = *(CatalogSet *const *)a, *other = *(CatalogSet *const *)b;
        int order = strcmp(one->product_id, other->product_id);

        return order != 0 ? order : strcmp(one->arch, other->arch);
}

bool
soap_client_sets_refresh(Sets *sets, Db *db, GError **error)
{
        g_autoptr(CatalogState) state = catalog_state(db, error);

        if (state == NULL)
                return false;
        pthread_mutex_lock(&sets->lock);
        bool same = strcmp(sets->view->epoch, state->epoch) == 0 &&
                    sets->view->change == state->change &&
                    sets->view->ended == (state->last_ended != 0);
        pthread_mutex_unlock(&sets->lock);
        if (same)
                return true;
        View *fresh = view_new(state->epoch, state->change);
        fresh->ended = state->last_ended != 0;
        fresh->products = catalog_products(db, error);
        fresh->sets = fresh->products != NULL ? catalog_sets(db, error) : NULL;
        if (fresh->sets == NULL) {
                view_free(fresh);
                return false;
        }
        g_ptr_array_sort(fresh->sets, compare_sets);
        pthread_mutex_lock(&sets->lock);
        View *old = sets->view;
        sets->view = fresh;
        pthread_mutex_unlock(&sets->lock);
        view_unref(sets, old);
        return true;
}

char *
soap_client_sets_epoch(Sets *sets, gint64 *change_out)
{
        pthread_mutex_lock(&sets->lock);
        char *epoch = g_strdup(sets->view->epoch);
        *change_out = sets->view->change;
        pthread_mutex_unlock(&sets->lock);
        return epoch;
}

bool
soap_client_sets_ended(Sets *sets)
{
        pthread_mutex_lock(&sets->lock);
        bool ended = sets->view->ended;
        pthread_mutex_unlock(&sets->lock);
        return ended;
}

/* ---- answers ---- */

static void
origin_free(gpointer data)
{
        g_free(data);
}

/* The machine as the rules of products see it; its texts are the announcement's. */
static void
machine_of(const SetsAnnouncement *a, DebMachine *machine)
{
        *machine = (DebMachine){ .os_id = a->os_id,
                                 .os_codename = a->os_codename,
                                 .os_version = a->os_version };
        machine->origins = g_ptr_array_new_with_free_func(origin_free);
        for (guint i = 0; i < a->origins->len; i++) {
                const SetsOrigin *from = g_ptr_array_index(a->origins, i);
                DebOrigin *origin = g_new0(DebOrigin, 1);

                origin->place = from->place;
                origin->origin = from->name;
                origin->codename = from->codename;
                g_ptr_array_add(machine->origins, origin);
        }
}

/* Keys (as pointers to CatalogProduct.id) of the products that are for the machine. */
static GHashTable *
products_for(const View *view, const SetsAnnouncement *a, GError **error)
{
        g_autoptr(GHashTable) ids = g_hash_table_new(g_int64_hash, g_int64_equal);
        DebMachine machine;
        bool good = true, matches;

        machine_of(a, &machine);
        for (guint i = 0; good && i < view->products->len; i++) {
                CatalogProduct *product = g_ptr_array_index(view->products, i);

                good = machine_matches(&machine, product->rule, &matches, error);
                if (good && matches)
                        g_hash_table_add(ids, &product->id);
        }
        g_ptr_array_unref(machine.origins);
        return good ? g_steal_pointer(&ids) : NULL;
}

static const SetsName *
held_of(const SetsAnnouncement *a, const CatalogSet *set)
{
        for (guint i = 0; i < a->held->len; i++) {
                const SetsName *held = g_ptr_array_index(a->held, i);

                if (strcmp(held->product, set->product_id) == 0 &&
                    strcmp(held->arch, set->arch) == 0)
                        return held;
        }
        return NULL;
}

/* Names a set, and the step to it from what the machine holds, if there is one. */
static bool
add_name(Db *db, const CatalogSet *set, const SetsName *held, GPtrArray *names, GError **error)
{
        SetsName *name = wsussets_name_new(set->product_id, set->arch, set->number, set->sha256);
        g_autoptr(GBytes) step = NULL;

        g_ptr_array_add(names, name);
        g_free(name->url);
        name->url = g_strconcat(WSUSSETS_PATH, set->sha256, NULL);
        if (held == NULL || strcmp(held->sha256, set->sha256) == 0)
                return true;
        if (!catalog_step_content(db, set, held->sha256, &step, error))
                return false;
        if (step != NULL) {
                g_free(name->step);
                name->step = g_strconcat(WSUSSETS_PATH, held->sha256, ".", set->sha256, NULL);
        }
        return true;
}

static bool
are_held(const GPtrArray *names, const GPtrArray *held)
{
        bool same = names->len == held->len;

        for (guint i = 0; same && i < names->len; i++)
                same = wsussets_name_equal(g_ptr_array_index(names, i), g_ptr_array_index(held, i));
        return same;
}

static char *
make_answer(const View *view, Db *db, const SetsAnnouncement *a, GError **error)
{
        g_autoptr(GHashTable) products = products_for(view, a, error);
        g_autoptr(GPtrArray) names =
                g_ptr_array_new_with_free_func((GDestroyNotify)wsussets_name_free);

        for (guint i = 0; products != NULL && i < view->sets->len; i++) {
                CatalogSet *set = g_ptr_array_index(view->sets, i);

                if (g_hash_table_contains(products, &set->product) &&
                    g_strv_contains((const char *const *)a->arches, set->arch) &&
                    !add_name(db, set, held_of(a, set), names, error))
                        return NULL;
        }
        return products != NULL ? wsussets_answer_write(names, are_held(names, a->held)) : NULL;
}

char *
soap_client_sets_answer(Sets *sets, Db *db, const SetsAnnouncement *announcement, GError **error)
{
        g_autofree char *text = wsussets_announcement_key(announcement);
        char *key = hash_sha256_hex(text, strlen(text));
        View *view = view_ref(sets);

        pthread_mutex_lock(&sets->lock);
        char *answer = g_strdup(g_hash_table_lookup(view->answers, key));
        pthread_mutex_unlock(&sets->lock);
        if (answer != NULL) {
                g_free(key);
        } else if ((answer = make_answer(view, db, announcement, error)) != NULL) {
                pthread_mutex_lock(&sets->lock);
                if (g_hash_table_size(view->answers) >= MAX_ANSWERS)
                        g_hash_table_remove_all(view->answers);
                g_hash_table_insert(view->answers, key, g_strdup(answer));
                pthread_mutex_unlock(&sets->lock);
        } else {
                g_free(key);
        }
        view_unref(sets, view);
        return answer;
}

/* ---- files ---- */

static const CatalogSet *
find_set(const View *view, const char *sha256)
{
        for (guint i = 0; i < view->sets->len; i++) {
                const CatalogSet *set = g_ptr_array_index(view->sets, i);

                if (strcmp(set->sha256, sha256) == 0)
                        return set;
        }
        return NULL;
}

static HttpCached *
load(const View *view, Db *db, const char *name, GError **error)
{
        const char *dot = strchr(name, '.');
        const CatalogSet *set = find_set(view, dot != NULL ? dot + 1 : name);
        g_autofree char *from = dot != NULL ? g_strndup(name, (gsize)(dot - name)) : NULL;
        g_autoptr(GBytes) content = NULL;
        HttpCached *file = NULL;

        if (set != NULL && from == NULL)
                content = catalog_set_content(db, set, error);
        else if (set != NULL && !catalog_step_content(db, set, from, &content, error))
                return NULL;
        if (content != NULL)
                file = http_cached_new(content, FRAME_TYPE, NULL, name);
        else if (error != NULL && *error == NULL)
                uk_fail(error, UK_ERROR_NOT_FOUND, "there is no evaluation set or step '%.140s'",
                        name);
        return file;
}

HttpCached *
soap_client_sets_file(Sets *sets, Db *db, const char *name, GError **error)
{
        View *view = view_ref(sets);

        pthread_mutex_lock(&sets->lock);
        HttpCached *file = g_hash_table_lookup(view->files, name);
        if (file != NULL)
                http_cached_ref(file);
        pthread_mutex_unlock(&sets->lock);
        if (file == NULL && (file = load(view, db, name, error)) != NULL) {
                pthread_mutex_lock(&sets->lock);
                g_hash_table_replace(view->files, g_strdup(name), http_cached_ref(file));
                pthread_mutex_unlock(&sets->lock);
        }
        view_unref(sets, view);
        return file;
}
