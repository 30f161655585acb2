/* admin_changes.c - writes what changed in the catalogue for the site server.
 *
 * The stream goes into an unnamed file and from there by sendfile; its end record makes it whole.
 */
#include "sup/admin_changes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "host/host.h"
#include "sup/catalog/catalog.h"
#include "wire/supadmin.h"

#define FLUSH_AT (256 * 1024)

typedef struct {
        int fd;
        GString *lines;
        gint64 since, size, updates;
        GHashTable *uris; /* suite ID to its URI */
} Stream;

static bool
flush(Stream *s, GError **error)
{
        if (!uk_io_write(s->fd, s->lines->str, s->lines->len, "the changes", error))
                return false;
        s->size += (gint64)s->lines->len;
        g_string_truncate(s->lines, 0);
        return true;
}

static void
write_category(Stream *s, const CatalogCategory *category, const char *end_of_life)
{
        const char *fields[SUP_C_FIELDS] = { [SUP_C_ID] = category->id,
                                             [SUP_C_TYPE] = category->type,
                                             [SUP_C_PARENT] = category->parent,
                                             [SUP_C_TITLE] = category->title,
                                             [SUP_C_DEFAULT] = category->wanted ? "1" : "0",
                                             [SUP_C_END_OF_LIFE] = end_of_life };

        supadmin_line_write(s->lines, SUP_RECORD_CATEGORY, fields, SUP_C_FIELDS);
}

/* The day on which a product's archive ends, as a time; "" where nobody knows. */
static char *
end_of_life(GPtrArray *products, const char *category)
{
        for (guint i = 0; i < products->len; i++) {
                const CatalogProduct *product = g_ptr_array_index(products, i);

                if (g_str_equal(product->category, category) && product->end_of_life[0] != '\0')
                        return g_strconcat(product->end_of_life, "T00:00:00Z", NULL);
        }
        return g_strdup("");
}

/* Parents first: companies, families, products; classifications stand alone. */
static bool
write_categories(Stream *s, Db *db, GError **error)
{
        static const char *const order[] = { "Company", "ProductFamily", "Product",
                                             "UpdateClassification" };
        g_autoptr(GPtrArray) categories = catalog_categories(db, error);
        g_autoptr(GPtrArray) products = categories != NULL ? catalog_products(db, error) : NULL;

        if (products == NULL)
                return false;
        for (guint t = 0; t < G_N_ELEMENTS(order); t++) {
                for (guint i = 0; i < categories->len; i++) {
                        const CatalogCategory *category = g_ptr_array_index(categories, i);
                        g_autofree char *end = end_of_life(products, category->id);

                        if (g_str_equal(category->type, order[t]))
                                write_category(s, category, end);
                }
        }
        return true;
}

/* The severity's words as WSUS's numbers. */
static const char *
severity_of(const char *severity)
{
        static const struct {
                const char *word, *number;
        } words[] = {
                { "Critical", "10" }, { "Important", "8" }, { "Moderate", "6" }, { "Low", "2" }
        };

        for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
                if (g_str_equal(severity, words[i].word))
                        return words[i].number;
        }
        return "0";
}

static void
write_head(Stream *s, const CatalogUpdate *u)
{
        g_autofree char *revision = g_strdup_printf("%" G_GINT64_FORMAT, u->revision);
        g_autofree char *posted = u->posted != 0 ? uk_clock_iso(u->posted) : g_strdup("");
        g_autofree char *revised = u->revised != 0 ? uk_clock_iso(u->revised) : g_strdup("");
        g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT, u->file_size);
        g_autofree char *title = catalog_update_title(u);
        const char *fields[SUP_U_FIELDS] = {
                [SUP_U_ID] = u->id,
                [SUP_U_REVISION] = revision,
                [SUP_U_CLASSIFICATION] = catalog_update_classification(u),
                [SUP_U_PRODUCT] = u->product_id,
                [SUP_U_SEVERITY] = severity_of(u->severity),
                [SUP_U_ARTICLE] = u->source,
                [SUP_U_CREATED] = posted,
                [SUP_U_REVISED] = revised,
                [SUP_U_SIZE] = size,
                [SUP_U_EXPIRED] = u->expired ? "1" : "0",
                [SUP_U_SUPERSEDED] = u->superseded_by[0] != '\0' ? "1" : "0",
                [SUP_U_NEW] = u->first_change > s->since ? "1" : "0",
                [SUP_U_TITLE] = title,
                [SUP_U_DESCRIPTION] = u->description,
                [SUP_U_URL] = u->url,
        };

        supadmin_line_write(s->lines, SUP_RECORD_UPDATE, fields, SUP_U_FIELDS);
}

static void
write_superseding(Stream *s, const char *ids)
{
        g_auto(GStrv) list = g_strsplit(ids, " ", -1);

        for (char **id = list; *id != NULL; id++) {
                const char *field = *id;

                if (field[0] != '\0')
                        supadmin_line_write(s->lines, SUP_RECORD_BY, &field, 1);
        }
}

static void
write_file(Stream *s, const CatalogFile *file)
{
        const char *uri = g_hash_table_lookup(s->uris, &file->suite);
        g_autofree char *url = catalog_file_url(file, uri != NULL ? uri : "");
        g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, file->size);
        g_autofree char *sha256 = slice_dup(file->sha256);
        g_autofree char *package = slice_dup(file->package);
        g_autofree char *version = slice_dup(file->version);
        g_autofree char *arch = slice_dup(file->arch);
        const char *slash = strrchr(url, '/');
        const char *fields[SUP_F_FIELDS] = {
                [SUP_F_NAME] = slash != NULL ? slash + 1 : url,
                [SUP_F_SIZE] = size,
                [SUP_F_SHA256] = sha256,
                [SUP_F_URL] = url,
                [SUP_F_PACKAGE] = package,
                [SUP_F_ARCHITECTURE] = arch,
                [SUP_F_VERSION] = version,
                [SUP_F_OWNED] = slice_equal(file->owned, "-") ? "0" : "1",
        };

        supadmin_line_write(s->lines, SUP_RECORD_FILE, fields, SUP_F_FIELDS);
}

static bool
write_update(gpointer user, const CatalogUpdate *update, GError **error)
{
        Stream *s = user;
        Slice rest = slice_of(update->files);
        CatalogFile file;

        write_head(s, update);
        write_superseding(s, update->superseded_by);
        while (catalog_file_next(update, &rest, &file))
                write_file(s, &file);
        s->updates++;
        return s->lines->len < FLUSH_AT || flush(s, error);
}

static bool
load_uris(Stream *s, Db *db, GError **error)
{
        g_autoptr(GPtrArray) suites = catalog_suites(db, error);

        if (suites == NULL)
                return false;
        for (guint i = 0; i < suites->len; i++) {
                const CatalogSuite *suite = g_ptr_array_index(suites, i);
                gint64 *key = g_new(gint64, 1);

                *key = suite->id;
                g_hash_table_insert(s->uris, key, g_strdup(suite->uri));
        }
        return true;
}

static bool
write_end(Stream *s, gint64 anchor, GError **error)
{
        g_autofree char *change = g_strdup_printf("%" G_GINT64_FORMAT, anchor);
        g_autofree char *count = g_strdup_printf("%" G_GINT64_FORMAT, s->updates);
        const char *fields[] = { change, count };

        supadmin_line_write(s->lines, SUP_RECORD_END, fields, G_N_ELEMENTS(fields));
        return flush(s, error);
}

static bool
write_all(Stream *s, Db *db, GError **error)
{
        gint64 anchor;

        return load_uris(s, db, error) && write_categories(s, db, error) &&
               catalog_changes_since(db, s->since, write_update, s, &anchor, error) &&
               write_end(s, anchor, error);
}

bool
admin_changes_answer(Component *c, HttpRequest *request, gint64 since, GError **error)
{
        UK_DOING(error, "writing the changes since %" G_GINT64_FORMAT, since);
        UK_AUTOFD fd = open(host_state_dir(c->host), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        Stream s = { .fd = fd, .since = since };

        if (fd < 0)
                return uk_fail_errno(error, errno, "opening a file in %s", host_state_dir(c->host));
        s.lines = g_string_sized_new(FLUSH_AT + 64 * 1024);
        s.uris = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
        bool done = write_all(&s, c->db, error);

        g_string_free(s.lines, TRUE);
        g_hash_table_unref(s.uris);
        if (!done)
                return false;
        http_answer_file(request, fd, s.size, "text/tab-separated-values", NULL);
        fd = -1;
        return true;
}
