/* Tests of src/client/scanagent/scanagent_locations.c: which update point a scan goes to. */
#include "client/scanagent/scanagent_private.h"

#define ONE   "http://SUP1.CONTOSO.COM:8530"
#define TWO   "http://SUP2.CONTOSO.COM:8530"
#define OTHER "http://SUP.FABRIKAM.COM:8530"

static WsusLocation one = { (char *)ONE, (char *)"SUP1.CONTOSO.COM", (char *)"38" };
static WsusLocation two = { (char *)TWO, (char *)"SUP2.contoso.com", (char *)"38" };
static WsusLocation other = { (char *)OTHER, (char *)"SUP.FABRIKAM.COM", (char *)"39" };

/* The set of servers that are chosen in a hundred tries, as letters. */
static char *
chosen(const char *last, const char *forest, const char *failed)
{
        WsusLocationReply reply = { .locations = g_ptr_array_new() };
        bool seen[3] = { false };

        g_ptr_array_add(reply.locations, &other);
        g_ptr_array_add(reply.locations, &one);
        g_ptr_array_add(reply.locations, &two);
        for (int i = 0; i < 100; i++) {
                g_autoptr(ScanJob) job = scanjob_new("test", "");

                scanjob_set(&job->failed_locations, failed);
                const WsusLocation *location = scanagent_choose(&reply, job, last, forest);
                seen[location == &one ? 0 : location == &two ? 1 : 2] = true;
        }
        g_ptr_array_unref(reply.locations);
        return g_strdup_printf("%s%s%s", seen[0] ? "1" : "", seen[1] ? "2" : "",
                               seen[2] ? "o" : "");
}

static void
check(const char *last, const char *forest, const char *failed, const char *expected)
{
        g_autofree char *got = chosen(last, forest, failed);

        g_assert_cmpstr(got, ==, expected);
}

/* The last good server as long as it is offered. */
static void
affinity(void)
{
        check(TWO, "CONTOSO.COM", "", "2");
        check(OTHER, "CONTOSO.COM", "", "o");
        check("http://gone:8530", "CONTOSO.COM", "", "12");
}

static void
forest(void)
{
        check("", "CONTOSO.COM", "", "12");
        check("", "", "", "12o");
        check("", "NOWHERE.ORG", "", "o"); /* the first */
        check("", "TOSO.COM", "", "o");    /* a forest is not any end of a name */
}

/* What the job has left is not taken again, until all were tried. */
static void
left(void)
{
        check(TWO, "CONTOSO.COM", TWO "\n", "1");
        check("", "CONTOSO.COM", ONE "\n" TWO "\n", "o");
        check(TWO, "CONTOSO.COM", ONE "\n" TWO "\n" OTHER "\n", "12");
        check("", "CONTOSO.COM", "http://SUP1.CONTOSO.COM:85300\n", "12");
}

/* A failed scan is tried again on the same server. */
static void
retry(void)
{
        WsusLocationReply reply = { .locations = g_ptr_array_new() };
        g_autoptr(ScanJob) job = scanjob_new("test", "");

        g_ptr_array_add(reply.locations, &one);
        g_ptr_array_add(reply.locations, &two);
        scanjob_set(&job->location, TWO);
        job->tries = 1;
        for (int i = 0; i < 50; i++)
                g_assert_true(scanagent_choose(&reply, job, ONE, "") == &two);
        g_ptr_array_unref(reply.locations);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/scanagent-locations/affinity-COMP-081", affinity);
        g_test_add_func("/client/scanagent-locations/forest-COMP-038", forest);
        g_test_add_func("/client/scanagent-locations/left-COMP-082", left);
        g_test_add_func("/client/scanagent-locations/retry-COMP-082", retry);
        return g_test_run();
}
