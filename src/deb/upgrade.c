/* upgrade.c - apt's choice of candidates over evaluation sets (DEB-001 to 003, DEB-026 to 033). */
#include "deb/upgrade.h"

#include <string.h>

#include "deb/marks.h"
#include "deb/version.h"

/* A binary of a set whose package is installed. */
typedef struct {
        guint package;
        guint update;
        guint product;
        int priority;
        bool all;
        Slice version, marks;
} Candidate;

typedef struct {
        const DebMachine *machine;
        const EvalSet *const *sets;
        guint32 *index; /* hash of a name to first package + 1 */
        guint32 mask;
        GArray *candidates;
        GArray *updates;
        GArray *packages;
        GArray *builds;
        GHashTable *by_key; /* product, source, version to index + 1 */
        GStringChunk *texts;
        GString *scratch;
        guint product; /* of the set being read: the first set of the same product */
        guint listed;
} Work;

static guint32
hash_name(Slice name)
{
        guint32 hash = 2166136261u;

        for (gsize i = 0; i < name.size; i++)
                hash = (hash ^ (guchar)name.text[i]) * 16777619u;
        return hash ^ hash >> 15;
}

static const DpkgPackage *
package_at(const Work *work, guint i)
{
        return &work->machine->status->packages[i];
}

static bool
starts_name(const Work *work, guint i)
{
        return i == 0 ||
               slice_compare(package_at(work, i)->name, package_at(work, i - 1)->name) != 0;
}

static void
build_index(Work *work)
{
        guint count = work->machine->status->count, size = 64;

        while (size < count * 2)
                size *= 2;
        work->index = g_new0(guint32, size);
        work->mask = size - 1;
        for (guint i = 0; i < count; i++) {
                guint32 slot = hash_name(package_at(work, i)->name) & work->mask;

                if (!starts_name(work, i))
                        continue;
                while (work->index[slot] != 0)
                        slot = (slot + 1) & work->mask;
                work->index[slot] = i + 1;
        }
}

/* The first installed package of that name; false if none is. */
static bool
find_name(const Work *work, Slice name, guint *package_out)
{
        guint32 slot = hash_name(name) & work->mask;

        for (; work->index[slot] != 0; slot = (slot + 1) & work->mask) {
                guint i = work->index[slot] - 1;

                if (slice_compare(package_at(work, i)->name, name) == 0) {
                        *package_out = i;
                        return true;
                }
        }
        return false;
}

/* The architecture apt files a stanza under: "all" counts as native (DEB-031). */
static bool
same_arch(const Work *work, const DpkgPackage *package, const char *arch)
{
        const char *native = work->machine->status->native;

        if (slice_equal(package->arch, "all"))
                return strcmp(arch, native) == 0;
        return slice_equal(package->arch, arch);
}

/* One update may stand in several lines and sets; it is one all the same. */
static guint
update_index(Work *work, guint set, const EvalSetUpdate *update)
{
        const EvalSetHead *head = evalset_head(work->sets[set]);
        g_autofree char *key = g_strdup_printf("%s %.*s %.*s", head->product,
                                               (int)update->source.size, update->source.text,
                                               (int)update->version.size, update->version.text);
        guint known = GPOINTER_TO_UINT(g_hash_table_lookup(work->by_key, key));
        UpgradeUpdate fresh = { .set = set, .update = *update };

        if (known > 0)
                return known - 1;
        g_array_append_val(work->updates, fresh);
        g_hash_table_insert(work->by_key, g_steal_pointer(&key),
                            GUINT_TO_POINTER(work->updates->len));
        return work->updates->len - 1;
}

static void
add_candidate(Work *work, guint package, guint set, const EvalSetUpdate *update,
              const EvalSetBinary *binary)
{
        Slice version = evalset_binary_version(update, binary, work->scratch);
        Candidate candidate = { .package = package,
                                .update = update_index(work, set, update),
                                .product = work->product,
                                .priority = update->priority,
                                .all = binary->all,
                                .marks = binary->marks };

        candidate.version.size = version.size;
        candidate.version.text =
                g_string_chunk_insert_len(work->texts, version.text, (gssize)version.size);
        g_array_append_val(work->candidates, candidate);
}

static bool
take_update(Work *work, guint set, const EvalSetUpdate *update, GError **error)
{
        const char *set_arch = evalset_head(work->sets[set])->arch;
        Slice rest = update->binaries;
        EvalSetBinary binary;
        bool more;

        while (evalset_next_binary(&rest, &binary, &more, error)) {
                Slice name;
                guint i;

                if (!more)
                        return true;
                name = evalset_binary_name(update, &binary);
                if (!find_name(work, name, &i))
                        continue;
                do {
                        if (same_arch(work, package_at(work, i),
                                      binary.all ? work->machine->status->native : set_arch))
                                add_candidate(work, i, set, update, &binary);
                        i++;
                } while (i < work->machine->status->count && !starts_name(work, i));
        }
        return false;
}

static bool
take_set(Work *work, guint set, GError **error)
{
        gsize position = 0;
        EvalSetUpdate update;
        bool more;

        if (!dpkgstatus_has_arch(work->machine->status, evalset_head(work->sets[set])->arch))
                return true;
        work->product = 0;
        while (strcmp(evalset_head(work->sets[work->product])->product,
                      evalset_head(work->sets[set])->product) != 0)
                work->product++;
        while (evalset_next(work->sets[set], &position, &update, &more, error)) {
                if (!more)
                        return true;
                work->listed++;
                if (!take_update(work, set, &update, error))
                        return false;
        }
        return false;
}

static int
compare(Slice a, Slice b)
{
        return version_compare(a.text, a.size, b.text, b.size);
}

/* By package; of one package the best priority first, then the highest version. */
static int
compare_candidates(gconstpointer a, gconstpointer b)
{
        const Candidate *ca = a, *cb = b;
        int order;

        if (ca->package != cb->package)
                return ca->package < cb->package ? -1 : 1;
        if (ca->priority != cb->priority)
                return ca->priority > cb->priority ? -1 : 1;
        order = compare(cb->version, ca->version);
        return order != 0 ? order : (ca->update < cb->update ? -1 : ca->update > cb->update);
}

/* A product has one owner of a package in each class of priority. Where the sets name two ("all" in
 * the set of a foreign architecture, or beside a package of the native one), the higher version is
 * the owner and the others are none (DEB-026, DEB-031). */
static void
drop_disowned(Work *work)
{
        Candidate *c = (Candidate *)(gpointer)work->candidates->data;
        guint kept = 0;

        for (guint i = 0; i < work->candidates->len; i++) {
                bool owned = true;

                for (guint k = kept; k > 0 && owned && c[k - 1].package == c[i].package &&
                                     c[k - 1].priority == c[i].priority;
                     k--)
                        owned = c[k - 1].product != c[i].product;
                if (owned)
                        c[kept++] = c[i];
        }
        g_array_set_size(work->candidates, kept);
}

static char *
differing_fields(const DpkgPackage *package, const Candidate *candidate)
{
        char *fields = marks_differ(package->marks, candidate->marks);

        if (slice_equal(package->arch, "all") != candidate->all) {
                char *with = fields != NULL ? g_strconcat(fields, ", Architecture", NULL)
                                            : g_strdup("Architecture");

                g_free(fields);
                return with;
        }
        return fields;
}

/* apt's rule for one package: the highest version of the best priority that has one not lower
 * than the installed version. */
static void
choose(Work *work, const Candidate *first, guint count)
{
        const DpkgPackage *package = package_at(work, first->package);

        for (guint i = 0; i < count && first[i].priority >= UPGRADE_PRIORITY_INSTALLED; i++) {
                int order = compare(first[i].version, package->version);

                if (order > 0) {
                        UpgradePackage row = { package, first[i].version.text, first[i].update };

                        g_array_append_val(work->packages, row);
                } else if (order == 0) {
                        UpgradeBuild row = { package, differing_fields(package, &first[i]) };

                        if (row.fields != NULL)
                                g_array_append_val(work->builds, row);
                }
                if (order >= 0)
                        return;
        }
}

static void
choose_all(Work *work)
{
        const Candidate *candidates;
        guint start = 0;

        g_array_sort(work->candidates, compare_candidates);
        drop_disowned(work);
        candidates = (const Candidate *)(gpointer)work->candidates->data;
        for (guint i = 1; i <= work->candidates->len; i++) {
                if (i < work->candidates->len && candidates[i].package == candidates[start].package)
                        continue;
                choose(work, candidates + start, i - start);
                start = i;
        }
}

/* Installed if it owns a package that is, until one says otherwise; then missing (DEB-032). */
static void
set_states(Work *work)
{
        for (guint i = 0; i < work->updates->len; i++)
                g_array_index(work->updates, UpgradeUpdate, i).state = UPGRADE_NOT_APPLICABLE;
        for (guint i = 0; i < work->candidates->len; i++) {
                guint update = g_array_index(work->candidates, Candidate, i).update;

                g_array_index(work->updates, UpgradeUpdate, update).state = UPGRADE_INSTALLED;
        }
        for (guint i = 0; i < work->candidates->len; i++) {
                const Candidate *c = &g_array_index(work->candidates, Candidate, i);

                if (compare(package_at(work, c->package)->version, c->version) < 0)
                        g_array_index(work->updates, UpgradeUpdate, c->update).state =
                                UPGRADE_NOT_APPLICABLE;
        }
        for (guint i = 0; i < work->packages->len; i++) {
                guint update = g_array_index(work->packages, UpgradePackage, i).update;

                g_array_index(work->updates, UpgradeUpdate, update).state = UPGRADE_MISSING;
        }
}

static int
compare_packages(gconstpointer a, gconstpointer b)
{
        const UpgradePackage *pa = a, *pb = b;

        if (pa->update != pb->update)
                return pa->update < pb->update ? -1 : 1;
        return pa->package < pb->package ? -1 : pa->package > pb->package;
}

static void
link_packages(Work *work)
{
        g_array_sort(work->packages, compare_packages);
        for (guint i = 0; i < work->packages->len; i++) {
                guint at = g_array_index(work->packages, UpgradePackage, i).update;
                UpgradeUpdate *update = &g_array_index(work->updates, UpgradeUpdate, at);

                if (update->package_count++ == 0)
                        update->first_package = i;
        }
}

static void
work_clear(Work *work)
{
        g_free(work->index);
        g_array_unref(work->candidates);
        g_hash_table_unref(work->by_key);
        g_string_free(work->scratch, TRUE);
}

static UpgradeResult *
result_of(Work *work)
{
        UpgradeResult *result = g_new0(UpgradeResult, 1);

        result->update_count = work->updates->len;
        result->package_count = work->packages->len;
        result->build_count = work->builds->len;
        result->updates = (gpointer)g_array_free(work->updates, FALSE);
        result->packages = (gpointer)g_array_free(work->packages, FALSE);
        result->builds = (gpointer)g_array_free(work->builds, FALSE);
        result->listed = work->listed;
        result->texts = work->texts;
        return result;
}

UpgradeResult *
upgrade_evaluate(const DebMachine *machine, const EvalSet *const *sets, guint count, GError **error)
{
        Work work = { .machine = machine, .sets = sets };
        g_autoptr(UpgradeResult) result = NULL;
        bool read = true;

        work.candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
        work.updates = g_array_new(FALSE, FALSE, sizeof(UpgradeUpdate));
        work.packages = g_array_new(FALSE, FALSE, sizeof(UpgradePackage));
        work.builds = g_array_new(FALSE, FALSE, sizeof(UpgradeBuild));
        work.by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        work.texts = g_string_chunk_new(64 * 1024);
        work.scratch = g_string_new(NULL);
        build_index(&work);
        for (guint i = 0; i < count && read; i++)
                read = take_set(&work, i, error);
        if (read) {
                choose_all(&work);
                set_states(&work);
                link_packages(&work);
        }
        result = result_of(&work);
        work_clear(&work);
        return read ? g_steal_pointer(&result) : NULL;
}

void
upgrade_free(UpgradeResult *result)
{
        if (result == NULL)
                return;
        for (guint i = 0; i < result->build_count; i++)
                g_free(result->builds[i].fields);
        g_free(result->updates);
        g_free(result->packages);
        g_free(result->builds);
        g_string_chunk_free(result->texts);
        g_free(result);
}
