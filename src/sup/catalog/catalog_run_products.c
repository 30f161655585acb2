/* catalog_run_products.c - categories and products, as suites make them known (DEB-023, DEB-030).
 */
#include <string.h>

#include "deb/evalset.h"
#include "deb/machine.h"
#include "sup/catalog/catalog_run.sql.h"
#include "sup/catalog/catalog_run_private.h"

/* What is known of a category. */
typedef struct {
        char *type, *parent, *title;
        gint64 revision, revision_id;
} Known;

static void
known_clear(Known *known)
{
        g_free(known->type);
        g_free(known->parent);
        g_free(known->title);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Known, known_clear)

/* Whoever still has the number that an item had before has the item. */
static bool
keep_former(CatalogRun *run, gint64 revision_id, const char *id, GError **error)
{
        return db_run(run->tx, &sql_catalog_run_former,
                      DB_ARGS(DB_INT("revision_id", revision_id), DB_TEXT("id", id)), error);
}

/* Writes a category that is new or has another name or parent now. */
static bool
write_category(CatalogRun *run, const char *id, const char *type, const char *parent,
               const char *title, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(TEXT, Known, type, "CategoryType"),
                DB_FIELD(TEXT, Known, parent, "ParentID"),
                DB_FIELD(TEXT, Known, title, "Title"),
                DB_FIELD(INT, Known, revision, "Revision"),
                DB_FIELD(INT, Known, revision_id, "RevisionID"),
                DB_FIELD_END,
        };
        g_auto(Known) known = { 0 };
        bool found;

        if (!db_one(run->db, &sql_catalog_run_category_known, DB_ARGS(DB_TEXT("id", id)), fields,
                    &known, &found, error))
                return false;
        if (found && strcmp(known.parent, parent) == 0 && strcmp(known.title, title) == 0)
                return true;
        run->wrote = true;
        if (found && !keep_former(run, known.revision_id, id, error))
                return false;
        return db_run(run->tx, &sql_catalog_run_category,
                      DB_ARGS(DB_TEXT("id", id), DB_TEXT("type", type), DB_TEXT("parent", parent),
                              DB_TEXT("title", title), DB_INT("revision_id", ++run->revision_id),
                              DB_INT("revision", known.revision + 1), DB_INT("change", run->change),
                              DB_TIME("now", run->now_us)),
                      error);
}

static bool
write_classifications(CatalogRun *run, GError **error)
{
        static const char letters[] = { EVALSET_SECURITY, EVALSET_UPDATES, EVALSET_ROLLUPS,
                                        EVALSET_FEATURES };

        for (guint i = 0; i < sizeof letters; i++) {
                if (!write_category(run, evalset_class_guid(letters[i]), "UpdateClassification", "",
                                    evalset_class_name(letters[i]), error))
                        return false;
        }
        return true;
}

static CatalogProduct *
find_product(CatalogRun *run, const char *category)
{
        for (guint i = 0; i < run->products->len; i++) {
                CatalogProduct *product = g_ptr_array_index(run->products, i);

                if (strcmp(product->category, category) == 0)
                        return product;
        }
        return NULL;
}

static bool
write_product(CatalogRun *run, const CatalogProduct *p, GError **error)
{
        return db_run(run->tx, &sql_catalog_run_product,
                      DB_ARGS(DB_INT("product", p->id), DB_TEXT("category", p->category),
                              DB_TEXT("origin", p->origin), DB_TEXT("codename", p->codename),
                              DB_TEXT("version", p->version), DB_TEXT("rule", p->rule),
                              DB_TEXT("end_of_life", p->end_of_life)),
                      error);
}

static CatalogProduct *
add_product(CatalogRun *run, const char *origin, const char *codename, const ProductsNames *names)
{
        CatalogProduct *product = g_new0(CatalogProduct, 1);

        product->id = ++run->next_product;
        product->category = g_strdup(names->product_id);
        product->title = g_strdup(names->product);
        product->origin = g_strdup(origin);
        product->codename = g_strdup(codename);
        product->version = g_strdup(names->version);
        product->rule = g_strdup("");
        product->end_of_life = g_strdup("");
        g_ptr_array_add(run->products, product);
        return product;
}

/* Keeps the version that is known: suites of one release spell it differently, or say none. */
static ProductsNames *
name_product(CatalogRun *run, const CatalogRunSuite *suite, const char *origin)
{
        ProductsFacts facts = { origin, suite->codename, suite->label, suite->version };
        ProductsNames *names = products_name(&facts);
        const CatalogProduct *known = find_product(run, names->product_id);

        if (known == NULL || *names->version != '\0' || *known->version == '\0')
                return names;
        facts.version = known->version;
        products_names_free(names);
        return products_name(&facts);
}

bool
catalog_run_product(CatalogRun *run, const CatalogRunSuite *suite, gint64 *product_id_out,
                    GError **error)
{
        g_autofree char *origin = products_origin(suite->origin);
        g_autoptr(ProductsNames) names = name_product(run, suite, origin);
        CatalogProduct *product = find_product(run, names->product_id);
        /* The first suite of a foreign archive names its product; others have labels of their own.
         */
        bool rename = product == NULL || *names->os_id != '\0' ||
                      suite->classification == EVALSET_ROLLUPS;

        if (rename &&
            (!write_classifications(run, error) ||
             !write_category(run, names->company_id, "Company", "", names->company, error) ||
             !write_category(run, names->family_id, "ProductFamily", names->company_id,
                             names->family, error) ||
             !write_category(run, names->product_id, "Product", names->family_id, names->product,
                             error)))
                return false;
        if (product == NULL)
                product = add_product(run, origin, suite->codename, names);
        else if (!rename) {
                *product_id_out = product->id;
                return true;
        }
        g_free(product->title);
        product->title = g_strdup(names->product);
        g_free(product->version);
        product->version = g_strdup(names->version);
        g_free(product->end_of_life);
        product->end_of_life = products_end_of_life(run->root, names->os_id, product->codename);
        *product_id_out = product->id;
        return write_product(run, product, error);
}

/* Where the machines' apt may find a product: its suites, without scheme. */
static char **
places_of(const CatalogRun *run, gint64 product)
{
        GPtrArray *places = g_ptr_array_new();

        for (guint i = 0; i < run->suites->len; i++) {
                const CatalogSuite *suite = g_ptr_array_index(run->suites, i);
                char *place;

                if (suite->product != product)
                        continue;
                place = machine_place(suite->uri, suite->suite);
                *strrchr(place, ' ') = '\t';
                g_ptr_array_add(places, place);
        }
        g_ptr_array_add(places, NULL);
        return (char **)g_ptr_array_free(places, FALSE);
}

bool
catalog_run_rules(CatalogRun *run, GError **error)
{
        for (guint i = 0; i < run->products->len; i++) {
                CatalogProduct *product = g_ptr_array_index(run->products, i);
                ProductsFacts facts = { product->origin, product->codename, "", product->version };
                g_autoptr(ProductsNames) names = products_name(&facts);
                g_auto(GStrv) places = places_of(run, product->id);
                char *rule = products_rule(names, product->origin, product->codename, places);

                if (strcmp(rule, product->rule) == 0 || places[0] == NULL) {
                        g_free(rule);
                        continue;
                }
                g_free(product->rule);
                product->rule = rule;
                if (!write_product(run, product, error))
                        return false;
        }
        return true;
}

/* ---- detectoids ---- */

static const CatalogDetectoid *
find_detectoid(const GPtrArray *known, const char *id)
{
        for (guint i = 0; i < known->len; i++) {
                const CatalogDetectoid *detectoid = g_ptr_array_index(known, i);

                if (strcmp(detectoid->id, id) == 0)
                        return detectoid;
        }
        return NULL;
}

static bool
write_detectoid(CatalogRun *run, const GPtrArray *known, const CatalogDetectoid *fresh,
                GError **error)
{
        const CatalogDetectoid *held = find_detectoid(known, fresh->id);

        if (held != NULL && strcmp(held->rule, fresh->rule) == 0)
                return true;
        run->wrote = true;
        if (held != NULL && !keep_former(run, held->revision_id, held->id, error))
                return false;
        return db_run(run->tx, &sql_catalog_run_detectoid,
                      DB_ARGS(DB_TEXT("id", fresh->id), DB_TEXT("category", fresh->category),
                              DB_TEXT("arch", fresh->arch), DB_TEXT("rule", fresh->rule),
                              DB_INT("revision_id", ++run->revision_id),
                              DB_INT("revision", held != NULL ? held->revision + 1 : 1),
                              DB_TIME("now", run->now_us)),
                      error);
}

/* Whether an earlier one of the sets is for the same architecture. */
static bool
known_arch(const GPtrArray *sets, guint at)
{
        const CatalogSet *set = g_ptr_array_index(sets, at);
        bool known = false;

        for (guint i = 0; i < at && !known; i++)
                known = strcmp(((const CatalogSet *)g_ptr_array_index(sets, i))->arch, set->arch) ==
                        0;
        return known;
}

static bool
write_arches(CatalogRun *run, const GPtrArray *known, GError **error)
{
        g_autoptr(GPtrArray) sets = catalog_sets(run->db, error);

        for (guint i = 0; sets != NULL && i < sets->len; i++) {
                const CatalogSet *set = g_ptr_array_index(sets, i);
                g_autofree char *id = products_arch_detectoid(set->arch);
                CatalogDetectoid fresh = { id, (char *)"", set->arch, (char *)"", 0, 0, 0 };

                if (!known_arch(sets, i) && !write_detectoid(run, known, &fresh, error))
                        return false;
        }
        return sets != NULL;
}

bool
catalog_run_detectoids(CatalogRun *run, GError **error)
{
        g_autoptr(GPtrArray) known = catalog_detectoids(run->db, error);

        for (guint i = 0; known != NULL && i < run->products->len; i++) {
                const CatalogProduct *product = g_ptr_array_index(run->products, i);
                g_autofree char *id = products_detectoid(product->category);
                CatalogDetectoid fresh = {
                        id, product->category, (char *)"", product->rule, 0, 0, 0
                };

                if (!write_detectoid(run, known, &fresh, error))
                        return false;
        }
        return known != NULL && write_arches(run, known, error);
}
