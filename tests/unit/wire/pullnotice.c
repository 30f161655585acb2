/* Tests of src/wire/pullnotice.c; the golden is the specification's sample (92, 6.1). */
#include "wire/pullnotice.h"

#include <locale.h>
#include <string.h>

#include "wire/xml.h"

#define CONTENT "Content_3c9813ba-d7ab-4963-929c-36f90f479613.1"
#define SAMPLE_SDDL                                                                       \
        "O:SYG:BAD:P(A;;FA;;;BA)(A;OICIIO;GA;;;BA)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)" \
        "(A;;FA;;;BA)(A;OICIIO;GA;;;BA)"

static char *
golden(void)
{
        g_autofree char *path = g_build_filename(g_getenv("UPKEEP_SOURCE_ROOT"),
                                                 "tests/wire/pullnotice/notification.xml", NULL);
        char *text;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

/* The sample without its layout, and with the quotation marks that we write. */
static char *
on_the_wire(const char *pretty)
{
        g_autoptr(GRegex) between = g_regex_new(">\\s+<", 0, 0, NULL);
        g_autofree char *text = g_regex_replace_literal(between, pretty, -1, 0, "><", 0, NULL);
        g_auto(GStrv) ends = g_strsplit(text, " />", -1);
        char *joined = g_strjoinv("/>", ends);

        return g_strdelimit(g_strstrip(joined), "'", '"');
}

/* The sample with one text replaced by another, read. */
static PullNotice *
read_with(const char *from, const char *to, GError **error)
{
        g_autofree char *pretty = golden();
        g_auto(GStrv) parts = g_strsplit(pretty, from, -1);
        g_autofree char *text = g_strjoinv(to, parts);

        g_assert_cmpuint(g_strv_length(parts), >, 1);
        return pullnotice_read(text, strlen(text), error);
}

static void
reads_the_sample(void)
{
        g_autofree char *text = golden();
        g_autoptr(GError) error = NULL;
        g_autoptr(PullNotice) notice = pullnotice_read(text, strlen(text), &error);
        const PullNoticeContent *content;
        const PullNoticeSource *source;
        g_autofree char *base = NULL;

        g_assert_no_error(error);
        g_assert_cmpstr(notice->package_id, ==, "P010000F");
        g_assert_cmpint(notice->version, ==, 3);
        g_assert_false(notice->redistribute);
        g_assert_true(notice->allow_fallback);
        g_assert_cmpint(notice->priority, ==, 2);
        g_assert_cmpint(notice->package_type_id, ==, 8);
        g_assert_cmpint(notice->package_flags, ==, 16777216);
        g_assert_cmpint(notice->package_size, ==, 5532);
        g_assert_cmpstr(notice->hash, ==,
                        "3ED23B9869F7E10E19439F11341405FF76E22022E56468DCF211475899BD2914");
        g_assert_cmpuint(notice->contents->len, ==, 1);
        content = g_ptr_array_index(notice->contents, 0);
        g_assert_cmpstr(content->content_id, ==, CONTENT);
        g_assert_cmpstr(content->related_id, ==, "Content_162d6f21-176e-4e4b-a620-6e94a4b9f73e.1");
        source = g_ptr_array_index(content->sources, 0);
        g_assert_cmpint(source->rank, ==, 1);
        base = pullnotice_source_base(source);
        g_assert_cmpstr(base, ==, "https://P01MP.CONTOSO.COM:443");
}

static void
writes_the_sample(void)
{
        g_autofree char *pretty = golden();
        g_autofree char *expected = on_the_wire(pretty);
        g_autoptr(PullNotice) notice = pullnotice_new("P010000F", 3);
        PullNoticeContent *content = pullnotice_add_content(
                notice, CONTENT, "Content_162d6f21-176e-4e4b-a620-6e94a4b9f73e.1");
        g_autofree char *text = NULL;

        notice->allow_fallback = true;
        notice->package_type_id = 8;
        notice->package_flags = 16777216;
        notice->package_size = 5532;
        g_free(notice->sddl);
        notice->sddl = g_strdup(SAMPLE_SDDL);
        g_free(notice->hash);
        notice->hash = g_strdup("3ED23B9869F7E10E19439F11341405FF76E22022E56468DCF211475899BD2914");
        pullnotice_add_source(content, "http://P01MP.CONTOSO.COM/", 1);
        ((PullNoticeSource *)g_ptr_array_index(content->sources, 0))->https = true;
        text = pullnotice_write(notice);
        g_assert_cmpstr(text, ==, expected);
}

static void
trace_travels(void)
{
        g_autoptr(PullNotice) notice = pullnotice_new("P010000F", 3);
        g_autoptr(PullNotice) again = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        g_free(notice->hash);
        notice->hash = g_strnfill(64, 'A');
        g_free(notice->trace);
        notice->trace = g_strdup("0123456789abcdef0123456789abcdef");
        notice->redistribute = true;
        pullnotice_add_content(notice, "P010000F.3", NULL);
        text = pullnotice_write(notice);
        again = pullnotice_read(text, strlen(text), &error);
        g_assert_no_error(error);
        g_assert_true(again->redistribute);
        g_assert_cmpstr(again->trace, ==, notice->trace);
        g_assert_nonnull(strstr(text, "Action=\"redist\""));
}

static void
base_of(const char *url, bool https, const char *expected)
{
        PullNoticeSource source = { .url = (char *)url, .https = https };
        g_autofree char *base = pullnotice_source_base(&source);

        g_assert_cmpstr(base, ==, expected);
}

static void
protocol_decides(void)
{
        base_of("http://DP/SMS_DP_SMSPKG$/X", true, "https://DP:443");
        base_of("https://DP/SMS_DP_SMSPKG$/X", false, "http://DP:80");
        base_of("http://127.0.0.1:8123/SMS_DP_SMSPKG$/X", false, "http://127.0.0.1:8123");
        base_of("http://[::1]/SMS_DP_SMSPKG$/X", false, "http://[::1]:80");
        base_of("http://[::1]:99/SMS_DP_SMSPKG$/X", false, "http://[::1]:99");
        base_of("file:///etc/passwd", false, NULL);
}

static void
refused(const char *from, const char *to, const char *says)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(PullNotice) notice = read_with(from, to, &error);

        g_assert_null(notice);
        g_assert_nonnull(error);
        if (strstr(error->message, says) == NULL)
                g_error("'%s' does not say '%s'", error->message, says);
}

static void
refuses_what_is_not_so(void)
{
        refused("ContentID='Content_3c", "ContentID='../Content_3c", "is no ID");
        refused("ContentID='Content_16", "ContentID='a/b", "RelatedContentID");
        refused("PackageID='P010000F'", "PackageID='P01/../F'", "PackageID");
        refused("Version='3'", "Version='0'", "Version");
        refused("Action='add'", "Action='ADD'", "Action");
        refused("Rank='1'", "Rank='first'", "Rank");
        refused("http://P01MP", "file://P01MP", "is no address");
        refused("http://P01MP", "http://user:word@P01MP", "is no address");
        refused(".CONTOSO.COM/SMS", ".CONTOSO.COM/x/../SMS", "is no address");
        refused("Protocol='https'", "Protocol='ftp'", "Protocol");
        refused("Hash='3ED2", "Hash='XED2", "SHA-256");
        refused("HashAlgorithm='32780'", "HashAlgorithm='32772'", "HashAlgorithm");
        refused("<PullDPPackageContent", "<Other", "");
        refused("PullDPNotification>", "PullDPNotifications>", "");
}

static void
refuses_too_much(void)
{
        g_autoptr(PullNotice) notice = pullnotice_new("P010000F", 3);
        PullNoticeContent *content = pullnotice_add_content(notice, "P010000F.3", NULL);
        g_autoptr(PullNotice) again = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        g_free(notice->hash);
        notice->hash = g_strnfill(64, 'A');
        for (int i = 0; i <= PULLNOTICE_MAX_SOURCES; i++)
                pullnotice_add_source(content, "http://DP", i);
        text = pullnotice_write(notice);
        again = pullnotice_read(text, strlen(text), &error);
        g_assert_null(again);
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/pullnotice/reads-the-sample-DIST-101-DIST-103", reads_the_sample);
        g_test_add_func("/wire/pullnotice/writes-the-sample-DIST-103", writes_the_sample);
        g_test_add_func("/wire/pullnotice/trace", trace_travels);
        g_test_add_func("/wire/pullnotice/protocol-decides-DIST-116", protocol_decides);
        g_test_add_func("/wire/pullnotice/refused-DIST-103", refuses_what_is_not_so);
        g_test_add_func("/wire/pullnotice/limits", refuses_too_much);
        return g_test_run();
}
