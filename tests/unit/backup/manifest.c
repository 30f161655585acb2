/* Tests of src/backup/manifest.c: what is written is read again, and what is not ours is refused.
 */
#include "backup/manifest.h"

#include <string.h>

/* sha256sum of the one byte "x". */
#define HASH "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

static void
part_comes_back(void)
{
        g_autoptr(BackupPart) part = backup_part_new("site");
        g_autoptr(GError) error = NULL;

        part->schema = 4;
        part->time_us = G_GINT64_CONSTANT(1795309673279572);
        g_free(part->site_code);
        part->site_code = g_strdup("L B");
        backup_part_add(part, "in boxes", true)->mode = 0770;
        BackupFile *file = backup_part_add(part, "in boxes/a%\nb ü", false);
        file->mode = 0640;
        file->size = 1;
        file->mtime_us = 17;
        g_free(file->sha256);
        file->sha256 = g_strdup(HASH);

        g_autofree char *text = backup_part_write(part);
        g_autoptr(BackupPart) again = backup_part_read(text, strlen(text), &error);

        g_assert_no_error(error);
        g_assert_cmpstr(again->name, ==, "site");
        g_assert_cmpstr(again->site_code, ==, "L B");
        g_assert_cmpstr(again->database, ==, "");
        g_assert_cmpint(again->schema, ==, 4);
        g_assert_cmpint(again->time_us, ==, G_GINT64_CONSTANT(1795309673279572));
        g_assert_cmpuint(again->files->len, ==, 2);
        const BackupFile *folder = again->files->pdata[0], *copy = again->files->pdata[1];
        g_assert_true(folder->folder && folder->mode == 0770);
        g_assert_cmpstr(copy->path, ==, "in boxes/a%\nb ü");
        g_assert_cmpstr(copy->sha256, ==, HASH);
        g_assert_cmpint(copy->mtime_us, ==, 17);
}

static void
hash_is_sha256(void)
{
        g_autofree char *hash = backup_hash("x", 1);

        g_assert_cmpstr(hash, ==, HASH);
}

static void
refuse(const char *lines, const char *words)
{
        g_autofree char *text = g_strconcat("Upkeep backup 1\n", lines, NULL);
        g_autoptr(GError) error = NULL;
        g_autoptr(BackupPart) part = backup_part_read(text, strlen(text), &error);

        g_assert_null(part);
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        if (strstr(error->message, words) == NULL)
                g_error("\"%s\" does not say \"%s\"", error->message, words);
}

static void
bad_pages(void)
{
        static const char *const paths[] = { "/etc/passwd", "../x",     "a/../../x", "a//b",
                                             "a/",          "%2e%2e/x", "a%2",       "%00" };

        for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
                g_autofree char *lines =
                        g_strdup_printf("file 640 1 1 " HASH " %s\nend 1\n", paths[i]);
                refuse(lines, "line 2");
        }
        refuse("", "ends in the middle");
        refuse("part site\n", "ends in the middle");
        refuse("part site\nend 1\n", "line 3");
        refuse("part site\nend 0", "line 3");
        refuse("part si/te\nend 0\n", "line 2");
        refuse("part ..\nend 0\n", "line 2");
        refuse("file 640 -1 1 " HASH " a\nend 1\n", "line 2");
        refuse("file 7777 1 1 " HASH " a\nend 1\n", "line 2");
        refuse("file 640 1 1 abc a\nend 1\n", "line 2");
        refuse("schema 99999999999\nend 0\n", "line 2");
        refuse("end 0\nend 0\n", "line 2");
}

static void
no_page_at_all(void)
{
        static const char binary[] = "Upkeep backup 1\npart a\0b\nend 0\n";
        g_autoptr(GError) error = NULL;

        g_assert_null(backup_part_read(binary, sizeof binary - 1, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        g_clear_error(&error);
        g_assert_null(backup_set_read("<html>", 6, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        g_clear_error(&error);
        g_assert_null(backup_set_read("", 0, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/backup/manifest/a-part-comes-back", part_comes_back);
        g_test_add_func("/backup/manifest/hash-is-sha256", hash_is_sha256);
        g_test_add_func("/backup/manifest/bad-pages", bad_pages);
        g_test_add_func("/backup/manifest/no-page-at-all", no_page_at_all);
        return g_test_run();
}
