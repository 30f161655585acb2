/* actualconfig.h - the configuration that is in force: what the active policies say.
 */
#pragma once

#include "db/db.h"
#include "wire/policydoc.h"

/* The update source (COMP-020). */
typedef struct {
        char *id; /* with braces */
        gint64 content_version;
        gint64 content_type;
        char *policy_id, *policy_version;
        char *trace;
} UpdateSource;

void actualconfig_source_free(UpdateSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UpdateSource, actualconfig_source_free)
/* The update source to scan against; NULL without error: no policy names one (COMP-005). */
UpdateSource *actualconfig_source(Db *db, GError **error) UK_MUST_USE;
/* A property of an instance of another class; *value_out is NULL when no policy sets it, else the
 * caller's. */
bool actualconfig_get(Db *db, const char *class_name, const char *name, char **value_out,
                      GError **error) UK_MUST_USE;
/* Puts the instance of a policy in the place of what the same policy set before; *created_out says
 * that there was nothing. INVALID when the class asks for a property that is missing or wrong. */
bool actualconfig_apply(DbTx *tx, const PolicyBody *body, const char *cause, bool *created_out,
                        GError **error) UK_MUST_USE;
/* Removes what a policy set. *class_out is the class it was of, the caller's; NULL: none. */
bool actualconfig_withdraw(DbTx *tx, const char *policy_id, char **class_out,
                           GError **error) UK_MUST_USE;
