/* dpgroup.h - groups of distribution points: what belongs to a group goes to every member, whoever
 * joins (54, section 3; 53, section 7).
 *
 * A distribution point that joins gets all of the group's packages; one that leaves keeps what it
 * has. A package that is taken from a group leaves the members, but those that have it by another
 * group too.
 */
#pragma once

#include "db/db.h"

typedef struct {
        char *id; /* {GUID} */
        char *name;
        char *description;
        char *source_site;
        char *created_by;
        gint64 created_us;
        char *cause, *trace;
} DpGroup;

void dpgroup_free(DpGroup *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DpGroup, dpgroup_free)

/* Makes a group; EXISTS for a name that another has (in any case). *id_out is the caller's. */
bool dpgroup_create(DbTx *tx, const char *name, const char *description, const char *site,
                    const char *user, const char *cause, char **id_out, GError **error) UK_MUST_USE;
/* Renames or describes it anew; EXISTS as above. */
bool dpgroup_change(DbTx *tx, const char *id, const char *name, const char *description,
                    const char *user, const char *cause, GError **error) UK_MUST_USE;
/* Removes the group; its members keep what they have. */
bool dpgroup_delete(DbTx *tx, const char *id, GError **error) UK_MUST_USE;

/* A distribution point joins, and is given all packages of the group; one that is in it already
 * stays. */
bool dpgroup_add_member(DbTx *tx, const char *id, const char *nal, const char *site,
                        const char *cause, GError **error) UK_MUST_USE;
/* NOT_FOUND when it is no member. */
bool dpgroup_remove_member(DbTx *tx, const char *id, const char *nal, GError **error) UK_MUST_USE;
/* A package is given to all members. */
bool dpgroup_add_package(DbTx *tx, const char *id, const char *pkg_id, const char *site,
                         const char *cause, GError **error) UK_MUST_USE;
/* And is taken from them. NOT_FOUND when it does not belong to the group. */
bool dpgroup_remove_package(DbTx *tx, const char *id, const char *pkg_id, const char *site,
                            const char *cause, GError **error) UK_MUST_USE;

/* One, by ID or name (in any case); NOT_FOUND. The caller frees it. */
DpGroup *dpgroup_find(Db *db, const char *id_or_name, GError **error) UK_MUST_USE;
/* NALPaths of the members, or IDs of the packages (char *); the caller owns the array. */
GPtrArray *dpgroup_members(Db *db, const char *id, GError **error) UK_MUST_USE;
GPtrArray *dpgroup_packages(Db *db, const char *id, GError **error) UK_MUST_USE;
