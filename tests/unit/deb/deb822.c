/* Tests of src/deb/deb822.c and slice.c. Real lists against libapt's reader: deb822_real.py. */
#include "deb/deb822.h"

#include <string.h>

/* Writes what it is given in a form to compare: "name=value;" for each field, "|" per stanza. */
static bool
collect(gpointer user, const Deb822Stanza *stanza, GError **error)
{
        GString *out = user;

        g_string_append_printf(out, "%" G_GUINT64_FORMAT ":", stanza->line);
        for (guint i = 0; i < stanza->count; i++) {
                g_string_append_len(out, stanza->fields[i].name.text,
                                    (gssize)stanza->fields[i].name.size);
                g_string_append_c(out, '=');
                g_string_append_len(out, stanza->fields[i].value.text,
                                    (gssize)stanza->fields[i].value.size);
                g_string_append_c(out, ';');
        }
        g_string_append_c(out, '|');
        return true;
}

static char *
read_in_chunks(const char *text, gsize size, gsize chunk, const Deb822Limits *limits,
               GError **error)
{
        GString *out = g_string_new(NULL);
        g_autoptr(Deb822Parser) parser = deb822_parser_new("index", limits, collect, out);

        for (gsize at = 0; at < size; at += chunk) {
                if (!deb822_parser_feed(parser, text + at, MIN(chunk, size - at), error))
                        goto failed;
        }
        if (deb822_parser_end(parser, error))
                return g_string_free(out, FALSE);
failed:
        g_string_free(out, TRUE);
        return NULL;
}

static const char sample[] =
        "\n\nPackage: a\nVersion:1.0\nDescription: short  \n long\n .\n  more\t\n"
        "\n\r\n\nPackage: b\r\nDepends:\n x,\n y\nEmpty:\n\nPackage:  c ";
static const char expected[] = "3:Package=a;Version=1.0;Description=short  \n long\n .\n  more;|"
                               "12:Package=b;Depends=x,\n y;Empty=;|18:Package=c;|";

static void
stanzas_in_pieces(void)
{
        for (gsize chunk = 1; chunk <= sizeof sample; chunk++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *got =
                        read_in_chunks(sample, sizeof sample - 1, chunk, NULL, &error);

                g_assert_no_error(error);
                g_assert_cmpstr(got, ==, expected);
        }
}

static void
whole_text(void)
{
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        g_assert_true(deb822_read("x", sample, sizeof sample - 1, NULL, collect, out, &error));
        g_assert_cmpstr(out->str, ==, expected);
        g_string_truncate(out, 0);
        g_assert_true(deb822_read("x", NULL, 0, NULL, collect, out, &error));
        g_assert_cmpstr(out->str, ==, "");
}

/* More than the parser's buffer, so that it must move and grow. */
static void
long_values(void)
{
        g_autoptr(GString) text = g_string_new("A: ");
        g_autoptr(GError) error = NULL;

        for (guint i = 0; i < 60000; i++)
                g_string_append(text, i % 8 == 7 ? "x\n " : "0123456789");
        g_string_append(text, "\n\nB: 1\n\n");
        g_autofree char *got = read_in_chunks(text->str, text->len, 7777, NULL, &error);

        g_assert_no_error(error);
        g_assert_true(g_str_has_suffix(got, ";|7503:B=1;|"));
        g_assert_cmpuint(strlen(got), >, 500000);
}

static void
refused(void)
{
        static const struct {
                const char *text;
                gsize size;
                int code;
                const char *sentence;
        } rows[] = {
                { "A: 1\nB: 2\0\n", 11, UK_ERROR_PARSE, "index: line 2 contains a NUL byte" },
                { "A: 1\n\nnonsense\n", 0, UK_ERROR_PARSE, "index: line 3 is not \"Name: value\"" },
                { "A: 1\n: x\n", 0, UK_ERROR_PARSE, "index: line 2 is not \"Name: value\"" },
                { "A B: x\n", 0, UK_ERROR_PARSE, "index: line 1 is not \"Name: value\"" },
                { "#A: x\n", 0, UK_ERROR_PARSE, "index: line 1 is not \"Name: value\"" },
                { "\n x\n", 0, UK_ERROR_PARSE, "index: line 2 continues a field, but none began" },
                { "A: 1\n\n x\n", 0, UK_ERROR_PARSE,
                  "index: line 3 continues a field, but none began" },
                { "A: 123456789012345678901234567890\n", 0, UK_ERROR_LIMIT,
                  "index: line 1 is longer than 20 bytes" },
                { "A: 1\nB: 12345678901234567890123456789", 0, UK_ERROR_LIMIT,
                  "index: line 2 is longer than 20 bytes" },
                { "\nA: 1\nB: 2\nC: 3\nD: 4\nE: 5\nF: 6\nG: 7\nH: 8\nI: 9\nK: 10", 0,
                  UK_ERROR_LIMIT, "index: the stanza at line 2 is longer than 40 bytes" },
        };
        Deb822Limits limits = { .max_line = 20, .max_stanza = 40 };

        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                gsize size = rows[i].size > 0 ? rows[i].size : strlen(rows[i].text);

                for (gsize chunk = 1; chunk <= size; chunk += 5) {
                        g_autoptr(GError) error = NULL;

                        g_assert_null(read_in_chunks(rows[i].text, size, chunk, &limits, &error));
                        g_assert_error(error, UK_ERROR, rows[i].code);
                        g_assert_cmpstr(error->message, ==, rows[i].sentence);
                }
        }
}

static void
too_many_fields(void)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        for (guint i = 0; i < 600; i++)
                g_string_append_printf(text, "F%u: x\n", i);
        g_assert_null(read_in_chunks(text->str, text->len, 100, NULL, &error));
        g_assert_cmpstr(error->message, ==, "index: the stanza at line 1 has more than 512 fields");
}

static void
comments(void)
{
        static const char text[] =
                "# one\nTypes: deb # no comment\n# two\nURIs: a\n# b\n c\n#\n\n# d\n";
        Deb822Limits limits = { .comments = true };
        g_autoptr(GError) error = NULL;
        g_autofree char *got = read_in_chunks(text, strlen(text), 3, &limits, &error);
        Slice rest = { "a\n# b\n c", 8 }, word;

        g_assert_cmpstr(got, ==, "2:Types=deb # no comment;URIs=a\n# b\n c;|");
        g_assert_true(slice_word(&rest, &word) && slice_equal(word, "a"));
        g_assert_true(slice_word(&rest, &word) && slice_equal(word, "c"));
        g_assert_false(slice_word(&rest, &word));
}

static bool
stop(gpointer user, const Deb822Stanza *stanza, GError **error)
{
        guint *count = user;

        if (++*count == 2)
                return uk_fail(error, UK_ERROR_CANCELLED, "stopped");
        return true;
}

static void
stopped_from_within(void)
{
        guint count = 0;
        g_autoptr(GError) error = NULL;

        g_assert_false(deb822_read("x", "A: 1\n\nA: 2\n\nA: 3\n", 17, NULL, stop, &count, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_CANCELLED);
        g_assert_cmpuint(count, ==, 2);
}

static const char *const names[] = { "Package", "Version", "Pre-Depends", "Missing" };

static bool
pick(gpointer user, const Deb822Stanza *stanza, GError **error)
{
        Deb822Names set;
        Slice values[4];

        deb822_names_init(&set, names, 4);
        g_assert_cmpstr(deb822_pick(stanza, &set, values), ==, "Version");
        g_assert_true(slice_equal(values[0], "a"));
        g_assert_true(slice_equal(values[1], "1"));
        g_assert_true(values[2].text != NULL && values[2].size == 0);
        g_assert_null(values[3].text);
        g_assert_true(slice_equal(deb822_get(stanza, "vERSION"), "1"));
        g_assert_null(deb822_get(stanza, "Versio").text);
        return true;
}

static void
picked(void)
{
        static const char text[] = "PACKAGE: a\nversion: 1\nPre-Depends:\nX: y\nVersion: 2\n";
        g_autoptr(GError) error = NULL;

        g_assert_true(deb822_read("x", text, strlen(text), NULL, pick, NULL, &error));
}

static void
numbers(void)
{
        guint64 n = 7;

        g_assert_true(slice_number(slice_of("18446744073709551615"), G_MAXUINT64, &n));
        g_assert_true(n == G_MAXUINT64);
        g_assert_false(slice_number(slice_of("18446744073709551616"), G_MAXUINT64, &n));
        g_assert_false(slice_number(slice_of("9"), 5, &n));
        g_assert_false(slice_number(slice_of("-1"), 5, &n));
        g_assert_false(slice_number(slice_of("1 "), 5, &n));
        g_assert_false(slice_number(slice_of(""), 5, &n));
        g_assert_true(slice_number(slice_of("0005"), 5, &n));
        g_assert_cmpuint(n, ==, 5);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/deb/deb822/stanzas-in-pieces", stanzas_in_pieces);
        g_test_add_func("/deb/deb822/whole-text", whole_text);
        g_test_add_func("/deb/deb822/long-values", long_values);
        g_test_add_func("/deb/deb822/refused-DEB-013", refused);
        g_test_add_func("/deb/deb822/too-many-fields-DEB-013", too_many_fields);
        g_test_add_func("/deb/deb822/comments-DEB-010", comments);
        g_test_add_func("/deb/deb822/stopped-from-within", stopped_from_within);
        g_test_add_func("/deb/deb822/picked", picked);
        g_test_add_func("/deb/slice/numbers", numbers);
        return g_test_run();
}
