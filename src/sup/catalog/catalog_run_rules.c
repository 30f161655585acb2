/* catalog_run_rules.c - what of an update's binaries stands in its rules, where the usual rule
 * would give another answer than apt (DEB-026, DEB-031, DEB-032).
 *
 * Usually a binary that the update owns is to be updated wherever it is installed with a lower
 * version. The others get lines in the row's Special, each for some machines:
 *
 *   <number of the file>\t<above>\t<native>\t<native,native>
 *
 * The files count from 0 as in the row's Files. above: only where a version above this one is
 * installed, since a suite of a better class of priority has this one; "!" never, since apt never
 * chooses it, but it counts as installed. native: only where this is the native architecture, if
 * given; natives: not where one of these is, since there another update is the owner.
 */
#include <string.h>

#include "deb/upgrade.h"
#include "sup/catalog/catalog.h"
#include "sup/catalog/catalog_run_private.h"
#include "sup/catalog/compute_private.h"

#define PARTIAL 0x40 /* an "all" package that is not owned wherever it is offered */

struct CatalogRules {
        const Compute *compute;
        guint8 *flags;      /* by name: 1 << (class * 2 + is "all") where such a file is owned */
        GHashTable *groups; /* names that need a look to GArray of guint: their owned files */
};

static bool
is_all(const ComputeFile *file)
{
        return slice_equal(file->s.arch, "all");
}

/* Whether a name has owners in a worse class, of both kinds in one class, or only here and there.
 */
static bool
needs_look(guint8 flags)
{
        for (guint class = 0; class < COMPUTE_CLASSES; class ++) {
                if ((flags >> class * 2 & 3) == 3)
                        return true;
        }
        return (flags & ~3) != 0;
}

static void
add_to_group(CatalogRules *rules, guint file)
{
        gpointer name = GUINT_TO_POINTER(rules->compute->files[file].name);
        GArray *group = g_hash_table_lookup(rules->groups, name);

        if (group == NULL) {
                group = g_array_new(FALSE, FALSE, sizeof(guint));
                g_hash_table_insert(rules->groups, name, group);
        }
        g_array_append_val(group, file);
}

CatalogRules *
catalog_rules_new(const Compute *c)
{
        CatalogRules *rules = g_new0(CatalogRules, 1);
        guint names = 0;

        for (guint i = 0; i < c->file_count; i++)
                names = MAX(names, c->files[i].name + 1);
        rules->compute = c;
        rules->flags = g_new0(guint8, names + 1);
        rules->groups = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
        for (guint i = 0; i < c->file_count; i++) {
                const ComputeFile *f = &c->files[i];
                guint8 flag = (guint8)(1u << (compute_class(f->priority) * 2 + is_all(f)));

                if (f->owned != 0)
                        rules->flags[f->name] |= flag | (f->owned != f->serves ? PARTIAL : 0);
        }
        for (guint i = 0; i < c->file_count; i++) {
                if (c->files[i].owned != 0 && needs_look(rules->flags[c->files[i].name]))
                        add_to_group(rules, i);
        }
        return rules;
}

void
catalog_rules_free(CatalogRules *rules)
{
        g_free(rules->flags);
        g_hash_table_unref(rules->groups);
        g_free(rules);
}

/* Native architectures on which others own the package. */
static guint64
natives_without(const CatalogRules *rules, guint file, const GArray *group)
{
        const Compute *c = rules->compute;
        const ComputeFile *f = &c->files[file];
        guint64 natives = f->serves & ~f->owned;

        for (guint i = 0; i < group->len; i++) {
                guint other = g_array_index(group, guint, i);
                const ComputeFile *o = &c->files[other];

                if (is_all(o) != is_all(f) &&
                    compute_class(o->priority) == compute_class(f->priority) &&
                    compute_is_better(c, other, file))
                        natives |= f->owned & o->owned;
        }
        return natives;
}

/* Whether apt looks at o first where it looks for f, on a machine with that native architecture
 * (a bit; 0: one to which f's is foreign): both are for the same package there. */
static bool
is_looked_at_first(const ComputeFile *o, const ComputeFile *f, guint64 native)
{
        if (compute_class(o->priority) >= compute_class(f->priority))
                return false;
        if (is_all(o))
                return native != 0;
        return (o->owned & (is_all(f) ? native : f->owned)) != 0;
}

/* The highest version that apt looks at first; empty if there is none. */
static Slice
looked_at_first(const CatalogRules *rules, const ComputeFile *f, const GArray *group,
                guint64 native)
{
        const Compute *c = rules->compute;
        const ComputeFile *best = NULL;

        for (guint i = 0; i < group->len; i++) {
                const ComputeFile *o = &c->files[g_array_index(group, guint, i)];

                if (is_looked_at_first(o, f, native) &&
                    (best == NULL ||
                     compute_is_better(c, (guint)(o - c->files), (guint)(best - c->files))))
                        best = o;
        }
        return best != NULL ? best->s.version : (Slice){ NULL, 0 };
}

static guint64
all_bits(const Compute *c)
{
        return c->arch_count == 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT(1) << c->arch_count) - 1;
}

static void
add_arches(GString *text, const Compute *c, guint64 bits, char separator)
{
        bool first = true;

        for (guint i = 0; i < c->arch_count; i++) {
                if ((bits >> i & 1) == 0)
                        continue;
                if (!first)
                        g_string_append_c(text, separator);
                g_string_append(text, c->arches[i]);
                first = false;
        }
}

/* The machines a line is for, and what they must have at least. */
typedef struct {
        guint64 native;
        Slice above;
} Case;

/* Machines that have f in different ways: an architecture's own package is native or foreign, one
 * for all is that of each native architecture. What is the same for all of them is one case. */
static guint
cases_of(const CatalogRules *rules, const ComputeFile *f, const GArray *group, guint64 without,
         Case cases[65])
{
        guint64 natives = (is_all(f) ? all_bits(rules->compute) : f->owned) & ~without;
        bool same = true;
        guint count = 0;

        for (guint i = 0; i < rules->compute->arch_count; i++) {
                guint64 bit = G_GUINT64_CONSTANT(1) << i;

                if ((natives & bit) != 0)
                        cases[count++] = (Case){ bit, looked_at_first(rules, f, group, bit) };
        }
        if (!is_all(f))
                cases[count++] = (Case){ 0, looked_at_first(rules, f, group, 0) };
        /* Others own it on every architecture known here: what is left are other machines. */
        if (count == 0)
                cases[count++] = (Case){ 0, { NULL, 0 } };
        for (guint i = 1; i < count; i++)
                same = same && slice_compare(cases[i].above, cases[0].above) == 0;
        if (!same)
                return count;
        cases[0].native = 0;
        return 1;
}

static void
add_line(const CatalogRules *rules, guint number, bool never, const Case *at, guint64 without,
         GString *special)
{
        g_string_append_printf(special, "%u\t", number);
        if (never)
                g_string_append_c(special, '!');
        else
                g_string_append_len(special, at->above.text, (gssize)at->above.size);
        g_string_append_c(special, '\t');
        add_arches(special, rules->compute, at->native, ',');
        g_string_append_c(special, '\t');
        add_arches(special, rules->compute, without, ',');
        g_string_append_c(special, '\n');
}

static void
add_special(const CatalogRules *rules, guint file, guint number, const GArray *group,
            GString *special)
{
        const ComputeFile *f = &rules->compute->files[file];
        guint64 without = natives_without(rules, file, group);
        bool never = f->priority < UPGRADE_PRIORITY_INSTALLED;
        Case cases[65];
        guint count = cases_of(rules, f, group, without, cases);

        if (!never && without == 0 && count == 1 && cases[0].above.size == 0)
                return;
        for (guint i = 0; i < count; i++) {
                /* The case of a foreign one is that of no native one. */
                guint64 others = cases[i].native != 0 ? 0 : without;

                if (count > 1 && cases[i].native == 0)
                        others |= f->owned;
                add_line(rules, number, never, &cases[i], others, special);
        }
}

void
catalog_rules_of(const CatalogRules *rules, const ComputeUpdate *update, GString *arches,
                 GString *special)
{
        const Compute *c = rules->compute;
        guint64 bits = 0;

        g_string_truncate(arches, 0);
        g_string_truncate(special, 0);
        for (guint i = update->first_file; i < update->first_file + update->file_count; i++) {
                const ComputeFile *f = &c->files[i];

                bits |= f->owned;
                if (f->owned != 0 && needs_look(rules->flags[f->name]))
                        add_special(rules, i, i - update->first_file,
                                    g_hash_table_lookup(rules->groups, GUINT_TO_POINTER(f->name)),
                                    special);
        }
        add_arches(arches, c, bits, ' ');
}
