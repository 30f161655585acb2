/* rows.c - rows of AdminService as a table for people or as JSON for programs.
 *
 * Comes in: JSON objects and a list of columns. Goes out: what the verb prints. JSON keeps every
 * property as the provider sent it, so that a script does not depend on what a table shows.
 */
#include "cli/rows.h"

#include "base/clock.h"
#include "cli/output.h"

typedef struct {
        JsonWriter *w;
        const JsonValue *parent; /* booleans and reals are read through it */
} Copy;

static void
copy_json(JsonWriter *w, const JsonValue *parent, const char *name, const JsonValue *value);

static void
copy_member(const char *name, const JsonValue *value, gpointer user)
{
        const Copy *copy = user;

        copy_json(copy->w, copy->parent, name, value);
}

static void
copy_object(JsonWriter *w, const char *name, const JsonValue *object)
{
        Copy copy = { w, object };

        json_object(w, name);
        json_each(object, copy_member, &copy);
        json_end(w, '}');
}

static void
copy_array(JsonWriter *w, const char *name, const JsonValue *array)
{
        json_array(w, name);
        for (gsize i = 0; i < json_count(array); i++)
                copy_json(w, NULL, NULL, json_at(array, i));
        json_end(w, ']');
}

static void
copy_json(JsonWriter *w, const JsonValue *parent, const char *name, const JsonValue *value)
{
        gint64 number = 0;

        switch (json_kind(value)) {
        case 'o':
                copy_object(w, name, value);
                break;
        case 'a':
                copy_array(w, name, value);
                break;
        case 's':
                json_text(w, name, json_as_text(value));
                break;
        case 'i':
                if (json_as_int(value, &number))
                        json_int(w, name, number);
                break;
        case 'b':
                json_bool(w, name, json_get_bool(parent, name, false));
                break;
        case 'r':
                json_real(w, name, json_get_real(parent, name, 0));
                break;
        default:
                json_null(w, name);
        }
}

static char *
text_cell(const JsonValue *value)
{
        g_autoptr(GString) out = g_string_new(NULL);

        if (json_kind(value) != 'a')
                return g_strdup(json_as_text(value));
        for (gsize i = 0; i < json_count(value); i++) {
                const char *text = json_as_text(json_at(value, i));

                g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", text != NULL ? text : "");
        }
        return g_strdup(out->str);
}

static char *
age_cell(const JsonValue *value, gint64 now_us)
{
        const char *text = json_as_text(value);
        gint64 then;

        if (text == NULL || *text == '\0')
                return g_strdup("never");
        if (!uk_clock_parse(text, &then, NULL))
                return g_strdup(text);
        /* What has happened is not to come; the clock was set back meanwhile. */
        if (then > now_us + UK_MINUTE)
                return g_strdup("ahead of clock");
        return output_age(MIN(then, now_us), now_us);
}

static char *
number_cell(const JsonValue *value, RowsKind kind)
{
        gint64 number;

        if (!json_as_int(value, &number))
                return g_strdup(json_as_text(value));
        if (kind == ROWS_SIZE)
                return output_size(number);
        return kind == ROWS_COUNT ? output_count(number)
                                  : g_strdup_printf("%" G_GINT64_FORMAT, number);
}

const char *
rows_name(const RowsName *names, gint64 number)
{
        for (; names->name != NULL; names++) {
                if (names->number == number)
                        return names->name;
        }
        return NULL;
}

bool
rows_number(const RowsName *names, const char *name, gint64 *number_out)
{
        for (; names->name != NULL; names++) {
                if (g_ascii_strcasecmp(names->name, name) != 0)
                        continue;
                *number_out = names->number;
                return true;
        }
        return false;
}

static char *
name_cell(const JsonValue *value, const RowsName *names)
{
        gint64 number;

        if (!json_as_int(value, &number))
                return NULL;
        const char *name = rows_name(names, number);

        return name != NULL ? g_strdup(name) : g_strdup_printf("%" G_GINT64_FORMAT, number);
}

char *
rows_cell(const JsonValue *row, const RowsColumn *column, gint64 now_us)
{
        const JsonValue *value = json_get(row, column->property);

        switch (column->kind) {
        case ROWS_AGE:
                return age_cell(value, now_us);
        case ROWS_YES:
                return g_strdup(json_get_bool(row, column->property, false) ? "yes" : "");
        case ROWS_NAME:
                return name_cell(value, column->names);
        case ROWS_COUNT:
        case ROWS_ID:
        case ROWS_SIZE:
                return number_cell(value, column->kind);
        default:
                return json_kind(value) == 'i' ? number_cell(value, ROWS_ID) : text_cell(value);
        }
}

void
rows_write(JsonWriter *w, const char *name, const AdminRows *rows)
{
        json_array(w, name);
        for (guint i = 0; i < rows->rows->len; i++)
                copy_object(w, NULL, rows->rows->pdata[i]);
        json_end(w, ']');
}

static void
print_json(Cli *cli, const AdminRows *rows)
{
        g_autoptr(GString) out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        rows_write(&w, NULL, rows);
        cli_print(cli, "%s\n", out->str);
}

static void
print_table(Cli *cli, const AdminRows *rows, const RowsColumn *columns, guint count)
{
        g_autofree OutputColumn *heads = g_new0(OutputColumn, count);
        gint64 now = uk_clock_now();

        for (guint i = 0; i < count; i++) {
                RowsKind kind = columns[i].kind;

                heads[i].head = columns[i].head;
                heads[i].shrink = kind == ROWS_LONG;
                heads[i].right = kind == ROWS_COUNT || kind == ROWS_ID || kind == ROWS_SIZE;
        }
        g_autoptr(OutputTable) table = output_table_new(heads, count);

        for (guint i = 0; i < rows->rows->len; i++) {
                for (guint c = 0; c < count; c++)
                        output_table_add_take(table,
                                              rows_cell(rows->rows->pdata[i], &columns[c], now));
        }
        g_autofree char *text = output_table_text(table, cli->width);
        cli_print(cli, "%s", text);
}

void
rows_print(Cli *cli, const AdminRows *rows, const RowsColumn *columns, guint count,
           const char *none)
{
        if (cli->json)
                print_json(cli, rows);
        else if (rows->rows->len == 0)
                cli_print(cli, "%s\n", none);
        else
                print_table(cli, rows, columns, count);
        if (rows->more)
                cli_note(cli, "There are more: --top N shows N, --top 0 all.\n");
}

static void
print_text(Cli *cli, const char *head, const char *text)
{
        g_autofree char *clean = text != NULL ? output_clean(text) : NULL;

        if (clean != NULL && *clean != '\0')
                cli_print(cli, "%-16s %s\n", head, clean);
}

static void
print_list(Cli *cli, const char *head, const JsonValue *list)
{
        for (gsize i = 0; i < json_count(list); i++)
                print_text(cli, i == 0 ? head : "", json_as_text(json_at(list, i)));
}

void
rows_print_one(Cli *cli, const JsonValue *row, const RowsColumn *columns, guint count)
{
        gint64 now = uk_clock_now();

        if (cli->json) {
                g_autoptr(GString) out = g_string_new(NULL);
                JsonWriter w;

                json_begin(&w, out);
                copy_object(&w, NULL, row);
                cli_print(cli, "%s\n", out->str);
                return;
        }
        for (guint i = 0; i < count; i++) {
                g_autofree char *cell = rows_cell(row, &columns[i], now);

                if (columns[i].kind == ROWS_LIST)
                        print_list(cli, columns[i].head, json_get(row, columns[i].property));
                else
                        print_text(cli, columns[i].head, cell);
        }
}
