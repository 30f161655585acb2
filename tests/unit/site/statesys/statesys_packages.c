/* Tests of src/site/statesys/statesys_packages.c. */
#include "site/statesys/statesys_packages.h"

#include <locale.h>

typedef struct {
        GString *text;
        GArray *packages;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
        f->text = g_string_new("left over");
        f->packages = g_array_new(FALSE, FALSE, sizeof(CompliancePackage));
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
        g_string_free(f->text, TRUE);
        g_array_unref(f->packages);
}

static void
check(const Fixture *f, guint place, const char *name, const char *architecture,
      const char *installed, const char *available, bool held)
{
        const CompliancePackage *p = &g_array_index(f->packages, CompliancePackage, place);

        g_assert_cmpstr(p->name, ==, name);
        g_assert_cmpstr(p->architecture, ==, architecture);
        g_assert_cmpstr(p->installed, ==, installed);
        g_assert_cmpstr(p->available, ==, available);
        g_assert_true(p->held == held);
}

static void
good(Fixture *f, gconstpointer unused)
{
        g_assert_true(statesys_packages_read("", f->text, f->packages));
        g_assert_cmpuint(f->packages->len, ==, 0);
        g_assert_true(statesys_packages_read("a all 1 2", f->text, f->packages));
        g_assert_cmpuint(f->packages->len, ==, 1);
        check(f, 0, "a", "all", "1", "2", false);
        g_assert_true(statesys_packages_read(
                "a all 1:1~rc 2+b1 held\nb amd64 0 1 hold\nc i386 1 2\n", f->text, f->packages));
        g_assert_cmpuint(f->packages->len, ==, 3);
        check(f, 0, "a", "all", "1:1~rc", "2+b1", true);
        check(f, 1, "b", "amd64", "0", "1", true);
        check(f, 2, "c", "i386", "1", "2", false);
}

static void
bad(Fixture *f, gconstpointer unused)
{
        const char *const texts[] = {
                "a",          "a b",           "a b c",        "a b c d e",   "a b c d held x",
                "a  b c d",   " a b c d",      "a b c d ",     "\n",          "a b c d\n\n",
                "a b c d\nx", "a b c d  held", "a b c d Held", "a b c d e f", "a b c d e f g h",
        };

        for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
                g_assert_false(statesys_packages_read(texts[i], f->text, f->packages));
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add("/site/statesys/packages/good-DEB-041", Fixture, NULL, set_up, good, tear_down);
        g_test_add("/site/statesys/packages/bad-DEB-041", Fixture, NULL, set_up, bad, tear_down);
        return g_test_run();
}
