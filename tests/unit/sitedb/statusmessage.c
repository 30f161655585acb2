/* Tests of src/sitedb/statusmessage.c and audit.c. */
#include "sitedb/statusmessage.h"

#include "fixture.h"
#include "sitedb/audit.h"

static StatusMessage
message(int id, char severity, gint64 time_us)
{
        StatusMessage m = { .id = id,
                            .severity = severity,
                            .component = "SMS_WSUS_SYNC_MANAGER",
                            .machine = SUP,
                            .site = "PS1",
                            .time_us = time_us,
                            .pid = 5428,
                            .tid = 5776,
                            .text = "WSUS synchronization failed.",
                            .trace = TRACE };

        return m;
}

static guint
count(Fixture *f, const StatusMessageFilter *filter)
{
        g_autoptr(DbRows) rows = NULL;
        bool row = true;
        guint n = 0;

        MUST((rows = statusmessage_rows(f->db, filter, &failure)) != NULL);
        for (;; n++) {
                MUST(db_next(rows, &row, &failure));
                if (!row)
                        return n;
        }
}

static void
stored_whole(Fixture *f, gconstpointer unused)
{
        StatusMessage m = message(6703, 'E', 1700000000 * UK_SECOND);

        m.strings[0] = "WSyncAction.SyncWSUS";
        m.strings[9] = "the \"last\" string";
        m.attribute_count = 1;
        m.attribute_ids[0] = 400;
        m.attribute_values[0] = "PS100039";
        STEP(f, statusmessage_add(tx, &m, &failure));
        ASK(f,
            "SELECT MessageID || ' ' || Severity || ' ' || Time || ' ' || InsString1 || ' ' ||"
            " InsString10 || ' ' || COALESCE(InsString2, 'null') FROM v_StatMsgWithInsStrings",
            "6703 -1073741824 2023-11-14T22:13:20.000Z WSyncAction.SyncWSUS the \"last\" string"
            " null");
        ASK(f,
            "SELECT m.MessageText || ' ' || m.Trace || ' ' || a.AttributeID || a.AttributeValue"
            " FROM v_StatusMessage m JOIN v_StatMsgAttributes a ON a.RecordID = m.RecordID",
            "WSUS synchronization failed. " TRACE " 400PS100039");
}

static void
listed_and_trimmed(Fixture *f, gconstpointer unused)
{
        gint64 noon = 1700000000 * UK_SECOND, removed = 0;
        StatusMessage a = message(6701, 'I', noon), b = message(6703, 'E', noon + UK_MINUTE),
                      c = message(2300, 'W', noon + UK_HOUR), bad = message(1, 'X', noon);
        g_autoptr(GError) error = NULL;

        c.component = "SMS_DISTRIBUTION_MANAGER";
        c.strings[0] = "Dummy1";
        c.attribute_count = 1;
        c.attribute_ids[0] = 400;
        c.attribute_values[0] = "PS100039";
        STEP(f, statusmessage_add(tx, &a, &failure));
        STEP(f, statusmessage_add(tx, &b, &failure));
        STEP(f, statusmessage_add(tx, &c, &failure));
        const struct {
                StatusMessageFilter filter;
                guint rows;
        } cases[] = {
                { { 0 }, 3 },
                { { .component = "SMS_WSUS_SYNC_MANAGER" }, 2 },
                { { .id = 6703 }, 1 },
                { { .severity = 'E' }, 1 },
                { { .severity = 'W' }, 1 },
                { { .since_us = noon + UK_MINUTE }, 2 },
                { { .attribute = "PS100039" }, 1 },
                { { .before = 2 }, 1 },
                { { .limit = 2 }, 2 },
        };
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                g_assert_cmpuint(count(f, &cases[i].filter), ==, cases[i].rows);
        STEP(f, statusmessage_trim(tx, noon + 2 * UK_HOUR, &removed, &failure));
        g_assert_cmpint(removed, ==, 3);
        ASK(f, "SELECT COUNT(*) FROM StatusMessageInsStrs", "0");
        ASK(f, "SELECT COUNT(*) FROM StatusMessageAttributes", "0");
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(statusmessage_add(tx, &bad, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
}

static void
audited(Fixture *f, gconstpointer unused)
{
        const AuditEntry entry = {
                1700000000 * UK_SECOND, "root", "", "called", "SMS_SoftwareUpdate", "", "SyncNow",
                "fullSync=false",       ""
        };
        g_autoptr(DbRows) rows = NULL;
        bool row = false;
        int method = -1, trace = -1;

        STEP(f, audit_add(tx, &entry, &failure));
        STEP(f, audit_add(tx, &entry, &failure));
        MUST((rows = audit_rows(f->db, 2, 0, &failure)) != NULL);
        MUST(db_column(rows, "Method", &method, &failure));
        MUST(db_column(rows, "Trace", &trace, &failure));
        MUST(db_next(rows, &row, &failure));
        g_assert_true(row);
        g_assert_cmpstr(db_cell_text(rows, method, NULL), ==, "SyncNow");
        g_assert_cmpstr(db_cell_text(rows, trace, NULL), ==, TRACE);
        MUST(db_next(rows, &row, &failure));
        g_assert_false(row);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/statusmessage/stored-whole", fixture_setup, stored_whole);
        FIXTURE_CASE("/sitedb/statusmessage/listed-and-trimmed", fixture_setup, listed_and_trimmed);
        FIXTURE_CASE("/sitedb/audit/audited", fixture_setup, audited);
        return g_test_run();
}
