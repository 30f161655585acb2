/* control.h - what reaches a role from outside (signals, settings, the clock) and what it tells.
 */
#pragma once

#include "host/host_private.h"

typedef struct Control Control;

/* Blocks the signals that the control thread reads; before the first thread. */
void control_block_signals(void);
/* Starts the control thread. */
Control *control_start(Host *host, GError **error) UK_MUST_USE;
/* Waits until the role is to end, and frees. */
void control_wait(Control *control);
/* Writes run/upkeep/<role>.ready ("pid=…" and a line "<listen>=<port>" for each port) and tells the
 * service manager; the reverse. */
bool control_ready(Host *host, GError **error) UK_MUST_USE;
void control_not_ready(Host *host);
/* Sends a line to the service manager, if there is one. */
void control_notify(const char *text);
