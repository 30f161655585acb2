/* Tests of src/wire/wsusclient*.c: every example of the specification is read, looked at, and
 * written again as it was.
 */
#include "wire/wsusclient.h"

#include <locale.h>
#include <string.h>

#include "golden.h"

#define COOKIE "VXBrZWVwLWNvb2tpZS0x"

typedef struct {
        char *text;
        SoapMessage *message;
} Example;

/* An example and the SOAP message in it. */
static Example
example(const char *name)
{
        g_autofree char *file = g_strdup_printf("wsus/%s.xml", name);
        g_autoptr(GError) error = NULL;
        Example e = { .text = golden(file) };

        e.message = soap_read(e.text, strlen(e.text), SOAP_MAX_BYTES, NULL, NULL, &error);
        g_assert_no_error(error);
        return e;
}

static void
example_clear(Example *e)
{
        g_free(e->text);
        soap_message_free(e->message);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Example, example_clear)

static void
expect_same(const Example *e, char *again_take)
{
        g_autofree char *again = again_take;

        g_assert_cmpstr(again, ==, e->text);
}

/* What a text's message is refused with: the name of the parameter. */
#define REFUSED(read_, body_, parameter_)                                                          \
        do {                                                                                       \
                static const char text_[] =                                                        \
                        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>" \
                        "<Op xmlns='n'>" body_ "</Op></s:Body></s:Envelope>";                      \
                g_autoptr(SoapMessage) m_ =                                                        \
                        soap_read(text_, strlen(text_), SOAP_MAX_BYTES, NULL, NULL, NULL);         \
                g_autoptr(GError) error_ = NULL;                                                   \
                g_assert_null(read_(m_->element, &error_));                                        \
                g_assert_true(g_error_matches(error_, UK_ERROR, UK_ERROR_INVALID));                \
                g_assert_cmpstr(error_->message, ==, parameter_);                                  \
        } while (0)

static void
config(void)
{
        g_auto(Example) call = example("getconfig-request");
        g_auto(Example) answer = example("getconfig-response");
        g_autoptr(WsusConfigRequest) request =
                wsusclient_config_request_read(call.message->element, NULL);
        g_autoptr(WsusConfig) c = wsusclient_config_read(answer.message->element, NULL);

        g_assert_cmpstr(request->protocol_version, ==, "2.90");
        expect_same(&call, wsusclient_config_request_write(request));
        g_assert_cmpint(c->last_change_us, ==, G_GINT64_CONSTANT(1768469400000000));
        g_assert_true(c->registration_required);
        g_assert_cmpint(c->max_extended, ==, 50);
        g_assert_cmpstr(c->protocol_version, ==, "3.2");
        g_assert_cmpint(c->reporting_level, ==, 2);
        g_assert_cmpstr(c->auth_url, ==, "SimpleAuthWebService/SimpleAuth.asmx");
        expect_same(&answer, wsusclient_config_write(c));
}

static void
authorization(void)
{
        g_auto(Example) call = example("getauthorizationcookie-request");
        g_auto(Example) answer = example("getauthorizationcookie-response");
        g_autoptr(WsusAuthRequest) r = wsusclient_auth_request_read(call.message->element, NULL);
        g_autofree char *data = wsusclient_auth_read(answer.message->element, NULL);

        g_assert_cmpstr(r->client_id, ==, "f6000000-0000-4000-8000-00000000000a");
        g_assert_cmpstr(r->target_group, ==, "Pilot");
        g_assert_cmpstr(r->dns_name, ==, "pc1.example.test");
        expect_same(&call, wsusclient_auth_request_write(r));
        g_assert_cmpstr(data, ==, "VXBrZWVwLWF1dGgtMg==");
        expect_same(&answer, wsusclient_auth_write(data));
        REFUSED(wsusclient_auth_request_read, "<clientId>a</clientId>", "dnsName");
        REFUSED(wsusclient_auth_request_read, "<dnsName>a</dnsName>", "clientId");
}

static void
cookies(void)
{
        g_auto(Example) call = example("getcookie-request");
        g_auto(Example) answer = example("getcookie-response");
        g_autoptr(WsusCookieRequest) r =
                wsusclient_cookie_request_read(call.message->element, NULL);
        g_autoptr(WsusCookie) cookie = wsusclient_cookie_read(answer.message->element, NULL);

        g_assert_cmpstr(r->auth_data, ==, "VXBrZWVwLWF1dGgtMg==");
        g_assert_cmpstr(r->old.data, ==, ""); /* only its Expiration was sent */
        g_assert_cmpint(r->last_change_us, ==, G_GINT64_CONSTANT(1768469400000000));
        g_assert_cmpstr(r->protocol_version, ==, "2.90");
        expect_same(&call, wsusclient_cookie_request_write(r));
        g_assert_cmpstr(cookie->data, ==, COOKIE);
        g_assert_cmpint(cookie->expiration_us, ==, G_GINT64_CONSTANT(1772366400000000));
        expect_same(&answer, wsusclient_cookie_write(cookie));
        REFUSED(wsusclient_cookie_request_read, "<oldCookie/>", "protocolVersion");
}

/* The clear text of a cookie is not trusted, so nothing in it is refused either. */
static void
odd_cookies(void)
{
        static const char text[] =
                "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><Op>"
                "<oldCookie xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='true'>"
                "<EncryptedData>x</EncryptedData></oldCookie><authCookies><AuthorizationCookie>"
                "<CookieData>\n a b </CookieData></AuthorizationCookie></authCookies>"
                "<lastChange>yesterday</lastChange><protocolVersion>1.8</protocolVersion></Op>"
                "</s:Body></s:Envelope>";
        g_autoptr(SoapMessage) m = soap_read(text, strlen(text), SOAP_MAX_BYTES, NULL, NULL, NULL);
        g_autoptr(WsusCookieRequest) r = wsusclient_cookie_request_read(m->element, NULL);

        g_assert_cmpstr(r->old.data, ==, "");
        g_assert_cmpstr(r->auth_data, ==, "ab");
        g_assert_cmpint(r->last_change_us, ==, 0);
}

static void
computers(void)
{
        g_auto(Example) call = example("registercomputer-request");
        g_auto(Example) answer = example("registercomputer-response");
        g_autoptr(WsusComputer) c = wsusclient_computer_read(call.message->element, NULL);
        g_auto(GStrv) halves = g_strsplit(call.text, "2025-05-01T00:00:00<", 2);
        g_autofree char *zoned = g_strjoin("2025-05-01T00:00:00Z<", halves[0], halves[1], NULL);
        g_autofree char *again = wsusclient_computer_write(c);

        g_assert_cmpstr(c->cookie.data, ==, COOKIE);
        g_assert_cmpstr(c->dns_name, ==, "pc1.example.test");
        g_assert_cmpint(c->os_build, ==, 26100);
        g_assert_cmpstr(c->architecture, ==, "AMD64");
        g_assert_cmpint(c->suite_mask, ==, 256);
        g_assert_cmpint(c->new_product_type, ==, 48);
        g_assert_cmpint(c->client_build, ==, 30012);
        g_assert_cmpstr(c->os_description, ==, "Windows 10 Pro");
        g_assert_cmpstr(again, ==, zoned);
        expect_same(&answer, wsusclient_computer_answer_write());

        static const char junk[] =
                "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><Op>"
                "<computerInfo><OSMajorVersion>ten</OSMajorVersion><BiosReleaseDate>0001-01-01"
                "T00:00:00</BiosReleaseDate></computerInfo></Op></s:Body></s:Envelope>";
        g_autoptr(SoapMessage) m = soap_read(junk, strlen(junk), SOAP_MAX_BYTES, NULL, NULL, NULL);
        g_autoptr(WsusComputer) odd = wsusclient_computer_read(m->element, NULL);
        g_assert_nonnull(odd); /* for information only: never refused */
        g_assert_cmpint(odd->os_major, ==, 0);
}

static void
category_scans(void)
{
        g_auto(Example) call = example("startcategoryscan-request");
        g_auto(Example) answer = example("startcategoryscan-response");
        g_autoptr(GPtrArray) wishes = wsusclient_category_scan_read(call.message->element, NULL);
        g_autoptr(GPtrArray) none = g_ptr_array_new();
        g_autoptr(GPtrArray) preferred = g_ptr_array_new();
        const WsusCategoryWish *second = wishes->pdata[1];

        g_assert_cmpuint(wishes->len, ==, 2);
        g_assert_cmpint(second->group, ==, 0);
        g_assert_cmpstr(second->category, ==, "0fa1201d-4330-4fa8-8ae9-b877473b6441");
        g_ptr_array_add(preferred, ((WsusCategoryWish *)wishes->pdata[0])->category);
        expect_same(&answer, wsusclient_category_scan_answer_write(preferred, none));
        REFUSED(wsusclient_category_scan_read,
                "<requestedCategories><CategoryRelationship><IndexOfAndGroup>0</IndexOfAndGroup>"
                "</CategoryRelationship></requestedCategories>",
                "CategoryId");
}

static gint64
int_at(const GArray *ints, guint i)
{
        return g_array_index(ints, gint64, i);
}

static void
rounds_of_a_scan(void)
{
        static const char *const names[] = { "syncupdates-1", "syncupdates-2", "syncupdates-3",
                                             "syncupdates-withdrawn", "syncupdates-drivers" };

        for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *in = g_strdup_printf("%s-request", names[i]);
                g_autofree char *out = g_strdup_printf("%s-response", names[i]);
                g_auto(Example) call = example(in);
                g_auto(Example) answer = example(out);
                g_autoptr(GError) error = NULL;
                g_autoptr(WsusSyncRequest) request =
                        wsusclient_sync_request_read(call.message->element, &error);
                g_autoptr(WsusSyncReply) reply =
                        wsusclient_sync_reply_read(answer.message->element, &error);

                g_assert_no_error(error);
                g_assert_cmpstr(request->cookie.data, ==, COOKIE);
                g_assert_true(request->two_groups);
                g_assert_cmpint(request->has_system_spec, ==, i == 4);
                g_assert_cmpint(request->skip_software, ==, i == 4);
                if (i < 4) /* our clients have no devices to send */
                        expect_same(&call, wsusclient_sync_request_write(request));
                expect_same(&answer, wsusclient_sync_reply_write(reply));
        }
}

static void
members_of_a_scan(void)
{
        g_auto(Example) call = example("syncupdates-withdrawn-request");
        g_auto(Example) changes = example("syncupdates-withdrawn-response");
        g_auto(Example) news = example("syncupdates-3-response");
        g_autoptr(WsusSyncRequest) r = wsusclient_sync_request_read(call.message->element, NULL);
        g_autoptr(WsusSyncReply) changed =
                wsusclient_sync_reply_read(changes.message->element, NULL);
        g_autoptr(WsusSyncReply) added = wsusclient_sync_reply_read(news.message->element, NULL);
        const WsusUpdateInfo *update = changed->changed->pdata[0];
        const WsusUpdateInfo *bundle = added->added->pdata[1];

        g_assert_cmpuint(r->installed->len, ==, 4);
        g_assert_cmpint(int_at(r->installed, 3), ==, 14);
        g_assert_cmpuint(r->cached->len, ==, 2);
        g_assert_cmpint(int_at(r->cached, 1), ==, 22);
        g_assert_cmpint(update->id, ==, 22);
        g_assert_cmpstr(update->deployment.action, ==, "PreDeploymentCheck");
        g_assert_cmpint(update->deployment.last_change_us, ==, G_GINT64_CONSTANT(1771545600000000));
        g_assert_null(update->xml);
        g_assert_true(update->leaf);
        g_assert_true(g_str_has_prefix(bundle->xml,
                                       "<UpdateIdentity UpdateID=\"a1000000-0000-4000-"
                                       "8000-000000000010\" RevisionNumber=\"101\"/>"));
        g_assert_true(added->drivers_not_needed);
        g_assert_false(added->truncated);
        g_assert_cmpstr(added->cookie.data, ==, "VXBrZWVwLWNvb2tpZS0y");
}

/* What an old agent does not know is not sent to it. */
static void
old_agents(void)
{
        g_autoptr(WsusSyncReply) reply = wsusclient_sync_reply_new();
        WsusUpdateInfo *update = wsusclient_update_new(5, 6, "Install", true, "<a/>");
        gint64 out = 9;

        update->deployment.deadline_us = G_GINT64_CONSTANT(1772352930000000);
        g_ptr_array_add(reply->added, update);
        g_array_append_val(reply->out_of_scope, out);
        reply->cookie.data = g_strdup("eA==");
        reply->since_1_7 = reply->since_1_8 = false;
        g_autofree char *text = wsusclient_sync_reply_write(reply);
        g_assert_nonnull(strstr(text, "<Deployment><ID>6</ID><Action>Install</Action><Deadline>"
                                      "2026-03-01T08:15:30Z</Deadline><IsAssigned>true</IsAssigned>"
                                      "<LastChangeTime>1970-01-01</LastChangeTime></Deployment>"));
        g_assert_nonnull(strstr(text, "<Xml>&lt;a/&gt;</Xml>"));
        g_assert_nonnull(strstr(text, "<OutOfScopeRevisionIDs><int>9</int>"));
        g_assert_null(strstr(text, "DriverSyncNotNeeded"));
        g_assert_null(strstr(text, "AutoSelect"));
        g_assert_null(strstr(text, "upkeep"));
}

static void
refused_scans(void)
{
        REFUSED(wsusclient_sync_request_read, "", "parameters");
        REFUSED(wsusclient_sync_request_read,
                "<parameters><InstalledNonLeafUpdateIDs><int>x</int></InstalledNonLeafUpdateIDs>"
                "</parameters>",
                "parameters.InstalledNonLeafUpdateIDs");
        REFUSED(wsusclient_sync_request_read,
                "<parameters><SystemSpec><Device/></SystemSpec></parameters>",
                "parameters.SystemSpec");
        REFUSED(wsusclient_sync_request_read,
                "<parameters><SkipSoftwareSync>maybe</SkipSoftwareSync></parameters>",
                "parameters.SkipSoftwareSync");
}

/* What an agent sends, with this in the place of its long list. */
static char *
long_request(const char *list)
{
        return g_strconcat(
                "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>"
                "<SyncUpdates xmlns='" WSUSCLIENT_NS "'><parameters>",
                list, "</parameters></SyncUpdates></s:Body></s:Envelope>", NULL);
}

/* How many numbers the request has, read the long way or the short one; -1 if it is refused. */
static int
count_cached(const char *text, bool lift, bool *lifted_out)
{
        g_auto(WsusLifted) lifted = { 0 };
        bool is_lifted = lift && wsusclient_lift_read(text, strlen(text), &lifted);
        const char *rest = is_lifted ? lifted.document : text;
        g_autoptr(SoapMessage) m = soap_read(rest, strlen(rest), SOAP_MAX_BYTES, NULL, NULL, NULL);
        g_autoptr(WsusSyncRequest) r =
                m != NULL ? wsusclient_sync_request_read(m->element, NULL) : NULL;

        if (lifted_out != NULL)
                *lifted_out = is_lifted;
        if (r == NULL)
                return -1;
        wsusclient_lift_return(&lifted, m->element, r);
        return (int)r->cached->len;
}

/* The long list is the same by the short way, and left to the long way where it is not plain. */
static void
lifted_lists(void)
{
        static const struct {
                const char *list;
                bool lifted;
                int count;
        } cases[] = {
                { "<OtherCachedUpdateIDs><int>12</int><int>7</int></OtherCachedUpdateIDs>", true,
                  2 },
                { "<OtherCachedUpdateIDs>\n <int>1</int>\t</OtherCachedUpdateIDs>", true, 1 },
                { "<OtherCachedUpdateIDs></OtherCachedUpdateIDs>", true, 0 },
                { "<OtherCachedUpdateIDs/>", false, 0 },
                { "<OtherCachedUpdateIDs><int>-1</int></OtherCachedUpdateIDs>", false, 1 },
                { "<OtherCachedUpdateIDs><int> 1</int></OtherCachedUpdateIDs>", false, 1 },
                { "<OtherCachedUpdateIDs><int>&#49;</int></OtherCachedUpdateIDs>", false, 1 },
                { "<OtherCachedUpdateIDs><int></int></OtherCachedUpdateIDs>", false, -1 },
                { "<OtherCachedUpdateIDs><int>1</int>", false, -1 },
                { "<OtherCachedUpdateIDs><int>1</int></Other>", false, -1 },
                { "<OtherCachedUpdateIDs><int>123456789012345678901</int></OtherCachedUpdateIDs>",
                  false, -1 },
                { "<!--<OtherCachedUpdateIDs><int>1</int></OtherCachedUpdateIDs>-->", false, 0 },
                { "<?x <OtherCachedUpdateIDs><int>1</int></OtherCachedUpdateIDs>?>", false, 0 },
                { "<x><OtherCachedUpdateIDs><int>1</int></OtherCachedUpdateIDs></x>", true, 0 },
                { "<OtherCachedUpdateIDs lifted='true'/>", false, 0 },
        };

        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = long_request(cases[i].list);
                bool lifted;

                g_test_message("%s", cases[i].list);
                g_assert_cmpint(count_cached(text, false, NULL), ==, cases[i].count);
                g_assert_cmpint(count_cached(text, true, &lifted), ==, cases[i].count);
                g_assert_cmpint(lifted, ==, cases[i].lifted);
        }
}

static void
lifted_numbers(void)
{
        static const char list[] = "<OtherCachedUpdateIDs><int>12</int><int>2147483647</int>"
                                   "</OtherCachedUpdateIDs>";
        g_auto(WsusLifted) lifted = { 0 };
        g_autoptr(GString) many = g_string_new("<OtherCachedUpdateIDs>");

        g_assert_true(wsusclient_lift_read(list, strlen(list), &lifted));
        g_assert_cmpint(int_at(lifted.cached, 0), ==, 12);
        g_assert_cmpint(int_at(lifted.cached, 1), ==, 2147483647);
        wsusclient_lift_clear(&lifted);
        for (int i = 0; i <= 100000; i++)
                g_string_append(many, "<int>1</int>");
        g_string_append(many, "</OtherCachedUpdateIDs>");
        /* More than there may be is for the reader that refuses it. */
        g_assert_false(wsusclient_lift_read(many->str, many->len, &lifted));
        g_assert_false(wsusclient_lift_read("", 0, &lifted));
}

static void
refreshed_caches(void)
{
        g_auto(Example) call = example("refreshcache-request");
        g_auto(Example) answer = example("refreshcache-response");
        g_autoptr(WsusRefreshRequest) r =
                wsusclient_refresh_request_read(call.message->element, NULL);
        g_autoptr(GPtrArray) updates =
                g_ptr_array_new_with_free_func((GDestroyNotify)wsusclient_update_free);
        g_autoptr(GPtrArray) identities = g_ptr_array_new();
        const WsusIdentity *second = r->identities->pdata[1];
        WsusUpdateInfo *update = wsusclient_update_new(22, 506, "Install", true, NULL);

        g_assert_cmpuint(r->identities->len, ==, 2);
        g_assert_cmpstr(second->update_id, ==, "a1000000-0000-4000-8000-000000000009");
        g_assert_cmpint(second->revision, ==, 100);
        update->deployment.last_change_us = G_GINT64_CONSTANT(1771545600000000);
        g_ptr_array_add(updates, update);
        g_ptr_array_add(identities, r->identities->pdata[0]);
        expect_same(&answer, wsusclient_refresh_answer_write(updates, identities));
        REFUSED(wsusclient_refresh_request_read,
                "<globalIDs><UpdateIdentity><UpdateID>x</UpdateID></UpdateIdentity></globalIDs>",
                "UpdateID");
}

static void
extended(void)
{
        g_auto(Example) call = example("getextendedupdateinfo-request");
        g_auto(Example) answer = example("getextendedupdateinfo-response");
        g_autoptr(GError) error = NULL;
        g_autoptr(WsusExtendedRequest) r =
                wsusclient_extended_request_read(call.message->element, &error);
        g_autoptr(WsusExtendedReply) reply =
                wsusclient_extended_reply_read(answer.message->element, &error);
        const WsusFileLocation *file = reply->locations->pdata[0];
        const WsusFragment *last = reply->fragments->pdata[3];

        g_assert_no_error(error);
        g_assert_cmpint(int_at(r->revisions, 1), ==, 22);
        g_assert_cmpstr(r->info_types->pdata[1], ==, "LocalizedProperties");
        g_assert_cmpstr(r->locales->pdata[0], ==, "en-US");
        expect_same(&call, wsusclient_extended_request_write(r));
        g_assert_cmpuint(reply->fragments->len, ==, 4);
        g_assert_cmpint(last->id, ==, 22);
        g_assert_true(g_str_has_prefix(last->xml, "<LocalizedProperties><Language>en</Language>"));
        g_assert_cmpstr(file->digest, ==, "yUhPfczjUycirbwXIs3Xd06nh00=");
        g_assert_true(g_str_has_suffix(file->url, "4EA7874D.cab"));
        expect_same(&answer, wsusclient_extended_reply_write(reply));
        REFUSED(wsusclient_extended_request_read, "", "revisionIDs");
        REFUSED(wsusclient_extended_request_read, "<revisionIDs/>", "infoTypes");
        REFUSED(wsusclient_extended_request_read, "<revisionIDs/><infoTypes/>", "infoTypes");
        REFUSED(wsusclient_extended_request_read,
                "<revisionIDs/><infoTypes><XmlUpdateFragmentType>Eula</XmlUpdateFragmentType>"
                "</infoTypes>",
                "locales");
}

static void
locations(void)
{
        g_auto(Example) call = example("getfilelocations-request");
        g_auto(Example) answer = example("getfilelocations-response");
        g_autoptr(WsusLocationsRequest) r =
                wsusclient_locations_request_read(call.message->element, NULL);
        g_autoptr(WsusLocationsReply) reply =
                wsusclient_locations_reply_read(answer.message->element, NULL);

        g_assert_cmpstr(r->digests->pdata[0], ==, "yUhPfczjUycirbwXIs3Xd06nh00=");
        expect_same(&call, wsusclient_locations_request_write(r));
        g_assert_cmpuint(reply->locations->len, ==, 1);
        expect_same(&answer, wsusclient_locations_reply_write(reply));
        REFUSED(wsusclient_locations_request_read,
                "<fileDigests><base64Binary>AAAA</base64Binary></fileDigests>", "fileDigests");
}

static void
events(void)
{
        g_auto(Example) call = example("reporteventbatch-request");
        g_auto(Example) answer = example("reporteventbatch-response");
        g_autoptr(GError) error = NULL;
        g_autoptr(WsusEventBatch) b = wsusclient_events_read(call.message->element, &error);
        const WsusEvent *scan = b->events->pdata[0];
        const WsusEvent *status = b->events->pdata[1];
        bool stored = false;

        g_assert_no_error(error);
        g_assert_cmpuint(b->events->len, ==, 2);
        g_assert_cmpint(b->client_time_us, ==, G_GINT64_CONSTANT(1772363160125000));
        g_assert_cmpstr(scan->sid, ==, "f6000000-0000-4000-8000-00000000000a");
        g_assert_cmpint(scan->time_us, ==, G_GINT64_CONSTANT(1772362862500000));
        g_assert_cmpstr(scan->instance_id, ==, "e5000000-0000-4000-8000-000000000e01");
        g_assert_cmpint(scan->event_id, ==, 147);
        g_assert_cmpint(scan->source_id, ==, 101);
        g_assert_cmpstr(scan->app_name, ==, "UpdateOrchestrator");
        g_assert_cmpstr(scan->strings->pdata[0], ==, "1");
        g_assert_cmpstr(wsusclient_event_misc(scan, 'G'), ==, "1507.2601.30012.0");
        g_assert_null(wsusclient_event_misc(scan, 'U'));
        g_assert_cmpint(scan->os_build, ==, 26100);
        g_assert_cmpstr(wsusclient_event_misc(status, 'U'), ==,
                        "A1000000-0000-4000-8000-000000000010");
        g_assert_cmpstr(wsusclient_event_misc(status, 'V'), ==, "");
        g_assert_cmpuint(status->strings->len, ==, 0);

        g_autofree char *again = wsusclient_events_write(b);
        g_auto(GStrv) halves = g_strsplit(call.text, "06:00.125Z", 2);
        g_autofree char *first = g_strjoin("06:00.1250000Z", halves[0], halves[1], NULL);
        g_auto(GStrv) more = g_strsplit(first, "01:02.5Z", 2);
        g_autofree char *expected = g_strjoin("01:02.5000000Z", more[0], more[1], NULL);
        g_assert_cmpstr(again, ==, expected);

        g_assert_true(wsusclient_events_answer_read(answer.message->element, &stored, NULL));
        g_assert_true(stored);
        expect_same(&answer, wsusclient_events_answer_write(true));
        REFUSED(wsusclient_events_read,
                "<eventBatch><ReportingEvent><BasicData><TargetID><Sid>s</Sid></TargetID>"
                "</BasicData></ReportingEvent></eventBatch>",
                "BasicData/EventInstanceID");
}

static void
event_of_ours(void)
{
        WsusEvent *event = wsusclient_event_new();
        WsusEventBatch batch = { .cookie = { .data = (char *)COOKIE },
                                 .events = g_ptr_array_new_with_free_func(
                                         (GDestroyNotify)wsusclient_event_free) };

        event->sid = g_strdup("s");
        event->instance_id = g_strdup("e5000000-0000-4000-8000-000000000e01");
        event->event_id = 148;
        event->hresult = -2145124329;
        g_ptr_array_add(event->misc, g_strdup("D=1"));
        g_ptr_array_add(batch.events, event);
        g_autofree char *text = wsusclient_events_write(&batch);
        g_autoptr(SoapMessage) m = soap_read(text, strlen(text), SOAP_MAX_BYTES, NULL, NULL, NULL);
        g_autoptr(WsusEventBatch) read = wsusclient_events_read(m->element, NULL);
        const WsusEvent *got = read->events->pdata[0];
        g_assert_cmpint(got->hresult, ==, -2145124329);
        g_assert_cmpint(got->namespace_id, ==, 1);
        g_assert_cmpstr(got->app_name, ==, "");
        g_ptr_array_unref(batch.events);
}

/* An answer to another call, or one without its result, is refused. */
static void
wrong_answers(void)
{
        g_auto(Example) answer = example("getcookie-response");
        g_autoptr(GError) error = NULL;
        bool stored;

        g_assert_null(wsusclient_config_read(answer.message->element, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
        g_assert_null(wsusclient_auth_read(answer.message->element, NULL));
        g_assert_null(wsusclient_sync_reply_read(answer.message->element, NULL));
        g_assert_null(wsusclient_extended_reply_read(answer.message->element, NULL));
        g_assert_null(wsusclient_locations_reply_read(answer.message->element, NULL));
        g_assert_false(wsusclient_events_answer_read(answer.message->element, &stored, NULL));
        g_auto(Example) other = example("getconfig-response");
        g_assert_null(wsusclient_cookie_read(other.message->element, NULL));
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/wsusclient/config", config);
        g_test_add_func("/wire/wsusclient/authorization", authorization);
        g_test_add_func("/wire/wsusclient/cookies", cookies);
        g_test_add_func("/wire/wsusclient/odd-cookies", odd_cookies);
        g_test_add_func("/wire/wsusclient/computers", computers);
        g_test_add_func("/wire/wsusclient/category-scans", category_scans);
        g_test_add_func("/wire/wsusclient/rounds-of-a-scan", rounds_of_a_scan);
        g_test_add_func("/wire/wsusclient/members-of-a-scan", members_of_a_scan);
        g_test_add_func("/wire/wsusclient/old-agents", old_agents);
        g_test_add_func("/wire/wsusclient/refused-scans", refused_scans);
        g_test_add_func("/wire/wsusclient/lifted-lists", lifted_lists);
        g_test_add_func("/wire/wsusclient/lifted-numbers", lifted_numbers);
        g_test_add_func("/wire/wsusclient/refreshed-caches", refreshed_caches);
        g_test_add_func("/wire/wsusclient/extended", extended);
        g_test_add_func("/wire/wsusclient/locations", locations);
        g_test_add_func("/wire/wsusclient/events", events);
        g_test_add_func("/wire/wsusclient/event-of-ours", event_of_ours);
        g_test_add_func("/wire/wsusclient/wrong-answers", wrong_answers);
        return g_test_run();
}
