/* Tests of src/site/wsyncmgr/wsyncmgr_progress.c; the figures are the specification's samples. */
#include "site/wsyncmgr/wsyncmgr_progress.h"

#include <locale.h>

#include "base/clock.h"

static void
expect(SyncProgress *progress, gint64 done, gint64 total, bool last, gint64 at, const char *line)
{
        g_autofree char *got = wsyncmgr_progress_line(progress, done, total, last, at);

        g_assert_cmpstr(got, ==, line);
}

static void
lines(void)
{
        SyncProgress progress;

        wsyncmgr_progress_begin(&progress, "sync: WSUS synchronizing updates", 0);
        expect(&progress, 122, 130, false, 61 * UK_SECOND,
               "sync: WSUS synchronizing updates, processed 122 out of 130 items (93%), "
               "ETA in 00:00:04");
        expect(&progress, 122, 130, false, 62 * UK_SECOND, NULL);
        expect(&progress, 122, 130, false, 121 * UK_SECOND,
               "sync: WSUS synchronizing updates, processed 122 out of 130 items (93%), "
               "ETA in 00:00:07");
        expect(&progress, 130, 130, true, 122 * UK_SECOND,
               "sync: WSUS synchronizing updates, processed 130 out of 130 items (100%)");
        expect(&progress, 130, 130, true, 122 * UK_SECOND,
               "sync: WSUS synchronizing updates, processed 130 out of 130 items (100%)");
}

static void
nothing_to_do(void)
{
        SyncProgress progress;

        wsyncmgr_progress_begin(&progress, "sync: SMS synchronizing updates", 0);
        expect(&progress, 0, 0, true, 0,
               "sync: SMS synchronizing updates, processed 0 out of 0 items (100%)");
}

static void
one_line_a_percent(void)
{
        SyncProgress progress;
        int said = 0;

        wsyncmgr_progress_begin(&progress, "x", 0);
        for (int i = 0; i <= 50000; i++) {
                g_autofree char *line = wsyncmgr_progress_line(&progress, i, 50000, false, i);

                said += line != NULL;
        }
        g_assert_cmpint(said, ==, 101);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/site/wsyncmgr/progress/lines-SYNC-029", lines);
        g_test_add_func("/site/wsyncmgr/progress/nothing-to-do-SYNC-036", nothing_to_do);
        g_test_add_func("/site/wsyncmgr/progress/one-line-a-percent-SYNC-029", one_line_a_percent);
        return g_test_run();
}
