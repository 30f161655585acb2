/* Tests of src/wire/supadmin.c. */
#include "wire/supadmin.h"

#include <locale.h>
#include <string.h>

static SupRecord
take(SupReader *reader, bool expected)
{
        g_autoptr(GError) error = NULL;
        SupRecord record;
        bool got;

        g_assert_true(supadmin_reader_next(reader, &record, &got, &error));
        g_assert_no_error(error);
        g_assert_true(got == expected);
        return record;
}

static void
stream_in_pieces(void)
{
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(SupReader) reader = supadmin_reader_new();
        const char *file[] = { "a\tb.deb", "12", "00ff", "pool/a\\b\nc", "a", "all", "1-1", "1" };
        const char *end[] = { "77", NULL, "b6e1" };

        supadmin_line_write(out, SUP_RECORD_FILE, file, G_N_ELEMENTS(file));
        g_string_append(out, "Z\tof a later version\n");
        supadmin_line_write(out, SUP_RECORD_END, end, 3);
        g_assert_cmpstr(out->str, ==,
                        "F\ta\\tb.deb\t12\t00ff\tpool/a\\\\b\\nc\ta\tall\t1-1\t1\nZ\tof a later "
                        "version\nE\t77\t\tb6e1\n");
        for (gsize i = 0; i + 1 < out->len; i++) {
                supadmin_reader_add(reader, out->str + i, 1);
                if (out->str[i] != '\n')
                        take(reader, false);
                else if (out->str[i - 1] == '1')
                        g_assert_cmpstr(take(reader, true).fields[3], ==, file[3]);
                else
                        g_assert_cmpint(take(reader, true).kind, ==, SUP_RECORD_OTHER);
        }
        supadmin_reader_add(reader, "\n", 1);
        SupRecord last = take(reader, true);

        g_assert_cmpint(last.kind, ==, SUP_RECORD_END);
        g_assert_cmpstr(last.fields[0], ==, "77");
        g_assert_cmpstr(last.fields[1], ==, "");
        g_assert_cmpstr(last.fields[2], ==, "b6e1");
        take(reader, false);
}

static void
refuse(const char *bytes, gsize size, int code)
{
        g_autoptr(SupReader) reader = supadmin_reader_new();
        g_autoptr(GError) error = NULL;
        SupRecord record;
        bool got;

        supadmin_reader_add(reader, bytes, size);
        g_assert_false(supadmin_reader_next(reader, &record, &got, &error));
        g_assert_error(error, UK_ERROR, code);
}

static void
bad_lines(void)
{
        g_autofree char *huge = g_strnfill(SUPADMIN_MAX_LINE + 1, 'x');

        refuse("F\ta\tb\n", 6, UK_ERROR_PARSE);
        refuse("S\ta\0b\n", 6, UK_ERROR_PARSE);
        refuse("S\t\xff\xfe\n", 5, UK_ERROR_PARSE);
        refuse("S\ta\\q\n", 6, UK_ERROR_PARSE);
        refuse("S\ta\\\n", 5, UK_ERROR_PARSE);
        refuse(huge, SUPADMIN_MAX_LINE + 1, UK_ERROR_LIMIT);
}

static void
status_there_and_back(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(SupStatus) status = supadmin_status_new();
        SupSource *source = g_new0(SupSource, 1);

        source->name = g_strdup("bookworm");
        source->failed = true;
        source->error = g_strdup("signed by a \"foreign\" key");
        source->as_of_us = G_GINT64_CONSTANT(1390067634123000);
        g_ptr_array_add(status->sources, source);
        status->number = 9;
        status->run = g_strdup("b6e1");
        status->state = SUP_RUNNING;
        status->phase = SUP_PHASE_UPDATES;
        status->done = 122;
        status->total = 130;
        status->result = SUP_RESULT_PARTLY;
        status->epoch = g_strdup("0f0d");
        status->place = g_strdup("p");
        status->error = g_strdup("e");
        status->readable = true;
        g_autofree char *json = supadmin_status_write(status);
        g_autoptr(SupStatus) back = supadmin_status_read(json, strlen(json), &error);

        g_assert_no_error(error);
        g_autofree char *again = supadmin_status_write(back);

        g_assert_cmpstr(json, ==, again);
        g_assert_nonnull(strstr(json, "2014-01-18T17:53:54.123Z"));
        g_assert_cmpint(back->total, ==, 130);
        g_assert_cmpstr(back->epoch, ==, "0f0d");
}

static void
bad_status(void)
{
        g_autoptr(GError) error = NULL;
        const char *json = "{\"state\":\"Sleeping\",\"phase\":\"None\",\"result\":\"None\"}";

        g_assert_null(supadmin_status_read(json, strlen(json), &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        g_assert_nonnull(strstr(error->message, "'Sleeping'"));
}

static void
configuration(void)
{
        g_autoptr(GError) error = NULL;
        const char *json = "{\"wanted\":[\"a\",\"b\"],\"unwanted\":[]}";
        g_autoptr(SupConfig) config = supadmin_config_read(json, strlen(json), &error);

        g_assert_no_error(error);
        g_assert_cmpuint(g_strv_length(config->wanted), ==, 2);
        g_assert_cmpuint(g_strv_length(config->unwanted), ==, 0);
        g_autofree char *again = supadmin_config_write(config);

        g_assert_cmpstr(json, ==, again);
        g_assert_null(supadmin_config_read("{\"wanted\":[1]}", 14, NULL));
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wire/supadmin/stream-in-pieces", stream_in_pieces);
        g_test_add_func("/wire/supadmin/bad-lines", bad_lines);
        g_test_add_func("/wire/supadmin/status-there-and-back", status_there_and_back);
        g_test_add_func("/wire/supadmin/bad-status", bad_status);
        g_test_add_func("/wire/supadmin/configuration", configuration);
        return g_test_run();
}
