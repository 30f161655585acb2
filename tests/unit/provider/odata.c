/* Tests of src/provider/odata.c and odata_filter.c. */
#include "provider/odata.h"

#include <locale.h>
#include <string.h>

/* The row that filters are tried on. */
static bool
get(gpointer row, const char *property, ODataValue *value_out)
{
        if (strcmp(property, "Name") == 0)
                *value_out = (ODataValue){ .type = ODATA_TEXT, .text = "All it's Systems" };
        else if (strcmp(property, "Count") == 0)
                *value_out = (ODataValue){ .type = ODATA_INT, .number = 7 };
        else if (strcmp(property, "IsLatest") == 0)
                *value_out = (ODataValue){ .type = ODATA_BOOL, .number = 1 };
        else if (strcmp(property, "When") == 0)
                *value_out = (ODataValue){ .type = ODATA_TEXT, .text = "2026-01-20T17:18:55.000Z" };
        else if (strcmp(property, "Nothing") == 0)
                *value_out = (ODataValue){ .type = ODATA_NULL };
        else
                return false;
        return true;
}

static void
expect(const char *text, bool expected)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(ODataFilter) filter = odata_filter_parse(text, &error);
        bool fits = !expected;

        g_assert_no_error(error);
        g_assert_true(odata_filter_fits(filter, get, NULL, &fits, &error));
        g_assert_no_error(error);
        g_test_message("%s", text);
        g_assert_true(fits == expected);
}

static void
filters(void)
{
        expect("Name eq 'all IT''s systems'", true);
        expect("Name ne 'x'", true);
        expect("Count gt 6 and Count lt 8", true);
        expect("Count ge 8 or Count le 6", false);
        expect("Count eq 7.0", true);
        expect("not (Count eq 7)", false);
        expect("not Count eq 6 and IsLatest eq true", true);
        expect("IsLatest eq 1", true);
        expect("startswith(Name,'All') eq true", true);
        expect("startswith(Name,'all')", true);
        expect("contains(Name, 'SYS')", true);
        expect("endswith(Name,'x') eq false", true);
        expect("endswith(Count,'7')", false);
        expect("When ge 2026-01-20T00:00:00Z", true);
        expect("Nothing eq null", true);
        expect("Name gt null", true);
        expect("1 eq 1 or Count eq 0 and 1 eq 2", true);
        expect("(1 eq 1 or Count eq 0) and 1 eq 2", false);
}

static void
refuse(const char *text, const char *words)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(odata_filter_parse(text, &error));
        g_assert_nonnull(strstr(error->message, words));
}

static void
bad_filters(void)
{
        g_autofree char *deep = g_strnfill(100, '(');
        g_autofree char *huge = g_strnfill(ODATA_MAX_TEXT + 1, 'a');
        g_autoptr(ODataFilter) unknown = odata_filter_parse("Colour eq 1", NULL);
        g_autoptr(GError) error = NULL;
        bool fits;

        refuse("Name eq", "a property or a value expected at character 8");
        refuse("Name like 'x'", "eq, ne, lt, le, gt or ge expected");
        refuse("Name eq 'x", "a closing '");
        refuse("(Count eq 1", ") expected");
        refuse("Count eq 1 Count eq 2", "and, or or the end");
        refuse("startswith(Name)", "a comma");
        refuse("", "a property or a value");
        refuse(deep, "less nesting");
        refuse(huge, "above 8192 bytes");
        g_assert_false(odata_filter_fits(unknown, get, NULL, &fits, &error));
        g_assert_cmpstr(error->message, ==, "$filter: the class has no property Colour");
}

static void
path(const char *text, const char *class, const char *key, const char *method)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(ODataPath) got = odata_path_parse(text, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(got->class_name, ==, class);
        g_assert_cmpstr(got->key, ==, key);
        g_assert_cmpstr(got->method, ==, method);
}

static void
paths(void)
{
        path("SMS_Site", "SMS_Site", NULL, NULL);
        path("SMS_Site('PS1')", "SMS_Site", "PS1", NULL);
        path("SMS_SoftwareUpdate(16777345)", "SMS_SoftwareUpdate", "16777345", NULL);
        path("SMS_Package(PackageID='it''s')", "SMS_Package", "it's", NULL);
        path("SMS_SoftwareUpdate.SyncNow", "SMS_SoftwareUpdate", NULL, "SyncNow");
        path("SMS_Package('P')/AdminService.RefreshPkgSource", "SMS_Package", "P",
             "RefreshPkgSource");
        path("SMS_Alert('a.b(c)/d')", "SMS_Alert", "a.b(c)/d", NULL);
        g_assert_null(odata_path_parse("", NULL));
        g_assert_null(odata_path_parse("SMS_Site('x'", NULL));
        g_assert_null(odata_path_parse("SMS_Site/x", NULL));
        g_assert_null(odata_path_parse("SMS_Site.", NULL));
}

static void
options(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(ODataQuery) query = odata_query_parse(
                "Count eq 1", "Name, Count", "Name desc,Count", "5", "10", "true", &error);

        g_assert_no_error(error);
        g_assert_cmpint(query->top, ==, 5);
        g_assert_cmpint(query->skip, ==, 10);
        g_assert_true(query->count);
        g_assert_cmpuint(query->order->len, ==, 2);
        g_assert_true(g_array_index(query->order, ODataOrder, 0).descending);
        g_assert_true(odata_selected(query, "Count"));
        g_assert_false(odata_selected(query, "When"));
        g_assert_null(odata_query_parse(NULL, NULL, NULL, "-1", NULL, NULL, NULL));
        g_assert_null(odata_query_parse(NULL, NULL, NULL, NULL, "x", NULL, NULL));
        g_assert_null(odata_query_parse(NULL, NULL, "Name up", NULL, NULL, NULL, NULL));
}

static void
key_parts(void)
{
        static const struct {
                const char *key, *name, *value;
        } cases[] = {
                { "PackageID='PS100039',ServerNALPath='a'", "PackageID", "PS100039" },
                { "PackageID='PS100039',ServerNALPath='a,b=''c'''", "ServerNALPath", "a,b='c'" },
                { "A=1,B=23", "B", "23" },
                { "A='x',AB='y'", "AB", "y" },
                { "A=''", "A", "" },
                { "A='x", "A", "x" },
                { "A='x',", "B", NULL },
                { "nothing", "A", NULL },
                { "", "A", NULL },
        };

        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *value = odata_key_part(cases[i].key, cases[i].name);

                g_assert_cmpstr(value, ==, cases[i].value);
        }
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/provider/odata/filters", filters);
        g_test_add_func("/provider/odata/bad-filters", bad_filters);
        g_test_add_func("/provider/odata/paths", paths);
        g_test_add_func("/provider/odata/options", options);
        g_test_add_func("/provider/odata/keys-with-several-names", key_parts);
        return g_test_run();
}
