/* Tests of mp_register in a box: who becomes known, and who does not. */
#include <locale.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "component-mp-rows.sql.h"
#include "component/mp/kit.h"
#include "sitedb/machine.h"
#include "unit/must.h"
#include "wire/registration.h"

static RegistrationResponse *
registered(World *world, const Client *client, bool confirmation, gint64 time_us)
{
        g_autofree char *text = client_register(world, client, confirmation, time_us);
        RegistrationResponse *response;

        g_assert_nonnull(text);
        MUST((response = registration_response_read(text, strlen(text), &failure)) != NULL);
        g_assert_true(response->confirmation == confirmation);
        return response;
}

static void
expect(World *world, const Client *client, bool confirmation, int status, const char *reason)
{
        g_autoptr(RegistrationResponse) response =
                registered(world, client, confirmation, uk_clock_now());

        g_assert_cmpint(response->status, ==, status);
        g_assert_true(response->approved == (status == 0));
        if (strstr(response->reason, reason) == NULL)
                g_test_message("'%s' lacks '%s'", response->reason, reason);
        g_assert_nonnull(strstr(response->reason, reason));
}

static void
set_state(World *world, const Client *client, int state)
{
        g_autoptr(DbTx) tx = NULL;

        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST(db_run(tx, &sql_rows_client_state,
                    DB_ARGS(DB_INT("state", state), DB_TEXT("name", client->name)), &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

static gint64
count(World *world)
{
        gint64 n;

        MUST(db_int(world->db, &sql_rows_client_count, DB_NO_ARGS, &n, NULL, &failure));
        return n;
}

/* From unknown to pending, approved, blocked; each asked for by a confirmation too. */
static void
pending_until_approved(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autoptr(Machine) row = NULL;

        expect(world, &client, true, 2, "register");
        expect(world, &client, false, 1, "upkeep client approve PS1WIN7X64");
        expect(world, &client, true, 1, "waits for approval");
        MUST((row = machine_find(world->db, client.guid, &failure)) != NULL);
        g_assert_cmpstr(row->name, ==, "PS1WIN7X64");
        g_assert_cmpstr(row->full_name, ==, "PS1WIN7X64.CONTOSO.COM");
        g_assert_cmpstr(row->os, ==, "Debian GNU/Linux 12");
        g_assert_cmpstr(row->certificate, ==, sign_key_cert_pem(client.key));
        set_state(world, &client, MACHINE_APPROVED);
        expect(world, &client, true, 0, "");
        set_state(world, &client, MACHINE_BLOCKED);
        expect(world, &client, true, 3, "blocked");
        expect(world, &client, false, 3, "blocked");
        g_assert_cmpint(count(world), ==, 1);
}

static void
approved_by_setting(void)
{
        g_autoptr(World) world = world_new("approve_automatically=true\n");
        Client client = client_get(0);

        expect(world, &client, false, 0, "");
        world_log_has(world, "MP_RegistrationManager.log",
                      "MP Reg: Registration of PS1WIN7X64 (GUID:A1006D0E", ", key ",
                      "status 0, approval status 1", NULL);
}

static void
guid_is_made(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autoptr(RegistrationResponse) first = NULL;
        g_autoptr(RegistrationResponse) again = NULL;

        client.guid = "";
        first = registered(world, &client, false, uk_clock_now());
        g_assert_cmpuint(strlen(first->smsid), ==, 36);
        /* The key is what it is known by. */
        again = registered(world, &client, false, uk_clock_now());
        g_assert_cmpstr(again->smsid, ==, first->smsid);
        g_assert_cmpint(count(world), ==, 1);
}

/* A key that is known keeps its GUID, whatever GUID it names now. */
static void
key_keeps_its_guid(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        const char *own = client.guid;
        g_autoptr(RegistrationResponse) response = NULL;

        expect(world, &client, false, 1, "");
        client.guid = client_get(1).guid;
        response = registered(world, &client, false, uk_clock_now());
        g_assert_cmpstr(response->smsid, ==, own);
        g_assert_cmpint(count(world), ==, 1);
}

static void
guid_keeps_its_key(void)
{
        g_autoptr(World) world = world_new("approve_automatically=true\n");
        Client client = client_get(0);
        Client thief = client_get(2);

        thief.guid = client.guid;
        expect(world, &client, false, 0, "");
        expect(world, &thief, false, 3, "comes with another key than PS1WIN7X64");
        expect(world, &thief, true, 2, "not known here with this key");
        g_assert_cmpint(count(world), ==, 1);
}

/* An old registration that somebody sends again is answered and not believed. */
static void
replayed(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        gint64 now = uk_clock_now();
        g_autoptr(RegistrationResponse) first = registered(world, &client, false, now);
        g_autoptr(RegistrationResponse) old = NULL;
        g_autoptr(RegistrationResponse) newer = NULL;
        g_autoptr(Machine) row = NULL;

        client.name = "OLDNAME";
        old = registered(world, &client, false, now - UK_HOUR);
        g_assert_cmpint(old->status, ==, 1);
        g_assert_true(old->stale);
        g_assert_false(first->stale);
        MUST((row = machine_find(world->db, client_get(0).guid, &failure)) != NULL);
        g_assert_cmpstr(row->name, ==, "PS1WIN7X64");
        client.name = "NEWNAME";
        newer = registered(world, &client, false, now + UK_HOUR);
        g_assert_false(newer->stale);
        g_clear_pointer(&row, machine_free);
        MUST((row = machine_find(world->db, client_get(0).guid, &failure)) != NULL);
        g_assert_cmpstr(row->name, ==, "NEWNAME");
}

static GBytes *
sign_with(gpointer user, const void *data, gsize size, GError **error)
{
        return sign_data(user, data, size, error);
}

/* A registration with any certificate, signed with the key of the thief, is refused with a reason
 * and leaves no row. */
static void
expect_unproven(World *world, const char *certificate, const char *reason)
{
        Client client = client_get(0);
        Client thief = client_get(2);
        const RegistrationRequest request = {
                .smsid = (char *)client.guid,
                .time_us = uk_clock_now(),
                .agent_version = (char *)"1",
                .certificate = (char *)certificate,
                .netbios_name = (char *)"THIEF",
                .fq_name = (char *)"",
                .os = (char *)"",
                .os_version = (char *)"",
                .architecture = (char *)"",
        };
        g_autofree char *text = NULL;
        g_auto(Answer) answer = { 0 };

        MUST((text = registration_request_write(&request, sign_with, thief.key, &failure)) != NULL);
        answer = world_send(world, "MP_ClientRegistration", "", NULL, "{REG}", text);
        g_assert_cmpint(answer.status, ==, 200);
        g_assert_cmpuint(answer.size, ==, 0);
        g_assert_nonnull(strstr(answer.refused, "the registration of THIEF does not prove itself"));
        g_assert_nonnull(strstr(answer.refused, reason));
        g_assert_cmpint(count(world), ==, 0);
}

/* The certificate of one, the signature of another. */
static void
foreign_signature(void)
{
        g_autoptr(World) world = world_new("approve_automatically=true\n");
        Client client = client_get(0);

        expect_unproven(world, sign_key_cert_pem(client.key), "the signature does not fit");
        world_log_has(world, "MP_Framework.log", "Message '{REG}'",
                      "the registration of THIEF does not prove itself", NULL);
}

/* A certificate by openssl, of a key of that kind; NULL without openssl. */
static char *
made_certificate(const char *kind, const char *option)
{
        g_autofree char *dir = g_dir_make_tmp("upkeep-cert-XXXXXX", NULL);
        g_autofree char *key = g_build_filename(dir, "key", NULL);
        g_autofree char *cert = g_build_filename(dir, "cert", NULL);
        const char *argv[] = { "openssl", "req",       "-x509",    "-newkey", kind,
                               "-nodes",  "-keyout",   key,        "-out",    cert,
                               "-subj",   "/CN=thief", "-pkeyopt", option,    NULL };
        char *pem = NULL;

        g_spawn_sync(NULL, (char **)argv, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL);
        g_file_get_contents(cert, &pem, NULL, NULL);
        MUST(uk_io_remove_tree(dir, &failure));
        return pem;
}

/* Anybody may send such a certificate: it is refused, and the management point serves on. */
static void
keys_of_other_kinds(void)
{
        g_autoptr(World) world = world_new("approve_automatically=true\n");
        Client client = client_get(0);
        g_autofree char *curve = made_certificate("ec", "ec_paramgen_curve:prime256v1");
        g_autofree char *small = made_certificate("rsa", "rsa_keygen_bits:1024");

        if (curve == NULL || small == NULL) {
                g_test_skip("openssl is not installed");
                return;
        }
        expect_unproven(world, curve, "a key of type EC/ECDSA with 256 bits; RSA of 2048 to");
        expect_unproven(world, small, "a key of type RSA with 1024 bits; RSA of 2048 to");
        expect(world, &client, false, 0, "");
}

static void
hostile_requests(void)
{
        g_autoptr(World) world = world_new("");
        static const char *const bad[] = {
                "",
                "<ClientRegistrationRequest/>",
                "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>"
                "<ClientRegistrationRequest>&b;</ClientRegistrationRequest>",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_auto(Answer) answer =
                        world_send(world, "MP_ClientRegistration", "", NULL, "{BAD}", bad[i]);

                g_assert_cmpint(answer.status, ==, 400);
        }
        world_log_has(world, "MP_Framework.log",
                      "message '{BAD}': reading a registration request:", NULL);
}

int
main(int argc, char **argv)
{
        int failed;

        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mp/register/pending-until-approved", pending_until_approved);
        g_test_add_func("/mp/register/approved-by-setting", approved_by_setting);
        g_test_add_func("/mp/register/guid-is-made", guid_is_made);
        g_test_add_func("/mp/register/key-keeps-its-guid", key_keeps_its_guid);
        g_test_add_func("/mp/register/guid-keeps-its-key", guid_keeps_its_key);
        g_test_add_func("/mp/register/replayed", replayed);
        g_test_add_func("/mp/register/foreign-signature", foreign_signature);
        g_test_add_func("/mp/register/keys-of-other-kinds", keys_of_other_kinds);
        g_test_add_func("/mp/register/hostile-requests", hostile_requests);
        failed = g_test_run();
        clients_free();
        return failed;
}
