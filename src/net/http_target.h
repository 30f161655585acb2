/* http_target.h - the target of a request line: path and query, decoded and made safe. */
#pragma once

#include "base/error.h"

typedef struct {
        char *path;       /* decoded, begins with '/' (or is "*"), without query */
        char *raw_path;   /* as sent, without query */
        char *raw_query;  /* as sent, without '?'; NULL if there is none */
        GPtrArray *query; /* decoded names and values in turn; NULL if there is none */
        bool has_control; /* the path has control characters, which few interfaces allow */
} HttpTarget;

/* Takes a target apart. Refused (INVALID): a bad percent sign, NUL, in the path a ".."
 * segment in whatever coding, a path that does not begin with '/'. The
 * absolute form
 * ("http://host/path") is understood. out is then to be cleared. */
bool http_target_read(const char *raw, HttpTarget *out, GError **error) UK_MUST_USE;
/* Frees what it holds. */
void http_target_clear(HttpTarget *target);
/* The value of a query argument ("" for one without '='), or NULL. Borrowed. */
const char *http_target_query(const HttpTarget *target, const char *name);
