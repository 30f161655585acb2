/* Tests of src/wire/xml.c, xml_parse.c and xml_write.c; Python's ElementTree is the judge of what
 * we write.
 */
#include "wire/xml.h"

#include <locale.h>
#include <string.h>

#include "wire/utf16.h"

static XmlDoc *
read_text(const char *text)
{
        g_autoptr(GError) error = NULL;
        XmlDoc *doc = xml_read(text, strlen(text), 100000, &error);

        g_assert_no_error(error);
        return doc;
}

static void
looked_at(void)
{
        g_autoptr(XmlDoc) doc = read_text(
                "<?xml version='1.0'?><!-- c --><s:E xmlns:s='urn:a' xmlns='urn:b'>\n"
                " <s:Body><Op a='1' s:b='x&amp;y'><i>  12 </i><i>3</i><x><![CDATA[a<b]]>&gt;c</x>"
                "<e/></Op></s:Body></s:E>");
        const XmlNode *root = xml_root(doc);
        const XmlNode *op = xml_path(root, "Body/Op");
        gint64 n = 0;

        g_assert_cmpstr(xml_name(root), ==, "E");
        g_assert_cmpstr(xml_ns(root), ==, "urn:a");
        g_assert_cmpstr(xml_ns(op), ==, "urn:b");
        g_autofree char *a = xml_attr(op, "a");
        g_autofree char *b = xml_attr(op, "b");
        g_autofree char *x = xml_child_text(op, "x");
        g_autofree char *e = xml_child_text(op, "e");
        g_assert_cmpstr(a, ==, "1");
        g_assert_cmpstr(b, ==, "x&y");
        g_assert_cmpstr(x, ==, "a<b>c");
        g_assert_cmpstr(e, ==, "");
        g_assert_null(xml_attr(op, "c"));
        g_assert_null(xml_child_text(op, "none"));
        g_assert_null(xml_path(root, "Body/None/x"));
        g_assert_null(xml_text(NULL));
        g_assert_true(xml_child_int(op, "i", &n));
        g_assert_cmpint(n, ==, 12);
        g_assert_false(xml_child_int(op, "x", &n));
        const XmlNode *i = xml_next(xml_child(op, "i"), "i");
        g_autofree char *second = xml_text(i);
        g_assert_cmpstr(second, ==, "3");
        g_assert_null(xml_next(i, "i"));
        g_assert_cmpstr(xml_name(xml_next(i, NULL)), ==, "x");
}

/* A part taken out declares what it uses. */
static void
dumped(void)
{
        g_autoptr(XmlDoc) doc =
                read_text("<a:r xmlns:a='urn:a' xmlns='urn:b'><a:x y='&lt;'><z>&amp;"
                          "</z></a:x></a:r>");
        g_autofree char *text = xml_dump(xml_path(xml_root(doc), "x"));
        g_autoptr(XmlDoc) again = read_text(text);
        const XmlNode *x = xml_root(again);

        g_assert_cmpstr(xml_ns(x), ==, "urn:a");
        g_assert_cmpstr(xml_ns(xml_child(x, "z")), ==, "urn:b");
        g_autofree char *y = xml_attr(x, "y");
        g_assert_cmpstr(y, ==, "<");
}

static void
encodings(void)
{
        static const char declared[] = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><r>\xc3\xa4</r>";
        static const char marked[] = "\xef\xbb\xbf<r>\xc3\xa4</r>";
        g_autoptr(GBytes) utf16 = utf16_write(declared, -1, NULL);
        gsize size;
        const char *bytes = g_bytes_get_data(utf16, &size);
        g_autofree char *unmarked = g_memdup2(bytes, size + 2);
        const struct {
                const char *data;
                gsize size;
        } rows[] = {
                { bytes, size },
                { unmarked + 2, size - 2 },     /* without its mark */
                { declared, strlen(declared) }, /* UTF-8 that says UTF-16 */
                { marked, strlen(marked) },
                { "<r>\xc3\xa4</r>\0\0", 11 }, /* NUL behind it */
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(XmlDoc) doc = xml_read(rows[i].data, rows[i].size, 1000, &error);

                g_assert_no_error(error);
                g_autofree char *text = xml_text(xml_root(doc));
                g_assert_cmpstr(text, ==, "\xc3\xa4");
        }
}

static char *
nested(int depth)
{
        GString *out = g_string_new(NULL);

        for (int i = 0; i < depth; i++)
                g_string_append(out, "<a>");
        for (int i = 0; i < depth; i++)
                g_string_append(out, "</a>");
        return g_string_free(out, FALSE);
}

static bool
nothing(gpointer user, const char *name, const char *const *attributes, GError **error)
{
        return true;
}

/* Both ways of reading refuse the same. */
static void
expect_refused(const char *data, gsize size, gsize max, UkErrorCode code)
{
        const XmlEvents events = { .start = nothing };
        g_autoptr(GError) tree = NULL;
        g_autoptr(GError) sax = NULL;
        g_autofree char *shown = g_strescape(data, NULL);

        g_test_message("%.60s", shown);
        g_assert_null(xml_read(data, size, max, &tree));
        g_assert_true(g_error_matches(tree, UK_ERROR, (int)code));
        g_assert_false(xml_parse(data, size, max, &events, NULL, &sax));
        g_assert_true(g_error_matches(sax, UK_ERROR, (int)code));
}

static void
refused(void)
{
        static const char *const rows[] = {
                "",
                " ",
                "x",
                "<a>",
                "<a></b>",
                "<a/><b/>",
                "<a>&none;</a>",
                "<a b='1' b='2'/>",
                "<a b=1/>",
                "<a><</a>",
                "<a>\x01</a>",
                "<a>\xff</a>",
                "<!DOCTYPE a><a/>",
                "<?xml version='1.0'?>\n<!-- x --><!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
                "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
                "<a/>junk",
                "<!-- unfinished",
                "<?pi",
        };
        g_autofree char *deep = nested(65);
        g_autofree char *deepest = nested(30000);
        g_autofree char *good = nested(64);
        g_autoptr(XmlDoc) doc = read_text(good);
        const XmlEvents events = { .start = nothing };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                expect_refused(rows[i], strlen(rows[i]), 1000, UK_ERROR_PARSE);
        expect_refused(deep, strlen(deep), 1000, UK_ERROR_PARSE);
        expect_refused(deepest, strlen(deepest), 1000000, UK_ERROR_PARSE);
        expect_refused("<a/>", 4, 3, UK_ERROR_LIMIT);
        expect_refused("\xff\xfe<\0a\0/\0>\0\0\xd8", 12, 100, UK_ERROR_PARSE);
        g_assert_true(xml_parse(good, strlen(good), 1000, &events, NULL, NULL));
        g_autoptr(XmlDoc) harmless = read_text("<a><![CDATA[<!DOCTYPE b>]]></a>");
        g_autofree char *text = xml_text(xml_root(harmless));
        g_assert_cmpstr(text, ==, "<!DOCTYPE b>");
}

/* Nested entities are refused at once, not after a second. */
static void
billion_laughs(void)
{
        g_autoptr(GString) text = g_string_new("<!DOCTYPE a [<!ENTITY e0 'ha'>");

        for (int i = 1; i < 30; i++)
                g_string_append_printf(text, "<!ENTITY e%d '&e%d;&e%d;'>", i, i - 1, i - 1);
        g_string_append(text, "]><a>&e29;</a>");
        expect_refused(text->str, text->len, 100000, UK_ERROR_PARSE);
}

static void
errors_have_a_line(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(xml_read("<a>\n<b>\n</a>", 12, 100, &error));
        g_assert_nonnull(strstr(error->message, "XML, line 3: Opening and ending tag mismatch"));
}

/* --- events --- */

static bool
on_start(gpointer user, const char *name, const char *const *attributes, GError **error)
{
        g_string_append_printf(user, "<%s", name);
        for (; *attributes != NULL; attributes += 2)
                g_string_append_printf(user, " %s=%s", attributes[0], attributes[1]);
        g_string_append(user, ">");
        return strcmp(name, "stop") != 0 || uk_fail(error, UK_ERROR_STALE, "enough");
}

static bool
on_end(gpointer user, const char *name, GError **error)
{
        g_string_append_printf(user, "</%s>", name);
        return true;
}

static bool
on_text(gpointer user, const char *text, gsize size, GError **error)
{
        g_string_append_len(user, text, (gssize)size);
        return true;
}

static const XmlEvents recorder = { on_start, on_end, on_text };

static void
events_in_order(void)
{
        static const char text[] =
                "<?xml version=\"1.0\" encoding=\"UTF-16\"?><p:a xmlns:p='urn:x' "
                "x='1&amp;2&#38;#38;&lt;' p:y=\"\"><b>t&lt;<![CDATA[<c>]]>&#228;</b> <d/></p:a>";
        g_autoptr(GString) seen = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        g_assert_true(xml_parse(text, strlen(text), 1000, &recorder, seen, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(seen->str, ==, "<a x=1&2&#38;< y=><b>t<<c>\xc3\xa4</b> <d></d></a>");
}

static void
stopped_by_callback(void)
{
        static const char text[] = "<a><stop/><b/></a>";
        g_autoptr(GString) seen = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        g_assert_false(xml_parse(text, strlen(text), 1000, &recorder, seen, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_STALE));
        g_assert_cmpstr(seen->str, ==, "<a><stop>");
}

/* --- writing --- */

static void
written(void)
{
        g_autoptr(GString) out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_declaration(&w);
        xml_open(&w, "a");
        xml_attribute(&w, "x", "<\"&\n\t>");
        xml_attribute_int(&w, "n", -5);
        xml_element(&w, "b", "1 < 2 & \"3\"\r\n");
        xml_element(&w, "c", "");
        xml_element_int(&w, "d", 7);
        xml_open(&w, "e");
        xml_raw(&w, "<f/>");
        xml_content(&w, "g");
        xml_close(&w);
        xml_open(&w, "h");
        xml_close(&w);
        xml_close(&w);
        xml_finish(&w);
        g_assert_cmpstr(out->str, ==,
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a x=\"&lt;&quot;&amp;&#10;&#9;"
                        "&gt;\" n=\"-5\"><b>1 &lt; 2 &amp; \"3\"&#13;\n</b><c/><d>7</d>"
                        "<e><f/>g</e><h/></a>");
}

/* Whatever text goes in, Python reads the same again; what XML cannot carry becomes U+FFFD. */
static void
as_python_reads_it(void)
{
        static const char script[] =
                "import sys,xml.etree.ElementTree as E\n"
                "r=E.fromstring(sys.argv[1].encode('utf-8','surrogateescape'))\n"
                "print(ascii(r.text),ascii(r.get('t')))\n";
        static const char nasty[] = "a\x01\x0b\r\n\t<>&\"' ]]> \xc3\xa4\xf0\x9f\x90\xa7\xef\xbf\xbe"
                                    "\xed\xa0\x80\xff z";
        static const char expected[] =
                "'a\\ufffd\\ufffd\\r\\n\\t<>&\"\\' ]]> \\xe4\\U0001f427\\ufffd\\ufffd\\ufffd\\ufffd"
                "\\ufffd z'";
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *answer = NULL;
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "r");
        xml_attribute(&w, "t", nasty);
        xml_content(&w, nasty);
        xml_close(&w);
        xml_finish(&w);
        const char *argv[] = { "/usr/bin/python3", "-c", script, out->str, NULL };
        g_assert_true(
                g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &answer, NULL, NULL, NULL));
        g_autofree char *both = g_strdup_printf("%s %s\n", expected, expected);
        g_assert_cmpstr(answer, ==, both);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_setenv("PYTHONUTF8", "1", TRUE);
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/xml/looked-at", looked_at);
        g_test_add_func("/wire/xml/dumped", dumped);
        g_test_add_func("/wire/xml/encodings", encodings);
        g_test_add_func("/wire/xml/refused", refused);
        g_test_add_func("/wire/xml/billion-laughs", billion_laughs);
        g_test_add_func("/wire/xml/errors-have-a-line", errors_have_a_line);
        g_test_add_func("/wire/xml/events-in-order", events_in_order);
        g_test_add_func("/wire/xml/stopped-by-callback", stopped_by_callback);
        g_test_add_func("/wire/xml/written", written);
        g_test_add_func("/wire/xml/as-python-reads-it", as_python_reads_it);
        return g_test_run();
}
