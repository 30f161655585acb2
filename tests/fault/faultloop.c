/* faultloop.c - sets a fault plan, runs, runs again without it, checks; n rising. */
#include "faultloop.h"

#include "base/fault.h"

/* One disturbed run; *reached_out is the number of points that it passed. */
static bool
disturb(const FaultLoop *loop, gpointer data, const char *plan, unsigned *passed_out,
        GError **error)
{
        g_autoptr(GError) disturbed = NULL;
        bool ok;

        UK_DOING(error, "%s", plan);
        uk_fault_set(plan);
        ok = loop->run(data, &disturbed);
        *passed_out = uk_fault_count();
        uk_fault_set(NULL);
        if (!ok && disturbed == NULL)
                return uk_fail(error, UK_ERROR_BROKEN, "it failed without an error");
        if (!ok && uk_error_class(disturbed) != UK_CLASS_LATER)
                return uk_fail(error, UK_ERROR_BROKEN,
                               "a fault came out as \"%s\", for which no "
                               "host would try again",
                               disturbed->message);
        return (ok || loop->run(data, error)) && loop->check(data, error);
}

static bool
in_a_world(const FaultLoop *loop, gpointer data, const char *plan, unsigned *passed_out,
           GError **error)
{
        loop->prepare(data);
        bool ok = disturb(loop, data, plan, passed_out, error);
        if (loop->finish != NULL)
                loop->finish(data);
        return ok;
}

bool
faultloop_run(const FaultLoop *loop, gpointer data, unsigned *points_out, GError **error)
{
        static const char *const modes[] = { "fail", "fail+" };
        unsigned points = 0, passed;

        if (!in_a_world(loop, data, "count", &points, error))
                return false;
        if (points == 0)
                return uk_fail(error, UK_ERROR_BROKEN, "no fault point was passed");
        for (gsize m = 0; m < G_N_ELEMENTS(modes); m++) {
                unsigned n = 0;

                do {
                        g_autofree char *plan = g_strdup_printf("%s:%u", modes[m], ++n);
                        if (!in_a_world(loop, data, plan, &passed, error))
                                return false;
                } while (passed >= n);
        }
        if (points_out != NULL)
                *points_out = points;
        return true;
}
