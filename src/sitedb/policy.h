/* policy.h - policies of the site: written in two steps, so that none is served half (COMP-010 to
 * COMP-014), and read by the management point.
 */
#pragma once

#include "db/db.h"

#define POLICY_HASH_OID "1.2.840.113549.1.1.11" /* SHA-256 with RSA */
#define POLICY_HASH_ID  32780                   /* SHA-256 */

/* The row of SettingsPolicy: which policy carries the settings of a source. */
typedef struct {
        char *policy_id;     /* {GUID} */
        char *assignment_id; /* {GUID} */
        char *crc;           /* of the source data as the policy has it (OQ-C03) */
        gint64 padbid;
} PolicySettings;

void policy_settings_free(PolicySettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicySettings, policy_settings_free)

/* The policy of a source ("PS1", "UpdateSource"); where there is none yet, *found_out is false and
 * the result has new GUIDs and no CRC, and padbid 0. The caller frees it. */
PolicySettings *policy_settings(Db *db, const char *source_id, const char *source_type,
                                bool *found_out, GError **error) UK_MUST_USE;
/* The version that the policy is to have next: "1.00", or one more than the stored one; the stored
 * one itself when it never became whole. The caller frees it. */
char *policy_next_version(Db *db, const char *policy_id, bool whole, GError **error) UK_MUST_USE;

/* The first step. */
typedef struct {
        const char *source_id, *source_type;
        const PolicySettings *settings; /* padbid 0: the assignment gets a new one */
        const char *crc;
        const char *category; /* UpdateSource */
        const char *version;  /* from policy_next_version */
        const void *body;     /* of the policy */
        gsize body_size;
        const char *hash; /* "SHA256:<hex>" of the body */
} PolicyBegin;

/* Writes version and body of the policy, and the assignment as being in process, which no client
 * gets. *padbid_out is the assignment's key. */
bool policy_begin(DbTx *tx, const PolicyBegin *begin, const char *cause, gint64 *padbid_out,
                  GError **error) UK_MUST_USE;

/* The second step. Hashes and signatures are text (hexadecimal or base64, as the caller has it). */
typedef struct {
        gint64 padbid;
        const void *body; /* assignment document */
        gsize body_size;
        const void *tombstone; /* the document that withdraws it */
        gsize tombstone_size;
        const char *body_hash, *body_signature;
        const char *tombstone_hash, *tombstone_signature;
} PolicyFinish;

/* Stores body, hashes and signatures and ends the process: from its commit on clients get it.
 * NOT_FOUND for an assignment that was not begun. */
bool
policy_finish(DbTx *tx, const PolicyFinish *finish, const char *cause, GError **error) UK_MUST_USE;
/* Withdraws an assignment: clients get its tombstone from now on. NOT_FOUND. */
bool policy_withdraw(DbTx *tx, gint64 padbid, const char *cause, GError **error) UK_MUST_USE;

/* An assignment as clients get it. */
typedef struct {
        gint64 padbid;
        char *assignment_id, *policy_id, *version, *category;
        char *policy_hash;
        gint64 flags, priority;
        gint64 tombstoned;
        GBytes *body; /* of the tombstone, if tombstoned; hash and signature likewise */
        char *body_hash, *body_signature;
        gint64 updated_us;
} PolicyAssignment;

void policy_assignment_free(PolicyAssignment *assignment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicyAssignment, policy_assignment_free)

/* The assignments that are ready (COMP-014) and changed after since_us (0: all), by key. Tombstones
 * are among them. The caller owns the array. */
GPtrArray *policy_assignments(Db *db, gint64 since_us, GError **error) UK_MUST_USE;
/* The body of a policy in a version (NULL: the present one); NOT_FOUND. The caller's. */
GBytes *policy_body(Db *db, const char *policy_id, const char *version, GError **error) UK_MUST_USE;
