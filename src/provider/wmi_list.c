/* wmi_list.c - rows of a class as JSON, filtered, ordered and paged.
 *
 * Rows are looked at one by one as the database gives them; with $orderby those that fit are kept
 * as text with their keys. An answer has at most WMI_PAGE rows and then names the next page.
 */
#include <string.h>

#include "base/clock.h"
#include "provider/wmi.h"
#include "sitedb/distpoint_window.h"

#define WMI_PAGE  1000
#define LAST_TIME (253402300799 * UK_SECOND) /* 9999-12-31T23:59:59Z: never */

/* The present row, for the filter. */
typedef struct {
        DbRows *rows;
        const WmiClass *class;
        GStringChunk *made; /* texts that are in no column */
} Row;

/* A row that fits, kept for ordering. */
typedef struct {
        char *json;
        ODataValue *keys;
        char **texts; /* what the keys point to */
        guint index;  /* keeps equal ones in their order */
} Kept;

typedef struct {
        const WmiClass *class;
        const ODataQuery *query;
        GString *out;
        gint64 seen;     /* rows that fit */
        gint64 written;  /* rows in the answer */
        gint64 limit;    /* rows at most */
        GPtrArray *kept; /* of Kept; NULL without $orderby */
} List;

static bool
among(const char *const *names, const char *name)
{
        return names != NULL && g_strv_contains(names, name);
}

static void
row_clear(Row *row)
{
        g_string_chunk_free(row->made);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Row, row_clear)

/* "2 CCAA…" as the time at which these hours open for that priority. */
static ODataValue
window(Row *row, const char *text)
{
        gint64 now = uk_clock_now();
        char *hours;
        gint64 priority = g_ascii_strtoll(text, &hours, 10);
        gint64 opens = distpoint_window_next(hours + (*hours == ' '), priority, now);

        if (opens == now)
                return (ODataValue){ .type = ODATA_NULL };
        g_autofree char *iso = uk_clock_iso(MIN(opens, LAST_TIME));

        return (ODataValue){ .type = ODATA_TEXT,
                             .text = g_string_chunk_insert_const(row->made, iso) };
}

static ODataValue
cell(Row *row, int i)
{
        switch (db_cell_type(row->rows, i)) {
        case DB_TYPE_INT:
                return (ODataValue){ .type = among(row->class->bools, db_column_name(row->rows, i))
                                                     ? ODATA_BOOL
                                                     : ODATA_INT,
                                     .number = db_cell_int(row->rows, i) };
        case DB_TYPE_REAL:
                return (ODataValue){ .type = ODATA_REAL, .real = db_cell_real(row->rows, i) };
        case DB_TYPE_NULL:
                return (ODataValue){ .type = ODATA_NULL };
        case DB_TYPE_TEXT:
                if (among(row->class->windows, db_column_name(row->rows, i)))
                        return window(row, db_cell_text(row->rows, i, NULL));
                G_GNUC_FALLTHROUGH;
        default:
                return (ODataValue){ .type = ODATA_TEXT, .text = db_cell_text(row->rows, i, NULL) };
        }
}

static bool
get(gpointer user, const char *property, ODataValue *value_out)
{
        Row *row = user;
        int count = db_columns(row->rows);

        for (int i = 0; i < count; i++) {
                if (g_str_equal(db_column_name(row->rows, i), property)) {
                        *value_out = cell(row, i);
                        return true;
                }
        }
        return false;
}

static void
write_lines(JsonWriter *w, const char *name, const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        json_array(w, name);
        for (char **line = lines; *line != NULL; line++) {
                if (**line != '\0')
                        json_text(w, NULL, *line);
        }
        json_end(w, ']');
}

static void
write_cell(JsonWriter *w, Row *row, int i)
{
        const char *name = db_column_name(row->rows, i);
        ODataValue value = cell(row, i);

        if (value.type == ODATA_TEXT && among(row->class->arrays, name))
                write_lines(w, name, value.text);
        else if (value.type == ODATA_TEXT)
                json_text(w, name, value.text);
        else if (value.type == ODATA_BOOL)
                json_bool(w, name, value.number != 0);
        else if (value.type == ODATA_INT)
                json_int(w, name, value.number);
        else if (value.type == ODATA_REAL)
                json_real(w, name, value.real);
        else
                json_null(w, name);
}

static void
write_row(GString *out, Row *row, const ODataQuery *query)
{
        JsonWriter w;
        int count = db_columns(row->rows);

        json_begin(&w, out);
        json_object(&w, NULL);
        for (int i = 0; i < count; i++) {
                if (odata_selected(query, db_column_name(row->rows, i)))
                        write_cell(&w, row, i);
        }
        json_end(&w, '}');
}

static void
kept_free(gpointer user)
{
        Kept *kept = user;

        g_free(kept->json);
        g_free(kept->keys);
        g_strfreev(kept->texts);
        g_free(kept);
}

static bool
keep(List *list, Row *row, GError **error)
{
        guint count = list->query->order->len;
        Kept *kept = g_new0(Kept, 1);
        GString *json = g_string_new(NULL);

        g_ptr_array_add(list->kept, kept);
        kept->index = list->kept->len;
        kept->keys = g_new0(ODataValue, count);
        kept->texts = g_new0(char *, count + 1);
        write_row(json, row, list->query);
        kept->json = g_string_free(json, FALSE);
        for (guint i = 0; i < count; i++) {
                const ODataOrder *order = &g_array_index(list->query->order, ODataOrder, i);

                if (!get(row, order->property, &kept->keys[i]))
                        return uk_fail(error, UK_ERROR_INVALID,
                                       "$orderby: the class has no property %s", order->property);
                kept->texts[i] =
                        g_strdup(kept->keys[i].type == ODATA_TEXT ? kept->keys[i].text : "");
                if (kept->keys[i].type == ODATA_TEXT)
                        kept->keys[i].text = kept->texts[i];
        }
        return true;
}

static int
compare_kept(gconstpointer a, gconstpointer b, gpointer user)
{
        const Kept *left = *(Kept *const *)a, *right = *(Kept *const *)b;
        const GArray *orders = user;

        for (guint i = 0; i < orders->len; i++) {
                int order = odata_compare(&left->keys[i], &right->keys[i]);

                if (order != 0)
                        return g_array_index(orders, ODataOrder, i).descending ? -order : order;
        }
        return left->index < right->index ? -1 : left->index > right->index;
}

static void
separate(List *list)
{
        if (list->written++ > 0)
                g_string_append_c(list->out, ',');
}

/* One row that the database gave. */
static bool
take_row(List *list, Row *row, GError **error)
{
        bool fits = true;

        if (list->query->filter != NULL &&
            !odata_filter_fits(list->query->filter, get, row, &fits, error))
                return false;
        if (!fits)
                return true;
        if (list->kept != NULL)
                return keep(list, row, error);
        if (list->seen++ < list->query->skip || list->written >= list->limit)
                return true;
        separate(list);
        write_row(list->out, row, list->query);
        return true;
}

static void
write_kept(List *list)
{
        g_ptr_array_sort_with_data(list->kept, compare_kept, list->query->order);
        list->seen = list->kept->len;
        for (gint64 i = list->query->skip; i < list->seen && list->written < list->limit; i++) {
                const Kept *kept = g_ptr_array_index(list->kept, (guint)i);

                separate(list);
                g_string_append(list->out, kept->json);
        }
}

/* The end can be seen only when nothing is asked for that needs all rows. */
static bool
is_full(const List *list)
{
        return list->kept == NULL && !list->query->count && list->written >= list->limit &&
               list->seen - list->query->skip > list->limit;
}

static bool
read_rows(List *list, Component *c, const DbSql *sql, const DbArg *args, GError **error)
{
        g_autoptr(DbRows) rows = db_query(c->db, sql, args, error);
        g_auto(Row) row = { rows, list->class, g_string_chunk_new(64) };
        bool more = true;

        while (rows != NULL && !is_full(list)) {
                if (!db_next(rows, &more, error))
                        return false;
                if (!more)
                        return true;
                if (!take_row(list, &row, error))
                        return false;
        }
        return rows != NULL;
}

/* A filter that is nothing but "<by> eq value" is answered by the class's own statement. */
static bool
read_list(List *list, Component *c, GError **error)
{
        const WmiClass *class = list->class;
        ODataValue value;

        if (class->list_by != NULL && list->query->filter != NULL &&
            odata_filter_equals(list->query->filter, class->by, &value)) {
                DbArg text = DB_TEXT("value", value.type == ODATA_TEXT ? value.text : "");
                DbArg number = DB_INT("value", value.number);
                const DbArg args[] = { class->by_is_text ? text : number, DB_END };

                return read_rows(list, c, class->list_by, args, error);
        }
        if (class->ages) {
                gint64 now = uk_clock_now();

                return read_rows(list, c, class->list,
                                 DB_ARGS(DB_TIME("hour", now - UK_HOUR),
                                         DB_TIME("day", now - UK_DAY),
                                         DB_TIME("week", now - 7 * UK_DAY)),
                                 error);
        }
        return read_rows(list, c, class->list, DB_NO_ARGS, error);
}

static void
append_context(GString *out, const WmiClass *class)
{
        g_string_append_printf(out, "{\"@odata.context\":\"/AdminService/wmi/$metadata#%s\",",
                               class->name);
}

/* Whether a part of the query is replaced in the link to the next page. */
static bool
is_place(const char *part)
{
        static const char *const names[] = { "$skip=", "%24skip=", "$top=", "%24top=" };

        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                if (g_str_has_prefix(part, names[i]))
                        return true;
        }
        return *part == '\0';
}

/* "<self without $skip and $top>&$top=<what is left>&$skip=N" */
static void
append_next(List *list, const char *self)
{
        g_autoptr(GString) link = g_string_new(NULL);
        g_auto(GStrv) halves = g_strsplit(self, "?", 2);
        g_auto(GStrv) parts = g_strsplit(halves[1] != NULL ? halves[1] : "", "&", -1);
        JsonWriter w;

        g_string_append_printf(link, "%s?", halves[0]);
        for (char **part = parts; *part != NULL; part++) {
                if (!is_place(*part))
                        g_string_append_printf(link, "%s&", *part);
        }
        if (list->query->top >= 0)
                g_string_append_printf(link, "$top=%" G_GINT64_FORMAT "&",
                                       list->query->top - list->written);
        g_string_append_printf(link, "$skip=%" G_GINT64_FORMAT, list->query->skip + list->written);
        g_string_append(list->out, ",\"@odata.nextLink\":");
        json_begin(&w, list->out);
        json_text(&w, NULL, link->str);
}

bool
wmi_list(Component *c, const WmiClass *class, const ODataQuery *query, const char *self,
         GString *out, GError **error)
{
        UK_DOING(error, "listing %s", class->name);
        g_autoptr(GPtrArray) kept =
                query->order->len > 0 ? g_ptr_array_new_with_free_func(kept_free) : NULL;
        g_autoptr(GString) rows = g_string_new(NULL);
        List list = { .class = class, .query = query, .out = rows, .kept = kept };

        list.limit = self != NULL ? WMI_PAGE : G_MAXINT64;
        if (query->top >= 0)
                list.limit = MIN(query->top, list.limit);
        if (!read_list(&list, c, error))
                return false;
        if (kept != NULL)
                write_kept(&list);
        append_context(out, class);
        if (query->count)
                g_string_append_printf(out, "\"@odata.count\":%" G_GINT64_FORMAT ",", list.seen);
        g_string_append_printf(out, "\"value\":[%s]", rows->str);
        list.out = out;
        if (self != NULL && list.seen > query->skip + list.written &&
            (query->top < 0 || query->top > list.written))
                append_next(&list, self);
        g_string_append_c(out, '}');
        return true;
}

bool
wmi_instance(Component *c, const WmiClass *class, const char *key, const ODataQuery *query,
             GString *out, GError **error)
{
        if (class->one == NULL)
                return uk_fail(error, UK_ERROR_UNSUPPORTED, "%s can only be listed", class->name);
        DbArg text = DB_TEXT("key", key);
        DbArg number = DB_INT("key", g_ascii_strtoll(key, NULL, 10));
        const DbArg args[] = { class->key_is_text ? text : number, DB_END };
        g_autoptr(DbRows) rows = db_query(c->db, class->one, args, error);
        g_auto(Row) row = { rows, class, g_string_chunk_new(64) };
        bool found;

        if (rows == NULL || !db_next(rows, &found, error))
                return false;
        if (!found)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "there is no %s with %s '%.80s'",
                               class->name, class->key, key);
        append_context(out, class);
        g_string_append(out, "\"value\":[");
        write_row(out, &row, query);
        g_string_append(out, "]}");
        return true;
}
