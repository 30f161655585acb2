/* Tests of src/wire/envelope.c and hex.c. Messages are made and read by a client of a few lines of
 * Python, in the framing that public clients use.
 */
#include "wire/envelope.h"

#include <locale.h>
#include <string.h>

#include <glib/gstdio.h>

#include "wire/xml.h"

#include "golden.h"

#define TYPE "multipart/mixed; boundary=\"aAbBcCdDv1234567890VxXyYzZ\""

/* argv: file, msg, body, ending in hexadecimal, "z" for compression, what to add to the length. */
static const char make_message[] =
        "import sys,zlib\n"
        "out,msg,body,end,how,more=sys.argv[1:]\n"
        "body=body.encode('utf-16')[2:]+bytes.fromhex(end)\n"
        "n=len(body)-(2 if body.endswith(b'\\r\\n') else 0)+int(more)\n"
        "msg=msg.replace('\"1234\"','\"%d\"'%n)\n"
        "if how!='z': msg=msg.replace('<Hook3 Name=\"zlib-compress\"/>','')\n"
        "b=b'--aAbBcCdDv1234567890VxXyYzZ'\n"
        "open(out,'wb').write(b+b'\\r\\ncontent-type: text/plain; charset=UTF-16\\r\\n\\r\\n'+"
        "msg.encode('utf-16')+b'\\r\\n'+b+b'\\r\\ncontent-type: "
        "application/octet-stream\\r\\n\\r\\n'"
        "+(zlib.compress(body) if how=='z' else body)+b'\\r\\n'+b+b'--')\n";

static const char read_message[] = "import sys,zlib\n"
                                   "d=open(sys.argv[1],'rb').read()\n"
                                   "p=d.split(b'--aAbBcCdDv1234567890VxXyYzZ')\n"
                                   "head=p[1].split(b'\\r\\n\\r\\n',1)[1][:-2].decode('utf-16')\n"
                                   "body=zlib.decompress(p[2].split(b'\\r\\n\\r\\n',1)[1][:-2])\n"
                                   "print(head,body.hex(),len(p),p[3])\n";

static char *
python(const char *script, const char *const *args)
{
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        char *out = NULL;
        g_autofree char *err = NULL;
        int status = -1;

        g_ptr_array_add(argv, (gpointer) "/usr/bin/python3");
        g_ptr_array_add(argv, (gpointer) "-c");
        g_ptr_array_add(argv, (gpointer)script);
        for (; *args != NULL; args++)
                g_ptr_array_add(argv, (gpointer)*args);
        g_ptr_array_add(argv, NULL);
        g_assert_true(g_spawn_sync(NULL, (char **)argv->pdata, NULL, 0, NULL, NULL, &out, &err,
                                   &status, NULL));
        if (status != 0)
                g_error("%s", err);
        return out;
}

/* A message of the foreign client, read by us. */
static Envelope *
foreign(const char *body, const char *ending, const char *how, const char *more, GError **error)
{
        g_autofree char *dir = g_dir_make_tmp("uk-envelope-XXXXXX", NULL);
        g_autofree char *file = g_build_filename(dir, "m", NULL);
        g_autofree char *msg = golden("envelope/msg.xml");
        const char *args[] = { file, msg, body, ending, how, more, NULL };
        g_autofree char *said = python(make_message, args);
        g_autofree char *data = NULL;
        gsize size;

        g_assert_true(g_file_get_contents(file, &data, &size, NULL));
        g_unlink(file);
        g_rmdir(dir);
        return envelope_read(data, size, TYPE, error);
}

static void
message_of_the_specification(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Envelope) e = foreign("<Q>\xc3\xa4</Q>", "00000d0a", "z", "0", &error);

        g_assert_no_error(error);
        g_assert_cmpstr(e->id, ==, "{5B2CE4C9-7A3F-4B1F-9F3E-0A1B2C3D4E5F}");
        g_assert_cmpstr(e->correlation, ==, "");
        g_assert_cmpstr(e->source_id, ==, "A1006D0E-CF56-41D1-A006-6330EFC39381");
        g_assert_cmpstr(e->source_host, ==, "PS1WIN7X64");
        g_assert_cmpstr(e->target_address, ==, "mp:[http]MP_LocationManager");
        g_assert_cmpstr(e->target_endpoint, ==, "MP_LocationManager");
        g_assert_cmpstr(e->target_host, ==, "PS1MP.CONTOSO.COM");
        g_assert_cmpstr(e->reply_to, ==, "direct:PS1WIN7X64:LS_ReplyLocations");
        g_assert_true(e->sync);
        g_assert_cmpint(e->priority, ==, 0);
        g_assert_cmpint(e->sent_us, ==, G_GINT64_CONSTANT(1768929535000000)); /* date -d … +%s */
        g_assert_cmpstr(e->trace, ==, "");
        g_assert_cmpstr(e->client_signature, ==, "0A0B0C");
        g_assert_cmpstr(e->payload_signature, ==, "0A0B0C");
        g_assert_cmpstr(e->body, ==, "<Q>\xc3\xa4</Q>");
        g_assert_cmpuint(e->body_size, ==, 9);
        gsize size;
        const char *id = g_bytes_get_data(e->client_id_bytes, &size);
        g_assert_cmpuint(size, ==, 2 * (5 + 36 + 1)); /* with its NUL */
        g_assert_cmpmem(id, 6, "G\0U\0I\0", 6);
        g_assert_cmpmem(id + size - 2, 2, "\0\0", 2);
        g_assert_cmpmem(g_bytes_get_data(e->payload, NULL), 1, "x", 1); /* as sent: zlib */
        g_autoptr(GBytes) signature = envelope_signature(e->client_signature, NULL);
        g_assert_cmpmem(g_bytes_get_data(signature, NULL), 3, "\x0c\x0b\x0a", 3);
}

/* Real clients end bodies with and without NUL and line end, and may not compress. */
static void
ends_of_bodies(void)
{
        const char *const endings[] = { "00000d0a", "0d0a", "0000", "" };

        for (gsize i = 0; i < 2 * G_N_ELEMENTS(endings); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Envelope) e =
                        foreign("<Q/>", endings[i / 2], i % 2 == 0 ? "z" : "n", "0", &error);

                g_assert_no_error(error);
                g_assert_cmpstr(e->body, ==, "<Q/>");
        }
}

static void
lengths_that_lie(void)
{
        const char *const more[] = { "-6", "-2", "1", "2", "1000000", "99999999" };

        for (gsize i = 0; i < G_N_ELEMENTS(more); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Envelope) e = foreign("<Query/>", "0d0a", "z", more[i], &error);

                if (strcmp(more[i], "2") == 0) { /* the line end counted too: it is text then */
                        g_assert_nonnull(e);
                        continue;
                }
                g_assert_null(e);
                g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
        }
        g_autoptr(GError) error = NULL;
        g_assert_null(foreign("a", "00006200", "z", "0", &error)); /* NUL within */
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
}

static GBytes *
sign(gpointer user, const void *data, gsize size, GError **error)
{
        g_ptr_array_add(user, g_bytes_new(data, size));
        return g_bytes_new("\x01\xab", 2);
}

static void
unref_bytes(gpointer bytes)
{
        g_bytes_unref(bytes);
}

static Envelope *
sample(void)
{
        Envelope *e = envelope_new();

        e->id = g_strdup("{11111111-7A3F-4B1F-9F3E-0A1B2C3D4E5F}");
        e->source_id = g_strdup("a1006d0e-cf56-41d1-a006-6330efc39381");
        e->source_host = g_strdup("web1");
        e->target_endpoint = g_strdup("MP_RelayEndpoint");
        e->target_address = g_strdup("mp:mp_relayendpoint");
        e->target_host = g_strdup("mp.example.test");
        e->reply_to = g_strdup("direct:web1:LS<>");
        e->trace = g_strdup("4bf92f3577b34da6a3ce929d0e0e4736");
        e->sync = true;
        e->sent_us = G_GINT64_CONSTANT(1768929535123456);
        e->priority = 5;
        e->body = g_strdup("<Report>\xf0\x9f\x90\xa7</Report>");
        e->body_size = strlen(e->body);
        return e;
}

static void
there_and_back(void)
{
        g_autoptr(Envelope) e = sample();
        g_autoptr(GPtrArray) covered = g_ptr_array_new_with_free_func(unref_bytes);
        g_autofree char *type = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = envelope_write(e, sign, covered, &type, &error);
        g_autoptr(Envelope) r =
                envelope_read(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), type, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(r->id, ==, e->id);
        g_assert_cmpstr(r->source_id, ==, "A1006D0E-CF56-41D1-A006-6330EFC39381");
        g_assert_cmpstr(r->reply_to, ==, e->reply_to);
        g_assert_cmpstr(r->trace, ==, e->trace);
        g_assert_true(r->sync);
        g_assert_cmpint(r->priority, ==, 5);
        g_assert_cmpint(r->sent_us, ==, G_GINT64_CONSTANT(1768929535000000));
        g_assert_cmpstr(r->body, ==, e->body);
        g_assert_cmpstr(r->client_signature, ==, "AB01");
        g_assert_cmpuint(covered->len, ==, 2);
        g_assert_true(g_bytes_equal(covered->pdata[0], r->client_id_bytes));
        g_assert_true(g_bytes_equal(covered->pdata[1], r->payload));
}

/* What the foreign client makes of ours: head and body as the specification frames them. */
static void
as_python_reads_it(void)
{
        g_autofree char *dir = g_dir_make_tmp("uk-envelope-XXXXXX", NULL);
        g_autofree char *file = g_build_filename(dir, "m", NULL);
        const char *args[] = { file, NULL };

        for (int i = 0; i < 2; i++) {
                g_autoptr(Envelope) e = sample();
                g_autofree char *type = NULL;
                g_autoptr(GBytes) bytes = NULL;
                const char *expected;

                g_free(e->body);
                e->body = g_strdup("<a/>");
                e->body_size = 4;
                e->correlation = i == 0 ? NULL : g_strdup("{22222222-7A3F-4B1F-9F3E-0A1B2C3D4E5F}");
                bytes = envelope_write(e, NULL, NULL, &type, NULL);
                g_assert_cmpstr(type, ==, TYPE);
                g_assert_true(g_file_set_contents(file, g_bytes_get_data(bytes, NULL),
                                                  (gssize)g_bytes_get_size(bytes), NULL));
                g_autofree char *said = python(read_message, args);
                g_assert_true(g_str_has_prefix(said, "<Msg SchemaVersion=\"1.1\" "
                                                     "ReplyCompression=\"zlib\"><Body "
                                                     "Type=\"ByteRange\" Offset=\"0\" Length=\""));
                /* a request's body has no mark, a reply's has; NUL, then a line end of bytes */
                expected = i == 0 ? "</Msg> 3c0061002f003e0000000d0a 4 b'--\\r\\n'\n"
                                  : "</Msg> fffe3c0061002f003e0000000d0a 4 b'--\\r\\n'\n";
                g_assert_true(g_str_has_suffix(said, expected));
                g_assert_nonnull(strstr(said, i == 0 ? " Length=\"10\"/>" : " Length=\"12\"/>"));
                g_assert_nonnull(strstr(said, "<SentTime>2026-01-20T17:18:55Z</SentTime>"));
                g_assert_null(strstr(said, "clientauth"));
        }
        g_unlink(file);
        g_rmdir(dir);
}

static void
refused(void)
{
        static const char one[] = "--b\r\n\r\n<Msg/>\r\n--b--";
        static const char two[] = "--b\r\n\r\n<Other/>\r\n--b\r\n\r\nx\r\n--b--";
        static const char three[] = "--b\r\n\r\n<Msg/>\r\n--b\r\n\r\nx\r\n--b--";
        static const char time[] = "--b\r\n\r\n<Msg><Body Length='0'/><SentTime>x</SentTime></Msg>"
                                   "\r\n--b\r\n\r\n\r\n--b--";
        static const char zlib[] = "--b\r\n\r\n<Msg><Body Length='1'/><Hooks><Hook3 "
                                   "Name='zlib-compress'/></Hooks></Msg>\r\n--b\r\n\r\nx\r\n--b--";
        const char *const rows[] = { "", one, two, three, time, zlib };
        g_autofree char *large = g_malloc0(ENVELOPE_MAX_BYTES + 1);
        g_autoptr(GError) error = NULL;

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_assert_null(envelope_read(rows[i], strlen(rows[i]), "multipart/mixed; boundary=b",
                                            &error));
                g_assert_nonnull(error);
                g_clear_error(&error);
        }
        g_assert_null(envelope_read(large, ENVELOPE_MAX_BYTES + 1, TYPE, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_LIMIT));
        g_assert_null(envelope_signature("", NULL));
        g_assert_null(envelope_signature("abc", NULL));
        g_assert_null(envelope_signature("zz", NULL));
}

/* A few kilobytes that would become a gigabyte. */
static void
bombs(void)
{
        static const char make[] =
                "import sys,zlib\n"
                "open(sys.argv[1],'wb').write(b'--b\\r\\n\\r\\n<Msg><Body Length=\"4\"/><Hooks>"
                "<Hook3 Name=\"zlib-compress\"/></Hooks></Msg>\\r\\n--b\\r\\n\\r\\n'+"
                "zlib.compress(bytes(200000000),9)+b'\\r\\n--b--')\n";
        g_autofree char *dir = g_dir_make_tmp("uk-envelope-XXXXXX", NULL);
        g_autofree char *file = g_build_filename(dir, "m", NULL);
        const char *args[] = { file, NULL };
        g_autofree char *said = python(make, args);
        g_autofree char *data = NULL;
        g_autoptr(GError) error = NULL;
        gsize size;

        g_assert_true(g_file_get_contents(file, &data, &size, NULL));
        g_assert_cmpuint(size, <, 300000);
        g_assert_null(envelope_read(data, size, "multipart/mixed; boundary=b", &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_LIMIT));
        g_unlink(file);
        g_rmdir(dir);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/envelope/message-of-the-specification",
                        message_of_the_specification);
        g_test_add_func("/wire/envelope/ends-of-bodies", ends_of_bodies);
        g_test_add_func("/wire/envelope/lengths-that-lie", lengths_that_lie);
        g_test_add_func("/wire/envelope/there-and-back", there_and_back);
        g_test_add_func("/wire/envelope/as-python-reads-it", as_python_reads_it);
        g_test_add_func("/wire/envelope/refused", refused);
        g_test_add_func("/wire/envelope/bombs", bombs);
        return g_test_run();
}
