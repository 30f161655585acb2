/* librarymonitor.h - looks after a content library: files are read in idle time and compared with
 * their hashes, and what is damaged or missing is brought back from who has it.
 *
 *   timer "verify": the next bytes, at most the budget of a second; all files in turn, then a pause
 *   timer "repair": every content item's missing files, at the start, after damage, now and then
 *
 * The same for a site server and a distribution point; they differ in who may have the files. The
 * component names two timers of its own "verify" and "repair", set at the start, and hands them on.
 */
#pragma once

#include "content/library.h"
#include "host/component.h"
#include "transfer/repair.h"

typedef struct LibraryMonitor LibraryMonitor;

/* What differs between those who have a library. */
typedef struct {
        /* The library that this program writes; NULL without an error: none now. */
        Library *(*library)(Component *c, GError **error);
        /* Bytes a second that may be read to verify; 0: none. */
        bool (*rate)(Component *c, gint64 *rate_out, GError **error);
        /* Who may have the files of a content item, the best first: RepairSource, the caller's. */
        GPtrArray *(*sources)(Component *c, const char *content_id, GError **error);
        /* Content items that a package is still to hold when the rest of it has come: a set of
         * IDs, the caller's. NULL in place of the function: there are none. */
        GHashTable *(*coming)(Component *c, GError **error);
        const char *pause_setting;  /* minutes between two passes over all files */
        const char *repair_setting; /* minutes between two tries */
} LibraryMonitorWays;

/* ways must outlive it. */
LibraryMonitor *librarymonitor_new(const LibraryMonitorWays *ways);
/* Gives back what it holds of the library, which must still be there. */
void librarymonitor_free(LibraryMonitor *monitor);
/* The handlers of the two timers. */
bool librarymonitor_verify(LibraryMonitor *monitor, Component *c, GError **error) UK_MUST_USE;
bool librarymonitor_repair(LibraryMonitor *monitor, Component *c, GError **error) UK_MUST_USE;
