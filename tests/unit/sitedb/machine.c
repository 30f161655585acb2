/* Tests of src/sitedb/machine.c. */
#include "sitedb/machine.h"

#include <string.h>

#include "fixture.h"

#define GUID_1  "a1006d0e-cf56-41d1-a006-6330efc39381"
#define SMSID_1 "GUID:A1006D0E-CF56-41D1-A006-6330EFC39381"
#define KEY_1   "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY_2   "2222222222222222222222222222222222222222222222222222222222222222"

static MachineRegistration
registration(const char *smsid, const char *name, const char *key)
{
        MachineRegistration r = { smsid,         name,          "PS1DEB.CONTOSO.COM",
                                  "CONTOSO.COM", "0.1.0",       "Debian 12",
                                  "amd64",       "-----BEGIN…", key };

        return r;
}

static Machine *
enter(Fixture *f, const MachineRegistration *r, bool approve)
{
        Machine *machine = NULL;

        STEP(f, (machine = machine_register(tx, r, approve, "registration", &failure)) != NULL);
        return machine;
}

static void
ids(Fixture *f, gconstpointer unused)
{
        const char *good[] = { GUID_1, SMSID_1, "{" GUID_1 "}", "guid: " GUID_1, " " GUID_1 "\n" };
        const char *bad[] = {
                "", "GUID:", "a1006d0e", GUID_1 "0", "{" GUID_1, "GUID:GUID:" GUID_1
        };

        for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *id = machine_smsid(good[i]);
                g_assert_cmpstr(id, ==, SMSID_1);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_null(machine_smsid(bad[i]));
}

static void
pending_then_approved(Fixture *f, gconstpointer unused)
{
        MachineRegistration r = registration(GUID_1, "PS1DEB", KEY_1);
        g_autoptr(Machine) m = enter(f, &r, false);
        g_autoptr(GError) unknown = NULL;
        bool changed = false;

        g_assert_cmpint(m->id, ==, 16777217);
        g_assert_cmpstr(m->smsid, ==, SMSID_1);
        g_assert_cmpint(m->state, ==, MACHINE_PENDING);
        g_assert_cmpint(m->contact_us, ==, 0);
        g_assert_cmpstr(m->trace, ==, TRACE);
        STEP(f, machine_set_state(tx, m->id, MACHINE_APPROVED, "admin", &changed, &failure));
        g_assert_true(changed);
        STEP(f, machine_set_state(tx, m->id, MACHINE_APPROVED, "admin", &changed, &failure));
        g_assert_false(changed);
        ASK(f, "SELECT Active0 || Name0 || SMS_Unique_Identifier0 FROM v_R_System",
            "1PS1DEB" SMSID_1);
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(machine_set_state(tx, 1, MACHINE_APPROVED, "admin", NULL, &unknown));
        g_assert_error(unknown, UK_ERROR, UK_ERROR_NOT_FOUND);
}

static void
same_key_is_the_same_machine(Fixture *f, gconstpointer unused)
{
        MachineRegistration r = registration("", "OLD", KEY_1);
        g_autoptr(Machine) first = enter(f, &r, true);
        g_autoptr(Machine) again = NULL, blocked = NULL;

        g_assert_cmpint(first->state, ==, MACHINE_APPROVED);
        r.smsid = GUID_1; /* it may call itself what it likes */
        r.name = "NEW";
        again = enter(f, &r, false);
        g_assert_cmpint(again->id, ==, first->id);
        g_assert_cmpstr(again->smsid, ==, first->smsid);
        g_assert_cmpstr(again->name, ==, "NEW");
        g_assert_cmpint(again->state, ==, MACHINE_APPROVED);
        /* Registering again does not unblock. */
        STEP(f, machine_set_state(tx, first->id, MACHINE_BLOCKED, "admin", NULL, &failure));
        blocked = enter(f, &r, true);
        g_assert_cmpint(blocked->state, ==, MACHINE_BLOCKED);
        ASK(f, "SELECT COUNT(*) FROM Machines", "1");
}

static void
another_key_is_refused(Fixture *f, gconstpointer unused)
{
        MachineRegistration mine = registration(GUID_1, "PS1DEB", KEY_1);
        MachineRegistration thief = registration(SMSID_1, "PS1DEB", KEY_2);
        g_autoptr(Machine) m = enter(f, &mine, true), again = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) refused = db_begin(f->db, NULL);

        g_assert_null(machine_register(refused, &thief, true, "registration", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_DENIED);
        g_clear_pointer(&refused, db_rollback);
        /* Installed anew: the administrator deletes the old one, then it may come. */
        STEP(f, machine_delete(tx, m->id, &failure));
        again = enter(f, &thief, false);
        g_assert_cmpstr(again->smsid, ==, SMSID_1);
        g_assert_cmpint(again->id, !=, m->id);
}

static void
bad_registrations(Fixture *f, gconstpointer unused)
{
        MachineRegistration bad[] = {
                registration(GUID_1, "", KEY_1),        registration(GUID_1, NULL, KEY_1),
                registration("not a GUID", "A", KEY_1), registration(GUID_1, "A", "abc"),
                registration(GUID_1, "A\xff", KEY_1),   registration(GUID_1, "A", KEY_1),
        };
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);

        bad[5].certificate = NULL;
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(machine_register(tx, &bad[i], true, "registration", &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        }
}

static void
contacts(Fixture *f, gconstpointer unused)
{
        MachineRegistration r = registration("", "A", KEY_1), other = registration("", "B", KEY_2);
        g_autoptr(Machine) a = enter(f, &r, true), b = enter(f, &other, true);
        g_autoptr(Machine) now = NULL, later = NULL;
        gint64 noon = 1700000000 * UK_SECOND;
        MachineCounts counts;

        STEP(f, machine_touch(tx, a->id, noon, &failure));
        STEP(f, machine_touch(tx, a->id, noon - UK_HOUR, &failure)); /* a clock that jumps back */
        MUST(machine_by_smsid(f->db, a->smsid, &now, &failure));
        g_assert_cmpint(now->contact_us, ==, noon);
        STEP(f, machine_set_state(tx, b->id, MACHINE_BLOCKED, "admin", NULL, &failure));
        MUST(machine_counts(f->db, noon, &counts, &failure));
        g_assert_cmpint(counts.approved, ==, 1);
        g_assert_cmpint(counts.blocked, ==, 1);
        g_assert_cmpint(counts.heard, ==, 1);
        g_assert_cmpint(counts.never, ==, 0);
        MUST(machine_counts(f->db, noon + 1000, &counts, &failure));
        g_assert_cmpint(counts.heard, ==, 0);
        /* A contact of a year that the clock was set back from is none. */
        STEP(f, machine_touch(tx, a->id, uk_clock_now() + 365 * UK_DAY, &failure));
        STEP(f, machine_touch(tx, a->id, noon, &failure));
        MUST(machine_by_smsid(f->db, a->smsid, &later, &failure));
        g_assert_cmpint(later->contact_us, ==, noon);
}

/* Who sends a message is known by any spelling of its ID, and with what decides on it. */
static void
sender(Fixture *f, gconstpointer unused)
{
        MachineRegistration r = registration(GUID_1, "A", KEY_1);
        g_autoptr(Machine) a = enter(f, &r, false), found = NULL, nobody = NULL, unknown = NULL;
        g_autofree char *lower = g_ascii_strdown(a->smsid + strlen("GUID:"), -1);

        MUST(machine_sender(f->db, lower, &found, &failure));
        g_assert_cmpint(found->id, ==, a->id);
        g_assert_cmpstr(found->smsid, ==, a->smsid);
        g_assert_cmpstr(found->name, ==, "A");
        g_assert_cmpint(found->state, ==, MACHINE_PENDING);
        g_assert_cmpstr(found->certificate, ==, r.certificate);
        g_assert_cmpstr(found->fingerprint, ==, KEY_1);
        MUST(machine_sender(f->db, "no GUID", &nobody, &failure));
        g_assert_null(nobody);
        MUST(machine_sender(f->db, "00000000-0000-0000-0000-000000000001", &unknown, &failure));
        g_assert_null(unknown);
}

static void
found_by_name(Fixture *f, gconstpointer unused)
{
        MachineRegistration r = registration(GUID_1, "TWIN", KEY_1);
        MachineRegistration other = registration("", "twin", KEY_2);
        g_autoptr(GError) two = NULL, none = NULL;
        g_autoptr(GPtrArray) pending = NULL, page = NULL;
        g_autoptr(Machine) a = enter(f, &r, true), b = NULL, by_smsid = NULL, by_number = NULL,
                           nobody = NULL;

        other.full_name = "OTHER.CONTOSO.COM";
        b = enter(f, &other, false);
        g_assert_null(machine_find(f->db, "Twin", &two));
        g_assert_error(two, UK_ERROR, UK_ERROR_INVALID);
        g_assert_null(machine_find(f->db, "nobody", &none));
        g_assert_error(none, UK_ERROR, UK_ERROR_NOT_FOUND);
        MUST((by_smsid = machine_find(f->db, GUID_1, &failure)) != NULL);
        g_assert_cmpint(by_smsid->id, ==, a->id);
        MUST((by_number = machine_find(f->db, "16777218", &failure)) != NULL);
        g_assert_cmpint(by_number->id, ==, b->id);
        MUST(machine_by_smsid(f->db, "no GUID", &nobody, &failure));
        g_assert_null(nobody);
        MUST((pending = machine_list(f->db, MACHINE_PENDING, 0, 0, &failure)) != NULL);
        g_assert_cmpuint(pending->len, ==, 1);
        MUST((page = machine_list(f->db, -1, a->id, 10, &failure)) != NULL);
        g_assert_cmpuint(page->len, ==, 1);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/machine/ids", fixture_setup, ids);
        FIXTURE_CASE("/sitedb/machine/sender", fixture_setup, sender);
        FIXTURE_CASE("/sitedb/machine/pending-then-approved", fixture_setup, pending_then_approved);
        FIXTURE_CASE("/sitedb/machine/same-key-is-the-same-machine", fixture_setup,
                     same_key_is_the_same_machine);
        FIXTURE_CASE("/sitedb/machine/another-key-is-refused", fixture_setup,
                     another_key_is_refused);
        FIXTURE_CASE("/sitedb/machine/bad-registrations", fixture_setup, bad_registrations);
        FIXTURE_CASE("/sitedb/machine/contacts", fixture_setup, contacts);
        FIXTURE_CASE("/sitedb/machine/found-by-name", fixture_setup, found_by_name);
        return g_test_run();
}
