/* admin_changes.c - writes what changed in the catalogue for the site server.
 *
 * The stream goes into an unnamed file and from there by sendfile; its end record makes it whole.
 * The updates of a first synchronization are written while it goes on, and copied from there.
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
        GString *url;     /* of the file being written */
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
add_slice(Stream *s, Slice slice)
{
        supadmin_field_add(s->lines, slice.text, slice.size);
}

/* There are many of them: nothing is allocated for one. */
static void
write_file(Stream *s, const CatalogFile *file)
{
        const char *uri = g_hash_table_lookup(s->uris, &file->suite);
        char size[24];
        int digits = g_snprintf(size, sizeof size, "%" G_GUINT64_FORMAT, file->size);
        const char *name;

        catalog_file_url(file, uri != NULL ? uri : "", s->url);
        name = strrchr(s->url->str, '/');
        name = name != NULL ? name + 1 : s->url->str;
        supadmin_line_begin(s->lines, SUP_RECORD_FILE);
        supadmin_field_add(s->lines, name, strlen(name));
        supadmin_field_add(s->lines, size, (gsize)digits);
        add_slice(s, file->sha256);
        supadmin_field_add(s->lines, s->url->str, s->url->len);
        add_slice(s, file->package);
        add_slice(s, file->arch);
        add_slice(s, file->version);
        supadmin_field_add(s->lines, slice_equal(file->owned, "-") ? "0" : "1", 1);
        supadmin_line_end(s->lines);
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
write_end(Stream *s, gint64 anchor, const char *epoch, GError **error)
{
        g_autofree char *change = g_strdup_printf("%" G_GINT64_FORMAT, anchor);
        g_autofree char *count = g_strdup_printf("%" G_GINT64_FORMAT, s->updates);
        const char *fields[] = { change, count, epoch };

        supadmin_line_write(s->lines, SUP_RECORD_END, fields, G_N_ELEMENTS(fields));
        return flush(s, error);
}

/* ---- the lines of a first synchronization ---- */

struct AdminFresh {
        Stream s;
        Db *db; /* until it is sealed */
        gint64 change;
};

static void
stream_init(Stream *s, int fd_take, gint64 since)
{
        *s = (Stream){ .fd = fd_take, .since = since };
        s->lines = g_string_sized_new(FLUSH_AT + 64 * 1024);
        s->url = g_string_new(NULL);
        s->uris = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
}

/* All but the descriptor. */
static void
stream_release(Stream *s)
{
        if (s->lines != NULL)
                g_string_free(s->lines, TRUE);
        if (s->url != NULL)
                g_string_free(s->url, TRUE);
        g_clear_pointer(&s->uris, g_hash_table_unref);
        s->lines = s->url = NULL;
}

static int
open_unnamed(const char *folder, GError **error)
{
        int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        if (fd < 0)
                uk_fail_errno(error, errno, "opening a file in %s", folder);
        return fd;
}

AdminFresh *
admin_fresh_new(const char *folder, Db *db, GError **error)
{
        int fd = open_unnamed(folder, error);
        AdminFresh *fresh;

        if (fd < 0)
                return NULL;
        fresh = g_new0(AdminFresh, 1);
        stream_init(&fresh->s, fd, 0);
        fresh->db = db;
        return fresh;
}

bool
admin_fresh_add(gpointer user, const CatalogUpdate *update, GError **error)
{
        AdminFresh *fresh = user;

        if (g_hash_table_size(fresh->s.uris) == 0 && !load_uris(&fresh->s, fresh->db, error))
                return false;
        return write_update(&fresh->s, update, error);
}

bool
admin_fresh_seal(AdminFresh *fresh, gint64 change, GError **error)
{
        if (!flush(&fresh->s, error))
                return false;
        stream_release(&fresh->s);
        fresh->db = NULL;
        fresh->change = change;
        return true;
}

AdminFresh *
admin_fresh_copy(const AdminFresh *fresh)
{
        AdminFresh *copy;
        int fd = fresh != NULL ? fcntl(fresh->s.fd, F_DUPFD_CLOEXEC, 0) : -1;

        if (fd < 0)
                return NULL;
        copy = g_new0(AdminFresh, 1);
        copy->s = (Stream){ .fd = fd, .size = fresh->s.size, .updates = fresh->s.updates };
        copy->change = fresh->change;
        return copy;
}

void
admin_fresh_free(AdminFresh *fresh)
{
        if (fresh == NULL)
                return;
        stream_release(&fresh->s);
        close(fresh->s.fd);
        g_free(fresh);
}

static bool
copy_fresh(Stream *s, const AdminFresh *fresh, GError **error)
{
        off_t from = 0;

        if (!flush(s, error))
                return false;
        while (from < fresh->s.size) {
                ssize_t done = copy_file_range(fresh->s.fd, &from, s->fd, NULL,
                                               (size_t)(fresh->s.size - from), 0);

                if (done <= 0)
                        return uk_fail_errno(error, done < 0 ? errno : EIO, "copying the changes");
                s->size += done;
        }
        s->updates = fresh->s.updates;
        return true;
}

/* ---- the answer ---- */

/* Whether the lines are just what is asked for: nothing was changed after them. */
static bool
is_all(const AdminFresh *fresh, gint64 since, gint64 change)
{
        return fresh != NULL && since == 0 && fresh->change == change;
}

static bool
write_all(Stream *s, Db *db, const AdminFresh *fresh, GError **error)
{
        g_autoptr(CatalogState) state = catalog_state(db, error);
        gint64 anchor;

        if (state == NULL || !write_categories(s, db, error))
                return false;
        if (is_all(fresh, s->since, state->change))
                return copy_fresh(s, fresh, error) &&
                       write_end(s, state->change, state->epoch, error);
        return load_uris(s, db, error) &&
               catalog_changes_since(db, s->since, write_update, s, &anchor, error) &&
               write_end(s, anchor, state->epoch, error);
}

bool
admin_changes_answer(Component *c, HttpRequest *request, gint64 since, const AdminFresh *fresh,
                     GError **error)
{
        UK_DOING(error, "writing the changes since %" G_GINT64_FORMAT, since);
        UK_AUTOFD fd = open_unnamed(host_state_dir(c->host), error);
        Stream s;

        if (fd < 0)
                return false;
        stream_init(&s, fd, since);
        bool done = write_all(&s, c->db, fresh, error);

        stream_release(&s);
        if (!done)
                return false;
        http_answer_file(request, fd, s.size, "text/tab-separated-values", NULL);
        fd = -1;
        return true;
}
