/* policypv_write.c - one policy from its content to its signed assignment.
 *
 * Two transactions, so that the first (the body, and the assignment as being in process) never
 * shows a client an assignment without its signature (COMP-013, COMP-014). A kill between them
 * leaves an assignment that is not served; it counts as not written, and is written again.
 */
#include <string.h>

#include "base/guid.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "site/policypv/policypv_private.h"
#include "sitedb/policy.h"

/* The body of the policy in a version; the caller's. */
static char *
make_body(const PolicyPv *pv, const PolicyContent *content, const char *policy_id,
          const char *version)
{
        g_autofree char *source = g_strconcat("SMS:", pv->site, NULL);
        g_autofree char *plain = g_strndup(policy_id + 1, strlen(policy_id) - 2);
        g_autofree char *rule = uk_guid_v5(plain, "rule");
        g_autofree char *rule_id = g_strdup_printf("{%s}", rule);
        g_autoptr(PolicyBody) body = policydoc_body_new(policy_id, version, content->category,
                                                        source, rule_id, content->class_name);

        for (guint i = 0; i < content->value_count; i++)
                policydoc_body_add(body, content->values[i].name, content->values[i].type,
                                   content->values[i].value);
        return policydoc_body_write(body);
}

/* What the policy says, whatever its version, and whose signature it bears (OQ-C03). */
static char *
make_crc(const PolicyPv *pv, const PolicyContent *content, const char *policy_id)
{
        g_autofree char *body = make_body(pv, content, policy_id, "");
        g_autofree char *text = g_strconcat(body, pv->fingerprint, NULL);

        return hash_sha256_hex(text, strlen(text));
}

/* Whether the assignment is whole, so that clients get it, or got it before it was taken back. */
static bool
find_assignment(Db *db, gint64 padbid, bool *whole_out, bool *served_out, GError **error)
{
        g_autoptr(GPtrArray) ready = policy_assignments(db, 0, error);

        *whole_out = *served_out = false;
        for (guint i = 0; ready != NULL && i < ready->len; i++) {
                const PolicyAssignment *assignment = ready->pdata[i];

                if (assignment->padbid != padbid)
                        continue;
                *whole_out = true;
                *served_out = assignment->tombstoned == 0;
        }
        return ready != NULL;
}

/* The assignment's document, its hash and its signature, in upper-case hexadecimal. */
typedef struct {
        char *document, *hash, *signature;
} Signed;

static void
signed_clear(Signed *s)
{
        g_free(s->document);
        g_free(s->hash);
        g_free(s->signature);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Signed, signed_clear)

static char *
upper_hex(const void *data, gsize size)
{
        g_autofree char *hex = hash_hex(data, size);

        return g_ascii_strup(hex, -1);
}

static bool
sign(const PolicyPv *pv, const PolicyAssignmentDoc *assignment, Signed *out, GError **error)
{
        g_autoptr(GBytes) signature = NULL;
        guint8 digest[HASH_SHA256_SIZE];

        out->document = policydoc_assignment_write(assignment);
        hash_sha256(out->document, strlen(out->document), digest);
        out->hash = upper_hex(digest, sizeof digest);
        signature = sign_data(pv->key, out->document, strlen(out->document), error);
        if (signature == NULL)
                return false;
        out->signature = upper_hex(g_bytes_get_data(signature, NULL), g_bytes_get_size(signature));
        return true;
}

static bool
finish(Component *c, const PolicyBegin *begin, gint64 padbid, const char *cause, GError **error)
{
        const PolicyPv *pv = c->state;
        g_autofree char *path = policydoc_body_path(begin->settings->policy_id, begin->version);
        g_autofree char *location = g_strconcat("http://<mp>", path, NULL);
        PolicyAssignmentDoc assignment = {
                .assignment_id = begin->settings->assignment_id,
                .policy_id = begin->settings->policy_id,
                .version = (char *)begin->version,
                .category = (char *)begin->category,
                .hash = (char *)begin->hash,
                .location = location,
                .trace = (char *)uk_trace_get(),
        };
        g_auto(Signed) body = { 0 };
        g_auto(Signed) tombstone = { 0 };

        if (!sign(pv, &assignment, &body, error))
                return false;
        assignment.tombstone = true;
        if (!sign(pv, &assignment, &tombstone, error))
                return false;
        const PolicyFinish last = {
                .padbid = padbid,
                .body = body.document,
                .body_size = strlen(body.document),
                .tombstone = tombstone.document,
                .tombstone_size = strlen(tombstone.document),
                .body_hash = body.hash,
                .body_signature = body.signature,
                .tombstone_hash = tombstone.hash,
                .tombstone_signature = tombstone.signature,
        };
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        return tx != NULL && policy_finish(tx, &last, cause, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
write_steps(Component *c, PolicyBegin *begin, const PolicyContent *content, const char *version,
            GError **error)
{
        const PolicyPv *pv = c->state;
        g_autofree char *body = make_body(pv, content, begin->settings->policy_id, version);
        g_autofree char *digest = hash_sha256_hex(body, strlen(body));
        g_autofree char *hash = g_strconcat("SHA256:", digest, NULL);
        g_autofree char *cause = g_strdup_printf("policy provider, %s", content->category);
        gint64 padbid = 0;

        begin->version = version;
        begin->body = body;
        begin->body_size = strlen(body);
        begin->hash = hash;
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        if (tx == NULL || !policy_begin(tx, begin, cause, &padbid, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        return finish(c, begin, padbid, cause, error);
}

bool
policypv_write(Component *c, const PolicyContent *content, GError **error)
{
        UK_DOING(error, "writing the policy %s", content->category);
        const PolicyPv *pv = c->state;
        bool found = false, whole, served;
        g_autoptr(PolicySettings) settings =
                policy_settings(c->db, pv->site, content->category, &found, error);

        if (settings == NULL)
                return false;
        g_autofree char *crc = make_crc(pv, content, settings->policy_id);
        if (!find_assignment(c->db, settings->padbid, &whole, &served, error))
                return false;
        if (served && strcmp(settings->crc, crc) == 0) {
                uk_verbose("Policy %s (%s) is up to date", settings->policy_id, content->category);
                return true;
        }
        /* A version that was begun and never ended is known to nobody: it is written again. */
        g_autofree char *version = policy_next_version(c->db, settings->policy_id, whole, error);
        PolicyBegin begin = { .source_id = pv->site,
                              .source_type = content->category,
                              .settings = settings,
                              .crc = crc,
                              .category = content->category };
        if (version == NULL || !write_steps(c, &begin, content, version, error))
                return false;
        uk_log("Policy %s (%s) has been written in version %s", settings->policy_id,
               content->category, version);
        return true;
}
