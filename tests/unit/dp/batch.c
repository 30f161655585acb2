/* Tests of src/dp/batch.c. */
#include "dp/batch.h"

#include <string.h>

static void
add(GByteArray *out, char fill, const char *text, guint64 said)
{
        guint8 head[40];

        memset(head, fill, 32);
        said = GUINT64_TO_LE(said);
        memcpy(head + 32, &said, 8);
        g_byte_array_append(out, head, sizeof head);
        g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
}

static bool
note(gpointer user, const BatchFile *file, GError **error)
{
        g_string_append_printf(user, "%c%.*s;", file->hash[31], (int)file->size,
                               (const char *)file->data);
        return strncmp(file->data, "stop", file->size) != 0 || file->size == 0 ||
               uk_fail(error, UK_ERROR_SIGNATURE, "stopped");
}

static void
whole(void)
{
        g_autoptr(GByteArray) body = g_byte_array_new();
        g_autoptr(GString) told = g_string_new(NULL);

        g_assert_true(batch_read("", 0, note, told, NULL));
        add(body, 'a', "one", 3);
        add(body, 'b', "", 0);
        add(body, 'c', "three", 5);
        g_assert_true(batch_read(body->data, body->len, note, told, NULL));
        g_assert_cmpstr(told->str, ==, "aone;b;cthree;");
}

static void
cut_off(void)
{
        static const guint64 sizes[] = { 4, G_MAXUINT64, G_MAXUINT64 - 39, 1ULL << 63 };

        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autoptr(GByteArray) body = g_byte_array_new();
                g_autoptr(GString) told = g_string_new(NULL);
                g_autoptr(GError) error = NULL;

                add(body, 'a', "one", 3);
                add(body, 'b', "two", sizes[i]);
                g_assert_false(batch_read(body->data, body->len, note, told, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
                g_assert_nonnull(strstr(error->message, "file 1 "));
                g_assert_cmpstr(told->str, ==, "aone;");
        }
}

static void
head_cut_off(void)
{
        g_autoptr(GByteArray) body = g_byte_array_new();
        g_autoptr(GString) told = g_string_new(NULL);

        add(body, 'a', "", 0);
        for (guint n = 1; n < 40; n++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(batch_read(body->data, n, note, told, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        }
        g_assert_cmpuint(told->len, ==, 0);
}

static void
stopped(void)
{
        g_autoptr(GByteArray) body = g_byte_array_new();
        g_autoptr(GString) told = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        add(body, 'a', "stop", 4);
        add(body, 'b', "two", 3);
        g_assert_false(batch_read(body->data, body->len, note, told, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_SIGNATURE);
        g_assert_cmpstr(told->str, ==, "astop;");
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/dp/batch/whole", whole);
        g_test_add_func("/dp/batch/cut-off-file-is-named", cut_off);
        g_test_add_func("/dp/batch/cut-off-head-is-told", head_cut_off);
        g_test_add_func("/dp/batch/who-reads-may-stop", stopped);
        return g_test_run();
}
