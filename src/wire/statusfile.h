/* statusfile.h - the status of a package on a distribution point, on its way to Distribution
 * Manager (DIST-080, OQ-D22).
 *
 *   PkgXferMgr (site) --<8 characters>.STA in distmgr.box/incoming--> DistMgr (site)
 *
 * Lines "Key: value"; in a value %, CR and LF are written %25, %0D and %0A.
 */
#pragma once

#include "base/error.h"

#define STATUSFILE_MAX_BYTES (64 * 1024)

typedef struct {
        char *package_id;
        gint64 version;
        char *nal_path, *site;
        gint64 status; /* 0 begun, 3 installed, 4 is tried again, 5 failed (90-tables 7.4) */
        gint64 time_us;
        gint64 error_code; /* 0 none */
        char *error_text;
        char *location, *http_url, *sig_url, *sig_location; /* "" where the receiver knows better */
        char *trace;
} StatusFile;

void statusfile_free(StatusFile *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StatusFile, statusfile_free)

/* The file's text; NULL members are written as empty ones. The caller's. */
char *statusfile_write(const StatusFile *status);
/* Reads it, hostile bytes included: PARSE names what is missing or wrong, LIMIT. Unknown keys are
 * passed over. The caller's. */
StatusFile *statusfile_read(const char *data, gsize size, GError **error) UK_MUST_USE;
