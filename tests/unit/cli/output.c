/* Tests of src/cli/output.c and progress.c: whole texts, as a terminal would get them. */
#include "cli/output.h"

#include <string.h>

#include "base/clock.h"
#include "cli/progress.h"

static const OutputColumn columns[] = { { .head = "ID", .right = true },
                                        { .head = "TITLE", .shrink = true },
                                        { .head = "STATE" } };

static OutputTable *
sample(void)
{
        OutputTable *table = output_table_new(columns, 3);

        output_table_add_take(table, g_strdup("7"));
        output_table_add_take(table, g_strdup("openssl 3.0.15-1~deb12u1 (Security Updates)"));
        output_table_add_take(table, g_strdup("ok"));
        output_table_add_take(table, g_strdup("1234"));
        output_table_add_take(table, g_strdup("tzdata"));
        output_table_add_take(table, NULL);
        return table;
}

static void
as_wide_as_need_be(void)
{
        g_autoptr(OutputTable) table = sample();
        g_autofree char *text = output_table_text(table, 0);

        g_assert_cmpstr(text, ==,
                        "  ID  TITLE                                        STATE\n"
                        "   7  openssl 3.0.15-1~deb12u1 (Security Updates)  ok\n"
                        "1234  tzdata                                       -\n");
}

static void
fits_the_terminal(void)
{
        g_autoptr(OutputTable) table = sample();
        g_autofree char *text = output_table_text(table, 30);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        g_assert_cmpstr(lines[1], ==, "   7  openssl 3.0.15-1…  ok");
        for (char **line = lines; *line != NULL; line++)
                g_assert_cmpint(g_utf8_strlen(*line, -1), <=, 30);
}

/* Where nothing may shrink any more the row is too wide rather than unreadable. */
static void
too_narrow(void)
{
        g_autoptr(OutputTable) table = sample();
        g_autofree char *text = output_table_text(table, 5);

        g_assert_nonnull(strstr(text, "openssl…"));
}

static void
wide_characters_keep_the_columns(void)
{
        static const OutputColumn two[] = { { .head = "A", .shrink = true }, { .head = "B" } };
        g_autoptr(OutputTable) table = output_table_new(two, 2);

        output_table_add_take(table, g_strdup("更新プログラム"));
        output_table_add_take(table, g_strdup("x"));
        g_autofree char *wide = output_table_text(table, 0);
        g_autofree char *cut = output_table_text(table, 13);

        g_assert_cmpstr(wide, ==, "A               B\n更新プログラム  x\n");
        g_assert_cmpstr(cut, ==, "A           B\n更新プロ…   x\n");
}

/* What came from outside cannot move the cursor or end the line. */
static void
controls_are_replaced(void)
{
        g_autofree char *clean = output_clean("a\033[2Jb\nc\177\303(");

        g_assert_cmpstr(clean, ==, "a?[2Jb?c?\357\277\275(");
}

static void
ages(void)
{
        static const struct {
                gint64 then;
                const char *text;
        } rows[] = {
                { 0, "never" },
                { 100 * UK_DAY, "just now" },
                { 100 * UK_DAY - UK_SECOND / 2, "just now" },
                { 100 * UK_DAY - 59 * UK_SECOND, "59 s ago" },
                { 100 * UK_DAY - 3 * UK_MINUTE - UK_SECOND, "3 min ago" },
                { 100 * UK_DAY - 23 * UK_HOUR, "23 h ago" },
                { 98 * UK_DAY, "2 d ago" },
                { 100 * UK_DAY + 5 * UK_MINUTE, "in 5 min" },
        };

        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *text = output_age(rows[i].then, 100 * UK_DAY);
                g_assert_cmpstr(text, ==, rows[i].text);
        }
}

static void
spans_sizes_counts(void)
{
        static const struct {
                gint64 value;
                const char *span, *size, *count;
        } rows[] = {
                { 0, "0 s", "0 B", "0" },
                { 999, "0 s", "999 B", "999" },
                { 1000, "0 s", "1.0 kB", "1 000" },
                { 999949, "0 s", "999.9 kB", "999 949" },
                { 999950, "0 s", "1.0 MB", "999 950" },
                { 250 * UK_SECOND, "4 min 10 s", "250.0 MB", "250 000 000" },
                { 51 * UK_HOUR, "2 d 3 h", "183.6 GB", "183 600 000 000" },
                { -34172, "0 s", "-34172 B", "-34 172" },
        };

        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *span = output_span(rows[i].value);
                g_autofree char *size = output_size(rows[i].value);
                g_autofree char *count = output_count(rows[i].value);

                g_assert_cmpstr(span, ==, rows[i].span);
                g_assert_cmpstr(size, ==, rows[i].size);
                g_assert_cmpstr(count, ==, rows[i].count);
        }
}

static void
progress_line(void)
{
        g_autoptr(Progress) p = progress_new(stderr, true);
        g_autofree char *first = progress_text(p, "Packages", 0, 40000000, true, 0);
        g_autofree char *unknown = progress_text(p, "Packages", 0, 0, false, 0);

        g_assert_cmpstr(first, ==, "Packages  0 B of 40.0 MB (0%)");
        g_assert_cmpstr(unknown, ==, "Packages");
        progress_show(p, "Packages", 0, 40000000, true, 0);
        g_autofree char *later =
                progress_text(p, "Packages", 12000000, 40000000, true, 6 * UK_SECOND);
        g_autofree char *ended =
                progress_text(p, "Packages", 40000000, 40000000, true, 20 * UK_SECOND);

        g_assert_cmpstr(later, ==, "Packages  12.0 MB of 40.0 MB (30%)  2.0 MB/s  14 s left");
        g_assert_cmpstr(ended, ==, "Packages  40.0 MB of 40.0 MB (100%)  2.0 MB/s");
        /* A new label begins anew. */
        progress_show(p, "updates", 500, 1500, false, 30 * UK_SECOND);
        g_autofree char *other = progress_text(p, "updates", 1000, 1500, false, 35 * UK_SECOND);

        g_assert_cmpstr(other, ==, "updates  1 000 of 1 500 (66%)  5 s left");
}

/* In a file or a pipe there is no progress line. */
static void
silent_without_a_terminal(void)
{
        FILE *file = tmpfile();
        Progress *p = progress_new(file, false);

        progress_show(p, "Packages", 1, 2, true, 0);
        progress_free(p);
        g_assert_cmpint(ftell(file), ==, 0);
        fclose(file);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cli/output/as-wide-as-need-be", as_wide_as_need_be);
        g_test_add_func("/cli/output/fits-the-terminal", fits_the_terminal);
        g_test_add_func("/cli/output/too-narrow", too_narrow);
        g_test_add_func("/cli/output/wide-characters-keep-the-columns",
                        wide_characters_keep_the_columns);
        g_test_add_func("/cli/output/controls-are-replaced", controls_are_replaced);
        g_test_add_func("/cli/output/ages", ages);
        g_test_add_func("/cli/output/spans-sizes-counts", spans_sizes_counts);
        g_test_add_func("/cli/progress/line", progress_line);
        g_test_add_func("/cli/progress/silent-without-a-terminal", silent_without_a_terminal);
        return g_test_run();
}
