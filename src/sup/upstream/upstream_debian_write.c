/* upstream_debian_write.c - a run's findings into the catalogue, in one transaction (DEB-014). */
#include <string.h>

#include "base/io.h"
#include "sup/upstream/upstream_private.h"

static bool
write_index(CatalogRun *run, gint64 suite_id, const SuiteIndex *index, GError **error)
{
        g_autoptr(GBytes) content = NULL;
        CatalogRunIndex row = { .component = index->component,
                                .arch = index->arch,
                                .serves = index->serves,
                                .sha256 = index->sha256 };

        if (!upstream_spooled_read(index->spooled, &row.stanzas, &row.refused, &content, error))
                return false;
        row.content = content;
        return catalog_run_index(run, suite_id, &row, error);
}

static const CatalogIndex *
find_held(const UpstreamWork *work, const Suite *suite, const SuiteIndex *index)
{
        for (guint i = 0; suite->held != NULL && i < work->held_indexes->len; i++) {
                const CatalogIndex *held = g_ptr_array_index(work->held_indexes, i);

                if (held->suite_id == suite->held->id &&
                    strcmp(held->component, index->component) == 0 &&
                    strcmp(held->arch, index->arch) == 0)
                        return held;
        }
        return NULL;
}

static bool
write_indexes(UpstreamWork *work, CatalogRun *run, const Suite *suite, gint64 suite_id,
              GError **error)
{
        for (guint i = 0; i < suite->indexes->len; i++) {
                const SuiteIndex *index = g_ptr_array_index(suite->indexes, i);
                const CatalogIndex *held = index->held ? find_held(work, suite, index) : NULL;
                CatalogRunIndex serves = { .component = index->component,
                                           .arch = index->arch,
                                           .serves = index->serves };

                if (held == NULL && !write_index(run, suite_id, index, error))
                        return false;
                if (held != NULL && strcmp(held->serves, index->serves) != 0 &&
                    !catalog_run_index(run, suite_id, &serves, error))
                        return false;
        }
        return true;
}

static bool
is_planned(const Suite *suite, const CatalogIndex *held)
{
        for (guint i = 0; i < suite->indexes->len; i++) {
                const SuiteIndex *index = g_ptr_array_index(suite->indexes, i);

                if (strcmp(held->component, index->component) == 0 &&
                    strcmp(held->arch, index->arch) == 0)
                        return true;
        }
        return false;
}

/* Indices that nobody asks for any more, or that the suite no longer has. */
static bool
drop_indexes(UpstreamWork *work, CatalogRun *run, const Suite *suite, GError **error)
{
        for (guint i = 0; suite->held != NULL && i < work->held_indexes->len; i++) {
                const CatalogIndex *held = g_ptr_array_index(work->held_indexes, i);

                if (held->suite_id == suite->held->id && !is_planned(suite, held) &&
                    !catalog_run_drop_index(run, suite->held->id, held->component, held->arch,
                                            error))
                        return false;
        }
        return true;
}

static bool
write_read_suite(UpstreamWork *work, CatalogRun *run, const Suite *suite, GError **error)
{
        const Release *r = suite->release;
        CatalogRunSuite row = { .uri = suite->uri,
                                .suite = suite->name,
                                .origin = suite->origin,
                                .codename = suite->codename,
                                .label = r->label,
                                .version = r->version,
                                .release_codename = r->codename,
                                .release_suite = r->suite,
                                .priority = release_priority(r),
                                .classification = release_class(r, suite->name),
                                .etag = suite->etag,
                                .last_modified = suite->last_modified,
                                .sha256 = suite->sha256,
                                .wants = suite->wants_text,
                                .date_us = r->date_us,
                                .valid_until_us = r->valid_until_us };
        gint64 suite_id;

        row.changed = suite->held == NULL || strcmp(suite->held->sha256, suite->sha256) != 0;
        if (!catalog_run_suite(run, &row, &suite_id, error))
                return false;
        if (suite->outcome == UPSTREAM_SUITE_UNWANTED)
                return catalog_run_empty_suite(run, suite_id, error);
        return write_indexes(work, run, suite, suite_id, error) &&
               drop_indexes(work, run, suite, error);
}

static bool
write_suite(UpstreamWork *work, CatalogRun *run, const Suite *suite, GError **error)
{
        if (suite->error != NULL)
                return catalog_run_suite_failed(run, suite->uri, suite->name, suite->error->message,
                                                error);
        if (suite->release == NULL)
                return catalog_run_suite_unchanged(run, suite->held->id, suite->etag,
                                                   suite->last_modified, error);
        return write_read_suite(work, run, suite, error);
}

static bool
is_listed(const UpstreamWork *work, const CatalogSuite *held)
{
        for (guint i = 0; i < work->suites->len; i++) {
                const Suite *suite = g_ptr_array_index(work->suites, i);

                if (strcmp(held->uri, suite->uri) == 0 && strcmp(held->suite, suite->name) == 0)
                        return true;
        }
        return false;
}

/* Suites that no source names any more go; but while a source cannot be read, nobody knows which
 * these are. */
static bool
drop_suites(UpstreamWork *work, CatalogRun *run, GError **error)
{
        for (guint i = 0; i < work->held_suites->len; i++) {
                const CatalogSuite *held = g_ptr_array_index(work->held_suites, i);

                if (is_listed(work, held))
                        continue;
                if (work->source_problems->len > 0) {
                        g_ptr_array_add(work->problems,
                                        g_strdup_printf("%s %s is named by no source, but is kept "
                                                        "while some sources cannot be read",
                                                        held->uri, held->suite));
                        continue;
                }
                if (!catalog_run_drop_suite(run, held->id, error))
                        return false;
        }
        return true;
}

static bool
on_progress(gpointer user, guint done, guint total)
{
        UpstreamWork *work = user;

        work->progress.done = done;
        work->progress.total = MAX(total, 1);
        return upstream_tell(work, true);
}

static char *
summary_of(const UpstreamWork *work, bool *good_out)
{
        guint failed = 0;
        const Suite *first = NULL;

        for (guint i = 0; i < work->suites->len; i++) {
                const Suite *suite = g_ptr_array_index(work->suites, i);

                if (suite->error != NULL && failed++ == 0)
                        first = suite;
        }
        *good_out = failed == 0;
        if (failed == 0)
                return g_strdup_printf("%u suites are as they should be", work->suites->len);
        return g_strdup_printf("%u of %u suites failed; the first: %s", failed, work->suites->len,
                               first->error->message);
}

/* ---- spool ---- */

/* Whether a spool file belongs to an index of a suite that failed, and so to the next run. */
static bool
is_needed(const UpstreamWork *work, const char *name)
{
        for (guint i = 0; i < work->suites->len; i++) {
                const Suite *suite = g_ptr_array_index(work->suites, i);

                for (guint k = 0;
                     suite->error != NULL && suite->indexes != NULL && k < suite->indexes->len;
                     k++) {
                        const SuiteIndex *index = g_ptr_array_index(suite->indexes, k);
                        g_autofree char *packed =
                                hash_hex(index->packed->sha256, sizeof index->packed->sha256);

                        if (g_str_has_prefix(name, packed) || g_str_has_prefix(name, index->sha256))
                                return true;
                }
        }
        return false;
}

static bool
clean_spool(UpstreamWork *work, GError **error)
{
        g_autoptr(GDir) dir = g_dir_open(work->options->spool, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(work->options->spool, name, NULL);

                if (!is_needed(work, name) && !uk_io_unlink(path, error))
                        return false;
        }
        return true;
}

bool
upstream_write(UpstreamWork *work, CatalogRunResult *result, GError **error)
{
        UK_DOING(error, "writing the catalogue");
        g_autoptr(CatalogRun) run =
                catalog_run_begin(work->catalog, work->options->root, work->now_us, error);
        g_autofree char *summary = NULL;
        bool good;

        if (run == NULL)
                return false;
        catalog_run_watch(run, work->options->added, work->options->added_user);
        for (guint i = 0; i < work->suites->len; i++) {
                if (!write_suite(work, run, g_ptr_array_index(work->suites, i), error))
                        return false;
        }
        summary = summary_of(work, &good);
        return drop_suites(work, run, error) &&
               catalog_run_commit(run, summary, good, on_progress, work, result, error) &&
               clean_spool(work, error);
}
