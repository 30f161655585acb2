/* library_draft.c - the definition of a package, written before the content items that it names.
 *
 * A package's INI may show only when all that it names is durable, and its own bytes have to be
 * durable before its name. They are written first, beside that name, and what syncs the content
 * items syncs them: a package of a few small files costs a sync less.
 */
#include <string.h>

#include "base/io.h"
#include "content/library_private.h"
#include "content/libraryini.h"

struct LibraryDraft {
        char *package_id;
        gint64 version;
        char **content_ids;
        int fd;          /* holds the lock of what nobody may sweep away; -1 */
        char *temporary; /* NULL: it has got its name */
        gint after;      /* number of the last sync that had begun when it was written, */
        gint since;      /* and failed_syncs before its first byte */
};

void
library_draft_free(LibraryDraft *draft)
{
        if (draft == NULL)
                return;
        if (draft->temporary != NULL)
                uk_io_discard(draft->temporary);
        if (draft->fd >= 0)
                uk_io_close(&draft->fd);
        g_free(draft->temporary);
        g_strfreev(draft->content_ids);
        g_free(draft->package_id);
        g_free(draft);
}

LibraryDraft *
library_draft_package(Library *library, const char *package_id, gint64 version,
                      const char *const *content_ids, GError **error)
{
        UK_DOING(error, "writing package %s for the content library", package_id);
        g_autoptr(LibraryDraft) draft = g_new0(LibraryDraft, 1);

        draft->fd = -1;
        if (!library_check_writer(library, error) || !library_check_package_id(package_id, error))
                return NULL;
        g_autofree char *path = library_path(library, "PkgLib", package_id, ".INI");
        g_autofree char *text = libraryini_package_write(version, content_ids);

        draft->package_id = g_strdup(package_id);
        draft->version = version;
        draft->content_ids = g_strdupv((char **)content_ids);
        draft->since = g_atomic_int_get(&library->failed_syncs);
        draft->fd = uk_io_temporary(path, LIBRARY_FILE_MODE, &draft->temporary, error);
        if (draft->fd < 0 || !uk_io_write(draft->fd, text, strlen(text), path, error))
                return NULL;
        draft->after = g_atomic_int_get(&library->syncs);
        return g_steal_pointer(&draft);
}

bool
library_draft_place(Library *library, LibraryDraft *draft, const char *path, bool *placed_out,
                    GError **error)
{
        *placed_out = g_atomic_int_get(&library->synced) > draft->after &&
                      g_atomic_int_get(&library->failed_syncs) == draft->since;
        if (!*placed_out)
                return true;
        if (!uk_io_rename(draft->temporary, path, error))
                return false;
        g_clear_pointer(&draft->temporary, g_free);
        return true;
}

bool
library_set_draft(Library *library, LibraryDraft *draft, GError **error)
{
        return library_change_package(library, draft->package_id, draft->version,
                                      (const char *const *)draft->content_ids, draft, error);
}
