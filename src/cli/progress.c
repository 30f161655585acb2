/* progress.c - one line on a terminal that says how far a long work is; nothing anywhere else.
 *
 * Comes in: numbers as they grow. Goes out: "label  12.3 MB of 40.0 MB (30%)  2.1 MB/s  13 s left",
 * rewritten in place. The rate is that of the present label since its first number.
 */
#include "cli/progress.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/output.h"

#define REDRAW_US (200 * 1000)

struct Progress {
        FILE *err; /* NULL: show nothing */
        char *label;
        gint64 first_done, first_us; /* where the present label began */
        gint64 drawn_us;
        bool drawn;
};

Progress *
progress_new(FILE *err, bool quiet)
{
        Progress *p = g_new0(Progress, 1);
        int fd = fileno(err);

        p->err = !quiet && fd >= 0 && isatty(fd) ? err : NULL;
        return p;
}

static char *
amount(gint64 value, bool bytes)
{
        return bytes ? output_size(value) : output_count(value);
}

/* "  2.1 MB/s  13 s left", as far as it can be said. */
static void
append_rate(GString *out, const Progress *p, gint64 done, gint64 total, bool bytes, gint64 now_us)
{
        gint64 span = now_us - p->first_us, grown = done - p->first_done;

        if (p->label == NULL || span < UK_SECOND || grown <= 0)
                return;
        double rate = (double)grown * UK_SECOND / (double)span;

        if (bytes) {
                g_autofree char *text = output_size((gint64)rate);
                g_string_append_printf(out, "  %s/s", text);
        }
        if (total > done) {
                g_autofree char *left =
                        output_span((gint64)((double)(total - done) / rate * UK_SECOND));
                g_string_append_printf(out, "  %s left", left);
        }
}

char *
progress_text(const Progress *p, const char *label, gint64 done, gint64 total, bool bytes,
              gint64 now_us)
{
        GString *out = g_string_new(label);
        g_autofree char *so_far = amount(done, bytes), *all = amount(total, bytes);

        if (total > 0)
                g_string_append_printf(out, "  %s of %s (%d%%)", so_far, all,
                                       (int)(MIN(done, total) * 100.0 / (double)total));
        else if (done > 0)
                g_string_append_printf(out, "  %s", so_far);
        append_rate(out, p, done, total, bytes, now_us);
        return g_string_free(out, FALSE);
}

void
progress_show(Progress *p, const char *label, gint64 done, gint64 total, bool bytes, gint64 now_us)
{
        bool other = g_strcmp0(p->label, label) != 0;

        if (other) {
                g_free(p->label);
                p->label = g_strdup(label);
                p->first_done = done;
                p->first_us = now_us;
        }
        if (p->err == NULL || (!other && now_us - p->drawn_us < REDRAW_US))
                return;
        g_autofree char *text = progress_text(p, label, done, total, bytes, now_us);

        fprintf(p->err, "\r%s\033[K", text);
        fflush(p->err);
        p->drawn_us = now_us;
        p->drawn = true;
}

void
progress_free(Progress *p)
{
        if (p == NULL)
                return;
        if (p->drawn) {
                fputs("\r\033[K", p->err);
                fflush(p->err);
        }
        g_free(p->label);
        g_free(p);
}
