/* Tests of src/client/locationservices/addresses.c: addresses and the subnets they lie in. */
#include "client/locationservices/addresses.h"

#include <arpa/inet.h>
#include <string.h>

#include "unit/must.h"

static void
subnet(const char *address, const char *mask, int family, const char *expected)
{
        guint8 a[16], m[16];

        g_assert_cmpint(inet_pton(family, address, a), ==, 1);
        g_assert_cmpint(inet_pton(family, mask, m), ==, 1);
        g_autofree char *text = addresses_subnet(a, m, family == AF_INET ? 4 : 16);
        g_assert_cmpstr(text, ==, expected);
}

static void
subnets(void)
{
        subnet("192.168.2.62", "255.255.255.0", AF_INET, "192.168.2.0");
        subnet("10.1.130.7", "255.255.128.0", AF_INET, "10.1.128.0");
        subnet("10.1.2.3", "255.255.255.255", AF_INET, "10.1.2.3");
        subnet("2001:db8:1:2::7", "ffff:ffff:ffff:ffff::", AF_INET6, "2001:db8:1:2::");
}

/* Whatever this machine has: pairs, and no loopback. */
static void
list(void)
{
        g_auto(GStrv) addresses = NULL, subnets_of = NULL;

        MUST(addresses_list(&addresses, &subnets_of, &failure));
        g_assert_cmpuint(g_strv_length(addresses), ==, g_strv_length(subnets_of));
        g_assert_false(g_strv_contains((const char *const *)addresses, "127.0.0.1"));
        g_assert_false(g_strv_contains((const char *const *)addresses, "::1"));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/addresses/subnets-COMP-030", subnets);
        g_test_add_func("/client/addresses/list-COMP-030", list);
        return g_test_run();
}
