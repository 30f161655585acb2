/* dts_gate.h - what all transfers of a program share: bytes a second, and the hours they may run.
 */
#pragma once

#include "base/error.h"

typedef struct DtsGate DtsGate;     /* shared by threads */
typedef struct DtsPasser DtsPasser; /* of one transfer */

#define DTS_HOURS 168 /* of a week, from Sunday 00:00, local time */

DtsGate *dts_gate_new(void);
void dts_gate_free(DtsGate *gate);
/* Counts at once, for those that wait too. A schedule that is neither empty nor of 168 letters A,
 * M, H, C leaves the last one in force: false. */
bool dts_gate_set(DtsGate *gate, gint64 rate, const char *schedule);
/* Whether the priority may pass now; if not, *next_out is when it may (UK_NEVER: not at all). */
bool dts_gate_open(DtsGate *gate, int priority, gint64 *next_out);

/* A transfer that may be stopped by stop_fd (-1: none) or dts_passer_cancel. */
DtsPasser *dts_passer_new(DtsGate *gate, int priority, int stop_fd);
void dts_passer_free(DtsPasser *passer);
/* From any thread. */
void dts_passer_cancel(DtsPasser *passer);
bool dts_passer_cancelled(const DtsPasser *passer);
/* Waits until so many bytes may pass. NOT_YET when the hours do not allow it any more, CANCELLED.
 */
bool dts_passer_take(DtsPasser *passer, gsize bytes, GError **error) UK_MUST_USE;
