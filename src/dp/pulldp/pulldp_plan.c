/* pulldp_plan.c - a content item by the cheapest way of each file: deltas against what is here, the
 * missing chunks, whole files (content/plan.h).
 *
 * In: the plan, made anew each time from the library and the signatures, and notes of the ways that
 * have failed (files "….none" in the job's folder). Out: a list of downloads; then files in the
 * library. So a kill at any point costs at most what the plan would now do otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "content/deltastore.h"
#include "content/plan.h"
#include "dp/pulldp/pulldp_private.h"
#include "wire/hex.h"

#define LARGE (64 * 1024 * 1024) /* a file whose signature pays without an older content item */

/* ---- lists of downloads ---------------------------------------------------------------------- */

void
pulldp_files_init(PullFiles *files)
{
        files->files = g_array_new(FALSE, FALSE, sizeof(DtsFile));
        files->texts = g_ptr_array_new_with_free_func(g_free);
}

void
pulldp_files_clear(PullFiles *files)
{
        g_clear_pointer(&files->files, g_array_unref);
        g_clear_pointer(&files->texts, g_ptr_array_unref);
}

static const char *
keep(PullFiles *files, const char *text)
{
        char *copy = g_strdup(text);

        g_ptr_array_add(files->texts, copy);
        return copy;
}

void
pulldp_files_add(PullFiles *files, const DtsFile *file)
{
        DtsFile copy = *file;

        copy.path = keep(files, file->path);
        copy.name = keep(files, file->name);
        copy.title = keep(files, file->title);
        g_array_append_val(files->files, copy);
}

char *
pulldp_files_path(const TreeEntry *entry)
{
        return g_uri_escape_bytes((const guint8 *)entry->path, strlen(entry->path), "/");
}

/* ---- the plan -------------------------------------------------------------------------------- */

typedef struct {
        Library *library;
        const PullContent *content;
        const ContentTree *tree, *old_tree;
        GBytes *signatures;
        char *folder; /* of the job's downloads */
        Plan *plan;
        bool frame; /* is still to be used */
} Planned;

static void
planned_clear(Planned *planned)
{
        plan_free(planned->plan);
        g_clear_pointer(&planned->signatures, g_bytes_unref);
        if (planned->old_tree != NULL)
                library_tree_unref(planned->library, planned->old_tree);
        g_free(planned->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Planned, planned_clear)

static char *
path_of(const Planned *planned, const char *name, const char *suffix)
{
        g_autofree char *whole = g_strconcat(name, suffix, NULL);

        return g_build_filename(planned->folder, whole, NULL);
}

/* Whether the way that needs this has failed. */
static bool
has_failed(const Planned *planned, const char *name)
{
        g_autofree char *path = path_of(planned, name, DTS_NONE);

        return access(path, F_OK) == 0;
}

static bool
note_failure(const Planned *planned, const char *name, GError **error)
{
        g_autofree char *path = path_of(planned, name, DTS_NONE);
        g_autofree char *used = path_of(planned, name, "");

        return uk_io_mkdirs(planned->folder, 0750, error) &&
               uk_io_replace(path, "", 0, 0640, error) && uk_io_unlink(used, error);
}

/* What a way downloads, and is known by once it has failed. */
static char *
name_of(const Planned *planned, const PlanFile *file)
{
        g_autofree char *hash = hex_write(file->hash, HASH_SHA256_SIZE, false);

        switch (file->way) {
        case PLAN_FRAME:
                return deltastore_name(tree_hash(planned->tree), tree_hash(planned->old_tree));
        case PLAN_DELTA:
                return deltastore_name(file->hash, file->old_hash);
        case PLAN_CHUNKS:
                return g_strconcat(hash, ".chunks", NULL);
        default:
                return g_steal_pointer(&hash);
        }
}

/* Goes over the ways that have failed. */
static void
choose_way(Planned *planned, PlanFile *file)
{
        while (file->way != PLAN_WHOLE) {
                g_autofree char *name = name_of(planned, file);

                if (!has_failed(planned, name) ||
                    !plan_next_way(file, "it was tried and did not do"))
                        return;
        }
}

static bool
make_plan(Planned *planned, GError **error)
{
        const PullContent *content = planned->content;

        planned->folder = pulldp_content_folder(planned->library, content);
        if (content->related_id[0] != '\0')
                planned->old_tree = library_tree_ref(planned->library, content->related_id, NULL);
        planned->signatures = pulldp_apply_signatures(planned->library, content);
        planned->plan = plan_make(planned->library, planned->tree, planned->signatures,
                                  planned->old_tree, error);
        if (planned->plan == NULL)
                return false;
        for (guint i = 0; i < planned->plan->files->len; i++) {
                PlanFile *file = planned->plan->files->pdata[i];

                choose_way(planned, file);
                planned->frame |= file->way == PLAN_FRAME;
        }
        return true;
}

bool
pulldp_plan_pays(Library *library, const PullContent *content, const ContentTree *tree)
{
        const ContentTree *related = content->related_id[0] != '\0'
                                             ? library_tree_ref(library, content->related_id, NULL)
                                             : NULL;
        g_autoptr(GArray) missing = library_missing(library, tree);
        bool pays = related != NULL && missing->len > 0;

        if (related != NULL)
                library_tree_unref(library, related);
        for (guint i = 0; i < missing->len && !pays; i++)
                pays = tree_entry(tree, g_array_index(missing, guint, i))->size >= LARGE;
        return pays;
}

/* ---- what is to be downloaded ---------------------------------------------------------------- */

/* It has an address of its own, beside that of the content. */
static void
add_delta(const Planned *planned, PullFiles *files, const char *name, const char *title)
{
        g_autofree char *path = g_strconcat("../../SMS_DP_SMSDLT$/", name, NULL);

        pulldp_files_add(files, &(DtsFile){ .path = path,
                                            .name = name,
                                            .title = title,
                                            .size = -1,
                                            .range_from = -1,
                                            .optional = true });
}

/* "<HASH>.<offset>.<size>": that part of the file. */
static char *
part_name(const PlanFile *file, const PlanRange *range)
{
        g_autofree char *hash = hex_write(file->hash, HASH_SHA256_SIZE, false);

        return g_strdup_printf("%s.%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT, hash, range->offset,
                               range->size);
}

static void
add_parts(const Planned *planned, PullFiles *files, const PlanFile *file, const char *path,
          const char *title)
{
        g_autoptr(GArray) ranges = plan_ranges(file, 0);

        for (guint i = 0; i < ranges->len; i++) {
                const PlanRange *range = &g_array_index(ranges, PlanRange, i);
                g_autofree char *name = part_name(file, range);

                pulldp_files_add(files, &(DtsFile){ .path = path,
                                                    .name = name,
                                                    .title = title,
                                                    .size = range->size,
                                                    .range_from = range->offset,
                                                    .optional = true });
        }
}

static void
add_file(const Planned *planned, PullFiles *files, const PlanFile *file)
{
        const TreeEntry *entry = tree_entry(planned->tree, file->entry);
        g_autofree char *title = g_utf8_make_valid(entry->path, -1);
        g_autofree char *path = pulldp_files_path(entry);
        g_autofree char *name = name_of(planned, file);

        uk_log("File To Download: %s", title);
        uk_log("%s: %s", title, file->why);
        if (file->way == PLAN_DELTA)
                add_delta(planned, files, name, title);
        else if (file->way == PLAN_CHUNKS)
                add_parts(planned, files, file, path, title);
        else if (file->way == PLAN_WHOLE)
                pulldp_files_add(files, &(DtsFile){ .path = path,
                                                    .name = name,
                                                    .title = title,
                                                    .size = entry->size,
                                                    .range_from = -1 });
}

/* Bytes that the way taken moves: of a delta an estimate, since nobody has asked for it yet. */
static gint64
bytes_of(const PlanFile *file)
{
        return file->way == PLAN_WHOLE    ? file->size
               : file->way == PLAN_CHUNKS ? file->fetch
                                          : file->cost;
}

bool
pulldp_plan_list(Library *library, const PullContent *content, const ContentTree *tree,
                 PullFiles *files, gint64 *bytes_out, bool *delta_out, GError **error)
{
        UK_LOG_TOGETHER();
        g_auto(Planned) planned = { .library = library, .content = content, .tree = tree };

        if (!make_plan(&planned, error))
                return false;
        if (planned.frame) {
                g_autofree char *name =
                        deltastore_name(tree_hash(tree), tree_hash(planned.old_tree));

                add_delta(&planned, files, name, "the small files of the update");
                *delta_out = true;
        }
        *bytes_out = 0;
        for (guint i = 0; i < planned.plan->files->len; i++) {
                const PlanFile *file = planned.plan->files->pdata[i];

                add_file(&planned, files, file);
                *bytes_out += bytes_of(file);
                *delta_out |= file->way != PLAN_WHOLE;
        }
        uk_log("%s: %u files already exists, %u files to download", content->content_id,
               planned.plan->have, planned.plan->files->len);
        return true;
}

/* ---- what was downloaded --------------------------------------------------------------------- */

static int
open_download(const Planned *planned, const char *name, GError **error)
{
        g_autofree char *path = path_of(planned, name, "");
        int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                uk_fail(error, UK_ERROR_NOT_YET, "%s is not here", path);
        return fd;
}

static bool
apply_delta(const Planned *planned, const PlanFile *file, GError **error)
{
        g_autofree char *name = name_of(planned, file);
        UK_AUTOFD fd = open_download(planned, name, error);
        g_autoptr(LibraryFile) out = NULL;

        if (fd < 0)
                return false;
        out = library_file_begin(planned->library, file->hash, file->size,
                                 planned->content->content_id, error);
        return out != NULL && library_file_restart(out, error) &&
               plan_apply_delta(planned->library, file, fd, out, error) &&
               library_file_end(out, error);
}

/* Reads bytes of the new file out of the parts that were downloaded. */
typedef struct {
        const Planned *planned;
        const PlanFile *file;
        GArray *ranges;
        guint at;
        int fd;
} Parts;

static bool
read_part(Parts *parts, const PlanRange *range, gint64 offset, void *data, gsize size,
          GError **error)
{
        g_autofree char *name = part_name(parts->file, range);

        if (has_failed(parts->planned, name))
                return uk_fail(error, UK_ERROR_NOT_FOUND, "the source sends no parts");
        if (parts->fd < 0)
                parts->fd = open_download(parts->planned, name, error);
        if (parts->fd < 0)
                return false;
        if (pread(parts->fd, data, size, offset - range->offset) == (gssize)size)
                return true;
        return uk_fail(error, UK_ERROR_NOT_YET, "%s is not here whole", name);
}

static bool
on_fetch(gpointer user, gint64 offset, void *data, gsize size, GError **error)
{
        Parts *parts = user;

        for (; parts->at < parts->ranges->len; parts->at++) {
                const PlanRange *range = &g_array_index(parts->ranges, PlanRange, parts->at);

                if (offset >= range->offset && offset + (gint64)size <= range->offset + range->size)
                        return read_part(parts, range, offset, data, size, error);
                uk_io_close(&parts->fd);
        }
        return uk_fail(error, UK_ERROR_SIGNATURE,
                       "the bytes at %" G_GINT64_FORMAT " were not fetched", offset);
}

static bool
apply_parts(const Planned *planned, const PlanFile *file, GError **error)
{
        g_autoptr(GArray) ranges = plan_ranges(file, 0);
        Parts parts = { planned, file, ranges, 0, -1 };
        g_autoptr(LibraryFile) out = library_file_begin(planned->library, file->hash, file->size,
                                                        planned->content->content_id, error);
        bool ok = out != NULL && library_file_restart(out, error) &&
                  plan_assemble(planned->library, file, out, on_fetch, &parts, error) &&
                  library_file_end(out, error);

        uk_io_close(&parts.fd);
        return ok;
}

static bool
apply_frame(const Planned *planned, GError **error)
{
        g_autofree char *name =
                deltastore_name(tree_hash(planned->tree), tree_hash(planned->old_tree));
        UK_AUTOFD fd = open_download(planned, name, error);

        return fd >= 0 && deltastore_apply_frame(planned->library, planned->tree, planned->old_tree,
                                                 fd, error);
}

static bool
apply_file(const Planned *planned, const PlanFile *file, GError **error)
{
        if (file->way == PLAN_DELTA)
                return apply_delta(planned, file, error);
        if (file->way == PLAN_CHUNKS)
                return apply_parts(planned, file, error);
        return pulldp_apply_whole(planned->library, planned->content,
                                  tree_entry(planned->tree, file->entry), error);
}

/* Whether a failure is the way's, so that the next one is taken, and not this machine's. */
static bool
is_of_the_way(const GError *why)
{
        return uk_error_class(why) == UK_CLASS_CORRUPT;
}

/* A way that failed is noted; what was not downloaded yet is only asked for again. */
static bool
give_up_way(const Planned *planned, const char *name, const GError *why, bool *again_out,
            GError **error)
{
        *again_out = true;
        if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_YET))
                return true;
        if (!is_of_the_way(why)) {
                g_propagate_error(error, g_error_copy(why));
                return false;
        }
        uk_warn("%s does not do, the next way is taken: %s", name, why->message);
        return note_failure(planned, name, error);
}

static bool
try_frame(const Planned *planned, bool *again_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autofree char *name = NULL;

        if (!planned->frame || apply_frame(planned, &why))
                return true;
        name = deltastore_name(tree_hash(planned->tree), tree_hash(planned->old_tree));
        return give_up_way(planned, name, why, again_out, error);
}

static bool
try_file(const Planned *planned, const PlanFile *file, bool *again_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autofree char *name = NULL;

        if (file->way == PLAN_FRAME || apply_file(planned, file, &why))
                return true;
        /* That a whole file is wrong is the source's, not the way's. */
        if (file->way == PLAN_WHOLE && g_error_matches(why, UK_ERROR, UK_ERROR_SIGNATURE)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        name = name_of(planned, file);
        return give_up_way(planned, name, why, again_out, error);
}

static bool
apply_planned(Component *c, const Planned *planned, bool *again_out, GError **error)
{
        g_autoptr(GError) wrong = NULL;

        if (!try_frame(planned, again_out, error))
                return false;
        for (guint i = 0; i < planned->plan->files->len; i++) {
                g_autoptr(GError) why = NULL;

                if (host_stopping(c->host))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the program stops");
                if (!try_file(planned, planned->plan->files->pdata[i], again_out, &why) &&
                    !pulldp_apply_go_on(&wrong, &why)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
        if (wrong == NULL)
                return true;
        g_propagate_error(error, g_steal_pointer(&wrong));
        return false;
}

/* What waits because it could not be published before would be in the way of the plan. */
bool
pulldp_plan_apply(Component *c, Library *library, const PullContent *content,
                  const ContentTree *tree, bool *again_out, GError **error)
{
        UK_DOING(error, "making the files of content %s", content->content_id);
        g_auto(Planned) planned = { .library = library, .content = content, .tree = tree };

        if (!pulldp_apply_publish(library, content, true, error) || !make_plan(&planned, error))
                return false;
        bool good = apply_planned(c, &planned, again_out, error);

        return pulldp_apply_publish(library, content, good, error);
}
