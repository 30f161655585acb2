/* Tests of src/sitedb/machinelink.c and clienttrigger.c. */
#include "sitedb/machinelink.h"

#include "sitedb/clienttrigger.h"
#include "sitedb/machine.h"
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

#define LINK                                                                                       \
        "SELECT COALESCE(PolicyTime, '-') || ' ' || BodyVersion || ' ' || LocationVersion || ' ' " \
        "|| LocationURL || '|' || LocationReason FROM MachineLinks"

static void
what_was_not_seen_stays(Fixture *f, gconstpointer unused)
{
        gint64 id = machine_of(f);
        const MachineLink first = { .machine_id = id,
                                    .policy_us = UK_SECOND,
                                    .body_us = UK_SECOND,
                                    .body_version = 3,
                                    .location_us = UK_SECOND,
                                    .location_version = 3,
                                    .location_url = (char *)"http://a" };
        const MachineLink none = { .machine_id = id,
                                   .location_us = 2 * UK_SECOND,
                                   .location_version = 4,
                                   .location_reason = (char *)"the newest is 3" };
        const MachineLink report = { .machine_id = id, .report_us = 3 * UK_SECOND };

        STEP(f, machinelink_put(tx, &first, &failure));
        ASK(f, LINK, "1970-01-01T00:00:01.000Z 3 3 http://a|");
        STEP(f, machinelink_put(tx, &none, &failure));
        STEP(f, machinelink_put(tx, &report, &failure));
        ASK(f, LINK, "1970-01-01T00:00:01.000Z 3 4 |the newest is 3");
        STEP(f, machine_delete(tx, id, &failure));
        STEP(f, machinelink_put(tx, &first, &failure)); /* nobody to see */
        STEP(f, machine_touch(tx, id, UK_SECOND, &failure));
        ASK(f, "SELECT COUNT(*) || '' FROM MachineLinks", "0");
        ASK(f, "SELECT COUNT(*) || '' FROM MachineContacts", "0");
}

static void
merged_the_newer_wins(Fixture *f, gconstpointer unused)
{
        MachineLink *older = g_new0(MachineLink, 1);
        MachineLink newer = { .location_us = 2, .location_version = 5, .report_us = 7 };

        older->policy_us = 1;
        older->body_us = 1;
        older->body_version = 4;
        older->location_us = 1;
        older->location_url = g_strdup("http://old");
        older->report_us = 3;
        machinelink_merge(&newer, older);
        g_assert_cmpint(newer.policy_us, ==, 1);
        g_assert_cmpint(newer.body_version, ==, 4);
        g_assert_cmpint(newer.location_version, ==, 5);
        g_assert_null(newer.location_url);
        g_assert_cmpint(newer.report_us, ==, 7);
}

static void
wish_waits_until_taken(Fixture *f, gconstpointer unused)
{
        gint64 id = machine_of(f), first = 0, second = 0, third = 0;
        g_autoptr(GPtrArray) one = NULL;
        g_autoptr(GPtrArray) two = NULL;
        g_autoptr(GPtrArray) none = NULL;

        STEP(f, clienttrigger_add(tx, id, CLIENTTRIGGER_SCAN, "by hand", &failure));
        MUST((one = clienttrigger_pending(f->db, id, &first, &failure)) != NULL);
        g_assert_cmpuint(one->len, ==, 1);
        g_assert_cmpstr(one->pdata[0], ==, CLIENTTRIGGER_SCAN);
        STEP(f, clienttrigger_add(tx, id, CLIENTTRIGGER_SCAN, "once more", &failure));
        STEP(f, clienttrigger_taken(tx, id, first, &failure));
        MUST((two = clienttrigger_pending(f->db, id, &second, &failure)) != NULL);
        g_assert_cmpuint(two->len, ==, 1); /* the second wish came after the first was handed out */
        g_assert_cmpint(second, >, first);
        STEP(f, clienttrigger_taken(tx, id, second, &failure));
        MUST((none = clienttrigger_pending(f->db, id, &third, &failure)) != NULL);
        g_assert_cmpuint(none->len, ==, 0);
        g_assert_cmpint(third, ==, 0);
}

/* The site is restored from a backup that knows less than its clients, be it not even them. */
static void
wish_after_a_restore(Fixture *f, gconstpointer unused)
{
        g_autofree char *backup = NULL;
        g_autoptr(GPtrArray) wishes = NULL;
        gint64 held = 0, number = 0;
        gsize size;

        db_close(f->db);
        g_assert_true(g_file_get_contents(f->path, &backup, &size, NULL));
        MUST((f->db = db_open(f->path, false, 1000, &failure)) != NULL);
        gint64 id = machine_of(f);
        for (int i = 0; i < 5; i++)
                STEP(f, clienttrigger_add(tx, id, CLIENTTRIGGER_SCAN, "before", &failure));
        g_ptr_array_unref(clienttrigger_pending(f->db, id, &held, NULL));
        for (int restores = 0; restores < 2; restores++) {
                db_close(f->db);
                g_assert_true(g_file_set_contents(f->path, backup, (gssize)size, NULL));
                MUST((f->db = db_open(f->path, false, 1000, &failure)) != NULL);
                STEP(f, clienttrigger_leap(tx, &failure));
                id = machine_of(f);
                STEP(f, clienttrigger_add(tx, id, CLIENTTRIGGER_SCAN, "after", &failure));
                /* The client comes with the number that it has. */
                STEP(f, clienttrigger_taken(tx, id, held, &failure));
                g_clear_pointer(&wishes, g_ptr_array_unref);
                MUST((wishes = clienttrigger_pending(f->db, id, &number, &failure)) != NULL);
                g_assert_cmpuint(wishes->len, ==, 1);
                g_assert_cmpint(number, >, held);
                held = number;
        }
}

static void
wish_for_nobody(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = NULL;

        MUST((tx = db_begin(f->db, &failure)) != NULL);
        g_assert_false(clienttrigger_add(tx, 4711, CLIENTTRIGGER_SCAN, "", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/machinelink/what-was-not-seen-stays", fixture_setup,
                     what_was_not_seen_stays);
        FIXTURE_CASE("/sitedb/machinelink/merged-the-newer-wins", fixture_setup,
                     merged_the_newer_wins);
        FIXTURE_CASE("/sitedb/clienttrigger/waits-until-taken", fixture_setup,
                     wish_waits_until_taken);
        FIXTURE_CASE("/sitedb/clienttrigger/after-a-restore", fixture_setup, wish_after_a_restore);
        FIXTURE_CASE("/sitedb/clienttrigger/for-nobody", fixture_setup, wish_for_nobody);
        return g_test_run();
}
