/* Tests of src/wire/soap.c; documents are the specification's examples. */
#include "wire/soap.h"

#include <locale.h>
#include <string.h>

#include "golden.h"

#define NS_CLIENT "http://www.microsoft.com/SoftwareDistribution/Server/ClientWebService"
#define NS_11     "http://schemas.xmlsoap.org/soap/envelope/"
#define NS_12     "http://www.w3.org/2003/05/soap-envelope"

static SoapMessage *
read_text(const char *text, const char *action)
{
        g_autoptr(GError) error = NULL;
        SoapMessage *message = soap_read(text, strlen(text), SOAP_MAX_BYTES, action, NULL, &error);

        g_assert_no_error(error);
        return message;
}

static void
call_of_the_specification(void)
{
        g_autofree char *text = golden("wsus/getconfig-request.xml");
        g_autoptr(SoapMessage) m = read_text(text, "\"" NS_CLIENT "/GetConfig\"");
        g_autofree char *version = xml_child_value(m->element, "protocolVersion");

        g_assert_cmpstr(m->method, ==, "GetConfig");
        g_assert_cmpstr(m->ns, ==, NS_CLIENT);
        g_assert_cmpstr(version, ==, "2.90");
        g_assert_false(m->is_12);
        g_assert_false(m->disagrees);
        g_assert_null(m->fault);
        g_autoptr(SoapMessage) unquoted = read_text(text, NS_CLIENT "/GetConfig");
        g_assert_false(unquoted->disagrees);
        g_autoptr(SoapMessage) without = read_text(text, NULL);
        g_assert_false(without->disagrees);
        g_autoptr(SoapMessage) other = read_text(text, "\"" NS_CLIENT "/GetCookie\"");
        g_assert_true(other->disagrees);
        g_assert_cmpstr(other->method, ==, "GetConfig");
}

/* Whatever prefix, declaration, header or version. */
static void
tolerated_envelopes(void)
{
        static const char *const rows[] = {
                "<?xml version='1.0'?><x:Envelope xmlns:x='" NS_11 "'><x:Header><o:h xmlns:o='u'/>"
                "<o:i xmlns:o='u' x:mustUnderstand='0'/></x:Header><x:Body><M xmlns='n'/></x:Body>"
                "</x:Envelope>",
                "<Envelope xmlns='" NS_11 "'>\n <Body>\n  <M xmlns='n'/>\n </Body></Envelope>",
                "<e:Envelope xmlns:e='" NS_12 "'><e:Body><a:M xmlns:a='n'/></e:Body></e:Envelope>",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(SoapMessage) m = read_text(rows[i], NULL);

                g_assert_cmpstr(m->method, ==, "M");
                g_assert_cmpstr(m->ns, ==, "n");
                g_assert_cmpint(m->is_12, ==, i == 2);
        }
}

static void
refused_envelopes(void)
{
        static const struct {
                const char *text;
                SoapRefusal refusal;
        } rows[] = {
                { "", SOAP_REFUSAL_CLIENT },
                { "<Other xmlns='" NS_11 "'/>", SOAP_REFUSAL_CLIENT },
                { "<Envelope xmlns='" NS_11 "'/>", SOAP_REFUSAL_CLIENT },
                { "<Envelope xmlns='" NS_11 "'><Body/></Envelope>", SOAP_REFUSAL_CLIENT },
                { "<Envelope xmlns='urn:x'><Body><M/></Body></Envelope>", SOAP_REFUSAL_VERSION },
                { "<s:Envelope xmlns:s='" NS_11 "'><s:Header><h s:mustUnderstand='1'/></s:Header>"
                  "<s:Body><M/></s:Body></s:Envelope>",
                  SOAP_REFUSAL_HEADER },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                SoapRefusal refusal = SOAP_REFUSAL_CLIENT;
                g_autoptr(GError) error = NULL;

                g_assert_null(soap_read(rows[i].text, strlen(rows[i].text), 10000, NULL, &refusal,
                                        &error));
                g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
                g_assert_cmpint(refusal, ==, rows[i].refusal);
        }
        g_autofree char *text = soap_refusal_write(SOAP_REFUSAL_VERSION, "no <such>", SOAP_ASMX);
        g_autoptr(SoapMessage) m = read_text(text, NULL);
        g_assert_cmpstr(m->fault->code, ==, "VersionMismatch");
        g_assert_cmpstr(m->fault->text, ==, "no <such>");
        g_assert_cmpstr(m->fault->error_code, ==, "");
}

static void
faults_of_the_specification(void)
{
        static const struct {
                const char *file;
                const char *error_code;
                const char *message;
                const char *method;
                bool server;
                SoapLayout layout;
        } rows[] = {
                { "fault-cookie-expired", "CookieExpired", "The cookie has expired.",
                  NS_CLIENT "/SyncUpdates", false, SOAP_PLAIN },
                { "fault-invalid-parameters", "InvalidParameters",
                  "parameters.InstalledNonLeafUpdateIDs", NS_CLIENT "/SyncUpdates", false,
                  SOAP_PLAIN },
                { "fault-server-101-ids", "InvalidParameters", "updateIds",
                  "http://www.microsoft.com/SoftwareDistribution/GetUpdateData", false, SOAP_ASMX },
                { "fault-digests-missing", "FileDigestsMissing",
                  "ERERERERERERERERERERERERERE=|IiIiIiIiIiIiIiIiIiIiIiIiIiI=",
                  "http://www.microsoft.com/SoftwareDistribution/DownloadFiles", false, SOAP_ASMX },
                { "fault-unknown-update", "InternalServerError", "",
                  "http://www.microsoft.com/SoftwareDistribution/GetUpdateData", true, SOAP_ASMX },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("wsus/%s.xml", rows[i].file);
                g_autofree char *text = golden(name);
                g_autoptr(SoapMessage) m = read_text(text, NULL);

                g_assert_null(m->element);
                g_assert_cmpstr(m->fault->error_code, ==, rows[i].error_code);
                g_assert_cmpstr(m->fault->message, ==, rows[i].message);
                g_assert_cmpstr(m->fault->method, ==, rows[i].method);
                g_assert_cmpstr(m->fault->id, ==, "e5000000-0000-4000-8000-00000000f001");
                g_assert_cmpint(m->fault->server, ==, rows[i].server);
                g_assert_cmpstr(m->fault->text, ==, "Fault occurred");
                g_autofree char *again = soap_fault_write(m->fault, rows[i].layout);
                g_assert_cmpstr(again, ==, text);
        }
}

static void
other_faults(void)
{
        g_autoptr(SoapFault) made = soap_fault_new(true, "ServerBusy", NULL, "urn:x/M");
        g_autofree char *text = soap_fault_write(made, SOAP_PLAIN);
        g_autoptr(SoapMessage) m = read_text(text, NULL);

        g_assert_cmpstr(m->fault->error_code, ==, "ServerBusy");
        g_assert_cmpuint(strlen(m->fault->id), ==, 36);
        g_autoptr(SoapMessage) twelve =
                read_text("<e:Envelope xmlns:e='" NS_12 "'><e:Body><e:Fault><e:Code><e:Value>"
                          "e:Receiver</e:Value></e:Code><e:Reason><e:Text>why</e:Text></e:Reason>"
                          "<Detail><Deep><ErrorCode>InvalidCookie</ErrorCode></Deep></Detail>"
                          "</e:Fault></e:Body></e:Envelope>",
                          NULL);
        g_assert_cmpstr(twelve->fault->error_code, ==, "InvalidCookie");
        g_assert_cmpstr(twelve->fault->code, ==, "Receiver");
        g_assert_true(twelve->fault->server);
        g_assert_cmpstr(twelve->fault->text, ==, "why");
        g_autoptr(SoapMessage) bare =
                read_text("<e:Envelope xmlns:e='" NS_11 "'><e:Body><e:Fault/></e:Body>"
                          "</e:Envelope>",
                          NULL);
        g_assert_cmpstr(bare->fault->error_code, ==, "");
        g_autoptr(SoapMessage) no_fault =
                read_text("<e:Envelope xmlns:e='" NS_11 "'><e:Body><Fault xmlns='n'/></e:Body>"
                          "</e:Envelope>",
                          NULL);
        g_assert_null(no_fault->fault);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/soap/call-of-the-specification", call_of_the_specification);
        g_test_add_func("/wire/soap/tolerated-envelopes", tolerated_envelopes);
        g_test_add_func("/wire/soap/refused-envelopes", refused_envelopes);
        g_test_add_func("/wire/soap/faults-of-the-specification", faults_of_the_specification);
        g_test_add_func("/wire/soap/other-faults", other_faults);
        return g_test_run();
}
