/* Feeds the readers of a backup's pages; what they take must come back the same when written. */
#include <stdint.h>
#include <string.h>

#include "backup/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(BackupSet) set = backup_set_read((const char *)data, size, NULL);
        g_autoptr(BackupPart) part = backup_part_read((const char *)data, size, NULL);

        if (part != NULL) {
                g_autofree char *text = backup_part_write(part);
                g_autoptr(BackupPart) again = backup_part_read(text, strlen(text), NULL);

                for (guint i = 0; i < part->files->len; i++) {
                        const BackupFile *file = part->files->pdata[i];

                        g_assert_true(*file->path != '/' && strcmp(file->path, "..") != 0 &&
                                      !g_str_has_prefix(file->path, "../"));
                }
                g_assert_true(*part->name == '\0' || again != NULL);
        }
        return 0;
}
