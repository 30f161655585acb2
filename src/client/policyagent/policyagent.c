/* policyagent.c - the policy agent: when to ask, what to take of the answer, which bodies to fetch.
 *
 * In: the hourly time, the start, a command, replies. Out: requests, downloads, compiled policies
 * for the evaluator. What is not signed by the site is refused; what was refused or lost is asked
 * for again with the next request, because the cookie is only kept when all was taken.
 */
#include "client/policyagent/policyagent.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/ccmexec/ccmexec.h"
#include "client/ccmmessaging/ccmmessaging.h"
#include "client/clientid/clientid.h"
#include "client/policyagent.sql.h"
#include "client/policyagent/policyrow.h"
#include "client/policyagent/siteauth.h"
#include "crypto/hash.h"
#include "host/host.h"
#include "host/timer.h"
#include "wire/policydoc.h"

#define MANAGER        "MP_PolicyManager"
#define REPLY          "PolicyAgent_ReplyAssignments"
#define DOWNLOAD       "PolicyAgent_PolicyDownload"
#define REQUEST_KEY    "assignments"
#define REQUEST_EXPIRE (30 * UK_MINUTE)

static bool
load_cookie(Db *db, const char *site, char **cookie_out, GError **error)
{
        bool found = false;

        if (!db_text(db, &sql_policyagent_cookie, DB_ARGS(DB_TEXT("site", site)), cookie_out,
                     &found, error))
                return false;
        if (!found)
                *cookie_out = g_strdup("");
        return true;
}

static bool
set_cookie(Work *work, const char *cookie, GError **error)
{
        g_autofree char *site = clientid_site(work->c->host);

        return db_run(work->tx, &sql_policyagent_set_cookie,
                      DB_ARGS(DB_TEXT("site", site),
                              DB_TEXT("cookie", cookie != NULL ? cookie : ""),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("trace", uk_trace_get())),
                      error);
}

bool
policyagent_joined(Work *work, GError **error)
{
        g_autofree char *site = clientid_site(work->c->host);
        g_autofree char *source = g_strconcat("SMS:", site, NULL);

        work_ring(work, WORK_BOX_EVALUATOR);
        return db_run(work->tx, &sql_policyagent_forget_cookies, DB_NO_ARGS, error) &&
               db_run(work->tx, &sql_policyagent_revoke_others,
                      DB_ARGS(DB_TEXT("source", source), DB_TIME("now", uk_clock_now())), error);
}

static bool
queue_request(Work *work, const ClientRecord *record, GError **error)
{
        g_autofree char *site = clientid_site(work->c->host);
        g_autofree char *name = clientid_netbios_name(work->c->host);
        g_autofree char *cookie = NULL;

        if (!load_cookie(work_db(work), site, &cookie, error))
                return false;
        PolicyRequest request = {
                .site = site,
                .cookie = cookie,
                .client_id = record->smsid,
                .name = name,
                .only_changes = cookie[0] != '\0',
        };
        g_autofree char *body = policydoc_request_write(&request);
        CcmMessage message = {
                .queue = "mp:[http]mp_policymanager",
                .endpoint = MANAGER,
                .reply_to = REPLY,
                .box = WORK_BOX_POLICY,
                .key = REQUEST_KEY,
                .body = body,
                .size = strlen(body),
                .expire_us = uk_clock_now() + REQUEST_EXPIRE,
        };
        return ccmmessaging_queue(work, &message, NULL, error);
}

/* Asks, unless a question is under way or the site has not taken this client yet (it tells when the
 * site does). */
static bool
ask(Work *work, GError **error) /* COMP-016 */
{
        UK_DOING(error, "asking for policy");
        g_autoptr(ClientRecord) record = clientid_record_load(work_db(work), error);
        g_autofree char *site = clientid_site(work->c->host);
        bool queued = false;

        if (record == NULL || !ccmmessaging_is_queued(work_db(work), MANAGER, &queued, error))
                return false;
        if (!clientid_is_registered(record) || queued)
                return true;
        uk_log_as(REPLY, "Requesting Machine policy from authority 'SMS:%s'", site);
        return queue_request(work, record, error);
}

/* The path and query of the body: the location with a literal placeholder for the management
 * point's name, or the one that follows from ID and version. */
static char *
body_path(const PolicyAssignmentDoc *doc)
{
        static const char mark[] = "<mp>";
        const char *at = doc->location != NULL ? strstr(doc->location, mark) : NULL;

        if (at != NULL && at[sizeof mark - 1] == '/')
                return g_strdup(at + sizeof mark - 1);
        return policydoc_body_path(doc->policy_id, doc->version);
}

static bool
queue_download(Work *work, const PolicyRow *row, GError **error)
{
        g_autofree char *key = g_strdup_printf("%s %s", row->id, row->version);
        CcmMessage message = {
                .endpoint = key,
                .reply_to = DOWNLOAD,
                .box = WORK_BOX_POLICY,
                .key = key,
                .body = row->location,
                .size = strlen(row->location),
                .expire_us = uk_clock_now() + UK_DAY,
        };
        bool queued = false;

        if (!ccmmessaging_is_queued(work_db(work), key, &queued, error))
                return false;
        return queued || ccmmessaging_queue(work, &message, NULL, error);
}

/* Whether the row that is here already is what the assignment names, and needs nothing more. */
static bool
is_settled(const PolicyRow *row, const PolicyAssignmentDoc *doc)
{
        return row != NULL && g_ascii_strcasecmp(row->hash, doc->hash) == 0 &&
               strcmp(row->state, POLICY_REQUESTED) != 0 && strcmp(row->state, POLICY_REVOKED) != 0;
}

static bool
take_policy(Work *work, const char *site, const PolicyAssignmentDoc *doc, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(PolicyRow) held =
                policyrow_load(work_db(work), doc->policy_id, doc->version, &why);
        g_autofree char *source = g_strconcat("SMS:", site, NULL);
        g_autofree char *location = body_path(doc);

        if (why != NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        /* The site's last word counts, also when an earlier one arrives behind it. */
        if (!policyrow_remove_pending(work->tx, doc->policy_id, doc->version, error))
                return false;
        if (is_settled(held, doc))
                return true;
        bool traced = doc->trace != NULL && doc->trace[0] != '\0';
        PolicyRow row = {
                .id = doc->policy_id,
                .version = doc->version,
                .source = source,
                .category = doc->category,
                .state = (char *)POLICY_REQUESTED,
                .assignment_id = doc->assignment_id,
                .hash = doc->hash,
                .location = location,
                .cause = (char *)work->cause,
                .trace = traced ? doc->trace : (char *)uk_trace_get(),
        };
        if (!policyrow_put(work->tx, &row, error) || !queue_download(work, &row, error))
                return false;
        uk_log_as(REPLY,
                  "Successfully initiated download of policy 'CCM_Policy_Policy5.PolicyID=\"%s\","
                  "PolicySource=\"%s\",PolicyVersion=\"%s\"'",
                  row.id, row.source, row.version);
        return true;
}

static bool
take_tombstone(Work *work, const PolicyAssignmentDoc *doc, GError **error)
{
        bool changed = false;

        if (!policyrow_revoke(work->tx, doc->policy_id, &changed, error))
                return false;
        if (!changed)
                return true;
        uk_log_as(REPLY, "The site has withdrawn policy '%s'", doc->policy_id);
        work_ring(work, WORK_BOX_EVALUATOR);
        return true;
}

/* An assignment whose signature does not fit is passed over, and the cookie is not kept. */
static bool
take_assignment(Work *work, const SignCert *cert, const PolicyReply *reply, guint index,
                bool *all_good, GError **error)
{
        const PolicyAssignmentDoc *doc = g_ptr_array_index(reply->assignments, index);
        g_autoptr(GError) why = NULL;

        if (!siteauth_check(cert, doc, &why)) {
                uk_log_write(UK_LOG_ERROR, REPLY, __FILE__, __LINE__,
                             "Refused policy assignment '%s': %s", doc->assignment_id,
                             why->message);
                *all_good = false;
                return true;
        }
        return doc->tombstone ? take_tombstone(work, doc, error)
                              : take_policy(work, reply->site, doc, error);
}

static bool
on_reply(Work *work, const WorkLetter *letter, GError **error) /* COMP-017 */
{
        UK_DOING(error, "reading policy assignments");
        gsize size;
        const void *data = g_bytes_get_data(letter->body, &size);
        g_autoptr(PolicyReply) reply = policydoc_reply_read(data, size, error);
        g_autoptr(SignCert) cert =
                reply != NULL ? siteauth_certificate(work->c->host, error) : NULL;
        g_autofree char *site = clientid_site(work->c->host);
        bool all_good = true;

        if (cert == NULL)
                return false;
        if (g_ascii_strcasecmp(reply->site, site) != 0)
                return uk_fail(error, UK_ERROR_INVALID,
                               "they are of site '%s', but this client belongs to '%s'",
                               reply->site, site);
        for (guint i = 0; i < reply->assignments->len; i++) {
                if (!take_assignment(work, cert, reply, i, &all_good, error))
                        return false;
        }
        for (guint i = 0; i < reply->triggers->len; i++) {
                if (!ccmexec_trigger(work, g_ptr_array_index(reply->triggers, i), error))
                        return false;
        }
        return set_cookie(work, all_good ? reply->cookie : "", error);
}

static char *
split_key(const char *key, const char **version_out)
{
        const char *blank = strchr(key, ' ');

        *version_out = blank != NULL ? blank + 1 : "";
        return g_strndup(key, blank != NULL ? (gsize)(blank - key) : strlen(key));
}

/* The body must be the one that the signed assignment names, to the byte. */
static bool
check_body(const PolicyRow *row, GBytes *bytes, GError **error)
{
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);
        g_autofree char *hex = hash_sha256_hex(data, size);
        g_autofree char *hash = g_strconcat("SHA256:", hex, NULL);

        if (g_ascii_strcasecmp(hash, row->hash) != 0)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "its hash is %s, but the assignment says %s", hash, row->hash);
        g_autoptr(PolicyBody) body = policydoc_body_read(data, size, error);
        if (body == NULL)
                return false;
        if (g_ascii_strcasecmp(body->policy_id, row->id) != 0 ||
            strcmp(body->version, row->version) != 0)
                return uk_fail(error, UK_ERROR_INVALID, "it is policy '%s' version '%s'",
                               body->policy_id, body->version);
        return true;
}

/* What could not be used is forgotten and asked for anew with the next request. */
static bool
forget(Work *work, const char *id, const char *version, GError **error)
{
        return policyrow_remove(work->tx, id, version, error) && set_cookie(work, "", error);
}

static bool
on_body(Work *work, const WorkLetter *letter, GError **error) /* COMP-017, COMP-019 */
{
        const char *version;
        g_autofree char *id = split_key(letter->key, &version);
        g_autoptr(GError) why = NULL;
        g_autoptr(PolicyRow) row = policyrow_load(work_db(work), id, version, &why);

        if (row == NULL) {
                if (why != NULL)
                        g_propagate_error(error, g_steal_pointer(&why));
                return why == NULL;
        }
        if (strcmp(row->state, POLICY_REQUESTED) != 0)
                return true;
        if (!check_body(row, letter->body, &why)) {
                uk_log_write(UK_LOG_ERROR, DOWNLOAD, __FILE__, __LINE__,
                             "Refused the body of policy '%s' version '%s': %s", id, version,
                             why->message);
                return forget(work, id, version, error);
        }
        if (!policyrow_set_body(work->tx, id, version, letter->body, error))
                return false;
        uk_log_as(DOWNLOAD,
                  "Policy 'CCM_Policy_Policy5.PolicyID=\"%s\",PolicyVersion=\"%s\","
                  "PolicySource=\"%s\"' successfully compiled",
                  row->id, row->version, row->source);
        work_ring(work, WORK_BOX_EVALUATOR);
        return true;
}

static bool
on_undelivered(Work *work, const WorkLetter *letter, GError **error)
{
        const char *version;
        g_autofree char *id = split_key(letter->key, &version);

        return version[0] == '\0' || forget(work, id, version, error);
}

static bool
on_now(Work *work, const WorkLetter *letter, GError **error)
{
        return ask(work, error);
}

static const WorkHandler handlers[] = {
        { REPLY, on_reply },    { DOWNLOAD, on_body }, { CCM_UNDELIVERED, on_undelivered },
        { POLICY_NOW, on_now }, { NULL, NULL },
};

static bool
ask_by_time(Component *c, GError **error)
{
        g_autoptr(Work) work = work_begin(c, "policy cycle", error);

        return work != NULL && ask(work, error) && work_commit(g_steal_pointer(&work), error);
}

static bool
on_due(Component *c, GError **error)
{
        gint64 minutes = settings_int(host_settings(c->host), "policyagent.interval_minutes");
        g_autofree char *trace = uk_trace_new();

        timer_set(c, "ask", uk_clock_now() + minutes * UK_MINUTE);
        uk_trace_set(trace);
        bool done = ask_by_time(c, error);
        uk_trace_set("");
        return done;
}

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return work_serve(c, WORK_BOX_POLICY, handlers, error);
}

static bool
on_start(Component *c, GError **error)
{
        return work_serve(c, WORK_BOX_POLICY, handlers, error) && on_due(c, error);
}

const ComponentDef policyagent = {
        .name = "PolicyAgent",
        .log = "PolicyAgent.log",
        .log_form = UK_LOG_CLIENT,
        .what = "asks for the policies of this client, checks signatures, fetches bodies",
        .boxes = {
                { .lane = "main", .box = "@policy", .kind = WORK_RING, .on_file = on_ring },
        },
        .timers = {
                { "main", "start", on_start, true },
                { "main", "ask", on_due, false },
        },
};
