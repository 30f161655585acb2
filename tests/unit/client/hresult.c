/* Tests of src/client/hresult.c: the codes that administrators look up. */
#include "client/hresult.h"

static guint32
code_of(UkErrorCode code)
{
        g_autoptr(GError) error = NULL;

        uk_fail(&error, code, "x");
        return hresult_of(error, 0);
}

static void
codes(void)
{
        g_autoptr(GError) foreign = g_error_new_literal(G_FILE_ERROR, 1, "x");

        g_assert_cmphex(code_of(UK_ERROR_NETWORK), ==, 0x80072efd);
        g_assert_cmphex(code_of(UK_ERROR_FULL), ==, 0x80070070);
        g_assert_cmphex(code_of(UK_ERROR_KEY), ==, 0x80004005);
        g_assert_cmphex(hresult_of(foreign, 0), ==, 0x80004005);
        g_assert_cmphex(hresult_of(NULL, 0), ==, 0x80004005);
}

static void
http(void)
{
        g_assert_cmphex(hresult_of(NULL, 503), ==, 0x80244022);
        g_assert_cmphex(hresult_of(NULL, 403), ==, 0x80244018);
        g_assert_cmphex(hresult_of(NULL, 418), ==, 0x80004005);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/hresult/codes-COMP-083", codes);
        g_test_add_func("/client/hresult/http", http);
        return g_test_run();
}
