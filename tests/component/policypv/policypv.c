/* policypv in a box: notices are dropped as smsdbmon drops them, rows and log lines are looked at.
 * The lines are the specification's (93-logs 4.1). */
#include "site/policypv/policypv.h"

#include <locale.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "component/logspec.h"
#include "component/siterole.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "sitedb/policy.h"
#include "sitedb/site.h"
#include "sitedb/updatesource.h"
#include "unit/host/kit.h"
#include "unit/must.h"
#include "wire/policydoc.h"

SITEROLE(policypv);

typedef struct {
        char *root;
        Host *host;
        Db *db;
        char *source;
} Fixture;

#define STEP(f_, call_)                                            \
        do {                                                       \
                g_autoptr(DbTx) tx = NULL;                         \
                MUST((tx = db_begin((f_)->db, &failure)) != NULL); \
                MUST(call_);                                       \
                MUST(db_commit(g_steal_pointer(&tx), &failure));   \
        } while (0)

static void
set_up(Fixture *f, gconstpointer unused)
{
        static const Site ps1 = { (char *)"PS1",     1,           (char *)"One",
                                  (char *)"PS1SITE", (char *)"",  SITE_PRIMARY,
                                  (char *)"0",       (char *)"/", 1 };
        g_autoptr(UpdateSource) source = NULL;

        f->root = kit_root();
        kit_settings(f->root, "site", "[site]\ncode=PS1\n[log]\nverbose=*\n");
        f->host = kit_host(&role, f->root);
        g_autofree char *path = g_build_filename(f->root, role.database, NULL);
        MUST((f->db = db_open(path, false, 1000, &failure)) != NULL);
        STEP(f, site_install(tx, &ps1, "test", &failure));
        STEP(f, updatesource_ensure(tx, "Debian", "test", &failure));
        MUST((source = updatesource_load(f->db, &failure)) != NULL);
        f->source = g_strdup(source->unique_id);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
        uk_fault_set(NULL);
        db_close(f->db);
        host_free(f->host);
        kit_end(f->root);
        g_free(f->source);
}

/* The catalogue has a new version, and smsdbmon says so. */
static void
raise_version(Fixture *f)
{
        gint64 version;

        STEP(f, updatesource_set_dirty(tx, "test", &failure) &&
                        updatesource_raise(tx, "test", &version, NULL, &failure));
}

static void
notify(Fixture *f)
{
        g_autofree char *name = g_strconcat(f->source, ".STN", NULL);
        g_autofree char *body = g_strdup_printf("Seq: 1\nValue: %s\n", f->source);

        kit_put(f->host, "policypv.box", name, body, 0);
        kit_run(f->host);
        g_assert_false(kit_is_there(f->host, "policypv.box", name));
}

/* The assignment of a category, NULL if clients get none. */
static PolicyAssignment *
find(Fixture *f, const char *category)
{
        g_autoptr(GPtrArray) all = NULL;

        MUST((all = policy_assignments(f->db, 0, &failure)) != NULL);
        for (guint i = 0; i < all->len; i++) {
                if (strcmp(((PolicyAssignment *)all->pdata[i])->category, category) == 0)
                        return g_ptr_array_steal_index(all, i);
        }
        return NULL;
}

static char *
body_of(Fixture *f, const PolicyAssignment *assignment)
{
        g_autoptr(GBytes) body = NULL;
        gsize size;

        MUST((body = policy_body(f->db, assignment->policy_id, assignment->version, &failure)) !=
             NULL);
        const char *text = g_bytes_get_data(body, &size);
        return g_strndup(text, size);
}

static void
check_version(Fixture *f, const char *version)
{
        g_autoptr(PolicyAssignment) assignment = find(f, "UpdateSource");

        g_assert_nonnull(assignment);
        g_assert_cmpstr(assignment->version, ==, version);
}

static void
no_policy_before_synchronization(Fixture *f, gconstpointer unused)
{
        kit_run(f->host);
        g_assert_null(find(f, "UpdateSource"));
        g_assert_null(find(f, "SoftwareUpdatesClientConfig"));
}

static void
written(Fixture *f, gconstpointer unused)
{
        raise_version(f);
        notify(f);
        g_autofree char *log = kit_log(f->host, "PolicyPv.log");
        g_autofree char *texts = logspec_texts(log);
        logspec_check(texts, 0, "4.1", 1);
        g_autoptr(PolicyAssignment) assignment = find(f, "UpdateSource");
        g_assert_nonnull(assignment);
        g_autofree char *body = body_of(f, assignment);
        g_autoptr(PolicyBody) policy = NULL;
        MUST((policy = policydoc_body_read(body, strlen(body), &failure)) != NULL);
        g_assert_cmpstr(policy->version, ==, "1.00");
        g_assert_cmpstr(policy->source, ==, "SMS:PS1");
        g_assert_cmpstr(policy->category, ==, "UpdateSource");
        g_assert_cmpstr(policy->class_name, ==, "CCM_UpdateSource");
        g_assert_cmpstr(policydoc_body_get(policy, "UniqueId"), ==, f->source);
        g_assert_cmpstr(policydoc_body_get(policy, "ContentVersion"), ==, "1");
        g_assert_cmpstr(policydoc_body_get(policy, "ContentType"), ==, "2");
        g_assert_cmpint(assignment->padbid, ==, 16777217);
}

/* As a client checks it: the document by the site's certificate, the body by the hash in it. */
static void
signed_by_the_site(Fixture *f, gconstpointer unused)
{
        raise_version(f);
        notify(f);
        g_autoptr(PolicyAssignment) assignment = find(f, "UpdateSource");
        g_autofree char *path = g_build_filename(host_etc_dir(f->host), "site.crt", NULL);
        g_autofree char *pem = NULL;
        g_autoptr(SignCert) cert = NULL;
        g_autoptr(PolicyAssignmentDoc) doc = NULL;
        guint8 signature[384];
        gsize size;

        g_assert_true(g_file_get_contents(path, &pem, NULL, NULL));
        MUST((cert = sign_cert_read(pem, strlen(pem), &failure)) != NULL);
        const char *document = g_bytes_get_data(assignment->body, &size);
        g_assert_true(hash_from_hex(assignment->body_signature, strlen(assignment->body_signature),
                                    signature, sizeof signature));
        MUST(sign_verify(cert, document, size, signature, sizeof signature, &failure));
        MUST((doc = policydoc_assignment_read(document, size, &failure)) != NULL);
        g_autofree char *body = body_of(f, assignment);
        g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, body, -1);
        g_assert_cmpstr(doc->hash + strlen("SHA256:"), ==, digest);
        g_autofree char *own =
                g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)document, size);
        g_assert_cmpint(g_ascii_strcasecmp(assignment->body_hash, own), ==, 0);
}

static void
nothing_new(Fixture *f, gconstpointer unused)
{
        raise_version(f);
        notify(f);
        notify(f);
        kit_step(2 * UK_HOUR);
        kit_run(f->host);
        check_version(f, "1.00");
        raise_version(f);
        notify(f);
        check_version(f, "2.00");
}

static void
machine_policy(Fixture *f, gconstpointer unused)
{
        raise_version(f);
        notify(f);
        g_autoptr(PolicyAssignment) assignment = find(f, "SoftwareUpdatesClientConfig");
        g_assert_nonnull(assignment);
        g_autofree char *body = body_of(f, assignment);
        g_autoptr(PolicyBody) policy = NULL;
        MUST((policy = policydoc_body_read(body, strlen(body), &failure)) != NULL);
        g_assert_cmpstr(policy->class_name, ==, "CCM_SoftwareUpdatesClientConfig");
        g_assert_cmpstr(policydoc_body_get(policy, "Enabled"), ==, "true");
        g_assert_cmpstr(policydoc_body_get(policy, "ScanSchedule"), ==, "every 7 days");
        g_assert_cmpstr(policydoc_body_get(policy, "MaxRandomDelayMinutes"), ==, "120");
}

/* A source that is none of ours, as a file made by hand may name. */
static void
unknown_source(Fixture *f, gconstpointer unused)
{
        raise_version(f);
        kit_run(f->host);
        kit_put(f->host, "policypv.box", "{C2D17964-BBDD-4339-B9F3-12D7205B39CC}.STN", "x", 0);
        kit_run(f->host);
        g_assert_true(kit_is_there(f->host, "policypv.box/corrupt",
                                   "{C2D17964-BBDD-4339-B9F3-12D7205B39CC}.STN"));
}

/* Whatever step fails, the policy comes, whole; a half-written one is never served and is made good
 * at the next start. */
static void
any_step_fails(Fixture *f, gconstpointer unused)
{
        kit_run(f->host);
        for (int n = 1;; n++) {
                g_autofree char *plan = g_strdup_printf("fail:%d", n);
                g_autofree char *name = g_strconcat(f->source, ".STN", NULL);
                g_autofree char *expected = g_strdup_printf("%d", n);

                raise_version(f);
                kit_put(f->host, "policypv.box", name, "Seq: 1\n", 0);
                uk_fault_set(plan);
                kit_run(f->host);
                bool reached = uk_fault_count() >= (unsigned)n;
                uk_fault_set(NULL);
                host_free(f->host);
                f->host = kit_host(&role, f->root);
                kit_run(f->host);
                g_assert_false(kit_is_there(f->host, "policypv.box", name));
                g_autoptr(PolicyAssignment) assignment = find(f, "UpdateSource");
                g_assert_nonnull(assignment);
                g_autofree char *body = body_of(f, assignment);
                g_autoptr(PolicyBody) policy = NULL;
                MUST((policy = policydoc_body_read(body, strlen(body), &failure)) != NULL);
                g_assert_cmpstr(policydoc_body_get(policy, "ContentVersion"), ==, expected);
                if (!reached) {
                        g_assert_cmpint(n, >, 3);
                        break;
                }
        }
}

#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        g_autoptr(GError) failure = NULL;

        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(crypto_global_init(&failure));
        ADD("/policypv/no-policy-before-synchronization-COMP-005",
            no_policy_before_synchronization);
        ADD("/policypv/written-COMP-009-COMP-010-COMP-011-COMP-012", written);
        ADD("/policypv/signed-by-the-site-COMP-013", signed_by_the_site);
        ADD("/policypv/nothing-new-COMP-010-COMP-011", nothing_new);
        ADD("/policypv/machine-policy-COMP-002", machine_policy);
        ADD("/policypv/unknown-source", unknown_source);
        ADD("/policypv/any-step-fails-COMP-013-COMP-014", any_step_fails);
        return g_test_run();
}
