/* Tests of ccm_request and mp_trust in a box: framing, hostile bytes, and the plain queries. */
#include <locale.h>
#include <string.h>

#include "base/clock.h"
#include "base/deflate.h"
#include "base/io.h"
#include "component/mp/kit.h"
#include "crypto/hash.h"
#include "sitedb/sitesystem.h"
#include "unit/must.h"
#include "wire/xml.h"

#define PATH "/ccm_system/request"
#define TYPE "multipart/mixed; boundary=\"b\""

/* Refused with this status, and with this sentence for the sender. */
static void
expect_refused(World *world, const char *type, const void *body, gsize size, long status,
               const char *sentence)
{
        g_auto(Answer) answer = world_post(world, "CCM_POST", PATH, type, body, size);

        g_assert_cmpint(answer.status, ==, status);
        if (strstr(answer.body, sentence) == NULL)
                g_error("the answer does not say \"%s\" but: %s", sentence, answer.body);
}

static void
verbs_and_path(void)
{
        g_autoptr(World) world = world_new("");
        g_auto(Answer) get = world_get(world, PATH);
        g_auto(Answer) big = world_post(world, "POST", "/CCM_System/request", TYPE, "x", 1);
        g_auto(Answer) none = world_get(world, "/nothing");

        g_assert_cmpint(get.status, ==, 405);
        g_assert_cmpint(big.status, ==, 400); /* found, and no message */
        g_assert_cmpint(none.status, ==, 404);
}

static void
bad_framing(void)
{
        g_autoptr(World) world = world_new("");
        static const struct {
                const char *body, *sentence;
        } bodies[] = {
                { "", "the boundary does not occur" },
                { "x", "the boundary does not occur" },
                { "--b\r\n", "a part has no blank line within its first" },
                { "--b\r\n\r\n", "the closing boundary is missing" },
                { "--b\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\nabc\r\n--b--\r\n",
                  "a message of 1 parts" },
                { "--b\r\ncontent-type: text/plain\r\n\r\n<Msg/>\r\n--b\r\n\r\nx\r\n--b--\r\n",
                  "the length '' of the body" },
                { "--b\r\nContent-Length: 99999999999999999999\r\n\r\n<Msg/>\r\n--b--\r\n",
                  "a message of 1 parts" },
        };
        static const struct {
                const char *type, *sentence;
        } types[] = {
                { NULL, "the content type '' is no multipart" },
                { "", "the content type '' is no multipart" },
                { "text/xml", "the content type 'text/xml' is no multipart" },
                { "multipart/mixed", "the content type 'multipart/mixed' has no usable boundary" },
                { "multipart/mixed; boundary=", "boundary=' has no usable boundary" },
                { "multipart/mixed; boundary=\"", "has no usable boundary" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(bodies); i++)
                expect_refused(world, TYPE, bodies[i].body, strlen(bodies[i].body), 400,
                               bodies[i].sentence);
        for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
                expect_refused(world, types[i].type, "--b\r\n\r\n", 7, 400, types[i].sentence);
        world_log_has(world, "MP_Framework.log",
                      "POST /ccm_system/request from 127.0.0.1 is "
                      "answered 400: ",
                      NULL);
}

/* More than a message may have is refused by its length, before it is read. */
static void
too_large(void)
{
        g_autoptr(World) world = world_new("");
        g_autofree char *large = g_malloc0(ENVELOPE_MAX_BYTES + 1);

        expect_refused(world, TYPE, large, ENVELOPE_MAX_BYTES + 1, 413,
                       "the body is larger than the 8388608 bytes that are taken here");
}

static void
append_wide(GByteArray *out, const char *text)
{
        for (; *text != '\0'; text++) {
                g_byte_array_append(out, (const guint8 *)text, 1);
                g_byte_array_append(out, (const guint8 *)"", 1);
        }
}

/* A message of the protocol's form around any second part. */
static GByteArray *
message(const char *envelope, GBytes *part)
{
        GByteArray *out = g_byte_array_new();
        static const char one[] = "--b\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n\xff\xfe";
        static const char two[] = "\r\n--b\r\ncontent-type: application/octet-stream\r\n\r\n";

        g_byte_array_append(out, (const guint8 *)one, sizeof one - 1);
        append_wide(out, envelope);
        g_byte_array_append(out, (const guint8 *)two, sizeof two - 1);
        g_byte_array_append(out, g_bytes_get_data(part, NULL), (guint)g_bytes_get_size(part));
        g_byte_array_append(out, (const guint8 *)"\r\n--b--\r\n", 9);
        return out;
}

/* A hundred megabytes of blanks, packed to a hundredth of a megabyte. */
static void
inflating_bomb(void)
{
        g_autoptr(World) world = world_new("");
        gsize size = 100 * 1024 * 1024;
        g_autofree char *plain = g_malloc0(size);
        g_autoptr(GBytes) packed = deflate_pack(DEFLATE_ZLIB, plain, size);
        g_autoptr(GByteArray) body =
                message("<Msg SchemaVersion=\"1.1\"><ID>{B}</ID><Body Type=\"ByteRange\" "
                        "Offset=\"0\" Length=\"104857600\"/><Hooks><Hook3 Name=\"zlib-compress\"/>"
                        "</Hooks><TargetEndpoint>MP_LocationManager</TargetEndpoint></Msg>",
                        packed);
        gint64 before = uk_clock_mono();

        expect_refused(world, TYPE, body->data, body->len, 413,
                       "decompressed it has more than the 33554432 bytes allowed");
        g_assert_cmpint(uk_clock_mono() - before, <, 5 * UK_SECOND);
}

static void
entity_bomb_in_the_envelope(void)
{
        g_autoptr(World) world = world_new("");
        g_autoptr(GBytes) part = g_bytes_new_static("x", 1);
        g_autoptr(GByteArray) body = message(
                "<!DOCTYPE Msg [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>"
                "<Msg><ID>&b;&b;&b;</ID></Msg>",
                part);

        expect_refused(world, TYPE, body->data, body->len, 400,
                       "XML with a document type is refused");
}

static void
unknown_endpoint(void)
{
        g_autoptr(World) world = world_new("");
        g_auto(Answer) answer =
                world_send(world, "MP_HinvEndpoint", "", NULL, "{HINV}", "<Inventory/>");

        g_assert_cmpint(answer.status, ==, 200);
        g_assert_cmpuint(answer.size, ==, 0);
        g_assert_cmpstr(answer.refused, ==, "there is no endpoint 'MP_HinvEndpoint' here");
        world_log_has(world, "MP_Framework.log",
                      "Message '{HINV}' from 127.0.0.1 is not served: "
                      "there is no endpoint 'MP_HinvEndpoint' here",
                      NULL);
}

/* Bytes without any sense, a thousand times: an answer each time, and the program goes on. */
static void
noise(void)
{
        g_autoptr(World) world = world_new("");
        g_autofree guint8 *bytes = g_malloc(4096);

        for (int i = 0; i < 1000; i++) {
                guint size = (guint)g_test_rand_int_range(1, 4096);

                for (guint k = 0; k < size; k++)
                        bytes[k] = (guint8)g_test_rand_int_range(0, 256);
                memcpy(bytes, "--b\r\n", MIN(size, 5));
                expect_refused(world, TYPE, bytes, size, 400, "\"code\":\"PARSE\"");
        }
}

static char *
query(World *world, const char *path, const char *element)
{
        g_auto(Answer) answer = world_get(world, path);
        g_autoptr(XmlDoc) doc = NULL;

        g_assert_cmpint(answer.status, ==, 200);
        MUST((doc = xml_read(answer.body, answer.size, 1 << 20, &failure)) != NULL);
        g_assert_cmpstr(xml_name(xml_root(doc)), ==, element);
        return xml_dump(xml_root(doc));
}

static void
lists(void)
{
        g_autoptr(World) world = world_new("");
        g_autofree char *own = query(world, "/SMS_MP/.sms_aut?MPLIST", "MPList");
        g_autofree char *named = query(world, "/sms_mp/.sms_aut?mplist2&ps1", "MPList");
        const SiteSystem mp = { .site = (char *)SITE,
                                .role = SITESYSTEM_MP,
                                .server = (char *)"PS1SYS.CONTOSO.COM",
                                .scheme = (char *)"https",
                                .port = 443,
                                .intranet = 1,
                                .forest = (char *)"" };
        g_autoptr(DbTx) tx = NULL;

        g_assert_nonnull(strstr(own, "<MP Name=\"PS1MP\" FQDN=\"PS1MP.CONTOSO.COM\">"));
        g_assert_nonnull(strstr(own, "<Property Name=\"SSLState\" Value=\"0\"/>"));
        g_assert_nonnull(strstr(named, "<MPList SiteCode=\"PS1\">"));
        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST(sitesystem_put(tx, &mp, "test", NULL, &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
        g_autofree char *listed = query(world, "/SMS_MP/.sms_aut?MPLIST", "MPList");

        g_assert_nonnull(strstr(listed, "FQDN=\"PS1SYS.CONTOSO.COM\""));
        g_auto(Answer) other = world_get(world, "/SMS_MP/.sms_aut?MPLIST1&XX1");
        g_auto(Answer) none = world_get(world, "/SMS_MP/.sms_aut?NOSUCH");
        g_auto(Answer) empty = world_get(world, "/SMS_MP/.sms_aut");

        g_assert_cmpint(other.status, ==, 404);
        g_assert_cmpint(none.status, ==, 404);
        g_assert_cmpint(empty.status, ==, 404);
}

/* The hexadecimal text within the one element of an answer, as bytes. */
static GBytes *
hex_of(const char *xml)
{
        const char *start = strchr(xml, '>') + 1;
        gsize size = strcspn(start, "<") / 2;
        guint8 *bytes = g_malloc(size);

        g_assert_true(hash_from_hex(start, 2 * size, bytes, size));
        return g_bytes_new_take(bytes, size);
}

static void
certificates(void)
{
        g_autoptr(World) world = world_new("");
        Client site = client_get(2); /* any certificate will do */
        g_autofree char *path = g_build_filename(world->root, "etc/upkeep/site.crt", NULL);
        const char *pem = sign_key_cert_pem(site.key);
        g_autoptr(GBytes) expected = sign_key_cert_der(site.key);
        g_auto(Answer) early = world_get(world, "/SMS_MP/.sms_aut?SITESIGNCERT");

        g_assert_cmpint(early.status, ==, 503);
        g_assert_nonnull(strstr(early.body, "is upkeep-site running?"));
        MUST(uk_io_replace(path, pem, strlen(pem), 0644, &failure));
        g_autofree char *signing =
                query(world, "/SMS_MP/.sms_aut?SITESIGNCERT", "SiteSigningCertificate");
        g_autofree char *root = query(world, "/SMS_MP/.sms_aut?SMSTRC", "SMSTRC");
        g_autofree char *own = query(world, "/SMS_MP/.sms_aut?MPCERT", "MPCertificate");
        g_autofree char *key =
                query(world, "/SMS_MP/.sms_aut?MPKEYINFORMATION", "MPKEYINFORMATION");
        g_autoptr(GBytes) der = hex_of(signing);
        g_autoptr(GBytes) own_der = hex_of(own);
        g_autoptr(SignCert) cert = NULL;
        g_autofree char *name = NULL;

        g_assert_true(g_bytes_equal(der, expected));
        g_assert_nonnull(strstr(root, "3082")); /* a DER header, as people look for it */
        MUST((cert = sign_cert_read(g_bytes_get_data(own_der, NULL), g_bytes_get_size(own_der),
                                    &failure)) != NULL);
        name = sign_cert_name(cert);
        g_assert_cmpstr(name, ==, "PS1MP.CONTOSO.COM");
        g_assert_nonnull(strstr(key, "<SITECODE>PS1</SITECODE>"));
        g_assert_nonnull(strstr(key, "<PUBLICKEY>0602000000A40000525341"));
}

static void
affinity(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autofree char *path =
                g_strconcat("/SMS_MP/.sms_aut?GETCLIENTAFFINITY&GUID:", client.guid, NULL);
        g_auto(Answer) before = world_get(world, path);

        g_assert_cmpint(before.status, ==, 404);
        client_join(world, &client);
        g_autofree char *after = query(world, path, "ClientAffinity");

        g_assert_nonnull(strstr(after, "<FQDN>PS1MP.CONTOSO.COM</FQDN>"));
}

int
main(int argc, char **argv)
{
        int failed;

        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mp/ccm_request/verbs-and-path-COMP-061", verbs_and_path);
        g_test_add_func("/mp/ccm_request/bad-framing", bad_framing);
        g_test_add_func("/mp/ccm_request/too-large", too_large);
        g_test_add_func("/mp/ccm_request/inflating-bomb", inflating_bomb);
        g_test_add_func("/mp/ccm_request/entity-bomb", entity_bomb_in_the_envelope);
        g_test_add_func("/mp/ccm_request/unknown-endpoint", unknown_endpoint);
        g_test_add_func("/mp/ccm_request/noise", noise);
        g_test_add_func("/mp/trust/lists", lists);
        g_test_add_func("/mp/trust/certificates", certificates);
        g_test_add_func("/mp/trust/affinity", affinity);
        failed = g_test_run();
        clients_free();
        return failed;
}
