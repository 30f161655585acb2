/* suite.c - which suites there are, and whether what one says of itself is acceptable (DEB-010,
 * DEB-011). */
#include "sup/upstream/suite.h"

#include <string.h>

#include "base/clock.h"

/* A Release from further ahead than this is refused: it would make all later ones look old. */
#define AHEAD_MAX (10 * UK_MINUTE)

static void
want_free(gpointer data)
{
        SuiteWant *want = data;

        g_free(want->component);
        g_free(want->arch);
        g_free(want);
}

void
suite_free(Suite *suite)
{
        if (suite == NULL)
                return;
        g_free(suite->uri);
        g_free(suite->name);
        g_free(suite->signed_by);
        g_free(suite->where);
        g_ptr_array_unref(suite->wants);
        g_strfreev(suite->arches);
        g_free(suite->wants_text);
        g_clear_error(&suite->error);
        trust_keys_free(suite->keys);
        g_free(suite->etag);
        g_free(suite->last_modified);
        g_free(suite->sha256);
        release_free(suite->release);
        g_free(suite->origin);
        g_free(suite->codename);
        g_clear_pointer(&suite->indexes, g_ptr_array_unref);
        g_free(suite);
}

/* ---- from sources to suites ---- */

static Suite *
suite_new(const AptSource *source)
{
        Suite *suite = g_new0(Suite, 1);

        suite->uri = g_strdup(source->uri);
        suite->name = g_strdup(source->suite);
        suite->flat = source->flat;
        suite->signed_by = g_strdup(source->signed_by);
        suite->check_valid_until = source->check_valid_until;
        suite->by_hash = source->by_hash;
        suite->where = g_strdup(source->where);
        suite->wants = g_ptr_array_new_with_free_func(want_free);
        suite->wanted = true;
        return suite;
}

static Suite *
find(const GPtrArray *suites, const AptSource *source)
{
        for (guint i = 0; i < suites->len; i++) {
                Suite *suite = g_ptr_array_index(suites, i);

                if (strcmp(suite->uri, source->uri) == 0 && strcmp(suite->name, source->suite) == 0)
                        return suite;
        }
        return NULL;
}

static void
add_want(Suite *suite, const char *component, const char *arch)
{
        SuiteWant *want;

        for (guint i = 0; i < suite->wants->len; i++) {
                want = g_ptr_array_index(suite->wants, i);
                if (strcmp(want->component, component) == 0 && strcmp(want->arch, arch) == 0)
                        return;
        }
        want = g_new0(SuiteWant, 1);
        want->component = g_strdup(component);
        want->arch = g_strdup(arch);
        g_ptr_array_add(suite->wants, want);
}

static void
add_wants(Suite *suite, const AptSource *source, const char *const *machine_arches)
{
        g_auto(GStrv) arches = aptsources_arches(source, machine_arches);

        for (guint a = 0; arches[a] != NULL; a++) {
                for (guint c = 0; source->components[c] != NULL; c++)
                        add_want(suite, source->components[c], arches[a]);
                if (suite->flat)
                        add_want(suite, "", arches[a]);
        }
}

static int
compare_text(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
compare_wants(gconstpointer a, gconstpointer b)
{
        const SuiteWant *wa = *(const SuiteWant *const *)a, *wb = *(const SuiteWant *const *)b;
        int order = strcmp(wa->component, wb->component);

        return order != 0 ? order : strcmp(wa->arch, wb->arch);
}

static void
finish(Suite *suite)
{
        g_autoptr(GPtrArray) arches = g_ptr_array_new();

        g_ptr_array_sort(suite->wants, compare_wants);
        for (guint i = 0; i < suite->wants->len; i++) {
                const SuiteWant *want = g_ptr_array_index(suite->wants, i);

                if (!g_ptr_array_find_with_equal_func(arches, want->arch, g_str_equal, NULL))
                        g_ptr_array_add(arches, g_strdup(want->arch));
        }
        g_ptr_array_sort(arches, compare_text);
        g_ptr_array_add(arches, NULL);
        suite->arches = (char **)g_ptr_array_steal(arches, NULL);
}

GPtrArray *
suite_list(const GPtrArray *sources, const char *const *machine_arches, GPtrArray *problems)
{
        GPtrArray *suites = g_ptr_array_new_with_free_func((GDestroyNotify)suite_free);

        for (guint i = 0; i < sources->len; i++) {
                const AptSource *source = g_ptr_array_index(sources, i);
                Suite *suite = find(suites, source);

                if (suite == NULL) {
                        suite = suite_new(source);
                        g_ptr_array_add(suites, suite);
                } else if (g_strcmp0(suite->signed_by, source->signed_by) != 0) {
                        g_ptr_array_add(problems,
                                        g_strdup_printf("%s: %s %s is named in %s too, with "
                                                        "another Signed-By, which is the one used",
                                                        source->where, source->uri, source->suite,
                                                        suite->where));
                }
                add_wants(suite, source, machine_arches);
        }
        for (guint i = 0; i < suites->len; i++)
                finish(g_ptr_array_index(suites, i));
        return suites;
}

char *
suite_release_url(const Suite *suite)
{
        if (suite->flat)
                return g_strconcat(suite->uri, strcmp(suite->name, "/") == 0 ? "" : suite->name,
                                   "InRelease", NULL);
        return g_strconcat(suite->uri, "dists/", suite->name, "/InRelease", NULL);
}

/* ---- judging ---- */

static char *
day(gint64 us)
{
        char *text = uk_clock_sql_like(us);

        return text;
}

static bool
checks_valid_until(const Suite *suite, const AptConf *conf)
{
        if (suite->check_valid_until >= 0)
                return suite->check_valid_until == 1;
        return aptconf_bool(conf, "Acquire::Check-Valid-Until", true);
}

static bool
fail_expired(gint64 until_us, gint64 now_us, GError **error)
{
        g_autofree char *until = day(until_us), *now = day(now_us);

        return uk_fail(error, UK_ERROR_STALE,
                       "its InRelease was valid until %s UTC, and it is %s UTC now: the mirror is "
                       "no longer kept up, or this machine's clock is wrong; try another mirror",
                       until, now);
}

/* The name asked for must be the suite's codename or its suite name. "buster/updates" names
 * "buster". */
static bool
answers_to(const Suite *suite, const Release *release)
{
        g_autofree char *asked = g_strdup(suite->name);
        char *slash = strrchr(asked, '/');

        if (suite->flat || strcmp(asked, release->codename) == 0 ||
            strcmp(asked, release->suite) == 0)
                return true;
        if (*release->codename == '\0' && *release->suite == '\0')
                return true;
        if (slash == NULL)
                return false;
        *slash = '\0';
        return strcmp(asked, release->codename) == 0 || strcmp(asked, release->suite) == 0;
}

static bool
check_name(const Suite *suite, const Release *release, GPtrArray *problems, GError **error)
{
        const CatalogSuite *held = suite->held;

        if (!answers_to(suite, release))
                return uk_fail(error, UK_ERROR_INVALID,
                               "it calls itself %s (%s), which is not what was asked for: the "
                               "mirror mixes suites up; try another",
                               release->codename, release->suite);
        if (held == NULL || *held->codename == '\0')
                return true;
        if (strcmp(held->codename, release->codename) != 0)
                return uk_fail(
                        error, UK_ERROR_INVALID,
                        "it was %s and calls itself %s now: a new release took over the name "
                        "%s; name the release that you want in %s",
                        held->codename, release->codename, suite->name, suite->where);
        if (strcmp(held->release_suite, release->suite) != 0)
                g_ptr_array_add(problems,
                                g_strdup_printf("%s %s: its suite name was %s and is %s now",
                                                suite->uri, suite->name, held->release_suite,
                                                release->suite));
        return true;
}

static bool
check_dates(const Suite *suite, const Release *release, const AptConf *conf, gint64 now_us,
            GPtrArray *problems, GError **error)
{
        g_autofree char *date = day(release->date_us);

        if (suite->held != NULL && suite->held->date > release->date_us) {
                g_autofree char *held = day(suite->held->date);

                return uk_fail(error, UK_ERROR_STALE,
                               "its InRelease is of %s UTC, older than the one of %s UTC that is "
                               "held: the mirror went back, or somebody replays old files; try "
                               "another mirror",
                               date, held);
        }
        if (release->date_us > now_us + AHEAD_MAX &&
            aptconf_bool(conf, "Acquire::Check-Date", true))
                return uk_fail(error, UK_ERROR_INVALID,
                               "its InRelease is of %s UTC, which is yet to come: set this "
                               "machine's clock, or try another mirror",
                               date);
        if (release->valid_until_us == 0 || release->valid_until_us >= now_us)
                return true;
        if (checks_valid_until(suite, conf))
                return fail_expired(release->valid_until_us, now_us, error);
        g_ptr_array_add(problems, g_strdup_printf("%s %s: its InRelease is past its Valid-Until; "
                                                  "apt's settings say not to mind",
                                                  suite->uri, suite->name));
        return true;
}

bool
suite_check_held(const Suite *suite, const AptConf *conf, gint64 now_us, GError **error)
{
        gint64 until = suite->held->valid_until;

        if (until == 0 || until >= now_us || !checks_valid_until(suite, conf))
                return true;
        return fail_expired(until, now_us, error);
}

bool
suite_read_release(Suite *suite, const char *text, gsize size, const AptConf *conf, gint64 now_us,
                   GPtrArray *problems, GError **error)
{
        suite->release = release_read(text, size, error);
        if (suite->release == NULL || !check_name(suite, suite->release, problems, error) ||
            !check_dates(suite, suite->release, conf, now_us, problems, error))
                return false;
        suite->origin = release_origin(suite->release, suite->uri);
        suite->codename = release_codename(suite->release, suite->name, suite->uri);
        return true;
}
