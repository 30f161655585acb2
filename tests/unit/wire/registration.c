/* Tests of src/wire/registration.c. The certificate is openssl's; the signature is checked with
 * the crypto folder, as the management point does.
 */
#include "wire/registration.h"

#include <locale.h>
#include <string.h>

#include "wire/utf16.h"
#include "wire/xml.h"

/* openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=t */
static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIB9jCCAV+gAwIBAgIUNtH2+h1if1tTZBCtF1L9zW4MOXIwDQYJKoZIhvcNAQEL\n"
                          "BQAwDDEKMAgGA1UEAwwBdDAgFw0yNjExMjEyMjE0MjRaGA8yMTI2MTAyODIyMTQy\n"
                          "NFowDDEKMAgGA1UEAwwBdDCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEA06li\n"
                          "cGDPgtaYibaSjN9pnvzoWYbCIfYjIn1++CXwkvlR+PVQP7dZcAA/7X9JFSIMa6MN\n"
                          "i2j9ERTblAmBNtbhgG5xIlqdzHzZFNhVxe8rRzsyN7r3eKw7cbNEryUUsgljVRG5\n"
                          "Q7QDmfuwZMdUB+NrFajficfVWR47MWrOP/V0ZGUCAwEAAaNTMFEwHQYDVR0OBBYE\n"
                          "FPnVZg+8rbuyzxYwFyd/FObbKKqqMB8GA1UdIwQYMBaAFPnVZg+8rbuyzxYwFyd/\n"
                          "FObbKKqqMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADgYEAOFMFTLRg\n"
                          "DxGIAarmJ2viiapuW92MaZpJ7684kv8GVz2PstipGfJ1BW5DW+H/hUs08qPGpQby\n"
                          "zyIEeC47jq7FBSxglizsboubIUBrYwxA2xNLWIz4YfB4kMLDcd4A4vvft37kY030\n"
                          "xmTYI5F5LPhnt/qTKQHlvH+VAQ1hmvLAVZI=\n"
                          "-----END CERTIFICATE-----\n";
static const char der_hex[] =
        "308201F63082015FA003020102021436D1F6FA1D627F5B536410AD1752FDCD6E0C3972300D06092A"
        "864886F70D01010B0500300C310A300806035504030C01743020170D323631313231323231343234"
        "5A180F32313236313032383232313432345A300C310A300806035504030C017430819F300D06092A"
        "864886F70D010101050003818D0030818902818100D3A9627060CF82D69889B6928CDF699EFCE859"
        "86C221F623227D7EF825F092F951F8F5503FB75970003FED7F4915220C6BA30D8B68FD1114DB9409"
        "8136D6E1806E71225A9DCC7CD914D855C5EF2B473B3237BAF778AC3B71B344AF2514B209635511B9"
        "43B40399FBB064C75407E36B15A8DF89C7D5591E3B316ACE3FF57464650203010001A3533051301D"
        "0603551D0E04160414F9D5660FBCADBBB2CF163017277F14E6DB28AAAA301F0603551D2304183016"
        "8014F9D5660FBCADBBB2CF163017277F14E6DB28AAAA300F0603551D130101FF040530030101FF30"
        "0D06092A864886F70D01010B0500038181003853054CB4600F118801AAE6276BE289AA6E5BDD8C69"
        "9A49EFAF3892FF06573D8FB2D8A919F275056E435BE1FF854B34F2A3C6A506F2CF2204782E3B8EAE"
        "C5052C60962CEC6E8B9B21406B630C40DB134B588CF861F07890C2C371DE00E2FBDFB77EE4634DF4"
        "C664D82391792CF867B7FA932901E5BC7F95010D619AF2C05592";

#define SMSID "A1006D0E-CF56-41D1-A006-6330EFC39381"

/* A signature that shows the order of its bytes and what it was made over. */
static GBytes *
sign_plainly(gpointer user, const void *data, gsize size, GError **error)
{
        GByteArray *covered = user;

        g_byte_array_append(covered, data, (guint)size);
        return g_bytes_new("\x01\x02\xff", 3);
}

static GBytes *
refuse_to_sign(gpointer user, const void *data, gsize size, GError **error)
{
        uk_fail(error, UK_ERROR_KEY, "no key");
        return NULL;
}

static RegistrationRequest
sample(void)
{
        return (RegistrationRequest){
                .smsid = (char *)SMSID,
                .time_us = G_GINT64_CONSTANT(1768928400000000),
                .agent_version = (char *)"0.1.0",
                .certificate = (char *)pem,
                .netbios_name = (char *)"PS1WIN7X64",
                .fq_name = (char *)"PS1WIN7X64.CONTOSO.COM",
                .os = (char *)"Debian GNU/Linux",
                .os_version = (char *)"12",
                .architecture = (char *)"amd64",
        };
}

static char *
write_sample(const RegistrationRequest *request, GByteArray *covered)
{
        g_autoptr(GError) error = NULL;
        char *text = registration_request_write(request, sign_plainly, covered, &error);

        g_assert_no_error(error);
        return text;
}

static void
request_there_and_back(void)
{
        RegistrationRequest request = sample();
        g_autoptr(GByteArray) covered = g_byte_array_new();
        g_autofree char *text = write_sample(&request, covered);
        g_autoptr(GError) error = NULL;
        g_autoptr(RegistrationRequest) read = registration_request_read(text, strlen(text), &error);
        g_autoptr(GBytes) signed_bytes = NULL;

        g_assert_no_error(error);
        g_assert_nonnull(strstr(text, der_hex));
        g_assert_cmpstr(read->smsid, ==, SMSID);
        g_assert_cmpstr(read->certificate, ==, pem);
        g_assert_cmpstr(read->netbios_name, ==, "PS1WIN7X64");
        g_assert_cmpstr(read->fq_name, ==, "PS1WIN7X64.CONTOSO.COM");
        g_assert_cmpstr(read->os, ==, "Debian GNU/Linux");
        g_assert_cmpstr(read->os_version, ==, "12");
        g_assert_cmpstr(read->architecture, ==, "amd64");
        g_assert_cmpstr(read->agent_version, ==, "0.1.0");
        g_assert_false(read->confirmation);
        g_assert_cmpint(read->time_us, ==, request.time_us);
        /* Reversed, as the messages' signatures are. */
        g_assert_cmpstr(read->signature, ==, "FF0201");
        signed_bytes = registration_signed_bytes(read->data, &error);
        g_assert_no_error(error);
        g_assert_cmpmem(g_bytes_get_data(signed_bytes, NULL), g_bytes_get_size(signed_bytes),
                        covered->data, covered->len);
        g_assert_cmpmem(covered->data, 12, "<\0D\0a\0t\0a\0 \0", 12);
}

static void
request_for_a_new_id(void)
{
        RegistrationRequest request = sample();
        g_autoptr(GByteArray) covered = g_byte_array_new();
        g_autofree char *text = NULL;
        g_autoptr(RegistrationRequest) read = NULL;

        request.smsid = (char *)"";
        request.confirmation = true;
        text = write_sample(&request, covered);
        read = registration_request_read(text, strlen(text), NULL);
        g_assert_cmpstr(read->smsid, ==, "");
        g_assert_true(read->confirmation);
}

/* The form of the client protocol, section 7, with elements that we do not write. */
static void
request_of_a_stranger(void)
{
        g_autofree char *text = g_strconcat(
                "<ClientRegistrationRequest>\n <Data HashAlgorithm=\"1.2.840.113549.1.1.11\" "
                "SMSID=\"\" RequestType=\"Registration\" TimeStamp=\"2026-01-20T17:00:00Z\">\n"
                "  <AgentInformation AgentIdentity=\"CCMSetup.exe\" "
                "AgentVersion=\"5.00.9128.1000\" AgentType=\"0\"/>\n  <Certificates>\n"
                "   <Encryption Encoding=\"HexBinary\" KeyType=\"1\">3082</Encryption>\n"
                "   <Signing Encoding=\"HexBinary\" KeyType=\"1\">",
                der_hex,
                "</Signing>\n  </Certificates>\n  <DiscoveryProperties>\n"
                "   <Property Name=\"Netbios Name\" Value=\"PS1WIN7X64\"/>"
                "<Property Name=\"FQ Name\" Value=\"PS1WIN7X64.CONTOSO.COM\"/>\n"
                "   <Property Name=\"Locale ID\" Value=\"1033\"/>"
                "<Property Name=\"InternetFlag\" Value=\"0\"/>\n  </DiscoveryProperties>\n </Data>"
                "\n <Signature><SignatureValue>00</SignatureValue></Signature>\n"
                "</ClientRegistrationRequest>",
                NULL);
        g_autoptr(GError) error = NULL;
        g_autoptr(RegistrationRequest) read = registration_request_read(text, strlen(text), &error);

        g_assert_no_error(error);
        g_assert_cmpstr(read->netbios_name, ==, "PS1WIN7X64");
        g_assert_cmpstr(read->agent_version, ==, "5.00.9128.1000");
        g_assert_cmpint(read->time_us, ==, G_GINT64_CONSTANT(1768928400000000));
        g_assert_true(g_str_has_prefix(read->data, "<Data Hash"));
        g_assert_true(g_str_has_suffix(read->data, "\n </Data>"));
        g_assert_cmpstr(read->os, ==, "");
}

/* Whatever stands before the signed element is what would be verified; so the values must be taken
 * from the same piece, wherever another one is hidden. */
static void
wrapped_data_is_not_taken(void)
{
        RegistrationRequest request = sample();
        g_autoptr(GByteArray) covered = g_byte_array_new();
        g_autofree char *good = write_sample(&request, covered);
        g_autofree char *evil = NULL;
        g_autofree char *comment = NULL;
        g_autoptr(RegistrationRequest) read = NULL;
        const char *data = strstr(good, "<Data ");
        g_autofree char *signed_part = g_strndup(data, (gsize)(strstr(good, "</Data>") + 7 - data));

        request.netbios_name = (char *)"EVIL";
        evil = write_sample(&request, covered);
        comment = g_strconcat("<ClientRegistrationRequest><!--", signed_part, "-->",
                              evil + strlen("<ClientRegistrationRequest>"), NULL);
        read = registration_request_read(comment, strlen(comment), NULL);
        g_assert_true(read == NULL || (strcmp(read->netbios_name, "PS1WIN7X64") == 0 &&
                                       strcmp(read->data, signed_part) == 0));
}

static void
hostile_requests(void)
{
        RegistrationRequest request = sample();
        g_autoptr(GByteArray) covered = g_byte_array_new();
        g_autofree char *good = write_sample(&request, covered);
        static const struct {
                const char *from, *to, *words;
        } changes[] = {
                { "<ClientRegistrationRequest>", "<Policy>", "" },
                { "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.5", "hash algorithm" },
                { "RequestType=\"Registration\"", "RequestType=\"Take\"", "type of the request" },
                { "SMSID=\"GUID:", "SMSID=\"GUID:x", "no GUID" },
                { "TimeStamp=\"", "TimeStamp=\"x", "" },
                { "TimeStamp=", "Time=", "no time" },
                { ">3082", ">zz82", "no signing certificate" },
                { "<SignatureValue>FF0201</SignatureValue>", "", "no signature" },
                { "<Data ", "<Datum ", "" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
                const char *at = strstr(good, changes[i].from);
                g_autofree char *text =
                        g_strdup_printf("%.*s%s%s", (int)(at - good), good, changes[i].to,
                                        at + strlen(changes[i].from));
                g_autoptr(GError) error = NULL;

                g_assert_null(registration_request_read(text, strlen(text), &error));
                g_assert_cmpint(uk_error_class(error), ==, UK_CLASS_CORRUPT);
                g_assert_true(g_str_has_prefix(error->message, "reading a registration request: "));
                g_assert_nonnull(strstr(error->message, changes[i].words));
        }
        for (gsize length = 0; length < strlen(good); length += 13)
                g_assert_null(registration_request_read(good, length, NULL));
}

static void
too_long_values(void)
{
        RegistrationRequest request = sample();
        g_autoptr(GByteArray) covered = g_byte_array_new();
        g_autofree char *name = g_strnfill(257, 'n');
        g_autofree char *text = NULL;
        g_autofree char *huge = g_strnfill(REGISTRATION_MAX_BYTES + 1, ' ');
        g_autoptr(GError) error = NULL;

        request.fq_name = name;
        text = write_sample(&request, covered);
        g_assert_null(registration_request_read(text, strlen(text), &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
        g_clear_error(&error);
        g_assert_null(registration_request_read(huge, strlen(huge), &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
}

static void
no_key_no_request(void)
{
        RegistrationRequest request = sample();
        g_autoptr(GError) error = NULL;

        g_assert_null(registration_request_write(&request, refuse_to_sign, NULL, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_KEY);
        g_clear_error(&error);
        request.certificate = (char *)"no PEM";
        g_assert_null(registration_request_write(&request, refuse_to_sign, NULL, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_KEY);
}

static void
response_there_and_back(void)
{
        const RegistrationResponse response = {
                .status = 1,
                .smsid = (char *)SMSID,
                .time_us = G_GINT64_CONSTANT(1768928400000000),
                .reason = (char *)"waits for \"approval\"",
                .stale = true,
        };
        g_autofree char *text = registration_response_write(&response);
        g_autoptr(GError) error = NULL;
        g_autoptr(RegistrationResponse) read =
                registration_response_read(text, strlen(text), &error);
        static const char stranger[] =
                "<ClientRegistrationResponse ResponseType=\"Confirmation\" "
                "TimeStamp=\"2026-01-20T17:00:00Z\" Status=\"0\" SMSID=\"GUID:" SMSID "\" "
                "ApprovalStatus=\"1\"/>";
        g_autoptr(RegistrationResponse) approved =
                registration_response_read(stranger, strlen(stranger), NULL);
        static const char unknown[] =
                "<ClientRegistrationResponse TimeStamp=\"2026-01-20T17:00:00Z\" Status=\"9\" "
                "SMSID=\"\" ApprovalStatus=\"1\"/>";

        g_assert_no_error(error);
        g_assert_cmpint(read->status, ==, 1);
        g_assert_false(read->approved);
        g_assert_false(read->confirmation);
        g_assert_cmpstr(read->smsid, ==, SMSID);
        g_assert_cmpstr(read->reason, ==, "waits for \"approval\"");
        g_assert_true(read->stale);
        g_assert_true(approved->approved);
        g_assert_true(approved->confirmation);
        g_assert_cmpint(approved->status, ==, 0);
        g_assert_null(registration_response_read(unknown, strlen(unknown), &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/registration/request-there-and-back", request_there_and_back);
        g_test_add_func("/wire/registration/request-for-a-new-id", request_for_a_new_id);
        g_test_add_func("/wire/registration/request-of-a-stranger", request_of_a_stranger);
        g_test_add_func("/wire/registration/wrapped-data-is-not-taken", wrapped_data_is_not_taken);
        g_test_add_func("/wire/registration/hostile-requests", hostile_requests);
        g_test_add_func("/wire/registration/too-long-values", too_long_values);
        g_test_add_func("/wire/registration/no-key-no-request", no_key_no_request);
        g_test_add_func("/wire/registration/response-there-and-back", response_there_and_back);
        return g_test_run();
}
