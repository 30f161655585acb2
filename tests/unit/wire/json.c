/* Tests of src/wire/json.c and json_read.c; Python's json module is the judge. */
#include "wire/json.h"

#include <locale.h>
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

static char *
python(const char *script, const char *const *args)
{
        GPtrArray *argv = g_ptr_array_new();
        char *out = NULL;
        g_autofree char *err = NULL;
        int status = -1;

        g_ptr_array_add(argv, (gpointer) "/usr/bin/python3");
        g_ptr_array_add(argv, (gpointer) "-c");
        g_ptr_array_add(argv, (gpointer)script);
        for (; args != NULL && *args != NULL; args++)
                g_ptr_array_add(argv, (gpointer)*args);
        g_ptr_array_add(argv, NULL);
        g_assert_true(g_spawn_sync(NULL, (char **)argv->pdata, NULL, 0, NULL, NULL, &out, &err,
                                   &status, NULL));
        if (status != 0)
                g_error("%s", err);
        g_ptr_array_unref(argv);
        return out;
}

static void
written(void)
{
        g_autoptr(GString) out = g_string_new("x");
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "a", "q\"b\\n\n\r\t\x01\x7f/\xc3\xa4\xf0\x9f\x90\xa7");
        json_text(&w, "bad", "a\xff\xc3z");
        json_text(&w, "none", NULL);
        json_int(&w, "low", G_MININT64);
        json_array(&w, "list");
        json_int(&w, NULL, 1);
        json_bool(&w, NULL, true);
        json_array(&w, NULL);
        json_end(&w, ']');
        json_object(&w, NULL);
        json_end(&w, '}');
        json_null(&w, NULL);
        json_end(&w, ']');
        json_bool(&w, "no", false);
        json_real(&w, "half", 0.5);
        json_real(&w, "nan", NAN);
        json_text(&w, "k\"ey", "");
        json_end(&w, '}');
        g_assert_cmpstr(out->str, ==,
                        "x{\"a\":\"q\\\"b\\\\n\\n\\r\\t\\u0001\x7f/\xc3\xa4\xf0\x9f\x90\xa7\","
                        "\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbdz\",\"none\":null,"
                        "\"low\":-9223372036854775808,\"list\":[1,true,[],{},null],\"no\":false,"
                        "\"half\":0.5,\"nan\":null,\"k\\\"ey\":\"\"}");
}

static void
collect_names(const char *name, const JsonValue *value, gpointer user)
{
        g_string_append_printf(user, "%s:%c ", name, json_kind(value));
}

static void
looked_at(void)
{
        static const char text[] =
                " {\"z\":\"te\\u00e4\\ud83d\\udc27\\/\",\"a\":-12,\"m\":[1,2.5e1,null,true,{}],"
                "\"big\":9223372036854775807} ";
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonDoc) doc = json_read(text, strlen(text), 1000, &error);
        g_autoptr(GString) names = g_string_new(NULL);
        gint64 n = 0;

        g_assert_no_error(error);
        const JsonValue *v = json_root(doc);
        g_assert_cmpstr(json_get_text(v, "z", "-"), ==, "te\xc3\xa4\xf0\x9f\x90\xa7/");
        g_assert_cmpstr(json_get_text(v, "a", "-"), ==, "-");
        g_assert_cmpint(json_get_int(v, "a", 0), ==, -12);
        g_assert_cmpint(json_get_int(v, "big", 0), ==, G_MAXINT64);
        g_assert_cmpint(json_get_int(v, "none", 7), ==, 7);
        g_assert_cmpfloat(json_get_real(v, "a", 0), ==, -12.0);
        const JsonValue *m = json_get(v, "m");
        g_assert_cmpuint(json_count(m), ==, 5);
        g_assert_true(json_as_int(json_at(m, 0), &n));
        g_assert_cmpint(n, ==, 1);
        g_assert_false(json_as_int(json_at(m, 1), &n));
        g_assert_true(json_is_null(json_at(m, 2)));
        g_assert_cmpint(json_kind(json_at(m, 3)), ==, 'b');
        g_assert_null(json_at(m, 5));
        g_assert_cmpuint(json_count(v), ==, 0);
        g_assert_null(json_get(m, "a"));
        g_assert_null(json_get(NULL, "a"));
        g_assert_cmpint(json_kind(NULL), ==, 0);
        g_assert_false(json_get_bool(v, "a", false));
        json_each(v, collect_names, names);
        g_assert_cmpstr(names->str, ==, "z:s a:i m:a big:i ");
}

static void
refused(void)
{
        static const char *const rows[] = {
                "",
                " ",
                "{",
                "[",
                "}",
                "[1,]",
                "[,1]",
                "[1 2]",
                "{\"a\":1,}",
                "{\"a\"}",
                "{a:1}",
                "{\"a\":1 \"b\":2}",
                "{\"a\":1,\"a\":2}",
                "{\"a\":1,\"b\":2,\"\\u0061\":3}",
                "01",
                "-",
                "+1",
                "1.",
                ".5",
                "1e",
                "1e+",
                "0x10",
                "NaN",
                "Infinity",
                "-Infinity",
                "nul",
                "truE",
                "'a'",
                "\"a",
                "\"\\x\"",
                "\"\\u12g4\"",
                "\"\\u0000\"",
                "\"\\ud800\"",
                "\"\\udc00\"",
                "\"\\ud800\\u0041\"",
                "\"a\nb\"",
                "\"\t\"",
                "[1] 2",
                "1 1",
                "9223372036854775808",
                "-9223372036854775809",
                "1e999",
                "/*x*/1",
                "\xef\xbb\xbf"
                "1",
                "\"\xff\"",
                "\"\xc0\x80\"",
                "\"\xed\xa0\x80\"",
                "[1]]",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *shown = g_strescape(rows[i], NULL);

                g_test_message("%s", shown);
                g_assert_null(json_read(rows[i], strlen(rows[i]), 1000, &error));
                g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
        }
        g_assert_null(json_read("1\0", 2, 1000, NULL));
        g_autoptr(GError) error = NULL;
        g_assert_null(json_read("{\n \"a\": x}", 10, 1000, &error));
        g_assert_nonnull(strstr(error->message, "line 2, column 7"));
}

static void
accepted_scalars(void)
{
        static const char *const rows[] = {
                "0", "-0", "1.5E-3", "true", "null", "\"\"", "[]", "{}"
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(JsonDoc) doc = json_read(rows[i], strlen(rows[i]), 1000, NULL);

                g_assert_nonnull(doc);
        }
}

static void
limits(void)
{
        g_autofree char *deep = g_strnfill(64, '[');
        g_autofree char *close = g_strnfill(64, ']');
        g_autofree char *good = g_strconcat(deep, close, NULL);
        g_autofree char *bad = g_strconcat("[", deep, close, "]", NULL);
        g_autofree char *bomb = g_strnfill(1000000, '[');
        g_autoptr(JsonDoc) doc = json_read(good, strlen(good), 1000, NULL);
        g_autoptr(GError) error = NULL;

        g_assert_nonnull(doc);
        g_assert_null(json_read(bad, strlen(bad), 1000, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
        g_clear_error(&error);
        g_assert_null(json_read(bomb, 1000000, 1000000, NULL));
        g_assert_null(json_read("[1,2]", 5, 4, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_LIMIT));
}

/* --- Python's documents, read and written again by us, must be equal to Python --- */

static void write_again(JsonWriter *w, const char *name, const JsonValue *v);

static void
write_member(const char *name, const JsonValue *value, gpointer w)
{
        write_again(w, name, value);
}

static void
write_again(JsonWriter *w, const char *name, const JsonValue *v)
{
        gint64 n = 0;

        switch (json_kind(v)) {
        case 'o':
                json_object(w, name);
                json_each(v, write_member, w);
                json_end(w, '}');
                break;
        case 'a':
                json_array(w, name);
                for (gsize i = 0; i < json_count(v); i++)
                        write_again(w, NULL, json_at(v, i));
                json_end(w, ']');
                break;
        case 's':
                json_text(w, name, json_as_text(v));
                break;
        case 'i':
                g_assert_true(json_as_int(v, &n));
                json_int(w, name, n);
                break;
        case 'n':
                json_null(w, name);
                break;
        default:
                g_assert_not_reached();
        }
}

static void
pythons_documents(void)
{
        static const char make[] =
                "import json,random,sys\n"
                "random.seed(5)\n"
                "def text():\n"
                " return "
                "''.join(chr(random.choice([random.randint(1,127),random.randint(160,0xd7ff),"
                "random.randint(0x10000,0x10ffff)])) for _ in range(random.randint(0,12)))\n"
                "def value(d):\n"
                " k=random.randint(0,6 if d<5 else 3)\n"
                " if k==0: return None\n"
                " if k==1: return random.randint(-2**63,2**63-1)\n"
                " if k==2: return random.randint(-9,9)\n"
                " if k==3: return text()\n"
                " if k==4: return [value(d+1) for _ in range(random.randint(0,5))]\n"
                " return {text():value(d+1) for _ in range(random.randint(0,20))}\n"
                "with open(sys.argv[1],'w') as f:\n"
                " for i in range(400):\n"
                "  print(json.dumps(value(0),ensure_ascii=i%2==0,indent=[None,1][i%3==0])."
                "replace('\\n',' '),file=f)\n";
        static const char compare[] =
                "import json,sys\n"
                "a=open(sys.argv[1]).read().split('\\n');b=open(sys.argv[2]).read().split('\\n')\n"
                "assert len(a)==len(b)==401\n"
                "for x,y in zip(a[:-1],b[:-1]):\n"
                " p,q=json.loads(x),json.loads(y)\n"
                " assert p==q and json.dumps(p)==json.dumps(q),(x,y)\n"
                "print('equal')\n";
        g_autofree char *dir = g_dir_make_tmp("uk-json-XXXXXX", NULL);
        g_autofree char *theirs = g_build_filename(dir, "theirs", NULL);
        g_autofree char *ours = g_build_filename(dir, "ours", NULL);
        const char *args[] = { theirs, ours, NULL };
        g_autofree char *made = python(make, args);
        g_autofree char *text = NULL;
        g_autoptr(GString) out = g_string_new(NULL);

        g_assert_true(g_file_get_contents(theirs, &text, NULL, NULL));
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        for (gsize i = 0; lines[i + 1] != NULL; i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(JsonDoc) doc = json_read(lines[i], strlen(lines[i]), G_MAXINT, &error);
                JsonWriter w;

                g_assert_no_error(error);
                json_begin(&w, out);
                write_again(&w, NULL, json_root(doc));
                g_string_append_c(out, '\n');
        }
        g_assert_true(g_file_set_contents(ours, out->str, (gssize)out->len, NULL));
        g_autofree char *verdict = python(compare, args);
        g_assert_cmpstr(verdict, ==, "equal\n");
        g_unlink(theirs);
        g_unlink(ours);
        g_rmdir(dir);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_setenv("PYTHONIOENCODING", "utf-8", TRUE);
        g_setenv("PYTHONUTF8", "1", TRUE);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wire/json/written", written);
        g_test_add_func("/wire/json/looked-at", looked_at);
        g_test_add_func("/wire/json/refused", refused);
        g_test_add_func("/wire/json/accepted-scalars", accepted_scalars);
        g_test_add_func("/wire/json/limits", limits);
        g_test_add_func("/wire/json/pythons-documents", pythons_documents);
        return g_test_run();
}
