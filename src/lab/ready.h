/* ready.h - run/upkeep/<role>.ready, in which a role says that it is ready and where it listens. */
#pragma once

#include "base/error.h"

/* True when the file is there. */
bool ready_exists(const char *root, const char *role);
/* The process that wrote it, 0 when there is none. Whether that still runs is another question. */
gint64 ready_pid(const char *root, const char *role);
/* The port of that name; with NULL the first. 0: NOT_FOUND. */
guint16
ready_port(const char *root, const char *role, const char *name, GError **error) UK_MUST_USE;
/* "http 8530, internal 40001"; "" when there is none. The caller's. */
char *ready_ports(const char *root, const char *role);
/* Removes the file of a role that does not run. */
bool ready_remove(const char *root, const char *role, GError **error) UK_MUST_USE;
