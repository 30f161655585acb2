/* results.c - the results of a search, and their form as a letter (a GVariant). */
#include "client/wuagent/results.h"

#define PACKAGES_TYPE "a(ssssb)"
#define UPDATE_TYPE   "(sxussssss" PACKAGES_TYPE ")"
#define RESULT_TYPE   "(susxuuua" UPDATE_TYPE PACKAGES_TYPE ")"

static void
package_free(ResultPackage *package)
{
        g_free(package->name);
        g_free(package->architecture);
        g_free(package->installed);
        g_free(package->available);
        g_free(package);
}

static void
update_free(ResultUpdate *update)
{
        g_free(update->update_id);
        g_free(update->title);
        g_free(update->article);
        g_free(update->product_id);
        g_free(update->classification_id);
        g_free(update->superseded_by);
        g_free(update->superseded_by_class);
        g_ptr_array_unref(update->packages);
        g_free(update);
}

static GPtrArray *
packages_new(void)
{
        return g_ptr_array_new_with_free_func((GDestroyNotify)package_free);
}

SearchResult *
results_new(const char *job_id)
{
        SearchResult *result = g_new0(SearchResult, 1);

        result->job_id = g_strdup(job_id);
        result->error_text = g_strdup("");
        result->updates = g_ptr_array_new_with_free_func((GDestroyNotify)update_free);
        result->other_builds = packages_new();
        return result;
}

void
results_free(SearchResult *result)
{
        if (result == NULL)
                return;
        g_free(result->job_id);
        g_free(result->error_text);
        g_ptr_array_unref(result->updates);
        g_ptr_array_unref(result->other_builds);
        g_free(result);
}

/* What came from outside must not spoil the letter: it takes UTF-8 only. */
static char *
valid(const char *text)
{
        return g_utf8_make_valid(text, -1);
}

ResultUpdate *
results_add(SearchResult *result, const char *update_id, gint64 revision, ResultState state,
            const char *title, const char *article, const char *product_id,
            const char *classification_id)
{
        ResultUpdate *update = g_new0(ResultUpdate, 1);

        update->update_id = valid(update_id);
        update->revision = revision;
        update->state = state;
        update->title = valid(title);
        update->article = valid(article);
        update->product_id = valid(product_id);
        update->classification_id = valid(classification_id);
        update->superseded_by = g_strdup("");
        update->superseded_by_class = g_strdup("");
        update->packages = packages_new();
        g_ptr_array_add(result->updates, update);
        return update;
}

void
results_add_package(GPtrArray *packages, const char *name, const char *architecture,
                    const char *installed, const char *available, bool held)
{
        ResultPackage *package = g_new0(ResultPackage, 1);

        package->name = valid(name);
        package->architecture = valid(architecture);
        package->installed = valid(installed);
        package->available = valid(available);
        package->held = held;
        g_ptr_array_add(packages, package);
}

guint
results_count(const SearchResult *result, ResultState state)
{
        guint count = 0;

        for (guint i = 0; i < result->updates->len; i++) {
                const ResultUpdate *update = g_ptr_array_index(result->updates, i);

                count += update->state == state;
        }
        return count;
}

static bool
stays(const ResultUpdate *update)
{
        return update->superseded_by[0] == '\0' ||
               g_ascii_strcasecmp(update->superseded_by_class, RESULT_CLASS_SERVICEPACK) == 0 ||
               g_ascii_strcasecmp(update->superseded_by_class, RESULT_CLASS_DEFINITION) == 0;
}

void
results_drop_superseded(SearchResult *result)
{
        for (guint i = 0; i < result->updates->len;) {
                if (stays(g_ptr_array_index(result->updates, i)))
                        i++;
                else
                        g_ptr_array_remove_index(result->updates, i);
        }
}

static GVariant *
packages_variant(const GPtrArray *packages)
{
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE(PACKAGES_TYPE));
        for (guint i = 0; i < packages->len; i++) {
                const ResultPackage *package = g_ptr_array_index(packages, i);

                g_variant_builder_add(&builder, "(ssssb)", package->name, package->architecture,
                                      package->installed, package->available, package->held);
        }
        return g_variant_builder_end(&builder);
}

static GVariant *
update_variant(const ResultUpdate *update)
{
        return g_variant_new("(sxussssss@" PACKAGES_TYPE ")", update->update_id, update->revision,
                             (guint32)update->state, update->title, update->article,
                             update->product_id, update->classification_id, update->superseded_by,
                             update->superseded_by_class, packages_variant(update->packages));
}

GBytes *
results_write(const SearchResult *result)
{
        GVariantBuilder updates;

        g_variant_builder_init(&updates, G_VARIANT_TYPE("a" UPDATE_TYPE));
        for (guint i = 0; i < result->updates->len; i++)
                g_variant_builder_add_value(&updates,
                                            update_variant(g_ptr_array_index(result->updates, i)));
        g_autoptr(GVariant) whole = g_variant_ref_sink(g_variant_new(
                "(susxuuu@a" UPDATE_TYPE "@" PACKAGES_TYPE ")", result->job_id, result->error_code,
                result->error_text, result->time_us, result->deployed, result->evaluated,
                result->categories, g_variant_builder_end(&updates),
                packages_variant(result->other_builds)));

        return g_variant_get_data_as_bytes(whole);
}

static void
read_packages(GVariant *array, GPtrArray *packages)
{
        const char *name, *architecture, *installed, *available;
        gboolean held;
        GVariantIter iter;

        g_variant_iter_init(&iter, array);
        while (g_variant_iter_next(&iter, "(&s&s&s&sb)", &name, &architecture, &installed,
                                   &available, &held))
                results_add_package(packages, name, architecture, installed, available, held);
}

static void
read_update(GVariant *variant, SearchResult *result)
{
        const char *id, *title, *article, *product, *class, *by, *by_class;
        g_autoptr(GVariant) packages = NULL;
        guint32 state;
        gint64 revision;

        g_variant_get(variant, "(&sxu&s&s&s&s&s&s@" PACKAGES_TYPE ")", &id, &revision, &state,
                      &title, &article, &product, &class, &by, &by_class, &packages);
        ResultUpdate *update = results_add(result, id, revision, (ResultState)state, title, article,
                                           product, class);
        g_free(update->superseded_by);
        update->superseded_by = g_strdup(by);
        g_free(update->superseded_by_class);
        update->superseded_by_class = g_strdup(by_class);
        read_packages(packages, update->packages);
}

SearchResult *
results_read(const void *data, gsize size, GError **error)
{
        g_autoptr(GBytes) bytes = g_bytes_new(data, size);
        g_autoptr(GVariant) whole = g_variant_ref_sink(
                g_variant_new_from_bytes(G_VARIANT_TYPE(RESULT_TYPE), bytes, FALSE));
        g_autoptr(GVariant) updates = NULL, builds = NULL;
        const char *job_id, *error_text;

        if (!g_variant_is_normal_form(whole)) {
                uk_fail(error, UK_ERROR_PARSE, "these are no results of a search");
                return NULL;
        }
        g_autoptr(SearchResult) result = results_new("");
        g_variant_get(whole, "(&su&sxuuu@a" UPDATE_TYPE "@" PACKAGES_TYPE ")", &job_id,
                      &result->error_code, &error_text, &result->time_us, &result->deployed,
                      &result->evaluated, &result->categories, &updates, &builds);
        g_free(result->job_id);
        result->job_id = g_strdup(job_id);
        g_free(result->error_text);
        result->error_text = g_strdup(error_text);
        for (gsize i = 0; i < g_variant_n_children(updates); i++) {
                g_autoptr(GVariant) update = g_variant_get_child_value(updates, i);

                read_update(update, result);
        }
        read_packages(builds, result->other_builds);
        return g_steal_pointer(&result);
}
