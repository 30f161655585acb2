/* Feeds the readers of a content library's INI files. */
#include <stdint.h>

#include "content/libraryini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_auto(GStrv) ids = NULL;
        g_auto(GStrv) users = NULL;
        g_autofree char *name = NULL;
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autoptr(ContentTree) tree = tree_new("A");
        guint8 hash[HASH_SHA256_SIZE];
        gint64 version;
        TreeEntry entry;

        if (libraryini_package_read(text, size, &version, &ids, NULL)) {
                g_autofree char *again = libraryini_package_write(version, (const char **)ids);
                g_assert_nonnull(again);
        }
        if (libraryini_users_read(text, size, &users, NULL))
                g_assert_nonnull(users);
        if (libraryini_content_read(text, size, tree, hash, NULL))
                (void)tree_seal(tree, NULL);
        if (libraryini_file_read(text, size, &entry, &name, NULL))
                g_assert_null(entry.path);
        return 0;
}
