/* upstream_debian.c - synchronizes with Debian and Ubuntu archives and their kin (DEB-010 to 015).
 *
 *   1 sources of the machine or of the configuration --> suites
 *   2 InRelease of each, if it is another one than the one held: verified, judged, planned
 *   3 indices of which the content is not held: fetched, checked, read into the spool
 *   4 everything into the catalogue in one transaction (upstream_debian_write.c)
 * A suite that fails at any point keeps its content and says why.
 */
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "deb/deb822.h"
#include "deb/dpkgstatus.h"
#include "sup/upstream/upstream_private.h"

#define REFUSED_SHARE 0.01
#define TRIES         3
#define PATIENCE      300
/* Between two calls of the progress function. */
#define PROGRESS_PAUSE (500 * 1000)
/* Plain bytes of Packages for each package, about; only progress depends on it. */
#define BYTES_A_PACKAGE 790

void
upstream_result_clear(UpstreamResult *result)
{
        g_clear_pointer(&result->suites, g_ptr_array_unref);
        g_clear_pointer(&result->problems, g_ptr_array_unref);
        catalog_run_result_clear(&result->catalog);
}

/* ---- progress and stopping ---- */

bool
upstream_tell(UpstreamWork *work, bool always)
{
        const UpstreamOptions *o = work->options;
        gint64 now = uk_clock_mono();

        if (o->stop != NULL && atomic_load(o->stop))
                return false;
        if (o->progress == NULL || (!always && now - work->told < PROGRESS_PAUSE))
                return true;
        work->told = now;
        if (work->fetch != NULL)
                work->progress.bytes = fetch_bytes(work->fetch);
        return o->progress(o->user, &work->progress);
}

static bool
on_fetch_progress(gpointer user, guint64 bytes)
{
        return upstream_tell(user, false);
}

static bool
enter(UpstreamWork *work, UpstreamPhase phase, guint total, GError **error)
{
        work->progress.phase = phase;
        work->progress.done = 0;
        work->progress.total = total;
        work->progress.what = "";
        return upstream_tell(work, true) ||
               uk_fail(error, UK_ERROR_CANCELLED, "the synchronization was stopped");
}

/* ---- sources ---- */

static const char *const no_arches[] = { NULL };

/* Native architecture first. */
static char **
machine_arches(const char *root, GPtrArray *problems)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DpkgStatus) status = dpkgstatus_read(root, &error);

        if (status == NULL) {
                g_ptr_array_add(problems,
                                g_strdup_printf("the machine's architectures are not known: %s",
                                                error->message));
                return g_strdupv((char **)(gpointer)no_arches);
        }
        GPtrArray *arches = g_ptr_array_new();

        if (*status->native != '\0')
                g_ptr_array_add(arches, g_strdup(status->native));
        for (guint i = 0; status->foreign[i] != NULL; i++)
                g_ptr_array_add(arches, g_strdup(status->foreign[i]));
        g_ptr_array_add(arches, NULL);
        return (char **)g_ptr_array_free(arches, FALSE);
}

static GPtrArray *
read_sources(UpstreamWork *work, const char *native, GError **error)
{
        g_autoptr(CatalogState) state = catalog_state(work->catalog, error);
        GPtrArray *sources;

        if (state == NULL)
                return NULL;
        if (*state->sources == '\0')
                return aptsources_read(work->options->root, native, work->source_problems, error);
        sources = g_ptr_array_new_with_free_func((GDestroyNotify)aptsources_source_free);
        aptsources_parse_stanzas("the configured sources", state->sources, strlen(state->sources),
                                 native, sources, work->source_problems);
        return sources;
}

bool
upstream_check_sources(const char *text, GError **error)
{
        g_autoptr(GPtrArray) sources =
                g_ptr_array_new_with_free_func((GDestroyNotify)aptsources_source_free);
        g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);

        aptsources_parse_stanzas("the configured sources", text, strlen(text), "", sources,
                                 problems);
        if (problems->len > 0)
                return uk_fail(error, UK_ERROR_PARSE, "%s",
                               (const char *)g_ptr_array_index(problems, 0));
        return true;
}

static CatalogSuite *
held_suite(const UpstreamWork *work, const Suite *suite)
{
        for (guint i = 0; i < work->held_suites->len; i++) {
                CatalogSuite *held = g_ptr_array_index(work->held_suites, i);

                if (strcmp(held->uri, suite->uri) == 0 && strcmp(held->suite, suite->name) == 0)
                        return held;
        }
        return NULL;
}

/* What is held of a suite counts only if it was read once. */
static void
attach_held(UpstreamWork *work)
{
        for (guint i = 0; i < work->suites->len; i++) {
                Suite *suite = g_ptr_array_index(work->suites, i);
                const CatalogSuite *held = held_suite(work, suite);

                if (held != NULL && *held->sha256 != '\0')
                        suite->held = held;
        }
}

static bool
list_suites(UpstreamWork *work, GError **error)
{
        g_auto(GStrv) arches = machine_arches(work->options->root, work->problems);
        g_autoptr(GPtrArray) sources =
                read_sources(work, arches[0] != NULL ? arches[0] : "", error);

        if (sources == NULL)
                return false;
        work->suites = suite_list(sources, (const char *const *)arches, work->problems);
        if (work->suites->len > 0) {
                attach_held(work);
                return true;
        }
        return uk_fail(error, UK_ERROR_CONFIG,
                       "there is no source to synchronize with%s%s; put one into "
                       "%s/etc/apt/sources.list.d",
                       work->source_problems->len > 0 ? ": " : "",
                       work->source_problems->len > 0
                               ? (const char *)g_ptr_array_index(work->source_problems, 0)
                               : "",
                       strcmp(work->options->root, "/") != 0 ? work->options->root : "");
}

/* ---- releases ---- */

void
upstream_fail_suite(Suite *suite, GError *error_take)
{
        suite->outcome = UPSTREAM_SUITE_FAILED;
        g_clear_error(&suite->error);
        suite->error = error_take;
        g_prefix_error(&suite->error, "%s %s: ", suite->uri, suite->name);
}

/* Whether its product and classification are subscribed, as far as they are known. */
static bool
look_up_subscription(UpstreamWork *work, Suite *suite, const char *product, int class,
                     GError **error)
{
        const char *classification = evalset_class_guid(class);
        bool product_wanted, class_wanted = true;

        if (!catalog_is_wanted(work->catalog, product, &product_wanted, error) ||
            (classification != NULL &&
             !catalog_is_wanted(work->catalog, classification, &class_wanted, error)))
                return false;
        suite->wanted = product_wanted && class_wanted;
        return true;
}

static bool
look_up_held_subscription(UpstreamWork *work, Suite *suite, GError **error)
{
        for (guint i = 0; suite->held != NULL && i < work->held_products->len; i++) {
                const CatalogProduct *product = g_ptr_array_index(work->held_products, i);

                if (product->id == suite->held->product)
                        return look_up_subscription(work, suite, product->category,
                                                    *suite->held->classification, error);
        }
        return true;
}

/* All that decides what of a suite is read, so that a change of it makes us read it again. */
static void
write_wants(Suite *suite)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *keys = g_path_get_basename(trust_keys_path(suite->keys));
        g_autofree char *allowed = g_strjoinv(" ", trust_keys_allowed(suite->keys));

        for (guint i = 0; i < suite->wants->len; i++) {
                const SuiteWant *want = g_ptr_array_index(suite->wants, i);

                g_string_append_printf(text, "%s/%s ", want->component, want->arch);
        }
        g_string_append_printf(text, "%s %s%s", keys, allowed, suite->wanted ? "" : " unwanted");
        g_free(suite->wants_text);
        suite->wants_text = g_strdup(text->str);
}

static bool
prepare_suite(UpstreamWork *work, Suite *suite, GError **error)
{
        GError *failure = NULL;

        if (!look_up_held_subscription(work, suite, error))
                return false;
        suite->keys = trust_keys_load(work->options->root, suite->signed_by, work->options->spool,
                                      &failure);
        if (suite->keys == NULL)
                upstream_fail_suite(suite, failure);
        else
                write_wants(suite);
        return true;
}

/* What is held is what the archive has, and is all that is asked for. */
static bool
is_as_held(const Suite *suite)
{
        return suite->held != NULL && strcmp(suite->held->wants, suite->wants_text) == 0;
}

static void
take_unchanged(UpstreamWork *work, Suite *suite)
{
        GError *error = NULL;

        suite->outcome = suite->wanted ? UPSTREAM_SUITE_UNCHANGED : UPSTREAM_SUITE_UNWANTED;
        if (!suite_check_held(suite, work->conf, work->now_us, &error))
                upstream_fail_suite(suite, error);
}

/* A header that is kept for the next question; one that is no text is as good as none. */
static char *
header_text(char **header)
{
        return *header != NULL && g_utf8_validate(*header, -1, NULL) ? g_steal_pointer(header)
                                                                     : NULL;
}

/* Begins to check the signature of an InRelease that is another one than the one held. */
static void
take_answer(UpstreamWork *work, Suite *suite, FetchAnswer *answer)
{
        g_autofree char *place = NULL, *name = NULL, *path = NULL;
        GError *error = NULL;

        suite->etag = header_text(&answer->etag);
        suite->last_modified = header_text(&answer->last_modified);
        if (answer->error != NULL) {
                upstream_fail_suite(suite, g_steal_pointer(&answer->error));
                return;
        }
        if (!answer->unchanged)
                suite->sha256 = hash_sha256_hex(answer->text, answer->size);
        if (answer->unchanged ||
            (is_as_held(suite) && strcmp(suite->held->sha256, suite->sha256) == 0)) {
                take_unchanged(work, suite);
                return;
        }
        /* One of its own: another suite may have the same bytes, and be checked meanwhile. */
        place = g_strconcat(suite->uri, " ", suite->name, NULL);
        name = hash_sha256_hex(place, strlen(place));
        path = g_strdup_printf("%s/%s.inrelease", work->options->spool, name);
        if (uk_io_replace(path, answer->text, answer->size, 0644, &error))
                suite->check = trust_begin(suite->keys, path, answer->text, answer->size, &error);
        if (suite->check == NULL)
                upstream_fail_suite(suite, error);
}

static void
judge(UpstreamWork *work, Suite *suite)
{
        g_autofree char *text = NULL;
        gsize size;
        GError *error = NULL;

        if (!trust_end(g_steal_pointer(&suite->check), &text, &size, &error) ||
            !suite_read_release(suite, text, size, work->conf, work->now_us, work->problems,
                                &error) ||
            !suite_plan(suite, work->held_indexes, work->problems, &error))
                upstream_fail_suite(suite, error);
}

/* Who the suite is decides whether anybody wants it. */
static bool
subscribe(UpstreamWork *work, Suite *suite, GError **error)
{
        g_autofree char *origin = products_origin(suite->origin);
        ProductsFacts facts = { origin, suite->codename, suite->release->label, "" };
        g_autoptr(ProductsNames) names = products_name(&facts);

        if (!look_up_subscription(work, suite, names->product_id,
                                  release_class(suite->release, suite->name), error))
                return false;
        suite->outcome = suite->wanted ? UPSTREAM_SUITE_READ : UPSTREAM_SUITE_UNWANTED;
        write_wants(suite);
        return true;
}

static void
on_answer(gpointer user, guint index, FetchAnswer *answer)
{
        UpstreamWork *work = user;
        Suite *suite = g_ptr_array_index(work->suites, index);

        if (suite->error == NULL)
                take_answer(work, suite, answer);
}

static bool
ask_releases(UpstreamWork *work, GError **error)
{
        guint count = work->suites->len;
        g_autofree FetchAsk *asks = g_new0(FetchAsk, count);
        g_autoptr(GPtrArray) urls = g_ptr_array_new_with_free_func(g_free);

        for (guint i = 0; i < count; i++) {
                Suite *suite = g_ptr_array_index(work->suites, i);

                if (!prepare_suite(work, suite, error))
                        return false;
                g_ptr_array_add(urls, suite_release_url(suite));
                asks[i].url = g_ptr_array_index(urls, i);
                if (suite->error == NULL && is_as_held(suite)) {
                        asks[i].etag = suite->held->etag;
                        asks[i].last_modified = suite->held->last_modified;
                }
        }
        return fetch_small(work->fetch, asks, count, on_answer, work, error);
}

static bool
read_releases(UpstreamWork *work, GError **error)
{
        if (!enter(work, UPSTREAM_CATEGORIES, work->suites->len, error) ||
            !ask_releases(work, error))
                return false;
        for (guint i = 0; i < work->suites->len; i++) {
                Suite *suite = g_ptr_array_index(work->suites, i);

                if (suite->check == NULL)
                        continue;
                judge(work, suite);
                if (suite->error == NULL && !subscribe(work, suite, error))
                        return false;
        }
        work->progress.done = work->progress.total;
        return upstream_tell(work, true) ||
               uk_fail(error, UK_ERROR_CANCELLED, "the synchronization was stopped");
}

/* ---- indices ---- */

static bool
must_be_read(const Suite *suite, const SuiteIndex *index)
{
        return suite->outcome == UPSTREAM_SUITE_READ && !index->held;
}

static guint
packages_expected(const UpstreamWork *work)
{
        guint64 bytes = 0;

        for (guint i = 0; i < work->suites->len; i++) {
                const Suite *suite = g_ptr_array_index(work->suites, i);

                for (guint k = 0; suite->indexes != NULL && k < suite->indexes->len; k++) {
                        const SuiteIndex *index = g_ptr_array_index(suite->indexes, k);

                        if (must_be_read(suite, index))
                                bytes += index->plain != NULL ? index->plain->size
                                                              : index->packed->size * 6;
                }
        }
        return (guint)MIN(bytes / BYTES_A_PACKAGE + 1, G_MAXUINT / 2);
}

static bool
read_suite_indexes(UpstreamWork *work, Suite *suite, GError **error)
{
        for (guint i = 0; suite->indexes != NULL && i < suite->indexes->len; i++) {
                SuiteIndex *index = g_ptr_array_index(suite->indexes, i);
                GError *failure = NULL;

                if (!must_be_read(suite, index))
                        continue;
                if (upstream_read_index(work, suite, index, &failure))
                        continue;
                if (g_error_matches(failure, UK_ERROR, UK_ERROR_CANCELLED)) {
                        g_propagate_error(error, failure);
                        return false;
                }
                upstream_fail_suite(suite, failure);
        }
        return true;
}

static bool
read_indexes(UpstreamWork *work, GError **error)
{
        if (!enter(work, UPSTREAM_UPDATES, packages_expected(work), error))
                return false;
        for (guint i = 0; i < work->suites->len; i++) {
                if (!read_suite_indexes(work, g_ptr_array_index(work->suites, i), error))
                        return false;
        }
        work->progress.total = MAX(work->progress.done, 1);
        work->progress.done = work->progress.total;
        return upstream_tell(work, true) ||
               uk_fail(error, UK_ERROR_CANCELLED, "the synchronization was stopped");
}

/* ---- the whole ---- */

static bool
open_work(UpstreamWork *work, GError **error)
{
        const UpstreamOptions *o = work->options;

        work->held_suites = catalog_suites(work->catalog, error);
        work->held_indexes =
                work->held_suites != NULL ? catalog_indexes(work->catalog, error) : NULL;
        work->held_products =
                work->held_indexes != NULL ? catalog_products(work->catalog, error) : NULL;
        if (work->held_products == NULL || !uk_io_mkdirs(o->spool, 0750, error))
                return false;
        work->conf = aptconf_read(o->root, o->environment, error);
        if (work->conf == NULL)
                return false;
        work->auth = aptauth_read(o->root, work->problems);
        if (aptconf_get(work->conf, "Acquire::http::Proxy-Auto-Detect") != NULL)
                g_ptr_array_add(work->problems,
                                g_strdup("apt's Proxy-Auto-Detect names a program, which is not "
                                         "run; set Acquire::http::Proxy if one is needed"));
        FetchOptions fetch = { .http = o->http,
                               .conf = work->conf,
                               .auth = work->auth,
                               .spool = o->spool,
                               .stall_seconds = o->stall_seconds,
                               .patience = o->patience > 0 ? o->patience : PATIENCE,
                               .tries = o->tries > 0 ? o->tries : TRIES,
                               .stop = o->stop,
                               .progress = on_fetch_progress,
                               .progress_user = work };

        work->fetch = fetch_new(&fetch);
        work->refused_share = o->refused_share > 0 ? o->refused_share : REFUSED_SHARE;
        return true;
}

static void
close_work(UpstreamWork *work)
{
        /* A check that nobody waited for, because the run was stopped. */
        for (guint i = 0; work->suites != NULL && i < work->suites->len; i++) {
                Suite *suite = g_ptr_array_index(work->suites, i);
                g_autofree char *text = NULL;
                gsize size;

                if (suite->check != NULL)
                        (void)!trust_end(g_steal_pointer(&suite->check), &text, &size, NULL);
        }
        fetch_free(work->fetch);
        aptconf_free(work->conf);
        aptauth_free(work->auth);
        g_clear_pointer(&work->suites, g_ptr_array_unref);
        g_clear_pointer(&work->held_suites, g_ptr_array_unref);
        g_clear_pointer(&work->held_indexes, g_ptr_array_unref);
        g_clear_pointer(&work->held_products, g_ptr_array_unref);
        g_clear_pointer(&work->source_problems, g_ptr_array_unref);
}

static void
report_free(gpointer data)
{
        UpstreamSuite *suite = data;

        g_free(suite->uri);
        g_free(suite->suite);
        g_free(suite->failure);
        g_free(suite);
}

static void
report(UpstreamWork *work, UpstreamResult *result)
{
        for (guint i = 0; work->suites != NULL && i < work->suites->len; i++) {
                const Suite *suite = g_ptr_array_index(work->suites, i);
                UpstreamSuite *row = g_new0(UpstreamSuite, 1);

                row->uri = g_strdup(suite->uri);
                row->suite = g_strdup(suite->name);
                row->outcome = suite->outcome;
                row->refused = suite->refused;
                if (suite->error != NULL) {
                        row->failure = g_strdup(suite->error->message);
                        row->code = suite->error->code;
                        result->failed++;
                }
                g_ptr_array_add(result->suites, row);
        }
        g_ptr_array_extend_and_steal(result->problems, g_steal_pointer(&work->source_problems));
        result->bytes = work->fetch != NULL ? fetch_bytes(work->fetch) : 0;
        result->stanzas = work->stanzas;
}

/* When nothing at all is as it should be the run as a whole failed, for the first reason. */
static bool
verdict(const UpstreamWork *work, GError **error)
{
        const Suite *first = g_ptr_array_index(work->suites, 0);

        for (guint i = 0; i < work->suites->len; i++) {
                const Suite *suite = g_ptr_array_index(work->suites, i);

                if (suite->error == NULL)
                        return true;
        }
        g_propagate_error(error, g_error_copy(first->error));
        return false;
}

static bool
synchronize(Db *catalog, const UpstreamOptions *options, UpstreamResult *result, GError **error)
{
        UpstreamWork work = { .catalog = catalog, .options = options, .now_us = uk_clock_now() };
        bool good;

        *result = (UpstreamResult){ .suites = g_ptr_array_new_with_free_func(report_free),
                                    .problems = g_ptr_array_new_with_free_func(g_free) };
        work.problems = result->problems;
        work.source_problems = g_ptr_array_new_with_free_func(g_free);
        work.progress.what = "";
        good = open_work(&work, error) && list_suites(&work, error) &&
               read_releases(&work, error) && read_indexes(&work, error) &&
               enter(&work, UPSTREAM_WRITING, 1, error) &&
               upstream_write(&work, &result->catalog, error);
        if (good)
                good = verdict(&work, error);
        report(&work, result);
        close_work(&work);
        return good;
}

const UpstreamKind upstream_debian = { .name = "debian", .synchronize = synchronize };
