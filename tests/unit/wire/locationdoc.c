/* Tests of src/wire/locationdoc.c; the goldens are the specification's samples. */
#include "wire/locationdoc.h"

#include <locale.h>
#include <string.h>

#include "wire/xml.h"

static char *
golden(const char *name)
{
        g_autofree char *path = g_build_filename(g_getenv("UPKEEP_SOURCE_ROOT"),
                                                 "tests/wire/locationdoc", name, NULL);
        char *text;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

static char *
on_the_wire(const char *pretty)
{
        g_autoptr(GRegex) between = g_regex_new(">\\s+<", 0, 0, NULL);
        g_autofree char *text = g_regex_replace_literal(between, pretty, -1, 0, "><", 0, NULL);

        return g_strdup(g_strstrip(text));
}

static void
request_golden(void)
{
        g_autofree char *pretty = golden("request.xml");
        g_autofree char *expected = on_the_wire(pretty);
        g_autoptr(GError) error = NULL;
        g_autoptr(WsusLocationRequest) request =
                locationdoc_request_read(pretty, strlen(pretty), &error);
        g_autofree char *written = NULL;
        g_autofree char *info = NULL;

        g_assert_no_error(error);
        g_assert_cmpstr(request->content_id, ==, "{C2D17964-BBDD-4339-B9F3-12D7205B39CC}");
        g_assert_cmpstr(request->content_version, ==, "38");
        g_assert_cmpstr(request->assigned_site, ==, "PS1");
        g_assert_false(request->on_internet);
        g_assert_cmpstr(request->ad_site, ==, "CM12-R2-PS1");
        g_assert_cmpstr(request->forest, ==, "CONTOSO.COM");
        g_assert_cmpstr(request->addresses[0], ==, "192.168.2.62");
        g_assert_cmpstr(request->subnets[0], ==, "192.168.2.0");
        g_assert_null(request->addresses[1]);
        written = locationdoc_request_write(request);
        g_assert_cmpstr(written, ==, expected);
        info = locationdoc_client_info(request);
        /* As MP_GetSiteInfoUnified gets it in 90-tables, 8. */
        g_assert_cmpstr(info, ==,
                        "<ClientLocationInfo OnInternet=\"0\"><ADSite Name=\"CM12-R2-PS1\"/>"
                        "<Forest Name=\"CONTOSO.COM\"/><Domain Name=\"CONTOSO.COM\"/>"
                        "<IPAddresses><IPAddress SubnetAddress=\"192.168.2.0\" "
                        "Address=\"192.168.2.62\"/></IPAddresses></ClientLocationInfo>");
}

static void
reply_golden(void)
{
        g_autofree char *pretty = golden("reply.xml");
        g_autofree char *expected = on_the_wire(pretty);
        g_autoptr(GError) error = NULL;
        g_autoptr(WsusLocationReply) reply = locationdoc_reply_read(pretty, strlen(pretty), &error);
        g_autofree char *written = NULL;
        const WsusLocation *second;

        g_assert_no_error(error);
        g_assert_cmpstr(reply->site, ==, "PS1");
        g_assert_cmpuint(reply->locations->len, ==, 2);
        second = g_ptr_array_index(reply->locations, 1);
        g_assert_cmpstr(second->url, ==, "https://PS1SYS.CONTOSO.COM:8531");
        g_assert_cmpstr(second->server, ==, "PS1SYS.CONTOSO.COM");
        g_assert_cmpstr(second->version, ==, "38");
        g_assert_cmpstr(reply->reason, ==, "");
        written = locationdoc_reply_write(reply);
        g_assert_cmpstr(written, ==, expected);
}

/* No server qualifies: an empty list (OQ-X06) and an element that says why. */
static void
reply_empty(void)
{
        g_autoptr(WsusLocationReply) reply = locationdoc_reply_new("PS1");
        g_autoptr(WsusLocationReply) again = NULL;
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;

        g_free(reply->reason);
        reply->reason = g_strdup("no update point has version 40 <yet>");
        text = locationdoc_reply_write(reply);
        g_assert_nonnull(strstr(text, "<LocationRecords/></Site></Sites>"));
        again = locationdoc_reply_read(text, strlen(text), &error);
        g_assert_no_error(error);
        g_assert_cmpuint(again->locations->len, ==, 0);
        g_assert_cmpstr(again->reason, ==, "no update point has version 40 <yet>");
}

static void
hostile_requests(void)
{
        GString *many = g_string_new("<WSUSLocationRequest><Content ID=\"{a}\" Version=\"1\"/>"
                                     "<ClientLocationInfo><IPAddresses>");
        g_autofree char *name = g_strnfill(300, 'x');
        g_autofree char *big = g_malloc(LOCATIONDOC_MAX_BYTES + 1);
        g_autofree char *named =
                g_strconcat("<WSUSLocationRequest><Content ID=\"{a}\" Version=\"1\"/><AssignedSite "
                            "SiteCode=\"",
                            name, "\"/></WSUSLocationRequest>", NULL);
        static const char *const bad[] = {
                "",
                "x",
                "<Report/>",
                "<WSUSLocationRequest/>",
                "<WSUSLocationRequest><Content ID=\"{a}\" Version=\"1' OR 1\"/>"
                "</WSUSLocationRequest>",
                "<WSUSLocationRequest><Content ID=\"{a}\" Version=\"-1\"/></WSUSLocationRequest>",
                "<!DOCTYPE a [<!ENTITY x \"y\">]><WSUSLocationRequest/>",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(locationdoc_request_read(bad[i], strlen(bad[i]), &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
                g_assert_true(g_str_has_prefix(error->message, "reading a location request: "));
        }
        for (int i = 0; i < 65; i++)
                g_string_append(many, "<IPAddress Address=\"10.0.0.1\"/>");
        g_string_append(many, "</IPAddresses></ClientLocationInfo></WSUSLocationRequest>");
        memset(big, ' ', LOCATIONDOC_MAX_BYTES + 1);
        const struct {
                const char *text;
                gsize size;
        } large[] = {
                { many->str, many->len },
                { named, strlen(named) },
                { big, LOCATIONDOC_MAX_BYTES + 1 },
        };
        for (gsize i = 0; i < G_N_ELEMENTS(large); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(locationdoc_request_read(large[i].text, large[i].size, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
        }
        g_string_free(many, TRUE);
}

static void
hostile_replies(void)
{
        static const char *const bad[] = {
                "<WSUSLocationRequest/>",
                "<WSUSLocationReply><Sites><Site><LocationRecords><LocationRecord "
                "WSUSURL=\"file:///etc/passwd\" Version=\"1\"/></LocationRecords></Site></Sites>"
                "</WSUSLocationReply>",
                "<WSUSLocationReply><Sites><Site><LocationRecords><LocationRecord "
                "WSUSURL=\"http://a\"/></LocationRecords></Site></Sites></WSUSLocationReply>",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(locationdoc_reply_read(bad[i], strlen(bad[i]), &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        }
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/locationdoc/request-golden-COMP-029-COMP-030", request_golden);
        g_test_add_func("/wire/locationdoc/reply-golden-COMP-034", reply_golden);
        g_test_add_func("/wire/locationdoc/reply-empty-COMP-035", reply_empty);
        g_test_add_func("/wire/locationdoc/hostile-requests", hostile_requests);
        g_test_add_func("/wire/locationdoc/hostile-replies", hostile_replies);
        return g_test_run();
}
