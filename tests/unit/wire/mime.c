/* Tests of src/wire/mime.c; Python's email package is the judge. */
#include "wire/mime.h"

#include <locale.h>
#include <string.h>

#define TYPE "multipart/mixed; boundary=\"b\""

static void
expect(const char *text, gsize size, const char *type, const char *expected)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) parts = mime_read(text, size, type, &error);
        g_autoptr(GString) said = g_string_new(NULL);

        g_assert_no_error(error);
        for (guint i = 0; i < parts->len; i++) {
                const MimePart *part = parts->pdata[i];

                g_string_append_printf(said, "(%s|%.*s)", part->content_type, (int)part->size,
                                       (const char *)part->data);
        }
        g_assert_cmpstr(said->str, ==, expected);
}

#define EXPECT(text, type, expected) expect(text, strlen(text), type, expected)

static void
good(void)
{
        EXPECT("--b\r\ncontent-type: text/plain; x\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--", TYPE,
               "(text/plain; x|one)(|two)");
        EXPECT("preamble\r\n--b \t\r\nX: y\r\nContent-Type:a\r\n\r\n\r\n--b--\r\nepilogue", TYPE,
               "(a|)");
        EXPECT("--b\r\na: b\r\n\r\n--b--", TYPE, "(|)"); /* an empty body without its own line */
        EXPECT("--b\r\n\r\n--bc\r\n--b-\r\n\r\n--b--", "multipart/mixed;boundary=b",
               "(|--bc\r\n--b-\r\n)");
        EXPECT("--bx\r\n\r\nx\r\n--b--", TYPE, ""); /* all preamble */
        EXPECT("--b--", "MULTIPART/Related; type=x; Boundary=b; z", "");
        expect("--b\r\n\r\n\0\r\n\0\r\n--b--\r\n", 19, TYPE, "(|)");
}

static void
bad(void)
{
        static const struct {
                const char *text;
                const char *type;
        } rows[] = {
                { "--b\r\n\r\nx\r\n--b--", "text/plain" },
                { "--b\r\n\r\nx\r\n--b--", NULL },
                { "--b\r\n\r\nx\r\n--b--", "multipart/mixed" },
                { "--b\r\n\r\nx\r\n--b--", "multipart/mixed; boundary=" },
                { "--b\r\n\r\nx\r\n--b--", "multipart/mixed; boundary=\"b" },
                { "", TYPE },
                { "x--b--", TYPE },
                { "--b\r\n\r\nx", TYPE },
                { "--b\r\nhead", TYPE },
                { "--b\n\nx\n--b--", TYPE },
                { "--b", TYPE },
        };
        g_autofree char *longest = g_strnfill(5000, 'h');
        g_autofree char *head = g_strconcat("--b\r\nX: ", longest, "\r\n\r\n\r\n--b--", NULL);
        g_autoptr(GString) many = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_test_message("%s %s", rows[i].text, rows[i].type);
                g_assert_null(mime_read(rows[i].text, strlen(rows[i].text), rows[i].type, &error));
                g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
                g_clear_error(&error);
        }
        g_assert_null(mime_read(head, strlen(head), TYPE, &error));
        g_clear_error(&error);
        for (int i = 0; i < 9; i++)
                g_string_append(many, "\r\n--b\r\n\r\nx");
        g_string_append(many, "\r\n--b--");
        g_assert_null(mime_read(many->str, many->len, TYPE, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_LIMIT));
        g_clear_error(&error);
        g_assert_null(mime_read(NULL, 0, TYPE, &error)); /* an empty body has no address */
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
}

static void
as_python_reads_it(void)
{
        static const char script[] =
                "import sys,email,email.policy\n"
                "m=email.message_from_bytes(b'Content-Type: '+sys.argv[1].encode()+b'\\r\\n\\r\\n'+"
                "bytes.fromhex(sys.argv[2]),policy=email.policy.HTTP)\n"
                "print([(p.get_content_type(),p.get_payload(decode=True)) for p in "
                "m.iter_parts()])";
        const MimePart parts[] = { { (char *)"text/plain", "one", 3 },
                                   { (char *)"application/octet-stream",
                                     "x --aAbBcCdDv1234567890VxXyYzZ y", 32 } };
        g_autofree char *type = NULL;
        g_autoptr(GBytes) bytes = mime_write(parts, 2, &type);
        g_autoptr(GString) hex = g_string_new(NULL);
        g_autofree char *out = NULL;
        gsize size;
        const guint8 *data = g_bytes_get_data(bytes, &size);

        for (gsize i = 0; i < size; i++)
                g_string_append_printf(hex, "%02x", data[i]);
        const char *argv[] = { "/usr/bin/python3", "-c", script, type, hex->str, NULL };
        g_assert_true(
                g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &out, NULL, NULL, NULL));
        g_assert_cmpstr(out, ==,
                        "[('text/plain', b'one'), ('application/octet-stream', b'x "
                        "--aAbBcCdDv1234567890VxXyYzZ y')]\n");
        g_assert_cmpstr(type, ==, "multipart/mixed; boundary=\"aAbBcCdDv1234567890VxXyYzZ1\"");
        expect((const char *)data, size, type,
               "(text/plain|one)(application/octet-stream|x --aAbBcCdDv1234567890VxXyYzZ y)");
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wire/mime/good", good);
        g_test_add_func("/wire/mime/bad", bad);
        g_test_add_func("/wire/mime/as-python-reads-it", as_python_reads_it);
        return g_test_run();
}
