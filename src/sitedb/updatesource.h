/* updatesource.h - the update source of a site: the catalogue as a whole, named by a GUID, with the
 * content version that grows by one with each synchronization that changed something.
 */
#pragma once

#include "db/db.h"

typedef struct {
        gint64 id;
        char *unique_id; /* {GUID}, upper case */
        char *name;
        char *site;     /* the site that made it */
        gint64 version; /* content version; 0 before the first synchronization */
        gint64 dirty;   /* something was changed since the version last grew */
        gint64 created_us, modified_us;
} UpdateSource;

void updatesource_free(UpdateSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UpdateSource, updatesource_free)

/* The source of this database; NOT_YET before updatesource_ensure. The caller frees it. */
UpdateSource *updatesource_load(Db *db, GError **error) UK_MUST_USE;
/* Makes the source, with a new GUID, where there is none. */
bool updatesource_ensure(DbTx *tx, const char *name, const char *cause, GError **error) UK_MUST_USE;
/* Remembers that something was changed; the version must grow before the run is over. */
bool updatesource_set_dirty(DbTx *tx, const char *cause, GError **error) UK_MUST_USE;
/* Raises the content version by one if anything was changed since it last grew (SYNC-038).
 * *version_out gets the version as it is then, *raised_out (may be NULL) whether it grew. */
bool updatesource_raise(DbTx *tx, const char *cause, gint64 *version_out, bool *raised_out,
                        GError **error) UK_MUST_USE;
/* After a restore: lifts the content version above every one that was given out since the backup,
 * so that no scan made then passes for one of what is there now. The version becomes the number of
 * minutes since 2020, which no counting reaches. Nothing before the first synchronization. */
bool updatesource_leap(DbTx *tx, GError **error) UK_MUST_USE;
