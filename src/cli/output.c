/* output.c - how things are shown to people: tables that fit the terminal, ages, sizes, spans.
 *
 * Comes in: values. Goes out: texts. Prints nothing itself and asks no clock, so that a test can
 * compare whole texts.
 */
#include "cli/output.h"

#include <string.h>

#include "base/clock.h"

#define GAP       2 /* blanks between columns */
#define NARROWEST 8 /* a column that may shrink keeps as many */

struct OutputTable {
        const OutputColumn *columns;
        guint count;
        GPtrArray *cells; /* row by row */
};

OutputTable *
output_table_new(const OutputColumn *columns, guint count)
{
        OutputTable *table = g_new0(OutputTable, 1);

        table->columns = columns;
        table->count = count;
        table->cells = g_ptr_array_new_with_free_func(g_free);
        for (guint i = 0; i < count; i++)
                output_table_add_take(table, g_strdup(columns[i].head));
        return table;
}

void
output_table_free(OutputTable *table)
{
        if (table == NULL)
                return;
        g_ptr_array_unref(table->cells);
        g_free(table);
}

static char *
clean(const char *text, bool lines)
{
        g_autofree char *valid = g_utf8_make_valid(text, -1);
        GString *out = g_string_new(NULL);

        for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);
                bool stays = !g_unichar_iscntrl(c) || (lines && c == '\n');

                g_string_append_unichar(out, stays ? c : '?');
        }
        return g_string_free(out, FALSE);
}

char *
output_clean(const char *text)
{
        return clean(text, false);
}

char *
output_clean_lines(const char *text)
{
        return clean(text, true);
}

void
output_table_add_take(OutputTable *table, char *text_take)
{
        g_ptr_array_add(table->cells, text_take != NULL ? output_clean(text_take) : g_strdup("-"));
        g_free(text_take);
}

static int
width_of(const char *text)
{
        int width = 0;

        for (; *text != '\0'; text = g_utf8_next_char(text)) {
                gunichar c = g_utf8_get_char(text);

                width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
        }
        return width;
}

/* The widest column that may still lose something, or -1. */
static int
widest(const OutputTable *table, const int *widths)
{
        int best = -1;

        for (guint i = 0; i < table->count; i++) {
                if (table->columns[i].shrink && widths[i] > NARROWEST &&
                    (best < 0 || widths[i] > widths[best]))
                        best = (int)i;
        }
        return best;
}

/* Natural widths, then the widest columns give way until the row fits. The caller's. */
static int *
measure(const OutputTable *table, int width)
{
        int *widths = g_new0(int, table->count);
        int sum = -GAP;

        for (guint i = 0; i < table->cells->len; i++)
                widths[i % table->count] =
                        MAX(widths[i % table->count], width_of(table->cells->pdata[i]));
        for (guint i = 0; i < table->count; i++)
                sum += widths[i] + GAP;
        while (width > 0 && sum > width) {
                int column = widest(table, widths);

                if (column < 0)
                        break;
                widths[column]--;
                sum--;
        }
        return widths;
}

static void
pad(GString *out, int count)
{
        for (; count > 0; count--)
                g_string_append_c(out, ' ');
}

/* Appends as much of text as fits into width columns, the last of them "…" if it was cut. */
static int
append_cut(GString *out, const char *text, int width)
{
        int used = 0;

        if (width_of(text) <= width) {
                g_string_append(out, text);
                return width_of(text);
        }
        for (; *text != '\0'; text = g_utf8_next_char(text)) {
                gunichar c = g_utf8_get_char(text);
                int wide = g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;

                if (used + wide > width - 1)
                        break;
                g_string_append_unichar(out, c);
                used += wide;
        }
        g_string_append(out, "…");
        return used + 1;
}

char *
output_cut(const char *text, int width)
{
        GString *out = g_string_new(NULL);

        append_cut(out, text, width);
        return g_string_free(out, FALSE);
}

static void
append_cell(GString *out, const OutputColumn *column, const char *text, int width, bool last)
{
        if (column->right)
                pad(out, width - width_of(text));
        int used = append_cut(out, text, width);

        if (!column->right && !last)
                pad(out, width - used);
        if (!last)
                pad(out, GAP);
}

char *
output_table_text(const OutputTable *table, int width)
{
        GString *out = g_string_new(NULL);
        g_autofree int *widths = measure(table, width);

        for (guint i = 0; i < table->cells->len; i++) {
                guint column = i % table->count;
                bool last = column + 1 == table->count;

                append_cell(out, &table->columns[column], table->cells->pdata[i], widths[column],
                            last);
                if (last)
                        g_string_append_c(out, '\n');
        }
        return g_string_free(out, FALSE);
}

typedef struct {
        gint64 us;
        const char *name;
} Unit;

static const Unit units[] = {
        { UK_DAY, "d" },
        { UK_HOUR, "h" },
        { UK_MINUTE, "min" },
        { UK_SECOND, "s" },
};

char *
output_span(gint64 span_us)
{
        for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
                gint64 whole = span_us / units[i].us;

                if (whole == 0)
                        continue;
                gint64 rest =
                        i + 1 < G_N_ELEMENTS(units) ? span_us % units[i].us / units[i + 1].us : 0;

                if (rest == 0)
                        return g_strdup_printf("%" G_GINT64_FORMAT " %s", whole, units[i].name);
                return g_strdup_printf("%" G_GINT64_FORMAT " %s %" G_GINT64_FORMAT " %s", whole,
                                       units[i].name, rest, units[i + 1].name);
        }
        return g_strdup("0 s");
}

char *
output_age(gint64 then_us, gint64 now_us)
{
        gint64 span = then_us > now_us ? then_us - now_us : now_us - then_us;

        if (then_us == 0)
                return g_strdup("never");
        if (span < UK_SECOND)
                return g_strdup("just now");
        for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
                gint64 whole = span / units[i].us;

                if (whole == 0)
                        continue;
                return g_strdup_printf("%s%" G_GINT64_FORMAT " %s%s", then_us > now_us ? "in " : "",
                                       whole, units[i].name, then_us > now_us ? "" : " ago");
        }
        return g_strdup("just now");
}

char *
output_size(gint64 bytes)
{
        static const char *const names[] = { "B", "kB", "MB", "GB", "TB", "PB" };
        double value = (double)bytes;
        guint unit = 0;

        for (; value >= 999.95 && unit + 1 < G_N_ELEMENTS(names); unit++)
                value /= 1000;
        if (unit == 0)
                return g_strdup_printf("%" G_GINT64_FORMAT " B", bytes);
        return g_strdup_printf("%.1f %s", value, names[unit]);
}

char *
output_count(gint64 count)
{
        g_autofree char *plain = g_strdup_printf("%" G_GINT64_FORMAT, count);
        GString *out = g_string_new(plain);

        for (gssize at = (gssize)out->len - 3; at > (*plain == '-' ? 1 : 0); at -= 3)
                g_string_insert_c(out, at, ' ');
        return g_string_free(out, FALSE);
}
