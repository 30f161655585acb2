/* pulldp_apply.c - what was downloaded, into the content library (DIST-121).
 *
 * A file that was fetched is renamed to the name under which the library takes files up, hashed
 * there, and published: its bytes are written once and read once. Nothing that is not proved comes
 * in.
 */
#include <unistd.h>

#include "base/io.h"
#include "content/signature.h"
#include "dp/pulldp/pulldp_private.h"
#include "wire/hex.h"

#define PUBLISH_EVERY 1000 /* files */
#define MAX_SIGNATURE (256 * 1024 * 1024)

GArray *
pulldp_apply_needed(Library *library, const ContentTree *tree, bool redistribute)
{
        g_autoptr(GHashTable) seen = NULL;
        GArray *needed;

        if (!redistribute)
                return library_missing(library, tree);
        needed = g_array_new(FALSE, FALSE, sizeof(guint));
        seen = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref,
                                     NULL);
        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);

                if (entry->kind == TREE_FILE &&
                    g_hash_table_add(seen, g_bytes_new(entry->hash, HASH_SHA256_SIZE)))
                        g_array_append_val(needed, i);
        }
        return needed;
}

/* One that is whole is proved; one that an earlier run has published already is not there any more
 * and in the library. */
bool
pulldp_apply_whole(Library *library, const PullContent *content, const TreeEntry *entry,
                   GError **error)
{
        g_autofree char *hash = hex_write(entry->hash, HASH_SHA256_SIZE, false);
        g_autofree char *folder = pulldp_content_folder(library, content);
        g_autofree char *path = g_build_filename(folder, hash, NULL);
        g_autoptr(GError) why = NULL;

        if (library_file_adopt(library, entry->hash, entry->size, content->content_id, path, &why))
                return true;
        if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_YET) &&
            library_has(library, entry->hash, NULL) && !library_was_lost(library, entry->hash))
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

bool
pulldp_apply_publish(Library *library, const PullContent *content, bool good, GError **error)
{
        const char *const ids[] = { content->content_id, NULL };
        g_autoptr(GError) why = NULL;

        if (good)
                return library_publish(library, ids, error);
        if (!library_publish(library, ids, &why))
                uk_warn("%s", why->message);
        return false;
}

bool
pulldp_apply_go_on(GError **wrong, GError **why)
{
        if (!g_error_matches(*why, UK_ERROR, UK_ERROR_SIGNATURE))
                return false;
        if (*wrong == NULL)
                *wrong = g_steal_pointer(why);
        g_clear_error(why);
        return true;
}

static bool
apply_files(Component *c, Library *library, const PullContent *content, const ContentTree *tree,
            bool redistribute, GError **error)
{
        g_autoptr(GArray) needed = pulldp_apply_needed(library, tree, redistribute);
        g_autoptr(GError) wrong = NULL;

        for (guint i = 0; i < needed->len; i++) {
                const TreeEntry *entry = tree_entry(tree, g_array_index(needed, guint, i));
                g_autoptr(GError) why = NULL;

                if (host_stopping(c->host))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the program stops");
                if (!pulldp_apply_whole(library, content, entry, &why) &&
                    !pulldp_apply_go_on(&wrong, &why)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                if (i % PUBLISH_EVERY == PUBLISH_EVERY - 1 &&
                    !pulldp_apply_publish(library, content, true, error))
                        return false;
        }
        if (wrong == NULL)
                return true;
        g_propagate_error(error, g_steal_pointer(&wrong));
        return false;
}

bool
pulldp_apply_files(Component *c, Library *library, const PullContent *content,
                   const ContentTree *tree, bool redistribute, GError **error)
{
        UK_DOING(error, "adding the files of content %s to the library", content->content_id);
        bool good = apply_files(c, library, content, tree, redistribute, error);

        return pulldp_apply_publish(library, content, good, error);
}

GBytes *
pulldp_apply_signatures(Library *library, const PullContent *content)
{
        g_autofree char *folder = pulldp_signature_folder(library, content);
        g_autofree char *name = g_strconcat(content->content_id, ".tar", NULL);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *data = NULL;
        g_autoptr(GHashTable) proved = NULL;
        g_autoptr(GError) why = NULL;
        gsize size;

        if (!uk_io_read(path, MAX_SIGNATURE, &data, &size, NULL))
                return NULL;
        proved = signature_tar_read(data, size, &why);
        if (proved != NULL)
                return g_bytes_new_take(g_steal_pointer(&data), size);
        uk_warn("The signatures of content %s are of no use, it goes on without: %s",
                content->content_id, why->message);
        uk_io_discard(path);
        return NULL;
}

static bool
go_on(gpointer user)
{
        const Component *c = user;

        return !host_stopping(c->host);
}

/* Of a package that was removed meanwhile nothing comes in. */
static bool
add_wanted(Component *c, Library *library, const PullContent *content, const ContentTree *tree,
           GBytes *signatures, GError **error)
{
        dp_settle_begin(dp_of(c), content->package_id);
        bool done = pulljob_check_runs(c->db, content, error) &&
                    library_add_content(library, tree, signatures, error);
        dp_settle_end(dp_of(c), content->package_id);
        return done;
}

bool
pulldp_apply_content(Component *c, Library *library, const PullContent *content,
                     const ContentTree *tree, GError **error)
{
        g_autoptr(GBytes) signatures = pulldp_apply_signatures(library, content);
        UkLog *outer;

        /* What the site would have sent: later versions are compared with it, and other pull
         * distribution points ask for it. */
        if (signatures == NULL)
                signatures = library_make_signatures(library, tree, false, go_on, c, error);
        if (signatures == NULL)
                return false;
        if (!add_wanted(c, library, content, tree, signatures, error))
                return false;
        outer = uk_log_bind(dp_log(dp_of(c)));
        uk_log("Content '%s' for package '%s' has been added to content library successfully",
               content->content_id, content->package_id);
        uk_log_bind(outer);
        return true;
}
