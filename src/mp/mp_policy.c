/* mp_policy.c - gives clients the policies that are assigned to them, and the bodies (COMP-016).
 *
 * In: RequestAssignments, signed; GET .sms_pol?{ID}.40_00. Out: ready bytes: the reply with all
 * assignments that are whole (COMP-014) is made once per change, and so is each body. The cookie
 * names the state of the assignments; a client that has it already gets "unchanged". What the
 * client is asked to do (clienttrigger.h) goes with the reply, and its number with the cookie: so a
 * client that comes with the number has taken it.
 */
#include <pthread.h>
#include <string.h>

#include "crypto/hash.h"
#include "mp/mp_private.h"
#include "sitedb/clienttrigger.h"
#include "sitedb/policy.h"
#include "wire/policydoc.h"

#define COOKIE_DIGITS 16
#define SOURCE        "UpdateSource"
#define CLIENT_HEADER "X-Upkeep-Client"

/* What is assigned at one moment; never changed once it is there. */
typedef struct {
        int refs; /* guarded by the lock of MpPolicy */
        char *mark;
        char *cookie;
        PolicyReply *reply;       /* with all assignments */
        PolicyReply *same;        /* without: unchanged */
        char *full, *unchanged;   /* the same, ready */
        guint count;              /* of assignments */
        GHashTable *bodies;       /* "{ID}.40.00" and "{ID}.SHA256:<hex>" to HttpCached */
        const HttpCached *source; /* the one of those that names the update source, or NULL */
        gint64 source_version;    /* the content version in it */
} Snapshot;

struct MpPolicy {
        char *site;
        pthread_mutex_t lock; /* guards current and Snapshot.refs */
        Snapshot *current;
};

static void
cached_free(gpointer data)
{
        http_cached_unref(data);
}

static void
snapshot_free(Snapshot *snapshot)
{
        g_free(snapshot->mark);
        g_free(snapshot->cookie);
        policydoc_reply_free(snapshot->reply);
        policydoc_reply_free(snapshot->same);
        g_free(snapshot->full);
        g_free(snapshot->unchanged);
        g_hash_table_unref(snapshot->bodies);
        g_free(snapshot);
}

static Snapshot *
snapshot_get(MpPolicy *policy)
{
        Snapshot *snapshot;

        pthread_mutex_lock(&policy->lock);
        snapshot = policy->current;
        if (snapshot != NULL)
                snapshot->refs++;
        pthread_mutex_unlock(&policy->lock);
        return snapshot;
}

static void
snapshot_put(MpPolicy *policy, Snapshot *snapshot)
{
        bool last;

        if (snapshot == NULL)
                return;
        pthread_mutex_lock(&policy->lock);
        last = --snapshot->refs == 0;
        pthread_mutex_unlock(&policy->lock);
        if (last)
                snapshot_free(snapshot);
}

MpPolicy *
mp_policy_new(const char *site)
{
        MpPolicy *policy = g_new0(MpPolicy, 1);

        policy->site = g_strdup(site);
        pthread_mutex_init(&policy->lock, NULL);
        return policy;
}

void
mp_policy_free(MpPolicy *policy)
{
        if (policy == NULL)
                return;
        snapshot_put(policy, policy->current);
        pthread_mutex_destroy(&policy->lock);
        g_free(policy->site);
        g_free(policy);
}

/* Which content version a client has that fetches this body. */
static void
note_source(Snapshot *snapshot, GBytes *bytes, const HttpCached *cached)
{
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);
        g_autoptr(PolicyBody) body = policydoc_body_read(data, size, NULL);
        const char *version = body != NULL ? policydoc_body_get(body, "ContentVersion") : NULL;

        snapshot->source = cached;
        snapshot->source_version = version != NULL ? g_ascii_strtoll(version, NULL, 10) : 0;
}

static void
keep_body(Snapshot *snapshot, const PolicyAssignment *row, GBytes *bytes)
{
        HttpCached *body =
                http_cached_new(bytes, "text/xml; charset=utf-8", NULL, row->policy_hash);

        if (strcmp(row->category, SOURCE) == 0)
                note_source(snapshot, bytes, body);

        g_hash_table_replace(snapshot->bodies,
                             g_strdup_printf("%s.%s", row->policy_id, row->version), body);
        g_hash_table_replace(snapshot->bodies,
                             g_strdup_printf("%s.%s", row->policy_id, row->policy_hash),
                             http_cached_ref(body));
}

/* Takes a row into the reply, unless it is not whole: a policy without its body would only be asked
 * for in vain. False: the body could not be read. */
static bool
take_row(Snapshot *snapshot, PolicyReply *reply, Db *db, const PolicyAssignment *row,
         GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(GBytes) body =
                row->tombstoned == 0 ? policy_body(db, row->policy_id, row->version, &why) : NULL;
        PolicyAssignmentDoc *assignment;
        gsize size;

        if (why != NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (why != NULL || row->body == NULL || row->body_signature == NULL) {
                uk_error("MP PM: Policy assignment %" G_GINT64_FORMAT " of policy %s %s is not "
                         "served: %s",
                         row->padbid, row->policy_id, row->version,
                         why != NULL ? why->message : "it has no signed document");
                return true;
        }
        const char *document = g_bytes_get_data(row->body, &size);

        assignment = g_new0(PolicyAssignmentDoc, 1);
        assignment->document = g_strndup(document, size);
        assignment->signature = g_strdup(row->body_signature);
        g_ptr_array_add(reply->assignments, assignment);
        if (body != NULL)
                keep_body(snapshot, row, body);
        return true;
}

/* A text that changes whenever the rows do. */
static char *
mark_of(const MpPolicy *policy, const GPtrArray *rows)
{
        GString *mark = g_string_new(policy->site);

        for (guint i = 0; i < rows->len; i++) {
                const PolicyAssignment *row = g_ptr_array_index(rows, i);

                g_string_append_printf(mark, "|%" G_GINT64_FORMAT ",%s,%s,%s", row->padbid,
                                       row->version, row->tombstoned != 0 ? "-" : "+",
                                       row->body_hash);
        }
        return g_string_free(mark, FALSE);
}

static bool
fill(Snapshot *snapshot, const MpPolicy *policy, Db *db, const GPtrArray *rows, GError **error)
{
        snapshot->reply = policydoc_reply_new(policy->site, snapshot->cookie);
        snapshot->same = policydoc_reply_new(policy->site, snapshot->cookie);
        for (guint i = 0; i < rows->len; i++) {
                if (!take_row(snapshot, snapshot->reply, db, g_ptr_array_index(rows, i), error))
                        return false;
        }
        snapshot->same->unchanged = true;
        snapshot->count = snapshot->reply->assignments->len;
        snapshot->full = policydoc_reply_write(snapshot->reply);
        snapshot->unchanged = policydoc_reply_write(snapshot->same);
        return true;
}

static Snapshot *
snapshot_new(const MpPolicy *policy, Db *db, const GPtrArray *rows, const char *mark,
             GError **error)
{
        Snapshot *snapshot = g_new0(Snapshot, 1);

        snapshot->refs = 1;
        snapshot->mark = g_strdup(mark);
        snapshot->cookie = hash_sha256_hex(mark, strlen(mark));
        snapshot->cookie[COOKIE_DIGITS] = '\0';
        snapshot->bodies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, cached_free);
        if (!fill(snapshot, policy, db, rows, error))
                g_clear_pointer(&snapshot, snapshot_free);
        return snapshot;
}

bool
mp_policy_refresh(MpPolicy *policy, Db *db, GError **error)
{
        UK_DOING(error, "reading the policy assignments");
        g_autoptr(GPtrArray) rows = policy_assignments(db, 0, error);
        g_autofree char *mark = rows != NULL ? mark_of(policy, rows) : NULL;
        Snapshot *old = snapshot_get(policy);
        bool same = mark != NULL && old != NULL && strcmp(mark, old->mark) == 0;
        Snapshot *next;

        snapshot_put(policy, old);
        if (mark == NULL || same)
                return mark != NULL;
        next = snapshot_new(policy, db, rows, mark, error);
        if (next == NULL)
                return false;
        uk_log("MP PM: %u policy assignments are served from now on, cookie %s", next->count,
               next->cookie);
        pthread_mutex_lock(&policy->lock);
        old = policy->current;
        policy->current = next;
        pthread_mutex_unlock(&policy->lock);
        snapshot_put(policy, old);
        return true;
}

static bool
check_request(const MpMessage *message, const PolicyRequest *request, GError **error)
{
        const char *own = message->client->smsid;

        if (g_ascii_strcasecmp(request->site, message->mp->policy->site) != 0)
                return uk_fail(error, UK_ERROR_DENIED, "it asks for policy of site '%s'",
                               request->site);
        if (g_ascii_strncasecmp(own, "GUID:", 5) == 0)
                own += 5;
        if (g_ascii_strcasecmp(request->client_id, own) != 0)
                return uk_fail(error, UK_ERROR_DENIED,
                               "client GUID:%s asks for the policy of GUID:%s", own,
                               request->client_id);
        return true;
}

/* Cuts the number of the triggers that the client has taken off its cookie, "<state>.<number>";
 * they need not be handed out any more. */
static bool
settle_triggers(MpMessage *message, PolicyRequest *request, GError **error)
{
        char *dot = strchr(request->cookie, '.');

        if (dot == NULL)
                return true;
        *dot = '\0';
        g_autoptr(DbTx) tx = db_begin(message->c->db, error);
        return tx != NULL &&
               clienttrigger_taken(tx, message->client->id, g_ascii_strtoll(dot + 1, NULL, 10),
                                   error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* The ready reply, unless something waits for this client. */
static bool
answer_assignments(MpMessage *message, const Snapshot *snapshot, bool unchanged, GError **error)
{
        gint64 newest = 0;
        g_autoptr(GPtrArray) triggers =
                clienttrigger_pending(message->c->db, message->client->id, &newest, error);

        if (triggers == NULL)
                return false;
        if (triggers->len == 0)
                return mp_reply(message, unchanged ? snapshot->unchanged : snapshot->full, error);
        g_autofree char *cookie = g_strdup_printf("%s.%" G_GINT64_FORMAT, snapshot->cookie, newest);
        g_autofree char *document = policydoc_reply_write_for(
                unchanged ? snapshot->same : snapshot->reply, cookie, triggers);

        uk_log("MP PM: Client %s (%s) is asked for %s%s", message->client->smsid,
               message->client->name, (const char *)triggers->pdata[0],
               triggers->len > 1 ? " and more" : "");
        return mp_reply(message, document, error);
}

bool
mp_policy_on_message(MpMessage *message, GError **error)
{
        const Envelope *envelope = message->envelope;
        g_autoptr(PolicyRequest) request = NULL;
        MpPolicy *policy = message->mp->policy;
        Snapshot *snapshot;
        bool unchanged;
        bool ok;

        uk_verbose("MP PM: Message Body : %s", envelope->body);
        request = policydoc_request_read(envelope->body, envelope->body_size, error);
        if (request == NULL || !check_request(message, request, error) ||
            !settle_triggers(message, request, error))
                return false;
        mp_contacts_policy(message->mp->contacts, message->client->id);
        snapshot = snapshot_get(policy);
        unchanged = request->only_changes && strcmp(request->cookie, snapshot->cookie) == 0;
        if (unchanged)
                uk_log("MP PM: Client %s (%s) has all %u assignments, cookie %s",
                       message->client->smsid, message->client->name, snapshot->count,
                       snapshot->cookie);
        else
                uk_log("MP PM: Client %s (%s) gets %u assignments, cookie %s",
                       message->client->smsid, message->client->name, snapshot->count,
                       snapshot->cookie);
        ok = answer_assignments(message, snapshot, unchanged, error);
        snapshot_put(policy, snapshot);
        return ok;
}

/* Who fetches a body, by its own word: it decides nothing but what an administrator reads. */
static bool
note_body(Component *c, HttpRequest *request, gint64 version, GError **error)
{
        const Mp *mp = c->state;
        const char *smsid = http_request_header(request, CLIENT_HEADER);
        g_autoptr(Machine) client = NULL;

        if (smsid == NULL)
                return true;
        if (!machine_by_smsid(c->db, smsid, &client, error))
                return false;
        if (client != NULL)
                mp_contacts_body(mp->contacts, client->id, version);
        return true;
}

static bool
answer_body(Component *c, MpPolicy *policy, HttpRequest *request, GError **error)
{
        const char *query = http_request_raw_query(request);
        g_autofree char *id = NULL;
        g_autofree char *version = NULL;
        g_autofree char *key = NULL;
        Snapshot *snapshot;
        HttpCached *body;

        if (!policydoc_body_query(query != NULL ? query : "", &id, &version, error))
                return false;
        key = g_strdup_printf("%s.%s", id, version);
        snapshot = snapshot_get(policy);
        body = g_hash_table_lookup(snapshot->bodies, key);
        if (body == NULL) {
                snapshot_put(policy, snapshot);
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "policy %s has no version %s here (any more)", id, version);
        }
        if (body == snapshot->source && !note_body(c, request, snapshot->source_version, error)) {
                snapshot_put(policy, snapshot);
                return false;
        }
        uk_log("MP GP: Policy %s, version %s, to %s", id, version, http_request_peer(request));
        http_answer_cached(request, body);
        snapshot_put(policy, snapshot);
        return true;
}

bool
mp_policy_on_body(Component *c, HttpRequest *request, GError **error)
{
        const Mp *mp = c->state;
        UkLog *outer = uk_log_bind(host_component_state(c->host, "MP_GetPolicy"));
        bool ok = answer_body(c, mp->policy, request, error);

        uk_log_bind(outer);
        return ok;
}

/* The components are their logs; what they serve comes through MP_Framework. */
static bool
start(Component *c, GError **error)
{
        c->state = uk_log_bound();
        return true;
}

const ComponentDef mp_policy = {
        .name = "MP_PolicyManager",
        .log = "MP_Policy.log",
        .log_form = UK_LOG_CLIENT,
        .what = "tells clients which policies are assigned to them",
        .start = start,
};

const ComponentDef mp_get_policy = {
        .name = "MP_GetPolicy",
        .log = "MP_GetPolicy.log",
        .log_form = UK_LOG_CLIENT,
        .what = "hands out the bodies of policies",
        .start = start,
};
