/* wuagent_evaluate.c - from evaluation sets and the machine to the results of a search.
 *
 * The rules are in deb/upgrade.c; here their answer gets the names under which updates are known
 * everywhere: UpdateID, title, classification, product.
 */
#include "client/wuagent/wuagent_private.h"
#include "deb/upgrade.h"

/* The sets with their heads read, as the rules want them. */
typedef struct {
        GPtrArray *sets; /* EvalSet * */
} Sets;

static void
sets_clear(Sets *sets)
{
        g_clear_pointer(&sets->sets, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sets, sets_clear)

static bool
read_sets(const GPtrArray *from, Sets *sets, GError **error)
{
        sets->sets = g_ptr_array_new_with_free_func((GDestroyNotify)evalset_free);
        for (guint i = 0; i < from->len; i++) {
                const SourceSet *set = g_ptr_array_index(from, i);
                gsize size;
                const char *text = g_bytes_get_data(set->text, &size);
                EvalSet *read = evalset_read(text, size, error);

                if (read == NULL)
                        return false;
                g_ptr_array_add(sets->sets, read);
        }
        return true;
}

static void
add_packages(const UpgradeResult *from, const UpgradeUpdate *update, ResultUpdate *to)
{
        for (guint i = 0; i < update->package_count; i++) {
                const UpgradePackage *one = &from->packages[update->first_package + i];
                g_autofree char *name = slice_dup(one->package->name);
                g_autofree char *arch = slice_dup(one->package->arch);
                g_autofree char *installed = slice_dup(one->package->version);

                results_add_package(to->packages, name, arch, installed, one->version,
                                    one->package->hold);
        }
}

static void
add_update(const UpgradeResult *from, const UpgradeUpdate *update, const EvalSetHead *head,
           SearchResult *result)
{
        g_autofree char *source = slice_dup(update->update.source);
        g_autofree char *version = slice_dup(update->update.version);
        g_autofree char *id = evalset_update_id(head->origin, head->codename, source, version);
        g_autofree char *title = evalset_title(update->update.source, update->update.version,
                                               update->update.classification);
        ResultState state = update->state == UPGRADE_MISSING ? RESULT_MISSING : RESULT_INSTALLED;
        ResultUpdate *made =
                results_add(result, id, update->update.revision, state, title, source,
                            head->product, evalset_class_guid(update->update.classification));

        if (state == RESULT_MISSING)
                add_packages(from, update, made);
}

static void
add_builds(const UpgradeResult *from, SearchResult *result) /* DEB-003 */
{
        for (guint i = 0; i < from->build_count; i++) {
                const UpgradeBuild *build = &from->builds[i];
                g_autofree char *name = slice_dup(build->package->name);
                g_autofree char *arch = slice_dup(build->package->arch);
                g_autofree char *version = slice_dup(build->package->version);

                results_add_package(result->other_builds, name, arch, version, build->fields,
                                    build->package->hold);
        }
}

/* Products and classifications among the updates. */
static guint
count_categories(const UpgradeResult *from, const Sets *sets)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < sets->sets->len; i++) {
                const EvalSet *set = g_ptr_array_index(sets->sets, i);

                g_hash_table_add(seen, (gpointer)evalset_head(set)->product);
        }
        for (guint i = 0; i < from->update_count; i++) {
                const char *class = evalset_class_guid(from->updates[i].update.classification);

                g_hash_table_add(seen, (gpointer) class);
        }
        return g_hash_table_size(seen);
}

bool
wuagent_evaluate(const DebMachine *machine, const GPtrArray *sets, SearchResult *result,
                 GError **error) /* DEB-031 to DEB-033, DEB-041 */
{
        UK_DOING(error, "evaluating the updates");
        g_auto(Sets) read = { NULL };

        if (!read_sets(sets, &read, error))
                return false;
        g_autoptr(UpgradeResult) found = upgrade_evaluate(
                machine, (const EvalSet *const *)read.sets->pdata, read.sets->len, error);
        if (found == NULL)
                return false;
        for (guint i = 0; i < found->update_count; i++) {
                const UpgradeUpdate *update = &found->updates[i];

                if (update->state != UPGRADE_NOT_APPLICABLE)
                        add_update(found, update,
                                   evalset_head(g_ptr_array_index(read.sets, update->set)), result);
        }
        add_builds(found, result);
        result->deployed = found->listed;
        result->evaluated = found->update_count;
        result->categories = count_categories(found, &read);
        return true;
}
