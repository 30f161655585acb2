/* Tests of src/sitedb/policy.c: two steps, and nothing served in between. */
#include "sitedb/policy.h"

#include "fixture.h"

static PolicySettings *
settings(Fixture *f, bool expected)
{
        PolicySettings *s = NULL;
        bool found = !expected;

        MUST((s = policy_settings(f->db, "PS1", "UpdateSource", &found, &failure)) != NULL);
        g_assert_true(found == expected);
        return s;
}

static gint64
first_step(Fixture *f, const PolicySettings *s, const char *version, const char *body)
{
        PolicyBegin begin = { "PS1", "UpdateSource", s,          "crc", "UpdateSource", version,
                              body,  strlen(body),   "SHA256:00" };
        gint64 padbid = 0;

        STEP(f, policy_begin(tx, &begin, "{S}.STN", &padbid, &failure));
        return padbid;
}

static void
second_step(Fixture *f, gint64 padbid, const char *body)
{
        PolicyFinish finish = { padbid, body,        strlen(body), "tomb",      4,
                                "hash", "signature", "thash",      "tsignature" };

        STEP(f, policy_finish(tx, &finish, "{S}.STN", &failure));
}

static guint
served(Fixture *f, gint64 since)
{
        g_autoptr(GPtrArray) list = NULL;

        MUST((list = policy_assignments(f->db, since, &failure)) != NULL);
        return list->len;
}

static void
first_policy(Fixture *f, gconstpointer unused)
{
        g_autoptr(PolicySettings) s = settings(f, false);
        g_autofree char *version = policy_next_version(f->db, s->policy_id, true, NULL);
        g_autoptr(GPtrArray) list = NULL;
        g_autoptr(GBytes) body = NULL;
        gint64 padbid;

        g_assert_cmpstr(version, ==, "1.00");
        g_assert_cmpint(s->policy_id[0], ==, '{');
        g_assert_cmpstr(s->policy_id, !=, s->assignment_id);
        padbid = first_step(f, s, version, "<Policy 1/>");
        g_assert_cmpint(padbid, ==, 16777217);
        g_assert_cmpuint(served(f, 0), ==, 0);
        second_step(f, padbid, "<Assignment 1/>");
        MUST((list = policy_assignments(f->db, 0, &failure)) != NULL);
        g_assert_cmpuint(list->len, ==, 1);
        const PolicyAssignment *a = list->pdata[0];
        g_assert_cmpstr(a->policy_id, ==, s->policy_id);
        g_assert_cmpstr(a->assignment_id, ==, s->assignment_id);
        g_assert_cmpstr(a->version, ==, "1.00");
        g_assert_cmpstr(a->category, ==, "UpdateSource");
        g_assert_cmpstr(a->body_signature, ==, "signature");
        g_assert_cmpmem(g_bytes_get_data(a->body, NULL), g_bytes_get_size(a->body),
                        "<Assignment 1/>", 15);
        MUST((body = policy_body(f->db, s->policy_id, "1.00", &failure)) != NULL);
        g_assert_cmpmem(g_bytes_get_data(body, NULL), g_bytes_get_size(body), "<Policy 1/>", 11);
        ASK(f,
            "SELECT HashAlgOID || ' ' || HashAlgId || ' ' || TombstoneBodyHash || ' ' || Cause ||"
            " ' ' || Trace FROM PolicyAssignment",
            "1.2.840.113549.1.1.11 32780 thash {S}.STN " TRACE);
        ASK(f, "SELECT SourceCRC FROM SettingsPolicy WHERE SourceID = 'PS1'", "crc");
}

static void
next_version(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) gone = NULL, again = NULL;
        g_autoptr(PolicySettings) s = settings(f, false);
        PolicyFinish finish = { 16777217, "b", 1, "t", 1, "h", "s", "h", "s" };

        second_step(f, first_step(f, s, "40.00", "old"), "old");
        g_autofree char *version = policy_next_version(f->db, s->policy_id, true, NULL);
        g_assert_cmpstr(version, ==, "41.00");
        g_autoptr(PolicySettings) same = settings(f, true);
        g_assert_cmpint(same->padbid, ==, 16777217);
        g_assert_cmpstr(same->crc, ==, "crc");
        first_step(f, same, version, "new");
        g_assert_cmpuint(served(f, 0), ==, 0); /* not even the old one, whose body is gone */
        ASK(f, "SELECT COALESCE(BodyHash, 'null') || InProcess FROM PolicyAssignment", "null1");
        g_assert_null(policy_body(f->db, s->policy_id, "40.00", &gone));
        g_assert_error(gone, UK_ERROR, UK_ERROR_NOT_FOUND);
        second_step(f, 16777217, "new");
        g_assert_cmpuint(served(f, 0), ==, 1);
        g_assert_cmpuint(served(f, uk_clock_now() + UK_HOUR), ==, 0);
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(policy_finish(tx, &finish, "x", &again));
        g_assert_error(again, UK_ERROR, UK_ERROR_NOT_FOUND);
}

/* Killed between the steps: the first step is done again with what stands there. */
static void
begun_again(Fixture *f, gconstpointer unused)
{
        g_autoptr(PolicySettings) s = settings(f, false);
        gint64 padbid = first_step(f, s, "1.00", "one");
        g_autoptr(PolicySettings) same = settings(f, true);
        g_autofree char *version = policy_next_version(f->db, same->policy_id, false, NULL);

        g_assert_cmpstr(version, ==, "1.00"); /* nobody was given it */
        g_assert_cmpint(first_step(f, same, version, "two"), ==, padbid);
        second_step(f, padbid, "two");
        ASK(f, "SELECT COUNT(*) || MAX(Version) FROM PolicyAssignment", "11.00");
}

static void
withdrawn(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(PolicySettings) s = settings(f, false);
        g_autoptr(GPtrArray) list = NULL;
        gint64 padbid = first_step(f, s, "1.00", "one");

        second_step(f, padbid, "one");
        STEP(f, policy_withdraw(tx, padbid, "admin", &failure));
        MUST((list = policy_assignments(f->db, 0, &failure)) != NULL);
        const PolicyAssignment *a = list->pdata[0];
        g_assert_true(a->tombstoned);
        g_assert_cmpstr(a->body_hash, ==, "thash");
        g_assert_cmpstr(a->body_signature, ==, "tsignature");
        g_assert_cmpmem(g_bytes_get_data(a->body, NULL), g_bytes_get_size(a->body), "tomb", 4);
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(policy_withdraw(tx, 1, "admin", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/policy/first", fixture_setup, first_policy);
        FIXTURE_CASE("/sitedb/policy/next-version-COMP-014", fixture_setup, next_version);
        FIXTURE_CASE("/sitedb/policy/begun-again", fixture_setup, begun_again);
        FIXTURE_CASE("/sitedb/policy/withdrawn", fixture_setup, withdrawn);
        return g_test_run();
}
