/* compute_owners.c - who owns a binary package: the update with its highest version, on each
 * architecture and in each class of priority (DEB-026). */
#include "deb/version.h"
#include "sup/catalog/compute_private.h"

#define NOBODY 0 /* else index of a file + 1 */

/* The highest versions of one name: "all" and the architecture's own apart, because for a machine
 * with this as a foreign architecture they are two packages. */
typedef struct {
        guint32 best[COMPUTE_CLASSES][2];
} Owners;

/* An update that does not own one of its binaries, and the one that does. */
typedef struct {
        guint update, owner;
} Loss;

guint
compute_class(int priority)
{
        return priority >= 500 ? 0 : priority >= 100 ? 1 : 2;
}

/* Of equal versions one is chosen that everyone chooses. */
bool
compute_is_better(const Compute *c, guint a, guint b)
{
        const Stanza *sa = &c->files[a].s, *sb = &c->files[b].s;
        int order = version_compare(sa->version.text, sa->version.size, sb->version.text,
                                    sb->version.size);

        if (order == 0)
                order = -slice_compare(sa->source, sb->source);
        if (order == 0)
                order = slice_compare(sa->source_version, sb->source_version);
        return order > 0 || (order == 0 && slice_compare(sa->version, sb->version) < 0);
}

static guint32 *
slot_of(Owners *owners, const ComputeFile *file)
{
        return &owners[file->name]
                        .best[compute_class(file->priority)][slice_equal(file->s.arch, "all")];
}

static void
find_best(const Compute *c, Owners *owners, guint64 bit)
{
        for (guint i = 0; i < c->file_count; i++) {
                guint32 *slot;

                if ((c->files[i].serves & bit) == 0)
                        continue;
                slot = slot_of(owners, &c->files[i]);
                if (*slot == NOBODY || compute_is_better(c, i, *slot - 1))
                        *slot = i + 1;
        }
}

/* Of both kinds together the one that owns where this is the native architecture. */
static guint
owner_of(const Compute *c, const Owners *owners, const ComputeFile *file)
{
        const guint32 *best = owners[file->name].best[compute_class(file->priority)];

        if (best[0] == NOBODY || best[1] == NOBODY)
                return best[best[0] == NOBODY] - 1;
        return compute_is_better(c, best[1] - 1, best[0] - 1) ? best[1] - 1 : best[0] - 1;
}

static void
give_out(Compute *c, Owners *owners, guint64 bit, bool *owns, GArray *losses)
{
        for (guint i = 0; i < c->file_count; i++) {
                ComputeFile *file = &c->files[i];
                guint owner;

                if ((file->serves & bit) == 0)
                        continue;
                if (*slot_of(owners, file) == i + 1)
                        file->owned |= bit;
                owner = c->files[owner_of(c, owners, file)].update;
                if (owner_of(c, owners, file) == i) {
                        owns[file->update] = true;
                } else if (owner != file->update) {
                        Loss loss = { file->update, owner };

                        g_array_append_val(losses, loss);
                }
        }
}

static int
compare_losses(gconstpointer a, gconstpointer b)
{
        const Loss *la = a, *lb = b;

        if (la->update != lb->update)
                return la->update < lb->update ? -1 : 1;
        return la->owner < lb->owner ? -1 : la->owner > lb->owner;
}

/* An update all of whose binaries others own is superseded by these. */
static void
set_superseders(Compute *c, const bool *owns, GArray *losses)
{
        guint count = 0;

        g_array_sort(losses, compare_losses);
        c->superseders = g_new(guint, losses->len + 1);
        for (guint i = 0; i < losses->len; i++) {
                const Loss *loss = &g_array_index(losses, Loss, i);
                ComputeUpdate *update = &c->updates[loss->update];

                if (owns[loss->update] || (i > 0 && compare_losses(loss, loss - 1) == 0))
                        continue;
                if (!update->superseded)
                        update->first_superseder = count;
                update->superseded = true;
                update->superseder_count++;
                c->superseders[count++] = loss->owner;
        }
}

void
compute_owners(Compute *c, guint names)
{
        g_autofree bool *owns = g_new0(bool, c->update_count + 1);
        g_autoptr(GArray) losses = g_array_new(FALSE, FALSE, sizeof(Loss));

        for (guint arch = 0; arch < c->arch_count; arch++) {
                g_autofree Owners *owners = g_new0(Owners, names + 1);
                guint64 bit = G_GUINT64_CONSTANT(1) << arch;

                find_best(c, owners, bit);
                give_out(c, owners, bit, owns, losses);
        }
        set_superseders(c, owns, losses);
}
