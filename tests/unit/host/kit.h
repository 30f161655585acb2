/* kit.h - what the tests of the host share: a root, a clock that they step, files, and the log. */
#pragma once

#include "host/host.h"

/* A new folder for a role, removed by kit_end. All tests of a program share one clock, which only
 * kit_step moves (apart from real time passing). */
char *kit_root(void);
void kit_end(char *root_take);
void kit_step(gint64 us);
/* Makes a file in a box as a foreign program would: whole, by rename. age_seconds: its time. */
void kit_put(Host *host, const char *box, const char *name, const char *body, int age_seconds);
bool kit_is_there(Host *host, const char *box, const char *name);
/* The whole of a log file of the role, "" if there is none; the caller's. */
char *kit_log(Host *host, const char *log);
void kit_settings(const char *root, const char *role, const char *text);
Host *kit_host(const HostRole *role, const char *root);
/* Steps the host until nothing is left; says whether anything was done. */
bool kit_run(Host *host);
/* Waits (real time, at most 10 s) until a counter reaches a value; the other: or goes beyond it. */
void kit_wait_for(_Atomic int *counter, int value);
void kit_wait_for_more(_Atomic int *counter, int value);
/* Waits a real span, for things that must not happen. */
void kit_idle(int milliseconds);
