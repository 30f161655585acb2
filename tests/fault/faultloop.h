/* faultloop.h - the fault loop within one process, for component tests that step a host by hand.
 *
 * Only failing is possible here (fail, fail+); killing needs processes, see faultloop.py.
 */
#pragma once

#include "base/error.h"

/* What to disturb; every function gets the same data. */
typedef struct {
        void (*prepare)(gpointer data); /* a fresh world */
        /* The work. It may fail, and is then called again without faults, as the host would. */
        bool (*run)(gpointer data, GError **error);
        /* After it has succeeded: false names what is lost, doubled or half. */
        bool (*check)(gpointer data, GError **error);
        void (*finish)(gpointer data); /* takes the world down; may be NULL */
} FaultLoop;

/* Runs the loop in both modes, n rising until no point is reached. *points_out (may be NULL) is
 * the number of points of an undisturbed run. False names the mode, n and what went wrong; a run
 * without a point is wrong as well. */
bool faultloop_run(const FaultLoop *loop, gpointer data, unsigned *points_out,
                   GError **error) UK_MUST_USE;
