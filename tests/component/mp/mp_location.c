/* Tests of mp_location in a box: the three lookups, which servers are listed, and the log. */
#include <locale.h>
#include <string.h>

#include "component-mp-rows.sql.h"
#include "component/mp/kit.h"
#include "sitedb/sitesystem.h"
#include "sitedb/syncstatus.h"
#include "unit/must.h"
#include "wire/locationdoc.h"

#define REQUEST(version_, internet_, forest_)                                             \
        "<WSUSLocationRequest SchemaVersion=\"1.00\"><Content ID=\"" SOURCE               \
        "\" Version=\"" version_                                                          \
        "\"/><AssignedSite SiteCode=\"PS1\"/><ClientLocationInfo OnInternet=\"" internet_ \
        "\"><ADSite Name=\"CM12-R2-PS1\"/><Forest Name=\"" forest_                        \
        "\"/><Domain Name=\"CONTOSO.COM\"/><IPAddresses><IPAddress "                      \
        "SubnetAddress=\"192.168.2.0\" Address=\"192.168.2.62\"/></IPAddresses>"          \
        "</ClientLocationInfo></WSUSLocationRequest>"

static WsusLocationReply *
ask(World *world, const char *document)
{
        g_auto(Answer) answer =
                world_send(world, "mp_locationmanager", "", NULL, "{LOC}", document);
        WsusLocationReply *reply;

        g_assert_cmpint(answer.status, ==, 200);
        g_assert_nonnull(answer.document);
        MUST((reply = locationdoc_reply_read(answer.document, strlen(answer.document), &failure)) !=
             NULL);
        return reply;
}

static void
add_server(World *world, const char *name, const char *scheme, int port, bool intranet,
           bool internet, const char *forest, gint64 version)
{
        const SiteSystem system = { .site = (char *)SITE,
                                    .role = SITESYSTEM_SUP,
                                    .server = (char *)name,
                                    .scheme = (char *)scheme,
                                    .port = port,
                                    .intranet = intranet,
                                    .internet = internet,
                                    .forest = (char *)forest };
        const SyncStatusReport report = { 1, SITE, SOURCE, true, 0, version, name };
        g_autoptr(DbTx) tx = NULL;

        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST(sitesystem_put(tx, &system, "test", NULL, &failure));
        MUST(syncstatus_record(tx, &report, "test", &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

static char *
urls(const WsusLocationReply *reply)
{
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < reply->locations->len; i++) {
                const WsusLocation *location = g_ptr_array_index(reply->locations, i);

                g_string_append_printf(text, "%s%s=%s", i > 0 ? " " : "", location->url,
                                       location->version);
        }
        return g_string_free(text, FALSE);
}

static void
expect(World *world, const char *document, const char *expected)
{
        g_autoptr(WsusLocationReply) reply = ask(world, document);
        g_autofree char *seen = urls(reply);

        g_assert_cmpstr(reply->site, ==, SITE);
        g_assert_cmpstr(seen, ==, expected);
        g_assert_true((reply->reason[0] != '\0') == (expected[0] == '\0'));
}

static void
only_with_the_version(void)
{
        g_autoptr(World) world = world_new("");

        expect(world, REQUEST("38", "0", "CONTOSO.COM"), "http://PS1SITE.CONTOSO.COM:8530=38");
        /* A newer one is listed too, an older one not (OQ-C11). */
        expect(world, REQUEST("37", "0", "CONTOSO.COM"), "http://PS1SITE.CONTOSO.COM:8530=38");
        expect(world, REQUEST("39", "0", "CONTOSO.COM"), "");
}

static void
why_there_is_none(void)
{
        g_autoptr(World) world = world_new("");
        g_autoptr(WsusLocationReply) old = ask(world, REQUEST("39", "0", "CONTOSO.COM"));
        g_autoptr(WsusLocationReply) outside = ask(world, REQUEST("38", "1", "CONTOSO.COM"));
        g_autoptr(WsusLocationReply) site =
                ask(world, "<WSUSLocationRequest><Content ID=\"" SOURCE
                           "\" Version=\"1\"/><AssignedSite SiteCode=\"XX1\"/>"
                           "</WSUSLocationRequest>");

        g_assert_cmpstr(old->reason, ==,
                        "no update point has version 39 of " SOURCE " yet; the newest is 38");
        g_assert_cmpstr(outside->reason, ==,
                        "site PS1 has no update point for " SOURCE
                        " that takes clients on the Internet");
        g_assert_cmpstr(site->reason, ==, "site 'XX1' is not known here");
}

static void
intranet_and_internet(void)
{
        g_autoptr(World) world = world_new("");

        add_server(world, "PS1SYS.CONTOSO.COM", "https", 8531, false, true, "CONTOSO.COM", 38);
        add_server(world, "PLAIN.CONTOSO.COM", "http", 8530, false, true, "CONTOSO.COM", 38);
        expect(world, REQUEST("38", "1", "CONTOSO.COM"), "https://PS1SYS.CONTOSO.COM:8531=38");
        expect(world, REQUEST("38", "0", "CONTOSO.COM"), "http://PS1SITE.CONTOSO.COM:8530=38");
}

static void
own_forest_first(void)
{
        g_autoptr(World) world = world_new("");

        add_server(world, "OTHER.FABRIKAM.COM", "http", 8530, true, false, "FABRIKAM.COM", 40);
        expect(world, REQUEST("38", "0", "CONTOSO.COM"),
               "http://PS1SITE.CONTOSO.COM:8530=38 http://OTHER.FABRIKAM.COM:8530=40");
        expect(world, REQUEST("38", "0", "FABRIKAM.COM"),
               "http://OTHER.FABRIKAM.COM:8530=40 http://PS1SITE.CONTOSO.COM:8530=38");
        expect(world, REQUEST("39", "0", "CONTOSO.COM"), "http://OTHER.FABRIKAM.COM:8530=40");
}

/* 93-logs, 5.2, and the three procedures in their order when SQL is traced. */
static void
log_lines(void)
{
        g_autoptr(World) world = world_new("[log]\nverbose=*\n");

        expect(world, REQUEST("38", "0", "CONTOSO.COM"), "http://PS1SITE.CONTOSO.COM:8530=38");
        world_await_log(world, "MP_Location.log", "</WSUSLocationReply>");
        world_log_has(world, "MP_Location.log",
                      "MP LM: Message Body : <WSUSLocationRequest SchemaVersion=\"1.00\"><Content",
                      "exec MP_GetMPSitesFromAssignedSite N'PS1'",
                      "exec MP_GetSiteInfoUnified N'<ClientLocationInfo OnInternet=\"0\"><ADSite "
                      "Name=\"CM12-R2-PS1\"/><Forest Name=\"CONTOSO.COM\"/><Domain "
                      "Name=\"CONTOSO.COM\"/><IPAddresses><IPAddress "
                      "SubnetAddress=\"192.168.2.0\" Address=\"192.168.2.62\"/></IPAddresses>"
                      "</ClientLocationInfo>'",
                      "MP LM: calling MP_GetWSUSServerLocations",
                      "exec MP_GetWSUSServerLocations N'" SOURCE
                      "',N'38',N'PS1',N'PS1',N'0',N'CONTOSO.COM'",
                      "MP LM: Reply message body:", "<WSUSLocationReply SchemaVersion=\"1.00\">",
                      NULL);
}

static void
hostile_requests(void)
{
        g_autoptr(World) world = world_new("");
        static const char *const bad[] = {
                "",
                "<WSUSLocationRequest/>",
                "<!DOCTYPE a [<!ENTITY b \"c\">]><WSUSLocationRequest>&b;</WSUSLocationRequest>",
                "<WSUSLocationRequest><Content ID=\"x\" Version=\"1'; DROP TABLE Machines\"/>"
                "</WSUSLocationRequest>",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_auto(Answer) answer =
                        world_send(world, "MP_LocationManager", "", NULL, "{BAD}", bad[i]);

                g_assert_cmpint(answer.status, ==, 400);
        }
        world_log_has(world, "MP_Framework.log",
                      "message '{BAD}': reading a location request:", NULL);
}

/* How far a client has come is noted by its signature alone: who only names it changes nothing. */
static void
noted_when_signed(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0), other = client_get(1);
        g_auto(Answer) own = { 0 };
        g_auto(Answer) foreign = { 0 };
        g_autofree char *seen = NULL;
        bool found = false;

        client_join(world, &client);
        client_join(world, &other);
        own = world_send(world, "MP_LocationManager", client.guid, client.key, "{OWN}",
                         REQUEST("38", "0", "CONTOSO.COM"));
        foreign = world_send(world, "MP_LocationManager", client.guid, other.key, "{FOREIGN}",
                             REQUEST("99", "0", "CONTOSO.COM"));
        g_assert_cmpint(foreign.status, ==, 200);
        world_stop(world); /* writes what was noted */
        MUST(db_text(world->db, &sql_rows_location, DB_ARGS(DB_TEXT("name", client.name)), &seen,
                     &found, &failure));
        g_assert_true(found);
        g_assert_cmpstr(seen, ==, "38 http://PS1SITE.CONTOSO.COM:8530|");
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mp/location/only-with-the-version-COMP-032-COMP-034-COMP-035",
                        only_with_the_version);
        g_test_add_func("/mp/location/why-there-is-none-COMP-035", why_there_is_none);
        g_test_add_func("/mp/location/intranet-and-internet-COMP-035", intranet_and_internet);
        g_test_add_func("/mp/location/own-forest-first-COMP-035", own_forest_first);
        g_test_add_func("/mp/location/log-lines-COMP-032-COMP-033-COMP-034", log_lines);
        g_test_add_func("/mp/location/noted-when-signed", noted_when_signed);
        g_test_add_func("/mp/location/hostile-requests", hostile_requests);
        return g_test_run();
}
