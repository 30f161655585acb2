/* policy.c - policies: written in two transactions, served when the second one is there. */
#include "sitedb/policy.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "sitedb/policy.sql.h"
#include "sitedb/sitekey.h"

static const DbField settings_fields[] = {
        DB_FIELD(TEXT, PolicySettings, policy_id, "PolicyID"),
        DB_FIELD(TEXT, PolicySettings, assignment_id, "PolicyAssignmentID"),
        DB_FIELD(TEXT, PolicySettings, crc, "SourceCRC"),
        DB_FIELD(INT, PolicySettings, padbid, "PADBID"),
        DB_FIELD_END,
};

static const DbField assignment_fields[] = {
        DB_FIELD(INT, PolicyAssignment, padbid, "PADBID"),
        DB_FIELD(TEXT, PolicyAssignment, assignment_id, "PolicyAssignmentID"),
        DB_FIELD(TEXT, PolicyAssignment, policy_id, "PolicyID"),
        DB_FIELD(TEXT, PolicyAssignment, version, "Version"),
        DB_FIELD(TEXT, PolicyAssignment, category, "PolicyCategory"),
        DB_FIELD(TEXT, PolicyAssignment, policy_hash, "PolicyHash"),
        DB_FIELD(INT, PolicyAssignment, flags, "PolicyFlags"),
        DB_FIELD(INT, PolicyAssignment, priority, "PolicyPriority"),
        DB_FIELD(INT, PolicyAssignment, tombstoned, "IsTombstoned"),
        DB_FIELD(BYTES, PolicyAssignment, body, "Body"),
        DB_FIELD(TEXT, PolicyAssignment, body_hash, "BodyHash"),
        DB_FIELD(TEXT, PolicyAssignment, body_signature, "BodySignature"),
        DB_FIELD(TIME, PolicyAssignment, updated_us, "LastUpdateTime"),
        DB_FIELD_END,
};

void
policy_settings_free(PolicySettings *settings)
{
        if (settings == NULL)
                return;
        g_free(settings->policy_id);
        g_free(settings->assignment_id);
        g_free(settings->crc);
        g_free(settings);
}

void
policy_assignment_free(PolicyAssignment *assignment)
{
        if (assignment == NULL)
                return;
        g_free(assignment->assignment_id);
        g_free(assignment->policy_id);
        g_free(assignment->version);
        g_free(assignment->category);
        g_free(assignment->policy_hash);
        g_clear_pointer(&assignment->body, g_bytes_unref);
        g_free(assignment->body_hash);
        g_free(assignment->body_signature);
        g_free(assignment);
}

PolicySettings *
policy_settings(Db *db, const char *source_id, const char *source_type, bool *found_out,
                GError **error)
{
        g_autoptr(PolicySettings) settings = g_new0(PolicySettings, 1);

        if (!db_one(db, &sql_policy_settings,
                    DB_ARGS(DB_TEXT("source_id", source_id), DB_TEXT("source_type", source_type)),
                    settings_fields, settings, found_out, error))
                return NULL;
        if (!*found_out) {
                settings->policy_id = uk_guid_new_braced();
                settings->assignment_id = uk_guid_new_braced();
                settings->crc = g_strdup("");
        }
        return g_steal_pointer(&settings);
}

char *
policy_next_version(Db *db, const char *policy_id, bool whole, GError **error)
{
        g_autofree char *version = NULL;
        gint64 number = 0;
        bool found = false;

        if (!db_text(db, &sql_policy_version, DB_ARGS(DB_TEXT("policy_id", policy_id)), &version,
                     &found, error))
                return NULL;
        if (found && !whole)
                return g_steal_pointer(&version);
        if (found) {
                char *point = strchr(version, '.');
                if (point != NULL)
                        *point = '\0';
                if (!g_ascii_string_to_signed(version, 10, 0, G_MAXINT32, &number, error)) {
                        g_prefix_error(error, "version of policy %s: ", policy_id);
                        return NULL;
                }
        }
        return g_strdup_printf("%" G_GINT64_FORMAT ".00", number + 1);
}

static bool
put_settings(DbTx *tx, const PolicyBegin *b, gint64 padbid, const char *cause, GError **error)
{
        return db_run(tx, &sql_policy_put_settings,
                      DB_ARGS(DB_TEXT("source_id", b->source_id),
                              DB_TEXT("source_type", b->source_type),
                              DB_TEXT("policy_id", b->settings->policy_id),
                              DB_TEXT("assignment_id", b->settings->assignment_id),
                              DB_TEXT("crc", b->crc), DB_INT("padbid", padbid),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

static bool
put_policy(DbTx *tx, const PolicyBegin *b, const char *cause, GError **error)
{
        return db_run(tx, &sql_policy_put,
                      DB_ARGS(DB_TEXT("policy_id", b->settings->policy_id),
                              DB_TEXT("version", b->version),
                              DB_BYTES("body", b->body, b->body_size), DB_TEXT("hash", b->hash),
                              DB_TEXT("category", b->category), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

bool
policy_begin(DbTx *tx, const PolicyBegin *begin, const char *cause, gint64 *padbid_out,
             GError **error)
{
        UK_DOING(error, "writing policy %s %s", begin->settings->policy_id, begin->version);
        gint64 padbid = begin->settings->padbid;

        if (padbid == 0 && !sitekey_next(tx, SITEKEY_PADB, 1, &padbid, error))
                return false;
        if (!put_settings(tx, begin, padbid, cause, error) ||
            !put_policy(tx, begin, cause, error) ||
            !db_run(tx, &sql_policy_begin_assignment,
                    DB_ARGS(DB_INT("padbid", padbid),
                            DB_TEXT("assignment_id", begin->settings->assignment_id),
                            DB_TEXT("policy_id", begin->settings->policy_id),
                            DB_TEXT("version", begin->version), DB_TEXT("cause", cause),
                            DB_TEXT("trace", db_tx_trace(tx))),
                    error))
                return false;
        *padbid_out = padbid;
        return true;
}

bool
policy_finish(DbTx *tx, const PolicyFinish *finish, const char *cause, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(
                    tx, &sql_policy_finish_assignment,
                    DB_ARGS(DB_BYTES("body", finish->body, finish->body_size),
                            DB_TEXT("body_hash", finish->body_hash),
                            DB_TEXT("body_signature", finish->body_signature),
                            DB_BYTES("tombstone", finish->tombstone, finish->tombstone_size),
                            DB_TEXT("tombstone_hash", finish->tombstone_hash),
                            DB_TEXT("tombstone_signature", finish->tombstone_signature),
                            DB_TEXT("oid", POLICY_HASH_OID), DB_INT("alg", POLICY_HASH_ID),
                            DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                            DB_TEXT("trace", db_tx_trace(tx)), DB_INT("padbid", finish->padbid)),
                    &changed, error))
                return false;
        return changed > 0 ||
               uk_fail(error, UK_ERROR_NOT_FOUND,
                       "policy assignment %" G_GINT64_FORMAT " is not in process", finish->padbid);
}

bool
policy_withdraw(DbTx *tx, gint64 padbid, const char *cause, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_policy_withdraw,
                            DB_ARGS(DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                                    DB_TEXT("trace", db_tx_trace(tx)), DB_INT("padbid", padbid)),
                            &changed, error))
                return false;
        return changed > 0 ||
               uk_fail(error, UK_ERROR_NOT_FOUND,
                       "policy assignment %" G_GINT64_FORMAT " is not there", padbid);
}

GPtrArray *
policy_assignments(Db *db, gint64 since_us, GError **error)
{
        return db_list(db, &sql_policy_assignments, DB_ARGS(DB_TIME("since", since_us)),
                       assignment_fields, sizeof(PolicyAssignment),
                       (GDestroyNotify)policy_assignment_free, error);
}

GBytes *
policy_body(Db *db, const char *policy_id, const char *version, GError **error)
{
        g_autoptr(DbRows) rows =
                db_query(db, &sql_policy_body,
                         DB_ARGS(DB_TEXT("policy_id", policy_id),
                                 DB_TEXT("version", version != NULL ? version : "")),
                         error);
        bool row = false;
        gsize size = 0;

        if (rows == NULL || !db_next(rows, &row, error))
                return NULL;
        const char *body = row ? db_cell_text(rows, 0, &size) : NULL;
        if (body == NULL) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "there is no policy %s %s", policy_id,
                        version != NULL ? version : "");
                return NULL;
        }
        return g_bytes_new(body, size);
}
