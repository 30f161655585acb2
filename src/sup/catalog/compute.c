/* compute.c - merges indices into updates (DEB-013, DEB-020, DEB-022, DEB-024). Ownership is in
 * compute_owners.c. */
#include "sup/catalog/compute.h"

#include <string.h>

#include "deb/evalset.h"
#include "sup/catalog/compute_private.h"

#define ARCHES_MAX    60
#define REFUSALS_KEPT 100
/* No packed stanza takes fewer bytes. */
#define STANZA_MIN 68

typedef struct {
        GArray *files;   /* of ComputeFile, in the order of reading */
        GArray *updates; /* of ComputeUpdate, likewise */
        guint32 *by_identity, *by_source, *by_name;
        guint32 mask;
        guint names;
        guint all_stanzas;
        Compute *compute;
} Work;

guint
compute_rank(int classification)
{
        static const char order[] = { EVALSET_SECURITY, EVALSET_UPDATES, EVALSET_ROLLUPS,
                                      EVALSET_FEATURES };
        const char *found = memchr(order, classification, sizeof order);

        return found != NULL ? (guint)(found - order) : G_N_ELEMENTS(order) - 1;
}

/* Strictest first, so that what is seen first is what counts. */
static int
compare_indexes(gconstpointer a, gconstpointer b)
{
        const ComputeIndex *ia = *(const ComputeIndex *const *)a;
        const ComputeIndex *ib = *(const ComputeIndex *const *)b;
        guint ra = compute_rank(ia->classification), rb = compute_rank(ib->classification);
        int order;

        if (ra != rb)
                return ra < rb ? -1 : 1;
        if (ia->priority != ib->priority)
                return ia->priority > ib->priority ? -1 : 1;
        order = strcmp(ia->suite, ib->suite);
        if (order == 0)
                order = strcmp(ia->component, ib->component);
        if (order == 0)
                order = strcmp(ia->arch, ib->arch);
        return order != 0 ? order : strcmp(ia->uri, ib->uri);
}

/* ---- architectures ---- */

static int
compare_text(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
collect_arches(Compute *compute, const ComputeIndex *indexes, guint count, GError **error)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);

        for (guint i = 0; i < count; i++) {
                Slice rest = slice_of(indexes[i].serves), word;

                while (slice_word(&rest, &word)) {
                        g_autofree char *arch = slice_dup(word);

                        if (!g_ptr_array_find_with_equal_func(list, arch, g_str_equal, NULL))
                                g_ptr_array_add(list, g_steal_pointer(&arch));
                }
        }
        if (list->len > ARCHES_MAX)
                return uk_fail(error, UK_ERROR_LIMIT, "more than %d architectures", ARCHES_MAX);
        g_ptr_array_sort(list, compare_text);
        compute->arch_count = list->len;
        g_ptr_array_add(list, NULL);
        compute->arches = (char **)g_ptr_array_steal(list, NULL);
        return true;
}

static guint64
arch_bit(const Compute *compute, Slice arch)
{
        for (guint i = 0; i < compute->arch_count; i++) {
                if (slice_equal(arch, compute->arches[i]))
                        return G_GUINT64_CONSTANT(1) << i;
        }
        return 0;
}

static guint64
served_bits(const Compute *compute, const ComputeIndex *index)
{
        Slice rest = slice_of(index->serves), word;
        guint64 bits = 0;

        while (slice_word(&rest, &word))
                bits |= arch_bit(compute, word);
        return bits;
}

/* ---- tables ---- */

static guint32
hash_slice(guint32 hash, Slice slice)
{
        for (gsize i = 0; i < slice.size; i++)
                hash = (hash ^ (guchar)slice.text[i]) * 16777619u;
        return (hash ^ 0xff) * 16777619u;
}

static guint32
start_slot(const Work *work, guint32 hash)
{
        return (hash ^ hash >> 15) & work->mask;
}

#define HASH_START 2166136261u

static ComputeFile *
file_at(Work *work, guint i)
{
        return &g_array_index(work->files, ComputeFile, i);
}

/* The slot of a file of the same package, version and architecture, or an empty one. */
static guint32 *
slot_of_identity(Work *work, const Stanza *s)
{
        guint32 hash =
                hash_slice(hash_slice(hash_slice(HASH_START, s->package), s->version), s->arch);
        guint32 slot = start_slot(work, hash);

        for (; work->by_identity[slot] != 0; slot = (slot + 1) & work->mask) {
                const Stanza *other = &file_at(work, work->by_identity[slot] - 1)->s;

                if (slice_compare(s->package, other->package) == 0 &&
                    slice_compare(s->version, other->version) == 0 &&
                    slice_compare(s->arch, other->arch) == 0)
                        break;
        }
        return &work->by_identity[slot];
}

static guint
update_of(Work *work, const Stanza *s)
{
        guint32 slot =
                start_slot(work, hash_slice(hash_slice(HASH_START, s->source), s->source_version));
        ComputeUpdate fresh = { .source = s->source, .version = s->source_version };

        for (; work->by_source[slot] != 0; slot = (slot + 1) & work->mask) {
                const ComputeUpdate *other =
                        &g_array_index(work->updates, ComputeUpdate, work->by_source[slot] - 1);

                if (slice_compare(s->source, other->source) == 0 &&
                    slice_compare(s->source_version, other->version) == 0)
                        return work->by_source[slot] - 1;
        }
        g_array_append_val(work->updates, fresh);
        work->by_source[slot] = work->updates->len;
        return work->updates->len - 1;
}

/* A number for the package's name, the same for all its files. */
static guint
name_of(Work *work, const Stanza *s)
{
        guint32 slot = start_slot(work, hash_slice(HASH_START, s->package));

        for (; work->by_name[slot] != 0; slot = (slot + 1) & work->mask) {
                const ComputeFile *other = file_at(work, work->by_name[slot] - 1);

                if (slice_compare(s->package, other->s.package) == 0)
                        return other->name;
        }
        work->by_name[slot] = work->files->len + 1;
        return work->names++;
}

/* ---- reading ---- */

static void
merge_file(Work *work, ComputeFile *known, const Stanza *s, const ComputeIndex *index,
           guint64 serves)
{
        GPtrArray *refusals = work->compute->refusals;

        if (memcmp(known->s.sha256, s->sha256, HASH_SHA256_SIZE) == 0) {
                known->priority = MAX(known->priority, index->priority);
                known->rank = MIN(known->rank, compute_rank(index->classification));
                known->serves |= serves;
        } else if (refusals->len < REFUSALS_KEPT) {
                g_ptr_array_add(refusals,
                                g_strdup_printf("%s %s: %.*s %.*s is refused: %s has it with "
                                                "another file",
                                                index->uri, index->suite, (int)s->package.size,
                                                s->package.text, (int)s->version.size,
                                                s->version.text, known->index->suite));
        }
}

static void
take_stanza(Work *work, const Stanza *s, const ComputeIndex *index, guint64 index_serves)
{
        guint64 serves =
                slice_equal(s->arch, "all") ? index_serves : arch_bit(work->compute, s->arch);
        guint32 *slot = slot_of_identity(work, s);
        ComputeFile file = { .s = *s,
                             .index = index,
                             .priority = index->priority,
                             .rank = compute_rank(index->classification),
                             .serves = serves };

        if (serves == 0)
                return;
        if (*slot != 0) {
                merge_file(work, file_at(work, *slot - 1), s, index, serves);
                return;
        }
        file.update = update_of(work, s);
        file.name = name_of(work, s);
        g_array_append_val(work->files, file);
        *slot = work->files->len;
}

static bool
read_index(Work *work, const ComputeIndex *index, GError **error)
{
        guint64 serves = served_bits(work->compute, index);
        gsize position = 0;
        Stanza s;

        while (stanzas_next(index->stanzas, index->size, &position, &s))
                take_stanza(work, &s, index, serves);
        if (position != index->size)
                return uk_fail(error, UK_ERROR_PARSE,
                               "the kept content of %s %s is damaged; take the source out and put "
                               "it in again",
                               index->uri, index->suite);
        return true;
}

static bool
read_all(Work *work, const ComputeIndex *indexes, guint count, GError **error)
{
        g_autoptr(GPtrArray) order = g_ptr_array_new();
        guint64 size = 1024;

        for (guint i = 0; i < count; i++) {
                g_ptr_array_add(order, (gpointer)&indexes[i]);
                /* The tables stay at most half full. */
                work->all_stanzas += (guint)(indexes[i].size / STANZA_MIN) + 1;
        }
        while (size < (guint64)work->all_stanzas * 2)
                size *= 2;
        work->mask = (guint32)size - 1;
        work->by_identity = g_new0(guint32, size);
        work->by_source = g_new0(guint32, size);
        work->by_name = g_new0(guint32, size);
        g_ptr_array_sort(order, compare_indexes);
        for (guint i = 0; i < count; i++) {
                if (!read_index(work, g_ptr_array_index(order, i), error))
                        return false;
        }
        return true;
}

/* ---- order ---- */

static int
compare_updates(gconstpointer a, gconstpointer b, gpointer updates)
{
        const ComputeUpdate *ua = (const ComputeUpdate *)updates + *(const guint *)a;
        const ComputeUpdate *ub = (const ComputeUpdate *)updates + *(const guint *)b;
        int order = slice_compare(ua->source, ub->source);

        return order != 0 ? order : slice_compare(ua->version, ub->version);
}

static int
compare_files(gconstpointer a, gconstpointer b)
{
        const ComputeFile *fa = a, *fb = b;
        int order = slice_compare(fa->s.package, fb->s.package);

        if (order == 0)
                order = slice_compare(fa->s.arch, fb->s.arch);
        return order != 0 ? order : slice_compare(fa->s.version, fb->s.version);
}

/* Puts updates in their order and files behind their updates. */
static void
put_in_order(Work *work)
{
        Compute *c = work->compute;
        const ComputeUpdate *read = (const ComputeUpdate *)(gpointer)work->updates->data;
        g_autofree guint *order = NULL, *place = NULL, *next = NULL;

        c->update_count = work->updates->len;
        c->file_count = work->files->len;
        order = g_new(guint, c->update_count + 1);
        place = g_new(guint, c->update_count + 1);
        next = g_new0(guint, c->update_count + 1);
        for (guint i = 0; i < c->update_count; i++)
                order[i] = i;
        g_qsort_with_data(order, (gint)c->update_count, sizeof *order, compare_updates,
                          (gpointer)read);
        c->updates = g_new(ComputeUpdate, c->update_count + 1);
        for (guint i = 0; i < c->update_count; i++) {
                c->updates[i] = read[order[i]];
                place[order[i]] = i;
        }
        for (guint i = 0; i < c->file_count; i++) {
                ComputeFile *file = file_at(work, i);

                file->update = place[file->update];
                c->updates[file->update].file_count++;
        }
        for (guint i = 1; i < c->update_count; i++)
                c->updates[i].first_file =
                        c->updates[i - 1].first_file + c->updates[i - 1].file_count;
        c->files = g_new(ComputeFile, c->file_count + 1);
        for (guint i = 0; i < c->file_count; i++) {
                const ComputeFile *file = file_at(work, i);

                c->files[c->updates[file->update].first_file + next[file->update]++] = *file;
        }
        for (guint i = 0; i < c->update_count; i++)
                qsort(c->files + c->updates[i].first_file, c->updates[i].file_count,
                      sizeof *c->files, compare_files);
}

/* ---- what people see ---- */

static const char *
severity_of(Slice urgency, guint *weight_out)
{
        static const struct {
                const char *urgency, *severity;
        } rows[] = {
                { "low", "Low" },           { "medium", "Moderate" },    { "high", "Important" },
                { "critical", "Critical" }, { "emergency", "Critical" },
        };

        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                if (slice_equal_case(urgency, rows[i].urgency)) {
                        *weight_out = i + 1;
                        return rows[i].severity;
                }
        }
        *weight_out = 0;
        return "";
}

/* The description of the binary with the source's name, else of the first (DEB-024). */
static void
describe(const Compute *c, ComputeUpdate *update)
{
        const ComputeFile *files = c->files + update->first_file, *chosen = files;
        guint best_rank = G_MAXUINT, best_weight = 0, weight;

        update->severity = "";
        for (guint i = 0; i < update->file_count; i++) {
                const ComputeFile *file = &files[i];
                const char *severity = severity_of(file->s.urgency, &weight);

                if (slice_compare(chosen->s.package, update->source) != 0 &&
                    slice_compare(file->s.package, update->source) == 0)
                        chosen = file;
                if (file->rank < best_rank) {
                        best_rank = file->rank;
                        update->date_us = file->index->date_us;
                }
                if (weight > best_weight) {
                        best_weight = weight;
                        update->severity = severity;
                }
                update->size += file->s.size;
        }
        update->classification = compute_class_of_rank(best_rank);
        update->description = chosen->s.description;
        update->homepage = chosen->s.homepage;
        for (guint i = 0; i < update->file_count && update->homepage.size == 0; i++)
                update->homepage = files[i].s.homepage;
}

int
compute_class_of_rank(guint rank)
{
        static const int order[] = { EVALSET_SECURITY, EVALSET_UPDATES, EVALSET_ROLLUPS,
                                     EVALSET_FEATURES };

        return order[MIN(rank, G_N_ELEMENTS(order) - 1)];
}

static void
work_clear(Work *work)
{
        g_array_unref(work->files);
        g_array_unref(work->updates);
        g_free(work->by_identity);
        g_free(work->by_source);
        g_free(work->by_name);
}

Compute *
compute_product(const ComputeIndex *indexes, guint count, GError **error)
{
        g_autoptr(Compute) compute = g_new0(Compute, 1);
        Work work = { .compute = compute };
        bool good;

        compute->refusals = g_ptr_array_new_with_free_func(g_free);
        work.files = g_array_new(FALSE, FALSE, sizeof(ComputeFile));
        work.updates = g_array_new(FALSE, FALSE, sizeof(ComputeUpdate));
        good = collect_arches(compute, indexes, count, error) &&
               read_all(&work, indexes, count, error);
        if (good)
                put_in_order(&work);
        work_clear(&work);
        if (!good)
                return NULL;
        for (guint i = 0; i < compute->update_count; i++)
                describe(compute, &compute->updates[i]);
        compute_owners(compute, work.names);
        return g_steal_pointer(&compute);
}

void
compute_free(Compute *compute)
{
        if (compute == NULL)
                return;
        g_strfreev(compute->arches);
        g_free(compute->files);
        g_free(compute->updates);
        g_free(compute->superseders);
        g_ptr_array_unref(compute->refusals);
        g_free(compute);
}
