/* policyrow.h - a policy as the client keeps it: CCM_Policy_Policy5 (COMP-019).
 *
 * Requested --body arrived--> Compiled --applied--> Active; Revoked when the site has withdrawn it,
 * Invalid when its body cannot be applied. The version that was assigned last stands beside the
 * active one until it is applied itself; one that was under way before it is dropped.
 */
#pragma once

#include "db/db.h"

#define POLICY_REQUESTED "Requested"
#define POLICY_COMPILED  "Compiled"
#define POLICY_ACTIVE    "Active"
#define POLICY_REVOKED   "Revoked"
#define POLICY_INVALID   "Invalid"

typedef struct {
        char *id;      /* with braces */
        char *version; /* "40.00" */
        char *source;  /* "SMS:PS1" */
        char *category;
        char *state;
        char *assignment_id;
        char *hash;     /* "SHA256:<64 hex>" */
        char *location; /* path and query of the body at a management point */
        GBytes *body;   /* NULL before it is compiled */
        char *cause, *trace;
} PolicyRow;

void policyrow_free(PolicyRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicyRow, policyrow_free)

/* NULL without error: no such row. */
PolicyRow *policyrow_load(Db *db, const char *id, const char *version, GError **error) UK_MUST_USE;
/* The oldest row in a state; NULL without error: none. */
PolicyRow *policyrow_first(Db *db, const char *state, GError **error) UK_MUST_USE;
/* Adds the row, or replaces one of the same ID and version. */
bool policyrow_put(DbTx *tx, const PolicyRow *row, GError **error) UK_MUST_USE;
bool policyrow_set_body(DbTx *tx, const char *id, const char *version, GBytes *body,
                        GError **error) UK_MUST_USE;
bool policyrow_set_state(DbTx *tx, const char *id, const char *version, const char *state,
                         GError **error) UK_MUST_USE;
/* Sets all versions of a policy to Revoked; *changed_out says whether there was one. */
bool policyrow_revoke(DbTx *tx, const char *id, bool *changed_out, GError **error) UK_MUST_USE;
bool policyrow_remove(DbTx *tx, const char *id, const char *version, GError **error) UK_MUST_USE;
/* Of the other versions of a policy: removes those under way; those that were in force or could not
 * be. */
bool
policyrow_remove_pending(DbTx *tx, const char *id, const char *version, GError **error) UK_MUST_USE;
bool
policyrow_remove_settled(DbTx *tx, const char *id, const char *version, GError **error) UK_MUST_USE;
/* Removes what is revoked of a policy. */
bool policyrow_remove_revoked(DbTx *tx, const char *id, GError **error) UK_MUST_USE;
