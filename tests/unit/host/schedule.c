/* Tests of src/host/schedule.c. Tokens were composed by hand from the table of the specification;
 * the first is the product's well-known "every seven days". Local times are those of date(1). */
#include "host/schedule.h"

#include <locale.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static gint64
at(const char *iso)
{
        g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
        g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(iso, utc);

        g_assert_nonnull(time);
        return g_date_time_to_unix(time) * G_GINT64_CONSTANT(1000000);
}

static void
check_from(const char *text, const char *anchor, const char *after, const char *expected)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Schedule) schedule = schedule_parse(text, &error);

        g_assert_no_error(error);
        gint64 next = schedule_next(schedule, at(anchor), at(after));
        if (expected == NULL)
                g_assert_cmpint(next, ==, UK_NEVER);
        else
                g_assert_cmpint(next, ==, at(expected));
}

static void
check(const char *text, const char *after, const char *expected)
{
        check_from(text, "2026-01-01T00:00:00Z", after, expected);
}

static void
words(void)
{
        check("every 15 minutes", "2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z");
        check("every 15 minutes", "2026-01-01T00:14:59Z", "2026-01-01T00:15:00Z");
        check("every 15 minutes", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z");
        check("Every 1 hour", "2026-01-05T10:30:00Z", "2026-01-05T11:00:00Z");
        check("every 7 days", "2026-01-01T00:00:01Z", "2026-01-08T00:00:00Z");
        check("  every 2 weeks ", "2026-01-20T00:00:00Z", "2026-01-29T00:00:00Z");
        check("", "2026-01-20T00:00:00Z", NULL);
        check("   ", "2026-01-20T00:00:00Z", NULL);
}

static void
interval_tokens(void)
{
        check_from("0001200000100038", "2026-02-03T04:05:06Z", "2026-02-03T04:05:06Z",
                   "2026-02-10T04:05:06Z");
        check("14011E000011E001", "2026-03-04T10:06:00Z", "2026-03-04T10:20:00Z");
        check("14011E000011E001", "2025-12-01T00:00:00Z", "2026-01-01T00:05:00Z");
}

static void
weekly_tokens(void)
{
        check("78411E00001B2001", "2026-01-01T00:00:00Z", "2026-01-06T02:30:00Z");
        check("78411E00001B2001", "2026-01-06T02:30:00Z", "2026-01-13T02:30:00Z");
        check("78411E00001B2001", "2031-06-17T02:29:00Z", "2031-06-17T02:30:00Z");
        check("00611E00001C4001", "2026-01-01T00:00:00Z", "2026-01-07T03:00:00Z");
        check("00611E00001C4001", "2026-01-08T00:00:00Z", "2026-01-21T03:00:00Z");
}

static void
monthly_tokens(void)
{
        /* The second Tuesdays of 2026, as everybody's calendar has them. */
        static const char *const tuesdays[] = { "2026-01-13", "2026-02-10", "2026-03-10",
                                                "2026-04-14", "2026-05-12", "2026-06-09",
                                                "2026-07-14", "2026-08-11", "2026-09-08",
                                                "2026-10-13", "2026-11-10", "2026-12-08" };
        g_autofree char *after = g_strdup("2026-01-01T00:00:00Z");

        for (guint i = 0; i < G_N_ELEMENTS(tuesdays); i++) {
                g_autofree char *expected = g_strconcat(tuesdays[i], "T20:00:00Z", NULL);

                check("02811E0000231401", after, expected);
                g_free(after);
                after = g_steal_pointer(&expected);
        }
        check("3CC11E0000263001", "2026-01-01T00:00:00Z", "2026-01-30T06:15:00Z");
        check("3CC11E0000263001", "2026-01-30T06:15:00Z", "2026-04-24T06:15:00Z");
        /* The 31st only where there is one; the last day everywhere. */
        check("001F1E00002FC401", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z");
        check("01811E0000280401", "2028-02-01T00:00:00Z", "2028-02-29T12:00:00Z");
        check("01811E0000280401", "2026-04-01T00:00:00Z", "2026-04-30T12:00:00Z");
}

static void
once_and_several(void)
{
        check("79D8CE0000080001", "2026-01-01T00:00:00Z", "2026-12-24T14:30:00Z");
        check("79D8CE0000080001", "2026-12-24T14:30:00Z", NULL);
        check("79D8CE000008000178411E00001B2001", "2026-01-01T00:00:00Z", "2026-01-06T02:30:00Z");
        check("79D8CE000008000178411E00001B2001", "2026-12-22T02:30:00Z", "2026-12-24T14:30:00Z");
        check("79D8CE000008000178411E00001B2001", "2026-12-24T14:30:00Z", "2026-12-29T02:30:00Z");
}

/* Two in the morning stays two in the morning: 29 March 2026 has no two o'clock in Berlin. */
static void
local_time(void)
{
        g_setenv("TZ", "Europe/Berlin", TRUE);
        tzset();
        check("00411E0000100008", "2026-03-27T12:00:00Z", "2026-03-28T01:00:00Z");
        check("00411E0000100008", "2026-03-29T12:00:00Z", "2026-03-30T00:00:00Z");
        check("00411E0000100008", "2026-10-25T12:00:00Z", "2026-10-26T01:00:00Z");
        check("00411E0000192000", "2026-03-30T00:00:00Z", "2026-04-05T00:00:00Z");
        g_setenv("TZ", "UTC", TRUE);
        tzset();
}

static void
bad_texts(void)
{
        static const struct {
                const char *text, *part;
        } bad[] = {
                { "daily", "is no recurrence" },
                { "every hours", "is no recurrence" },
                { "every 0 hours", "is no recurrence" },
                { "every 100001 weeks", "is no recurrence" },
                { "every 3 months", "the unit must be" },
                { "every 3 hours and more", "is no recurrence" },
                { "000120000010003", "is no recurrence" },
                { "0001200000100038FF", "is no recurrence" },
                { "000120000010003G", "is no recurrence" },
                { "79D8DE0000080001", "the start month is 13" },
                { "79D8CE0000380001", "7 is no recurrence type" },
                { "14011E0000100001", "the interval is zero" },
                { "02811E000023140F", "offset" },
        };

        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Schedule) schedule = schedule_parse(bad[i].text, &error);

                g_assert_null(schedule);
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
                g_assert_nonnull(strstr(error->message, bad[i].part));
        }
}

/* Any 64 bits are a schedule or an error, and the next time is after the one asked for. */
static void
any_token(void)
{
        for (guint i = 0; i < 20000; i++) {
                g_autofree char *text =
                        g_strdup_printf("%08X%08X", g_test_rand_int(), g_test_rand_int());
                g_autoptr(Schedule) schedule = schedule_parse(text, NULL);
                gint64 after = at("2026-05-06T07:08:09Z");

                if (schedule != NULL)
                        g_assert_cmpint(schedule_next(schedule, after, after), >, after);
        }
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_setenv("TZ", "UTC", TRUE);
        tzset();
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/host/schedule/words", words);
        g_test_add_func("/host/schedule/interval-tokens", interval_tokens);
        g_test_add_func("/host/schedule/weekly-tokens", weekly_tokens);
        g_test_add_func("/host/schedule/monthly-tokens", monthly_tokens);
        g_test_add_func("/host/schedule/once-and-several", once_and_several);
        g_test_add_func("/host/schedule/local-time", local_time);
        g_test_add_func("/host/schedule/bad-texts", bad_texts);
        g_test_add_func("/host/schedule/any-token", any_token);
        return g_test_run();
}
