/* Tests of src/wire/statusfile.c: the key-value text of OQ-D22. */
#include "wire/statusfile.h"

#include <string.h>

#include "unit/must.h"

#define NAL "[\"Display=\\\\DP1.LAB\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\DP1.LAB\\"

static void
written_and_read(void) /* DIST-080 */
{
        const StatusFile status = { .package_id = (char *)"PS100039",
                                    .version = 2,
                                    .nal_path = (char *)NAL,
                                    .site = (char *)"PS1",
                                    .status = 4,
                                    .time_us = G_GINT64_CONSTANT(1479830000123000),
                                    .error_code = 1,
                                    .error_text = (char *)"100 % full:\r\nno room" };
        g_autofree char *text = statusfile_write(&status);
        g_autoptr(StatusFile) read = NULL;

        g_assert_cmpstr(text, ==,
                        "PkgID: PS100039\nVersion: 2\nNALPath: " NAL "\nSiteCode: PS1\nStatus: 4\n"
                        "Time: 2016-11-22T15:53:20.123Z\nErrorCode: 1\n"
                        "ErrorText: 100 %25 full:%0D%0Ano room\nLocation: \nHTTPUrl: \nSigURL: \n"
                        "SigLocation: \nTrace: \n");
        MUST((read = statusfile_read(text, strlen(text), &failure)) != NULL);
        g_assert_cmpstr(read->nal_path, ==, NAL);
        g_assert_cmpstr(read->error_text, ==, status.error_text);
        g_assert_cmpint(read->status, ==, 4);
        g_assert_cmpint(read->time_us, ==, status.time_us);
        g_assert_cmpstr(read->trace, ==, "");
}

/* What a foreign writer escapes is the same text when we write it, and a DOS line end is none. */
static void
escaped_by_others(void)
{
        static const char text[] = "PkgID: PS100039\r\nVersion: 1\r\nNALPath: " NAL "%20%0d\r\n"
                                   "SiteCode: PS1\r\nStatus: 3\r\nLocation: end \r\n";
        g_autoptr(StatusFile) read = NULL, again = NULL;
        g_autofree char *written = NULL;

        MUST((read = statusfile_read(text, strlen(text), &failure)) != NULL);
        g_assert_cmpstr(read->nal_path, ==, NAL " \r");
        g_assert_cmpstr(read->location, ==, "end ");
        written = statusfile_write(read);
        MUST((again = statusfile_read(written, strlen(written), &failure)) != NULL);
        g_assert_cmpstr(again->nal_path, ==, read->nal_path);
        g_assert_cmpstr(again->location, ==, read->location);
}

static void
refused(void)
{
        static const struct {
                const char *text;
                gsize size;
                UkErrorCode code;
        } bad[] = {
                { "", 0, UK_ERROR_PARSE },
                { "PkgID: X\nNALPath: Y\nSiteCode: Z\nStatus: 3\n", 0, UK_ERROR_PARSE },
                { "PkgID: X\nNALPath: Y\nSiteCode: Z\nVersion: -1\nStatus: 3\n", 0,
                  UK_ERROR_PARSE },
                { "PkgID: X\nNALPath: Y\nSiteCode: Z\nVersion: 1\nStatus: 10\n", 0,
                  UK_ERROR_PARSE },
                { "PkgID: X\nNALPath: Y\nSiteCode: Z\nVersion: 1\nStatus: 3\nTime: soon\n", 0,
                  UK_ERROR_PARSE },
                { "PkgID: %FF\nNALPath: Y\nSiteCode: Z\nVersion: 1\nStatus: 3\n", 0,
                  UK_ERROR_PARSE },
                { "PkgID: X\nNALPath: Y\nSiteCode: Z\nVersion: 1\nStatus: 3\nLocation: %FF\n", 0,
                  UK_ERROR_PARSE },
                { "PkgID: X\0Y", 10, UK_ERROR_PARSE },
                { "PkgID: X\n", STATUSFILE_MAX_BYTES + 1, UK_ERROR_LIMIT },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                gsize size = bad[i].size != 0 ? bad[i].size : strlen(bad[i].text);

                g_assert_null(statusfile_read(bad[i].text, size, &error));
                g_assert_error(error, UK_ERROR, (int)bad[i].code);
        }
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wire/statusfile/written-and-read-DIST-080", written_and_read);
        g_test_add_func("/wire/statusfile/escaped-by-others-DIST-080", escaped_by_others);
        g_test_add_func("/wire/statusfile/refused", refused);
        return g_test_run();
}
