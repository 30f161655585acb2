/* straycontent.h - packages that a distribution point holds and that this site has no record of
 * there: it was removed by force and added again, say. They stay until the administrator has them
 * removed, since what is distributed to it again need not be sent (51, sections 5 and 16).
 */
#pragma once

#include "db/db.h"

typedef struct {
        char *pkg_id;
        char *trace; /* of the wish to have it removed */
} StrayContent;

void straycontent_free(StrayContent *stray);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StrayContent, straycontent_free)

/* The distribution point says that it holds the package; one that it should hold is no stray. */
bool straycontent_found(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, gint64 now_us,
                        GError **error) UK_MUST_USE;
/* It has said all that it holds, at now_us: what was not among it has gone. *count_out is how many
 * are left. */
bool straycontent_told(DbTx *tx, gint64 dp_id, gint64 now_us, gint64 *count_out,
                       GError **error) UK_MUST_USE;
bool straycontent_count(Db *db, gint64 dp_id, gint64 *count_out, GError **error) UK_MUST_USE;
/* Asks for the removal of all that it holds so; Distribution Manager is told (distpoint_notify). */
bool
straycontent_ask_removal(DbTx *tx, gint64 dp_id, const char *cause, GError **error) UK_MUST_USE;
/* Those whose removal was asked for; the caller owns the array. */
GPtrArray *straycontent_list_going(Db *db, gint64 dp_id, GError **error) UK_MUST_USE;
/* Whether that one is to be removed, and nobody has given it to the distribution point meanwhile;
 * *stray_out is NULL otherwise, else the caller's. */
bool straycontent_going(Db *db, gint64 dp_id, const char *pkg_id, StrayContent **stray_out,
                        GError **error) UK_MUST_USE;
bool straycontent_delete(DbTx *tx, gint64 dp_id, const char *pkg_id, GError **error) UK_MUST_USE;
