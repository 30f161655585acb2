/* A helper of the Python tests: synchronizes a catalogue and shows what is in it.
 *
 *   sync DB ROOT SPOOL [STALL]  "suite…", "problem…", "counts…" lines; exit 1 with the error
 *   updates DB SINCE            a line an update, then its files, tab-separated
 *   categories | products | suites | indexes | sets | state DB
 *   set DB PRODUCT ARCH         the plain text of the present set
 *   step DB PRODUCT ARCH SHA    the plain text of the step from that set
 *   owner DB PRODUCT ARCH NAME  UpdateID
 *   subscribe DB GUID 0|1, sources DB FILE
 *   evaluate DB ROOT            what that machine lacks and has
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "deb/evalset.h"
#include "deb/upgrade.h"
#include "net/http_server.h"
#include "sup/catalog/catalog.h"
#include "sup/upstream/upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SET_MAX (256 * 1024 * 1024)

static int
failed(GError *error)
{
        fprintf(stderr, "%s: %s\n", uk_error_name(error->code), error->message);
        g_error_free(error);
        return 1;
}

static bool
on_progress(gpointer user, const UpstreamProgress *p)
{
        if (getenv("SUP_TOOL_PROGRESS") != NULL)
                printf("progress\t%d\t%u\t%u\t%" G_GUINT64_FORMAT "\t%s\n", p->phase, p->done,
                       p->total, p->bytes, p->what);
        return true;
}

static void
show_result(const UpstreamResult *r)
{
        static const char *const outcomes[] = { "read", "unchanged", "failed", "unwanted" };

        for (guint i = 0; i < r->suites->len; i++) {
                const UpstreamSuite *s = g_ptr_array_index(r->suites, i);

                printf("suite\t%s\t%s\t%s\t%u\t%s\t%s\n", outcomes[s->outcome], s->uri, s->suite,
                       s->refused, s->failure != NULL ? uk_error_name(s->code) : "",
                       s->failure != NULL ? s->failure : "");
        }
        for (guint i = 0; i < r->problems->len; i++)
                printf("problem\t%s\n", (const char *)g_ptr_array_index(r->problems, i));
        for (guint i = 0; r->catalog.refusals != NULL && i < r->catalog.refusals->len; i++)
                printf("refusal\t%s\n", (const char *)g_ptr_array_index(r->catalog.refusals, i));
        printf("counts\tproducts=%u added=%u revised=%u moved=%u expired=%u unchanged=%u "
               "change=%" G_GINT64_FORMAT " stanzas=%u failed=%u bytes=%" G_GUINT64_FORMAT "\n",
               r->catalog.products, r->catalog.added, r->catalog.revised, r->catalog.moved,
               r->catalog.expired, r->catalog.unchanged, r->catalog.change, r->stanzas, r->failed,
               r->bytes);
}

static int
synchronize(Db *db, const char *root, const char *spool, const char *stall)
{
        g_autoptr(HttpClient) http = http_client_new();
        const char *patience = getenv("SUP_TOOL_PATIENCE");
        UpstreamOptions options = { .root = root,
                                    .spool = spool,
                                    .http = http,
                                    .patience = patience != NULL ? (unsigned)atoi(patience) : 0,
                                    .stall_seconds = stall != NULL ? (unsigned)atoi(stall) : 0,
                                    .progress = on_progress };
        g_auto(UpstreamResult) result = { 0 };
        GError *error = NULL;
        bool good = upstream_debian.synchronize(db, &options, &result, &error);

        show_result(&result);
        return good ? 0 : failed(error);
}

static const char *
uri_of(const GPtrArray *suites, gint64 id)
{
        for (guint i = 0; i < suites->len; i++) {
                const CatalogSuite *suite = g_ptr_array_index(suites, i);

                if (suite->id == id)
                        return suite->uri;
        }
        return "?";
}

static bool
show_update(gpointer user, const CatalogUpdate *u, GError **error)
{
        g_autofree char *title = catalog_update_title(u), *posted = uk_clock_iso(u->posted);
        Slice rest = slice_of(u->files);
        CatalogFile f;

        printf("update\t%s\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT
               "\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT
               "\t%s\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT "\n",
               u->id, u->revision_id, u->revision, u->expired, catalog_update_classification(u),
               u->severity, u->source, u->version, title, u->superseded_by, u->description, u->url,
               u->file_count, u->file_size, posted, u->change, u->first_change);
        while (catalog_file_next(u, &rest, &f)) {
                g_autoptr(GString) url = g_string_new(NULL);

                catalog_file_url(&f, uri_of(user, f.suite), url);
                printf("file\t%.*s\t%.*s\t%.*s\t%" G_GUINT64_FORMAT "\t%.*s\t%.*s\t%s\n",
                       (int)f.package.size, f.package.text, (int)f.arch.size, f.arch.text,
                       (int)f.version.size, f.version.text, f.size, (int)f.sha256.size,
                       f.sha256.text, (int)f.owned.size, f.owned.text, url->str);
        }
        return true;
}

static int
updates(Db *db, const char *since)
{
        GError *error = NULL;
        g_autoptr(GPtrArray) suites = catalog_suites(db, &error);

        if (suites == NULL || !catalog_changes_since(db, g_ascii_strtoll(since, NULL, 10),
                                                     show_update, suites, NULL, &error))
                return failed(error);
        return 0;
}

static int
categories(Db *db)
{
        GError *error = NULL;
        g_autoptr(GPtrArray) list = catalog_categories(db, &error);

        if (list == NULL)
                return failed(error);
        for (guint i = 0; i < list->len; i++) {
                const CatalogCategory *c = g_ptr_array_index(list, i);

                printf("%s\t%s\t%s\t%s\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT "\n", c->id,
                       c->type, c->parent, c->title, c->revision, c->wanted);
        }
        return 0;
}

static int
products(Db *db)
{
        GError *error = NULL;
        g_autoptr(GPtrArray) list = catalog_products(db, &error);

        if (list == NULL)
                return failed(error);
        for (guint i = 0; i < list->len; i++) {
                const CatalogProduct *p = g_ptr_array_index(list, i);
                g_autofree char *rule = g_strdelimit(g_strdup(p->rule), "\t\n", '|');

                printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p->category, p->title, p->origin,
                       p->codename, p->version, p->end_of_life, rule);
        }
        return 0;
}

static int
suites(Db *db)
{
        GError *error = NULL;
        g_autoptr(GPtrArray) list = catalog_suites(db, &error);

        if (list == NULL)
                return failed(error);
        for (guint i = 0; i < list->len; i++) {
                const CatalogSuite *s = g_ptr_array_index(list, i);
                g_autofree char *date = uk_clock_iso(s->date);

                printf("%s\t%s\t%s\t%s\t%" G_GINT64_FORMAT "\t%s\t%s\t%d\t%s\n", s->uri, s->suite,
                       s->codename, s->release_suite, s->priority, s->classification, date,
                       s->failed != 0, s->failure);
        }
        return 0;
}

static int
indexes(Db *db)
{
        GError *error = NULL;
        g_autoptr(GPtrArray) list = catalog_indexes(db, &error);

        if (list == NULL)
                return failed(error);
        for (guint i = 0; i < list->len; i++) {
                const CatalogIndex *x = g_ptr_array_index(list, i);

                printf("%" G_GINT64_FORMAT "\t%s\t%s\t%s\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT
                       "\n",
                       x->suite_id, x->component, x->arch, x->serves, x->stanzas, x->refused);
        }
        return 0;
}

static int
sets(Db *db)
{
        GError *error = NULL;
        g_autoptr(GPtrArray) list = catalog_sets(db, &error);

        if (list == NULL)
                return failed(error);
        for (guint i = 0; i < list->len; i++) {
                const CatalogSet *s = g_ptr_array_index(list, i);

                printf("%s\t%s\t%" G_GINT64_FORMAT "\t%s\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT
                       "\n",
                       s->product_id, s->arch, s->number, s->sha256, s->plain_size, s->packed_size);
        }
        return 0;
}

static int
show_state(Db *db)
{
        GError *error = NULL;
        g_autoptr(CatalogState) s = catalog_state(db, &error);
        CatalogCounts counts;

        if (s == NULL || !catalog_counts(db, &counts, &error))
                return failed(error);
        printf("%s\t%" G_GINT64_FORMAT "\t%d\t%s\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT
               "\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT "\n",
               s->epoch, s->change, s->last_good != 0, s->last_result, counts.updates,
               counts.expired, counts.superseded, counts.files);
        return 0;
}

static CatalogSet *
find_set(GPtrArray *list, const char *product, const char *arch)
{
        for (guint i = 0; i < list->len; i++) {
                CatalogSet *s = g_ptr_array_index(list, i);

                if (strcmp(s->product_id, product) == 0 && strcmp(s->arch, arch) == 0)
                        return s;
        }
        return NULL;
}

static int
show_packed(GBytes *packed)
{
        GError *error = NULL;
        g_autoptr(GBytes) plain = catalog_unpack(packed, SET_MAX, &error);
        gsize size;
        const char *text;

        if (plain == NULL)
                return failed(error);
        text = g_bytes_get_data(plain, &size);
        fwrite(text, 1, size, stdout);
        return 0;
}

static int
of_set(Db *db, const char *verb, const char *product, const char *arch, const char *more)
{
        GError *error = NULL;
        g_autoptr(GPtrArray) list = catalog_sets(db, &error);
        CatalogSet *set = list != NULL ? find_set(list, product, arch) : NULL;
        g_autoptr(GBytes) packed = NULL;
        g_autofree char *owner = NULL;

        if (set == NULL) {
                fprintf(stderr, "no such set\n");
                return 1;
        }
        if (strcmp(verb, "owner") == 0) {
                owner = catalog_owner_of(db, set, more, &error);
                return owner == NULL ? failed(error) : printf("%s\n", owner) < 0;
        }
        if (strcmp(verb, "step") == 0 ? !catalog_step_content(db, set, more, &packed, &error)
                                      : (packed = catalog_set_content(db, set, &error)) == NULL)
                return failed(error);
        if (packed == NULL)
                return printf("none\n") < 0;
        return show_packed(packed);
}

static int
choose(Db *db, const char *guid, const char *wanted)
{
        GError *error = NULL;
        g_autoptr(DbTx) tx = db_begin(db, &error);

        if (tx == NULL || !catalog_subscribe(tx, guid, *wanted == '1', &error) ||
            !db_commit(g_steal_pointer(&tx), &error))
                return failed(error);
        return 0;
}

static int
set_sources(Db *db, const char *path)
{
        GError *error = NULL;
        g_autofree char *text = NULL;
        g_autoptr(DbTx) tx = db_begin(db, &error);

        if (!g_file_get_contents(path, &text, NULL, &error) ||
            !upstream_check_sources(text, &error) || tx == NULL ||
            !catalog_set_sources(tx, text, &error) || !db_commit(g_steal_pointer(&tx), &error))
                return failed(error);
        return 0;
}

/* ---- evaluation ---- */

static void
show_answer(const DebMachine *machine, const EvalSet *const *list, const UpgradeResult *r)
{
        for (guint i = 0; i < r->package_count; i++) {
                const UpgradePackage *p = &r->packages[i];

                printf("missing\t%.*s\t%.*s\t%.*s\t%s\t%d\n", (int)p->package->name.size,
                       p->package->name.text, (int)p->package->arch.size, p->package->arch.text,
                       (int)p->package->version.size, p->package->version.text, p->version,
                       p->package->hold);
        }
        for (guint i = 0; i < r->update_count; i++) {
                const UpgradeUpdate *u = &r->updates[i];
                const EvalSetHead *head = evalset_head(list[u->set]);
                g_autofree char *source = slice_dup(u->update.source);
                g_autofree char *version = slice_dup(u->update.version);
                g_autofree char *id =
                        evalset_update_id(head->origin, head->codename, source, version);

                printf("update\t%d\t%s\t%s\t%s\t%u\n", u->state, id, source, version,
                       u->package_count);
        }
        for (guint i = 0; i < r->build_count; i++)
                printf("build\t%.*s\t%s\n", (int)r->builds[i].package->name.size,
                       r->builds[i].package->name.text, r->builds[i].fields);
}

static const EvalSet *
load_set(Db *db, const CatalogSet *set, GPtrArray *texts, GError **error)
{
        g_autoptr(GBytes) packed = catalog_set_content(db, set, error);
        GBytes *plain = packed != NULL ? catalog_unpack(packed, SET_MAX, error) : NULL;
        gsize size;
        const char *text;

        if (plain == NULL)
                return NULL;
        g_ptr_array_add(texts, plain);
        text = g_bytes_get_data(plain, &size);
        return evalset_read(text, size, error);
}

static bool
is_for(const GPtrArray *list, const CatalogSet *set, const DebMachine *machine, bool *matches_out,
       GError **error)
{
        for (guint i = 0; i < list->len; i++) {
                const CatalogProduct *p = g_ptr_array_index(list, i);

                if (p->id == set->product)
                        return machine_matches(machine, p->rule, matches_out, error);
        }
        return uk_fail(error, UK_ERROR_BROKEN, "a set without a product");
}

static int
evaluate(Db *db, const char *root)
{
        GError *error = NULL;
        g_autoptr(DebMachine) machine = machine_read(root, &error);
        g_autoptr(GPtrArray) list = machine != NULL ? catalog_sets(db, &error) : NULL;
        g_autoptr(GPtrArray) of = list != NULL ? catalog_products(db, &error) : NULL;
        g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        g_autoptr(GPtrArray) read = g_ptr_array_new_with_free_func((GDestroyNotify)evalset_free);
        g_autoptr(UpgradeResult) result = NULL;

        for (guint i = 0; of != NULL && i < list->len; i++) {
                const EvalSet *set;
                bool matches;

                if (!is_for(of, g_ptr_array_index(list, i), machine, &matches, &error))
                        return failed(error);
                if (!matches)
                        continue;
                set = load_set(db, g_ptr_array_index(list, i), texts, &error);
                if (set == NULL)
                        return failed(error);
                g_ptr_array_add(read, (gpointer)set);
        }
        if (of == NULL)
                return failed(error);
        result = upgrade_evaluate(machine, (const EvalSet *const *)read->pdata, read->len, &error);
        if (result == NULL)
                return failed(error);
        show_answer(machine, (const EvalSet *const *)read->pdata, result);
        return 0;
}

static int
run(Db *db, int argc, char **argv)
{
        const char *verb = argv[1];

        if (strcmp(verb, "sync") == 0 && argc >= 5)
                return synchronize(db, argv[3], argv[4], argc > 5 ? argv[5] : NULL);
        if (strcmp(verb, "updates") == 0 && argc == 4)
                return updates(db, argv[3]);
        if (strcmp(verb, "categories") == 0)
                return categories(db);
        if (strcmp(verb, "products") == 0)
                return products(db);
        if (strcmp(verb, "suites") == 0)
                return suites(db);
        if (strcmp(verb, "indexes") == 0)
                return indexes(db);
        if (strcmp(verb, "sets") == 0)
                return sets(db);
        if (strcmp(verb, "state") == 0)
                return show_state(db);
        if (argc >= 5 &&
            (strcmp(verb, "set") == 0 || strcmp(verb, "step") == 0 || strcmp(verb, "owner") == 0))
                return of_set(db, verb, argv[3], argv[4], argc > 5 ? argv[5] : "");
        if (strcmp(verb, "subscribe") == 0 && argc == 5)
                return choose(db, argv[3], argv[4]);
        if (strcmp(verb, "sources") == 0 && argc == 4)
                return set_sources(db, argv[3]);
        if (strcmp(verb, "evaluate") == 0 && argc == 4)
                return evaluate(db, argv[3]);
        return 2;
}

int
main(int argc, char **argv)
{
        GError *error = NULL;
        g_autoptr(Db) db = NULL;

        if (argc < 3)
                return 2;
        if (!crypto_global_init(&error) || !net_global_init(&error))
                return failed(error);
        db = catalog_open(argv[2], &error);
        return db != NULL ? run(db, argc, argv) : failed(error);
}
