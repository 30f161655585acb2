/* Tests of src/deb/marks.c and source.c. */
#include "deb/marks.h"

#include "deb/source.h"

static char *
mark(const char *installed_size, const char *depends, const char *multi_arch)
{
        Slice values[MARKS_FIELDS] = { slice_of(installed_size), slice_of(depends) };
        char out[MARKS_SIZE];

        values[MARKS_FIELDS - 1] = slice_of(multi_arch);
        g_assert_cmpuint(marks_make(values, out), <, MARKS_SIZE);
        return g_strdup(out);
}

static void
what_differs(void)
{
        g_autofree char *a = mark("100", "libc6 (>= 2.36), x", "same");
        g_autofree char *same = mark("100", "libc6(>=2.36),x", "same");
        g_autofree char *depends = mark("100", "libc6 (>= 2.37), x", "same");
        g_autofree char *two = mark("101", "libc6 (>= 2.36), x", NULL);
        g_autofree char *none = mark(NULL, NULL, "no");
        g_autofree char *d1 = marks_differ(slice_of(a), slice_of(depends));
        g_autofree char *d2 = marks_differ(slice_of(a), slice_of(two));
        g_autofree char *d3 = marks_differ(slice_of(a), slice_of(none));

        g_assert_null(marks_differ(slice_of(a), slice_of(same)));
        g_assert_cmpstr(d1, ==, "Depends");
        g_assert_cmpstr(d2, ==, "Installed-Size, Multi-Arch");
        g_assert_cmpstr(d3, ==, "Installed-Size, Depends, Multi-Arch");
        g_assert_cmpstr(none, ==, "");
}

static void
all_fields_fit(void)
{
        Slice values[MARKS_FIELDS];
        char out[MARKS_SIZE];

        for (guint i = 0; i < MARKS_FIELDS; i++)
                values[i] = slice_of("foreign");
        g_assert_cmpuint(marks_make(values, out), ==, 20);
        g_assert_cmpstr(out + 18, ==, "mf");
}

static void
damaged_marks(void)
{
        g_autofree char *d = marks_differ(slice_of("i3"), slice_of("m"));

        g_assert_cmpstr(d, ==, "Installed-Size, Multi-Arch");
        g_assert_null(marks_differ(slice_of("zz"), slice_of("?")));
}

static void
sources(void)
{
        Slice name, version, package = slice_of("bin"), v = slice_of("1.0-1+b2");

        g_assert_true(source_split(slice_of(""), package, v, &name, &version));
        g_assert_true(slice_equal(name, "bin") && slice_equal(version, "1.0-1+b2"));
        g_assert_true(source_split(slice_of("src"), package, v, &name, &version));
        g_assert_true(slice_equal(name, "src") && slice_equal(version, "1.0-1+b2"));
        g_assert_true(source_split(slice_of("src (1.0-1)"), package, v, &name, &version));
        g_assert_true(slice_equal(name, "src") && slice_equal(version, "1.0-1"));
        g_assert_false(source_split(slice_of("src 1.0"), package, v, &name, &version));
        g_assert_false(source_split(slice_of("src ()"), package, v, &name, &version));
        g_assert_false(source_split(slice_of("src (1) x"), package, v, &name, &version));
        g_assert_true(source_name_valid(slice_of("libfoo2.0+b-1")));
        g_assert_false(source_name_valid(slice_of("a")));
        g_assert_false(source_name_valid(slice_of("../x")));
        g_assert_false(source_name_valid(slice_of("-x")));
        g_assert_false(source_name_valid(slice_of("x/y")));
        g_assert_false(source_name_valid((Slice){ "x\0y", 3 }));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/deb/marks/what-differs-DEB-003", what_differs);
        g_test_add_func("/deb/marks/all-fields-fit-DEB-003", all_fields_fit);
        g_test_add_func("/deb/marks/damaged", damaged_marks);
        g_test_add_func("/deb/source/split-DEB-020", sources);
        return g_test_run();
}
