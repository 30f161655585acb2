/* Tests of src/wire/scansummary.c: the figures of a scan, written, read, and refused. */
#include "wire/scansummary.h"

#include <string.h>

#include "unit/must.h"

#define DIGEST "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static ScanSummary *
sample(void)
{
        ScanSummary *summary = scansummary_new();

        summary->content_version = 38;
        summary->scan_us = G_GINT64_CONSTANT(1390238335573000);
        g_free(summary->location);
        summary->location = g_strdup("http://PS1SITE.CONTOSO.COM:8530");
        summary->missing = 76;
        summary->installed = 540;
        summary->not_applicable = 33786;
        g_free(summary->digest);
        summary->digest = g_strdup(DIGEST);
        scansummary_add_build(summary, "libc6", "amd64", "2.36-9", "Depends, Multi-Arch");
        return summary;
}

static void
text(void)
{
        g_autoptr(ScanSummary) summary = sample();
        g_autofree char *written = scansummary_write(summary);

        g_assert_cmpstr(written, ==,
                        "version 38\ntime 2014-01-20T17:18:55.573Z\n"
                        "location http://PS1SITE.CONTOSO.COM:8530\n"
                        "missing 76\ninstalled 540\nnotapplicable 33786\n"
                        "digest " DIGEST "\nbuild libc6 amd64 2.36-9 Depends, Multi-Arch\n");
}

static void
round_trip(void)
{
        g_autoptr(ScanSummary) summary = sample();
        g_autofree char *written = scansummary_write(summary);
        g_autoptr(GError) error = NULL;
        g_autoptr(ScanSummary) read = scansummary_read(written, strlen(written), &error);

        g_assert_no_error(error);
        g_assert_cmpint(read->content_version, ==, 38);
        g_assert_cmpint(read->scan_us, ==, summary->scan_us);
        g_assert_cmpstr(read->location, ==, summary->location);
        g_assert_cmpint(read->not_applicable, ==, 33786);
        g_assert_cmpstr(read->digest, ==, DIGEST);
        g_assert_cmpuint(read->builds->len, ==, 1);
        g_assert_cmpstr(((ScanSummaryBuild *)read->builds->pdata[0])->fields, ==,
                        "Depends, Multi-Arch");
}

static void
unknown_lines(void)
{
        g_autoptr(ScanSummary) summary = sample();
        g_autofree char *written = scansummary_write(summary);
        g_autofree char *more = g_strconcat("weather fine\n\n", written, NULL);
        g_autoptr(ScanSummary) read = scansummary_read(more, strlen(more), NULL);

        g_assert_nonnull(read);
}

static void
refused(gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(ScanSummary) summary = sample();
        g_autofree char *written = scansummary_write(summary);
        const char *const *swap = data;
        g_auto(GStrv) parts = g_strsplit(written, swap[0], 2);
        g_autofree char *spoiled = g_strconcat(parts[0], swap[1], parts[1], NULL);

        g_assert_cmpuint(g_strv_length(parts), ==, 2);
        g_assert_null(scansummary_read(spoiled, strlen(spoiled), &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
}

static void
too_long(void)
{
        g_autofree char *text = g_strnfill(SCANSUMMARY_MAX_BYTES + 1, 'a');
        g_autoptr(GError) error = NULL;

        g_assert_null(scansummary_read(text, strlen(text), &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
}

/* Thousands of builds do not make the message larger than its reader takes. */
static void
many_builds(void)
{
        g_autoptr(ScanSummary) summary = sample();

        for (int i = 0; i < 5000; i++)
                scansummary_add_build(summary, "package-with-a-name", "amd64", "1.0-1", "Depends");
        g_autofree char *written = scansummary_write(summary);
        g_autoptr(ScanSummary) read = scansummary_read(written, strlen(written), NULL);
        g_assert_nonnull(read);
        g_assert_cmpuint(read->builds->len, >, 1000);
}

static void
digest_line(void)
{
        g_autoptr(GString) text = g_string_new(NULL);

        scansummary_digest_line(text, "505FDA07-b4f3-45fb-83d9-8642554e2773", 2);
        g_assert_cmpstr(text->str, ==, "505fda07-b4f3-45fb-83d9-8642554e2773 2\n");
}

int
main(int argc, char **argv)
{
        static const char *const no_digest[] = { "digest ", "dogest " };
        static const char *const short_digest[] = { "digest 9f", "digest " };
        static const char *const negative[] = { "missing 76", "missing -1" };
        static const char *const word[] = { "installed 540", "installed many" };
        static const char *const time[] = { "time 2014", "time never" };
        static const char *const build[] = { " 2.36-9 Depends, Multi-Arch", "" };

        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wire/scansummary/text-COMP-053", text);
        g_test_add_func("/wire/scansummary/round-trip", round_trip);
        g_test_add_func("/wire/scansummary/unknown-lines", unknown_lines);
        g_test_add_data_func("/wire/scansummary/refused/no-digest", no_digest, refused);
        g_test_add_data_func("/wire/scansummary/refused/short-digest", short_digest, refused);
        g_test_add_data_func("/wire/scansummary/refused/negative", negative, refused);
        g_test_add_data_func("/wire/scansummary/refused/word", word, refused);
        g_test_add_data_func("/wire/scansummary/refused/time", time, refused);
        g_test_add_data_func("/wire/scansummary/refused/build", build, refused);
        g_test_add_func("/wire/scansummary/too-long", too_long);
        g_test_add_func("/wire/scansummary/many-builds-DEB-003", many_builds);
        g_test_add_func("/wire/scansummary/digest-line", digest_line);
        return g_test_run();
}
