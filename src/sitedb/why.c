/* why.c - one machine and one update, and all rows that decide what is known of the two. */
#include "sitedb/why.h"

#include "sitedb/why.sql.h"

static const DbField fields[] = {
        DB_FIELD(INT, WhyFacts, ci_id, "CI_ID"),
        DB_FIELD(TEXT, WhyFacts, article, "ArticleID"),
        DB_FIELD(TEXT, WhyFacts, title, "Title"),
        DB_FIELD(TEXT, WhyFacts, unique_id, "CI_UniqueID"),
        DB_FIELD(TEXT, WhyFacts, update_cause, "UpdateCause"),
        DB_FIELD(INT, WhyFacts, need, "MinSourceVersion"),
        DB_FIELD(TIME, WhyFacts, created_us, "DateCreated"),
        DB_FIELD(TIME, WhyFacts, modified_us, "DateLastModified"),
        DB_FIELD(INT, WhyFacts, expired, "IsExpired"),
        DB_FIELD(INT, WhyFacts, superseded, "IsSuperseded"),
        DB_FIELD(INT, WhyFacts, content_version, "ContentVersion"),
        DB_FIELD(TIME, WhyFacts, sync_us, "SyncTime"),
        DB_FIELD(INT, WhyFacts, sync_version, "SyncVersion"),
        DB_FIELD(INT, WhyFacts, machine_id, "ResourceID"),
        DB_FIELD(TEXT, WhyFacts, name, "Name"),
        DB_FIELD(TEXT, WhyFacts, state_cause, "StateCause"),
        DB_FIELD(INT, WhyFacts, state, "State"),
        DB_FIELD(TIME, WhyFacts, state_us, "StateTime"),
        DB_FIELD(TIME, WhyFacts, registered_us, "RegisteredTime"),
        DB_FIELD(TIME, WhyFacts, contact_us, "LastContactTime"),
        DB_FIELD(TEXT, WhyFacts, policy_id, "PolicyID"),
        DB_FIELD(TEXT, WhyFacts, policy_version, "PolicyVersion"),
        DB_FIELD(TEXT, WhyFacts, policy_cause, "PolicyCause"),
        DB_FIELD(INT, WhyFacts, policy_ready, "PolicyReady"),
        DB_FIELD(TIME, WhyFacts, policy_us, "PolicyMadeTime"),
        DB_FIELD(BYTES, WhyFacts, policy_body, "PolicyBody"),
        DB_FIELD(TIME, WhyFacts, asked_policy_us, "AskedPolicyTime"),
        DB_FIELD(TIME, WhyFacts, body_us, "BodyTime"),
        DB_FIELD(INT, WhyFacts, body_version, "BodyVersion"),
        DB_FIELD(TIME, WhyFacts, location_us, "LocationTime"),
        DB_FIELD(INT, WhyFacts, location_version, "LocationVersion"),
        DB_FIELD(TEXT, WhyFacts, location_url, "LocationURL"),
        DB_FIELD(TEXT, WhyFacts, location_reason, "LocationReason"),
        DB_FIELD(TIME, WhyFacts, relayed_us, "RelayedTime"),
        DB_FIELD(INT, WhyFacts, relayed_serial, "RelayedSerial"),
        DB_FIELD(TIME, WhyFacts, report_us, "LastReportTime"),
        DB_FIELD(INT, WhyFacts, report_serial, "LastSerialNumber"),
        DB_FIELD(TIME, WhyFacts, rejected_us, "RejectedTime"),
        DB_FIELD(TEXT, WhyFacts, rejected_reason, "RejectedReason"),
        DB_FIELD(TEXT, WhyFacts, rejected_id, "RejectedID"),
        DB_FIELD(TIME, WhyFacts, refused_us, "RefusedTime"),
        DB_FIELD(TEXT, WhyFacts, refused_reason, "RefusedReason"),
        DB_FIELD(TEXT, WhyFacts, refused_file, "RefusedFile"),
        DB_FIELD(INT, WhyFacts, scan_state, "ScanState"),
        DB_FIELD(TIME, WhyFacts, scan_state_us, "ScanStateTime"),
        DB_FIELD(TEXT, WhyFacts, scan_state_name, "ScanStateName"),
        DB_FIELD(INT, WhyFacts, scan_error, "ScanError"),
        DB_FIELD(INT, WhyFacts, package_version, "ScanPackageVersion"),
        DB_FIELD(TIME, WhyFacts, scan_us, "LastScanTime"),
        DB_FIELD(INT, WhyFacts, scan_version, "ScanVersion"),
        DB_FIELD(TIME, WhyFacts, resync_us, "ResyncTime"),
        DB_FIELD(TEXT, WhyFacts, scan_location, "ScanLocation"),
        DB_FIELD(INT, WhyFacts, has_status, "HasStatus"),
        DB_FIELD(INT, WhyFacts, status, "Status"),
        DB_FIELD(TIME, WhyFacts, status_us, "StatusTime"),
        DB_FIELD(TIME, WhyFacts, status_received_us, "StatusReceivedTime"),
        DB_FIELD(TIME, WhyFacts, summary_us, "LastSummaryTime"),
        DB_FIELD(TIME, WhyFacts, proved_us, "ProvedTime"),
        DB_FIELD(INT, WhyFacts, kept_missing, "KeptMissing"),
        DB_FIELD(INT, WhyFacts, kept_installed, "KeptInstalled"),
        DB_FIELD(INT, WhyFacts, kept_unknown, "KeptUnknown"),
        DB_FIELD(INT, WhyFacts, kept_total, "KeptTotal"),
        DB_FIELD_END,
};

static const DbField live_fields[] = {
        DB_FIELD(INT, WhyFacts, live_missing, "LiveMissing"),
        DB_FIELD(INT, WhyFacts, live_installed, "LiveInstalled"),
        DB_FIELD(INT, WhyFacts, live_unknown, "LiveUnknown"),
        DB_FIELD(INT, WhyFacts, live_total, "LiveTotal"),
        DB_FIELD_END,
};

void
why_facts_free(WhyFacts *facts)
{
        if (facts == NULL)
                return;
        for (const DbField *field = fields; field->column != NULL; field++) {
                if (field->type == DB_TYPE_TEXT)
                        g_free(*(char **)G_STRUCT_MEMBER_P(facts, field->offset));
        }
        g_clear_pointer(&facts->policy_body, g_bytes_unref);
        g_free(facts);
}

WhyFacts *
why_facts(Db *db, gint64 machine_id, gint64 ci_id, GError **error)
{
        g_autoptr(WhyFacts) facts = g_new0(WhyFacts, 1);
        bool found = false, counted = false;

        if (!db_one(db, &sql_why_facts, DB_ARGS(DB_INT("machine", machine_id), DB_INT("ci", ci_id)),
                    fields, facts, &found, error))
                return NULL;
        if (!found) {
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "there is no client %" G_GINT64_FORMAT " or no update %" G_GINT64_FORMAT
                        " (upkeep client list, upkeep update list)",
                        machine_id, ci_id);
                return NULL;
        }
        /* Without an approved machine there is nothing to count. */
        if (!db_one(db, &sql_why_live, DB_ARGS(DB_INT("ci", ci_id)), live_fields, facts, &counted,
                    error))
                return NULL;
        return g_steal_pointer(&facts);
}
