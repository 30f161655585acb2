/* pulldp_apply.c - what was downloaded, into the content library (DIST-121).
 *
 * A file that was fetched is renamed to the name under which the library takes files up, hashed
 * there, and published: its bytes are written once and read once. Nothing that is not proved comes
 * in.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
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

/* Where the file was downloaded to, and where the library takes it up. */
static bool
hand_over(Library *library, const PullContent *content, const TreeEntry *entry, GError **error)
{
        g_autofree char *hash = hex_write(entry->hash, HASH_SHA256_SIZE, false);
        g_autofree char *folder = pulldp_content_folder(library, content);
        g_autofree char *from = g_build_filename(folder, hash, NULL);
        g_autofree char *name = g_strdup_printf("%s-%s.temp", hash, content->content_id);
        g_autofree char *to = g_build_filename(library_root(library), "SMS_DP$", name, NULL);

        return access(from, F_OK) != 0 || uk_io_rename(from, to, error);
}

/* One that is whole is proved; one that an earlier run has published already is not there any more
 * and in the library. */
static bool
take_file(Library *library, const PullContent *content, const TreeEntry *entry, GError **error)
{
        g_autoptr(LibraryFile) file = NULL;

        if (!hand_over(library, content, entry, error))
                return false;
        file = library_file_begin(library, entry->hash, entry->size, content->content_id, error);
        if (file == NULL)
                return false;
        if (library_file_position(file) == entry->size)
                return library_file_end(file, error);
        return library_has(library, entry->hash, NULL) ||
               uk_fail(error, UK_ERROR_NOT_YET, "%s is not here whole", entry->path);
}

bool
pulldp_apply_files(Component *c, Library *library, const PullContent *content,
                   const ContentTree *tree, bool redistribute, GError **error)
{
        UK_DOING(error, "adding the files of content %s to the library", content->content_id);
        g_autoptr(GArray) needed = pulldp_apply_needed(library, tree, redistribute);

        for (guint i = 0; i < needed->len; i++) {
                const TreeEntry *entry = tree_entry(tree, g_array_index(needed, guint, i));

                if (host_stopping(c->host))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the program stops");
                if (!take_file(library, content, entry, error))
                        return false;
                if (i % PUBLISH_EVERY == PUBLISH_EVERY - 1 && !library_publish(library, error))
                        return false;
        }
        return library_publish(library, error);
}

/* The tar that was downloaded; NULL when there is none. */
static GBytes *
signatures_of(Library *library, const PullContent *content)
{
        g_autofree char *folder = pulldp_signature_folder(library, content);
        g_autofree char *name = g_strconcat(content->content_id, ".tar", NULL);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        char *data;
        gsize size;

        return uk_io_read(path, MAX_SIGNATURE, &data, &size, NULL) ? g_bytes_new_take(data, size)
                                                                   : NULL;
}

bool
pulldp_apply_content(Component *c, Library *library, const PullContent *content,
                     const ContentTree *tree, GError **error)
{
        g_autoptr(GBytes) signatures = signatures_of(library, content);
        const Dp *provider = dp_of(c);
        UkLog *outer;

        if (!library_add_content(library, tree, signatures, error))
                return false;
        outer = uk_log_bind(provider != NULL ? dp_log(provider) : uk_log_bound());
        uk_log("Content '%s' for package '%s' has been added to content library successfully",
               content->content_id, content->package_id);
        uk_log_bind(outer);
        return true;
}
