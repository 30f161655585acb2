/* catalog_run_sets.c - evaluation sets of a product, and the steps to them (DEB-042). */
#include <string.h>
#include <zstd.h>

#include "crypto/hash.h"
#include "deb/evalset.h"
#include "sup/catalog/catalog_run.sql.h"
#include "sup/catalog/catalog_run_private.h"

#define LEVEL     3
#define SETS_KEPT 8
#define SET_MAX   (256 * 1024 * 1024)
/* A step is worth it below this share of the whole set, packed. */
#define STEP_SHARE 3

static GBytes *
pack(const char *text, gsize size)
{
        gsize bound = ZSTD_compressBound(size);
        char *out = g_malloc(bound);
        gsize written = ZSTD_compress(out, bound, text, size, LEVEL);

        g_assert(!ZSTD_isError(written));
        return g_bytes_new_take(g_realloc(out, written), written);
}

/* The binaries of one class of priority that an update owns on an architecture. */
static void
write_class(EvalSetWriter *writer, const Compute *c, const ComputeUpdate *u, guint arch,
            int priority, int revision)
{
        evalset_writer_update(writer, u->source, u->version, priority, u->classification, revision);
        for (guint i = 0; i < u->file_count; i++) {
                const ComputeFile *f = &c->files[u->first_file + i];

                if (f->priority == priority && (f->owned >> arch & 1) != 0)
                        evalset_writer_binary(writer, f->s.package, f->s.version, f->s.marks,
                                              slice_equal(f->s.arch, "all"));
        }
}

static char *
make_set(const CatalogProduct *product, const Compute *c, guint arch, const GArray *revisions,
         gsize *size_out)
{
        static const int priorities[] = { 500, 100, 1 };
        EvalSetHead head = { product->category, product->title, product->origin, product->codename,
                             c->arches[arch] };
        g_autoptr(EvalSetWriter) writer = evalset_writer_new(&head);

        for (guint i = 0; i < c->update_count; i++) {
                for (guint p = 0; p < G_N_ELEMENTS(priorities); p++)
                        write_class(writer, c, &c->updates[i], arch, priorities[p],
                                    g_array_index(revisions, int, i));
        }
        return evalset_writer_end(writer, size_out);
}

/* An earlier set. */
typedef struct {
        gint64 number, size;
        char *sha256;
        GBytes *content;
} Old;

static void
old_free(gpointer data)
{
        Old *old = data;

        g_free(old->sha256);
        g_clear_pointer(&old->content, g_bytes_unref);
        g_free(old);
}

/* The set being written. */
typedef struct {
        const CatalogProduct *product;
        const char *arch;
        char *text;
        gsize size;
        char *sha256;
        gint64 number;
        GBytes *packed;
} Fresh;

static bool
write_step(CatalogRun *run, const Fresh *fresh, const Old *old, GError **error)
{
        g_autoptr(GBytes) plain = catalog_unpack(old->content, SET_MAX, error);
        g_autoptr(GBytes) packed = NULL;
        g_autofree char *step = NULL;
        gsize size, from_size;
        const char *from;

        if (plain == NULL)
                return false;
        from = g_bytes_get_data(plain, &from_size);
        step = evalset_step_make(from, from_size, old->sha256, fresh->text, fresh->size,
                                 fresh->sha256, &size, error);
        if (step == NULL)
                return false;
        packed = pack(step, size);
        if (g_bytes_get_size(packed) > g_bytes_get_size(fresh->packed) / STEP_SHARE)
                return true;
        return db_run(run->tx, &sql_catalog_run_step,
                      DB_ARGS(DB_INT("product", fresh->product->id), DB_TEXT("arch", fresh->arch),
                              DB_TEXT("sha256", old->sha256), DB_INT("from", old->number),
                              DB_INT("to", fresh->number),
                              DB_BYTES("content", g_bytes_get_data(packed, NULL),
                                       g_bytes_get_size(packed))),
                      error);
}

static bool
write_steps(CatalogRun *run, const Fresh *fresh, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, Old, number, "Number"),
                DB_FIELD(TEXT, Old, sha256, "SHA256"),
                DB_FIELD(INT, Old, size, "PlainSize"),
                DB_FIELD(BYTES, Old, content, "Content"),
                DB_FIELD_END,
        };
        g_autoptr(GPtrArray) olds = db_list(
                run->db, &sql_catalog_run_old_sets,
                DB_ARGS(DB_INT("product", fresh->product->id), DB_TEXT("arch", fresh->arch)),
                fields, sizeof(Old), old_free, error);

        if (olds == NULL ||
            !db_run(run->tx, &sql_catalog_run_delete_steps,
                    DB_ARGS(DB_INT("product", fresh->product->id), DB_TEXT("arch", fresh->arch)),
                    error))
                return false;
        for (guint i = 0; i < olds->len; i++) {
                const Old *old = g_ptr_array_index(olds, i);

                /* A set that came back is no step away from itself. */
                if (strcmp(old->sha256, fresh->sha256) != 0 && !write_step(run, fresh, old, error))
                        return false;
        }
        return true;
}

static bool
write_fresh(CatalogRun *run, const Fresh *fresh, GError **error)
{
        run->wrote = true;
        return write_steps(run, fresh, error) &&
               db_run(run->tx, &sql_catalog_run_set,
                      DB_ARGS(DB_INT("product", fresh->product->id), DB_TEXT("arch", fresh->arch),
                              DB_INT("number", fresh->number), DB_TEXT("sha256", fresh->sha256),
                              DB_INT("size", (gint64)fresh->size),
                              DB_BYTES("content", g_bytes_get_data(fresh->packed, NULL),
                                       g_bytes_get_size(fresh->packed)),
                              DB_TIME("now", run->now_us)),
                      error) &&
               db_run(run->tx, &sql_catalog_run_trim_sets,
                      DB_ARGS(DB_INT("product", fresh->product->id), DB_TEXT("arch", fresh->arch),
                              DB_INT("number", fresh->number - SETS_KEPT)),
                      error);
}

typedef struct {
        gint64 number;
        char *sha256;
} Newest;

static bool
renew_set(CatalogRun *run, const CatalogProduct *product, const Compute *c, guint arch,
          const GArray *revisions, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, Newest, number, "Number"),
                DB_FIELD(TEXT, Newest, sha256, "SHA256"),
                DB_FIELD_END,
        };
        Newest newest = { 0, NULL };
        Fresh fresh = { .product = product, .arch = c->arches[arch] };
        bool found, good = true;

        if (!db_one(run->db, &sql_catalog_run_newest_set,
                    DB_ARGS(DB_INT("product", product->id), DB_TEXT("arch", fresh.arch)), fields,
                    &newest, &found, error))
                return false;
        fresh.text = make_set(product, c, arch, revisions, &fresh.size);
        fresh.sha256 = hash_sha256_hex(fresh.text, fresh.size);
        fresh.number = newest.number + 1;
        if (g_strcmp0(fresh.sha256, newest.sha256) != 0) {
                fresh.packed = pack(fresh.text, fresh.size);
                good = write_fresh(run, &fresh, error);
                g_bytes_unref(fresh.packed);
        }
        g_free(fresh.text);
        g_free(fresh.sha256);
        g_free(newest.sha256);
        return good;
}

/* Sets for architectures that the product no longer has are withdrawn. */
static bool
withdraw(CatalogRun *run, const CatalogProduct *product, const Compute *c, GError **error)
{
        g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(DbRows) rows = db_query(run->db, &sql_catalog_run_set_arches,
                                          DB_ARGS(DB_INT("product", product->id)), error);
        bool more = rows != NULL;

        while (more) {
                if (!db_next(rows, &more, error))
                        return false;
                if (more &&
                    !g_strv_contains((const char *const *)c->arches, db_cell_text(rows, 0, NULL)))
                        g_ptr_array_add(gone, g_strdup(db_cell_text(rows, 0, NULL)));
        }
        if (rows == NULL)
                return false;
        g_clear_pointer(&rows, db_rows_free);
        for (guint i = 0; i < gone->len; i++) {
                const char *arch = g_ptr_array_index(gone, i);
                const DbArg args[] = { DB_INT("product", product->id), DB_TEXT("arch", arch),
                                       DB_END };

                run->wrote = true;
                if (!db_run(run->tx, &sql_catalog_run_delete_sets, args, error) ||
                    !db_run(run->tx, &sql_catalog_run_delete_steps, args, error))
                        return false;
        }
        return true;
}

bool
catalog_run_sets(CatalogRun *run, const CatalogProduct *product, const Compute *compute,
                 const GArray *revisions, GError **error)
{
        for (guint arch = 0; arch < compute->arch_count; arch++) {
                if (!renew_set(run, product, compute, arch, revisions, error))
                        return false;
        }
        return withdraw(run, product, compute, error);
}
