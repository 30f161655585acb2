/* scansummary.h - the figures of a completed scan: StateDetails of the state message of topic 501
 * with state 3 (OQ-C27).
 *
 *   ScanAgent (client) --StateDetails: "key value" lines--> StateSys
 *
 * digest is SHA-256, lower-case hexadecimal, over one line "<UpdateID, lower case> <state>\n" for
 * each update whose state this client last reported as 2 (missing) or 3 (installed), in the order
 * of their bytes: what the site must hold of this machine. Those reported as 1 (not required) and
 * those never reported are not in it.
 */
#pragma once

#include "base/error.h"

#define SCANSUMMARY_MAX_BYTES (64 * 1024)

/* A package with the archive's version but another content (DEB-003). */
typedef struct {
        char *package, *architecture, *version;
        char *fields; /* that differ: "Depends, Architecture" */
} ScanSummaryBuild;

typedef struct {
        gint64 content_version;
        gint64 scan_us; /* when the machine was looked at */
        char *location; /* URL of the update point */
        gint64 missing, installed, not_applicable;
        char *digest;
        GPtrArray *builds; /* of ScanSummaryBuild: not this archive's build; never NULL */
} ScanSummary;

ScanSummary *scansummary_new(void);
void scansummary_free(ScanSummary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScanSummary, scansummary_free)
/* Adds a build; texts are copied. */
void scansummary_add_build(ScanSummary *summary, const char *package, const char *architecture,
                           const char *version, const char *fields);
/* Adds an update's line to the text that is digested. */
void scansummary_digest_line(GString *text, const char *update_id, int state);

/* The text, the caller's. Builds that would make it too long are left out. */
char *scansummary_write(const ScanSummary *summary);
/* PARSE when a figure is missing or wrong, LIMIT. Lines with unknown keys are passed over. */
ScanSummary *scansummary_read(const char *text, gsize size, GError **error) UK_MUST_USE;
