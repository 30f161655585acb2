/* Tests of src/client/wuagent/results.c: what a search found arrives as it was sent. */
#include "client/wuagent/results.h"

#include <string.h>

static SearchResult *
sample(void)
{
        SearchResult *result = results_new("{4CD06388-D509-46E4-8C00-75909EDD9EE8}");
        ResultUpdate *missing = results_add(result, "505fda07-b4f3-45fb-83d9-8642554e2773", 200,
                                            RESULT_MISSING, "openssl 3.0.11-1 (Security Updates)",
                                            "openssl", "aa", RESULT_CLASS_SECURITY);

        results_add_package(missing->packages, "libssl3", "amd64", "3.0.9-1", "3.0.11-1", true);
        results_add(result, "0e8a3a31-04d7-4f3c-b2c1-6f6c3f8d1b11", 1, RESULT_INSTALLED, "bash",
                    "bash", "aa", "bb");
        results_add_package(result->other_builds, "dpkg", "amd64", "1.21.22", "Depends", false);
        result->time_us = 42;
        result->deployed = 1150;
        result->evaluated = 622;
        result->categories = 70;
        return result;
}

static void
round_trip(void)
{
        g_autoptr(SearchResult) sent = sample();
        g_autoptr(GBytes) letter = results_write(sent);
        g_autoptr(GError) error = NULL;
        gsize size;
        const void *data = g_bytes_get_data(letter, &size);
        g_autoptr(SearchResult) got = results_read(data, size, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(got->job_id, ==, sent->job_id);
        g_assert_cmpint(got->time_us, ==, 42);
        g_assert_cmpuint(got->deployed, ==, 1150);
        g_assert_cmpuint(got->evaluated, ==, 622);
        g_assert_cmpuint(got->categories, ==, 70);
        g_assert_cmpuint(got->updates->len, ==, 2);
        const ResultUpdate *update = got->updates->pdata[0];
        g_assert_cmpstr(update->update_id, ==, "505fda07-b4f3-45fb-83d9-8642554e2773");
        g_assert_cmpint(update->revision, ==, 200);
        g_assert_cmpint(update->state, ==, RESULT_MISSING);
        g_assert_cmpstr(update->classification_id, ==, RESULT_CLASS_SECURITY);
        const ResultPackage *package = update->packages->pdata[0];
        g_assert_cmpstr(package->available, ==, "3.0.11-1");
        g_assert_true(package->held);
        package = got->other_builds->pdata[0];
        g_assert_cmpstr(package->name, ==, "dpkg");
        g_assert_false(package->held);
        g_assert_cmpuint(results_count(got, RESULT_MISSING), ==, 1);
        g_assert_cmpuint(results_count(got, RESULT_INSTALLED), ==, 1);
}

/* What an archive calls its packages is not believed to be UTF-8. */
static void
bad_text(void)
{
        g_autoptr(SearchResult) sent = results_new("job");

        results_add(sent, "id", 1, RESULT_MISSING, "caf\xe9", "", "", "");
        g_autoptr(GBytes) letter = results_write(sent);
        gsize size;
        const void *data = g_bytes_get_data(letter, &size);
        g_autoptr(SearchResult) got = results_read(data, size, NULL);
        g_assert_nonnull(got);
        g_assert_cmpstr(((ResultUpdate *)got->updates->pdata[0])->title, ==, "caf\xef\xbf\xbd");
}

static void
no_letter(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(results_read("what is this", 12, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
}

/* Whatever is missing of a letter, or stands behind it, it is none. */
static void
cut_letter(void)
{
        g_autoptr(SearchResult) sent = sample();
        g_autoptr(GBytes) letter = results_write(sent);
        gsize size;
        const char *data = g_bytes_get_data(letter, &size);
        g_autofree char *longer = g_malloc0(size + 1);

        for (gsize cut = 0; cut < size; cut++) {
                /* In a place of its own, so that reading behind the end is seen. */
                g_autofree char *part = g_memdup2(data, cut);

                g_assert_null(results_read(part, cut, NULL));
        }
        memcpy(longer, data, size);
        g_assert_null(results_read(longer, size + 1, NULL));
}

static void
supersede(ResultUpdate *update, const char *class)
{
        g_free(update->superseded_by);
        update->superseded_by = g_strdup("505fda07-b4f3-45fb-83d9-8642554e2773");
        g_free(update->superseded_by_class);
        update->superseded_by_class = g_strdup(class);
}

static void
superseded(void)
{
        static const char *const classes[] = { RESULT_CLASS_SECURITY, RESULT_CLASS_SERVICEPACK,
                                               RESULT_CLASS_DEFINITION, "" };
        g_autoptr(SearchResult) result = results_new("job");

        results_add(result, "current", 1, RESULT_MISSING, "", "", "", "");
        for (guint i = 0; i < G_N_ELEMENTS(classes); i++)
                supersede(results_add(result, classes[i], 1, RESULT_MISSING, "", "", "", ""),
                          classes[i]);
        results_drop_superseded(result);
        g_assert_cmpuint(result->updates->len, ==, 3);
        g_assert_cmpstr(((ResultUpdate *)result->updates->pdata[0])->update_id, ==, "current");
        g_assert_cmpstr(((ResultUpdate *)result->updates->pdata[1])->update_id, ==,
                        RESULT_CLASS_SERVICEPACK);
        g_assert_cmpstr(((ResultUpdate *)result->updates->pdata[2])->update_id, ==,
                        RESULT_CLASS_DEFINITION);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/results/round-trip-DEB-041", round_trip);
        g_test_add_func("/client/results/superseded-COMP-047", superseded);
        g_test_add_func("/client/results/bad-text", bad_text);
        g_test_add_func("/client/results/no-letter", no_letter);
        g_test_add_func("/client/results/cut-letter", cut_letter);
        return g_test_run();
}
