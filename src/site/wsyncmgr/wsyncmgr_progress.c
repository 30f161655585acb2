/* wsyncmgr_progress.c - decides which progress lines a synchronization writes. */
#include "site/wsyncmgr/wsyncmgr_progress.h"

#include "base/clock.h"

void
wsyncmgr_progress_begin(SyncProgress *progress, const char *what, gint64 now_us)
{
        *progress = (SyncProgress){
                .what = what, .began_us = now_us, .said_us = now_us, .said_percent = -1
        };
}

int
wsyncmgr_percent(gint64 done, gint64 total)
{
        return total > 0 ? (int)(done * 100 / total) : 100;
}

/* "00:01:30", what the rest takes at the speed so far; 0 while nothing can be said. */
static char *
eta(const SyncProgress *progress, gint64 done, gint64 total, gint64 now_us)
{
        gint64 elapsed = MAX(now_us - progress->began_us, 0) / UK_SECOND;
        gint64 left = done > 0 ? elapsed * (total - done) / done : 0;

        return g_strdup_printf("%02d:%02d:%02d", (int)(left / 3600), (int)(left / 60 % 60),
                               (int)(left % 60));
}

char *
wsyncmgr_progress_line(SyncProgress *progress, gint64 done, gint64 total, bool last, gint64 now_us)
{
        int percent = wsyncmgr_percent(done, total);
        bool due = last || percent != progress->said_percent ||
                   now_us - progress->said_us >= UK_MINUTE;

        if (!due)
                return NULL;
        progress->said_percent = percent;
        progress->said_us = now_us;
        g_autofree char *line = g_strdup_printf("%s, processed %" G_GINT64_FORMAT
                                                " out of %" G_GINT64_FORMAT " items (%d%%)",
                                                progress->what, done, total, percent);

        if (percent >= 100)
                return g_steal_pointer(&line);
        g_autofree char *left = eta(progress, done, total, now_us);

        return g_strconcat(line, ", ETA in ", left, NULL);
}
