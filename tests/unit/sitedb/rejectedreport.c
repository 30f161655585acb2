/* Tests of src/sitedb/rejectedreport.c and machinerequest.c. */
#include "sitedb/rejectedreport.h"

#include "base/clock.h"
#include "sitedb/machine.h"
#include "sitedb/machinerequest.h"
#include "unit/sitedb/fixture.h"

static gint64
machine_of(Fixture *f)
{
        const MachineRegistration registration = {
                .smsid = "",
                .name = "PS1WIN7X64",
                .certificate = "PEM",
                .fingerprint = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        };
        g_autoptr(Machine) machine = NULL;

        STEP(f, (machine = machine_register(tx, &registration, true, "test", &failure)) != NULL);
        return machine->id;
}

static void
last_one_counts(Fixture *f, gconstpointer unused)
{
        RejectedReport report = { machine_of(f),     5 * UK_SECOND, (char *)"{A}",
                                  (char *)"not XML", (char *)TRACE, 0 };
        g_autoptr(RejectedReport) none = NULL;
        g_autoptr(RejectedReport) last = NULL;

        MUST(rejectedreport_load(f->db, report.machine_id, &none, &failure));
        g_assert_null(none);
        STEP(f, rejectedreport_put(tx, &report, &failure));
        report.message_id = (char *)"{B}";
        report.reason = (char *)"another's name";
        report.time_us = 6 * UK_SECOND;
        STEP(f, rejectedreport_put(tx, &report, &failure));
        MUST(rejectedreport_load(f->db, report.machine_id, &last, &failure));
        g_assert_cmpstr(last->message_id, ==, "{B}");
        g_assert_cmpstr(last->reason, ==, "another's name");
        g_assert_cmpint(last->time_us, ==, 6 * UK_SECOND);
        g_assert_cmpint(last->count, ==, 2);
        g_assert_cmpstr(last->trace, ==, TRACE);
}

static void
goes_with_its_machine(Fixture *f, gconstpointer unused)
{
        RejectedReport report = { machine_of(f),     UK_SECOND,  (char *)"{A}",
                                  (char *)"not XML", (char *)"", 0 };
        bool newer;

        STEP(f, rejectedreport_put(tx, &report, &failure));
        STEP(f, machinerequest_take(tx, report.machine_id, 1, &newer, &failure));
        STEP(f, machine_delete(tx, report.machine_id, &failure));
        ASK(f, "SELECT COUNT(*) || '' FROM SR_RejectedReports", "0");
        ASK(f, "SELECT COUNT(*) || '' FROM MachineRequests", "0");
        STEP(f, rejectedreport_put(tx, &report, &failure)); /* nobody to reject */
        ASK(f, "SELECT COUNT(*) || '' FROM SR_RejectedReports", "0");
}

static void
older_request_is_known(Fixture *f, gconstpointer unused)
{
        gint64 id = machine_of(f);
        static const struct {
                gint64 time_us;
                bool newer;
        } rows[] = {
                { 10 * UK_SECOND, true }, { 10 * UK_SECOND, false }, { 9 * UK_SECOND, false },
                { 11 * UK_SECOND, true }, { 10 * UK_SECOND, false },
        };
        /* Its clock was years ahead, and is set right: what it says now counts, what it said does
         * not come back, and of two that are ahead the later one counts. */
        const gint64 now = uk_clock_now(), year = 365 * UK_DAY;
        const struct {
                gint64 time_us;
                bool newer;
        } ahead[] = {
                { now + 4 * year, true }, { now + 3 * year, false }, { now, true },
                { now, false },           { now - UK_HOUR, false },  { now + UK_HOUR, true },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                bool newer = !rows[i].newer;

                STEP(f, machinerequest_take(tx, id, rows[i].time_us, &newer, &failure));
                g_assert_true(newer == rows[i].newer);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(ahead); i++) {
                bool newer = !ahead[i].newer;

                STEP(f, machinerequest_take(tx, id, ahead[i].time_us, &newer, &failure));
                g_assert_true(newer == ahead[i].newer);
        }
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/rejectedreport/last-one-counts", fixture_setup, last_one_counts);
        FIXTURE_CASE("/sitedb/rejectedreport/goes-with-its-machine", fixture_setup,
                     goes_with_its_machine);
        FIXTURE_CASE("/sitedb/machinerequest/older-one-is-known", fixture_setup,
                     older_request_is_known);
        return g_test_run();
}
