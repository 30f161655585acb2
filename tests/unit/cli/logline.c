/* Tests of src/cli/logline.c: the forms that the specification gives, and those that base/log.c
 * really writes. */
#include "cli/logline.h"

#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

static gint64
us_of(const char *iso)
{
        gint64 us;

        g_assert_true(uk_clock_parse(iso, &us, NULL));
        return us;
}

static void
server_form(void)
{
        g_autoptr(LogLine) line =
                logline_read("Adding package 'P010000F' to package processing queue.  "
                             "$$<SMS_DISTRIBUTION_MANAGER>"
                             "<01-07-2026 15:06:04.118+300><thread=5800 (0x16A8)>\r",
                             "DistMgr.log");

        g_assert_cmpint(line->time_us, ==, us_of("2026-01-07T20:06:04.118Z"));
        g_assert_cmpstr(line->component, ==, "SMS_DISTRIBUTION_MANAGER");
        g_assert_cmpstr(line->text, ==, "Adding package 'P010000F' to package processing queue.");
        g_assert_cmpint(line->thread, ==, 5800);
        g_assert_cmpint(line->type, ==, 1);
}

static void
traces(void)
{
        g_autoptr(LogLine) server =
                logline_read("Text  $$<SMS_DISTRIBUTION_MANAGER><01-07-2026 15:06:04.118+300>"
                             "<thread=5800 (0x16A8)><trace=4bf92f3577b34da6a3ce929d0e0e4736>",
                             "DistMgr.log");
        g_autoptr(LogLine) client = logline_read(
                "<![LOG[Text]LOG]!><time=\"15:06:09.412-060\" date=\"01-07-2026\" "
                "component=\"PullDP\" context=\"4bf92f3577b34da6a3ce929d0e0e4736\" type=\"1\" "
                "thread=\"3120\" file=\"pulldp_job.c:141\">",
                "PullDP.log");
        g_autoptr(LogLine) user =
                logline_read("<![LOG[Text]LOG]!><time=\"15:06:09.412-060\" date=\"01-07-2026\" "
                             "component=\"PullDP\" context=\"LAB/anna\" type=\"1\" thread=\"3120\" "
                             "file=\"x.c:1\">",
                             "PullDP.log");

        g_assert_cmpstr(server->trace, ==, "4bf92f3577b34da6a3ce929d0e0e4736");
        g_assert_cmpstr(server->text, ==, "Text");
        g_assert_cmpint(server->thread, ==, 5800);
        g_assert_cmpstr(client->trace, ==, "4bf92f3577b34da6a3ce929d0e0e4736");
        g_assert_cmpint(client->thread, ==, 3120);
        g_assert_cmpstr(user->trace, ==, "");
}

static void
client_form(void)
{
        g_autoptr(LogLine) line = logline_read(
                "<![LOG[Job is [not] running]LOG]!><time=\"15:06:09.412-060\" date=\"01-07-2026\" "
                "component=\"PullDP\" context=\"\" type=\"3\" thread=\"3120\" "
                "file=\"pulldp_job.c:141\">",
                "PullDP.log");

        g_assert_cmpint(line->time_us, ==, us_of("2026-01-07T14:06:09.412Z"));
        g_assert_cmpstr(line->component, ==, "PullDP");
        g_assert_cmpstr(line->text, ==, "Job is [not] running");
        g_assert_cmpint(line->type, ==, 3);
        g_assert_cmpint(line->thread, ==, 3120);
}

/* Access logs: what is no time of a log of ours would stand before everything, at the epoch. */
static void
access_form(void)
{
        g_autoptr(LogLine) line = logline_read(
                "2026-01-07 14:06:09 127.0.0.1 GET /AdminService/wmi/SMS_Site - 80 - ::1 - - 200 "
                "0 0 5 1\r",
                "AdminService.log");
        g_autoptr(LogLine) head = logline_read("#Fields: date time s-ip", "AdminService.log");

        g_assert_cmpint(line->time_us, ==, us_of("2026-01-07T14:06:09.000Z"));
        g_assert_cmpstr(line->component, ==, "AdminService");
        g_assert_true(g_str_has_prefix(line->text, "127.0.0.1 GET /AdminService"));
        g_assert_cmpint(line->type, ==, 1);
        g_assert_cmpint(head->time_us, ==, 0);
}

static void
engine_form(void)
{
        g_autoptr(LogLine) line =
                logline_read("2026-01-07 14:06:09.412 UTC\tChange\tWsusService.22\t"
                             "AdminDataAccess.StartSubscriptionManually\t"
                             "Synchronization manually started",
                             "SoftwareDistribution.log");

        g_assert_cmpint(line->time_us, ==, us_of("2026-01-07T14:06:09.412Z"));
        g_assert_cmpstr(line->component, ==, "WsusService");
        g_assert_cmpstr(
                line->text, ==,
                "AdminDataAccess.StartSubscriptionManually: Synchronization manually started");
        g_assert_cmpint(line->thread, ==, 22);
}

static void
no_form(void)
{
        static const char *const lines[] = {
                "",
                "just text",
                "  $$<",
                "<![LOG[x]LOG]!><time=\"99\"",
                "x  $$<C><13-40-2026 99:99:99.999+0><thread=1 (0x1)>",
        };

        for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_autoptr(LogLine) line = logline_read(lines[i], "WSyncMgr.log");

                g_assert_cmpint(line->time_us, ==, 0);
                g_assert_nonnull(line->component);
                g_assert_nonnull(line->text);
        }
        g_autoptr(LogLine) bytes = logline_read("\xff\xfe", "WSyncMgr.log");

        g_assert_true(g_utf8_validate(bytes->text, -1, NULL));
        g_assert_cmpstr(bytes->component, ==, "WSyncMgr");
}

/* What is written comes back, in each form. */
static void
round_trip(void)
{
        g_autofree char *dir = g_dir_make_tmp("upkeep-logline-XXXXXX", NULL);
        static const UkLogForm forms[] = { UK_LOG_SERVER, UK_LOG_CLIENT, UK_LOG_ENGINE,
                                           UK_LOG_AGENT };
        g_autoptr(GError) error = NULL;

        for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
                g_autofree char *path = g_strdup_printf("%s/%u.log", dir, i), *text = NULL;
                UkLog *log = uk_log_open(path, "SMS_WSUS_SYNC_MANAGER", forms[i], 0, 1, &error);
                gint64 before = uk_clock_now() / 1000 * 1000;
                UkLog *old = uk_log_bind(log);

                uk_log("Done synchronizing %s", "SMS");
                uk_log_bind(old);
                gint64 after = uk_clock_now();

                uk_log_close(log);
                g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
                g_assert_true(g_str_has_suffix(text, "\r\n"));
                g_autoptr(LogLine) line = logline_read(text, "0.log");

                g_assert_cmpint(line->time_us, >=, before);
                g_assert_cmpint(line->time_us, <=, after);
                g_assert_true(g_str_has_suffix(line->text, "Done synchronizing SMS"));
                g_assert_cmpint(line->thread, >, 0);
        }
        g_assert_true(uk_io_remove_tree(dir, &error));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cli/logline/server-form", server_form);
        g_test_add_func("/cli/logline/client-form", client_form);
        g_test_add_func("/cli/logline/traces", traces);
        g_test_add_func("/cli/logline/engine-form", engine_form);
        g_test_add_func("/cli/logline/access-form", access_form);
        g_test_add_func("/cli/logline/no-form", no_form);
        g_test_add_func("/cli/logline/round-trip", round_trip);
        return g_test_run();
}
