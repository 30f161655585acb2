/* why.c - judges each link of the chain from the catalogue to a state, from the site's rows alone.
 *
 * In: WhyFacts. Out: the links in their order, the first broken one, the next command. What only
 * the client itself can know is inferred from what it asked for and what it did not say since.
 */
#include "provider/why.h"

#include "base/clock.h"
#include "host/host.h"
#include "sitedb/machine.h"
#include "sitedb/scanstatus.h"
#include "sitedb/why.h"
#include "wire/policydoc.h"

#define NUMBER "%" G_GINT64_FORMAT

typedef enum {
        LINK_OPEN, /* nothing is known of it, and nothing is wrong */
        LINK_GOOD,
        LINK_BROKEN,
} LinkState;

typedef struct {
        LinkState state;
        gint64 time_us; /* 0: none */
        char *cause;
        /* Of a broken one: */
        const char *answer; /* its name */
        const char *words;  /* half a sentence behind "because" */
        bool at_client;     /* where the command is to be typed */
        char *command;
} Link;

typedef struct {
        const WhyFacts *f;
        gint64 now_us;
        gint64 silent_us, report_us; /* after which a client is silent, a report overdue */
        gint64 policy_content;       /* content version that the policy names, 0: none */
} Why;

static void good(Link *link, gint64 time_us, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void
good(Link *link, gint64 time_us, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        link->state = LINK_GOOD;
        link->time_us = time_us;
        link->cause = g_strdup_vprintf(format, args);
        va_end(args);
}

static void open_link(Link *link, gint64 time_us, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void
open_link(Link *link, gint64 time_us, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        link->time_us = time_us;
        link->cause = g_strdup_vprintf(format, args);
        va_end(args);
}

static void broken(Link *link, const char *answer, const char *words, gint64 time_us,
                   const char *format, ...) G_GNUC_PRINTF(5, 6);

static void
broken(Link *link, const char *answer, const char *words, gint64 time_us, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        link->state = LINK_BROKEN;
        link->answer = answer;
        link->words = words;
        link->time_us = time_us;
        link->cause = g_strdup_vprintf(format, args);
        va_end(args);
}

static void at_site(Link *link, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The command that comes next, typed at the site. */
static void
at_site(Link *link, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        link->command = g_strdup_vprintf(format, args);
        va_end(args);
}

/* The same, typed on the client. */
static void
at_client(Link *link, const char *command)
{
        link->at_client = true;
        link->command = g_strdup(command);
}

/* ---- the links --------------------------------------------------------------------------------
 */

static void
judge_catalogue(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;

        if (f->expired != 0) {
                broken(link, "update-expired", "the update is not in the archives any more",
                       f->modified_us, "expired: %s", f->update_cause);
                at_site(link, "upkeep update show " NUMBER, f->ci_id);
                return;
        }
        good(link, f->created_us, "content version " NUMBER " of " NUMBER "%s", f->need,
             f->content_version, f->superseded != 0 ? ", superseded since" : "");
}

static void
judge_approval(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;

        if (f->state == MACHINE_APPROVED) {
                good(link, f->state_us, "%s", f->state_cause);
                return;
        }
        bool blocked = f->state == MACHINE_BLOCKED;

        broken(link, blocked ? "client-blocked" : "client-pending",
               blocked ? "the client is blocked" : "the client waits for approval", f->state_us,
               "%s", f->state_cause);
        at_site(link, "upkeep client approve %s", f->name);
}

static void
judge_contact(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;
        gint64 heard = MAX(f->contact_us, f->registered_us);

        if (w->now_us - heard <= w->silent_us) {
                good(link, heard, "%s", f->contact_us != 0 ? "last heard of" : "registered");
                return;
        }
        broken(link, "client-silent", "the client is silent", heard,
               "not heard of for more than " NUMBER " days", w->silent_us / UK_DAY);
        at_client(link, "systemctl status upkeep-client");
}

static void
judge_policy(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;

        if (f->policy_ready == 0 || w->policy_content == 0)
                broken(link, "no-policy", "the site has made no policy that tells clients to scan",
                       f->policy_us, "%s",
                       f->policy_id[0] == '\0' ? "there is no policy UpdateSource"
                                               : "the policy UpdateSource is not ready");
        else if (w->policy_content < f->need)
                broken(link, "policy-old", "the policy names an older catalogue than the update's",
                       f->policy_us,
                       "it names content version " NUMBER ", the update came with " NUMBER,
                       w->policy_content, f->need);
        else
                good(link, f->policy_us, "version %s names content version " NUMBER,
                     f->policy_version, w->policy_content);
        if (link->state == LINK_BROKEN)
                at_site(link, "upkeep log --component PolicyPv --since 1d");
}

/* The content version that the client is known to have a policy for. */
static gint64
version_at_client(const WhyFacts *f)
{
        gint64 version = MAX(f->body_us != 0 ? f->body_version : 0, f->location_version);

        return MAX(version, MAX(f->package_version, f->scan_version));
}

static void
judge_download(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;
        gint64 has = version_at_client(f);
        const char *words = "the client has not fetched the policy";

        if (has >= f->need) {
                good(link, f->body_us, "the client has the policy for content version " NUMBER,
                     has);
                return;
        }
        if (f->asked_policy_us == 0)
                broken(link, "policy-not-downloaded", words, 0, "it has not asked for policy yet");
        else if (f->asked_policy_us < f->policy_us)
                broken(link, "policy-not-downloaded", words, f->asked_policy_us,
                       "it last asked before the policy was made");
        else
                broken(link, "policy-not-downloaded", words, f->asked_policy_us,
                       "it asked, was told of the policy, and did not fetch it");
        at_client(link, "upkeep-client policy --wait 60");
}

static void
judge_location(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;

        if (f->location_us == 0) {
                open_link(link, 0, "the client has not asked for an update point yet");
                return;
        }
        if (f->location_url[0] != '\0') {
                good(link, f->location_us, "told %s for content version " NUMBER, f->location_url,
                     f->location_version);
                return;
        }
        if (f->location_version > f->sync_version) {
                broken(link, "catalogue-older-than-policy",
                       "every update point has an older catalogue than the client's policy names",
                       f->location_us, "%s", f->location_reason);
                at_site(link, "upkeep sync start --full --wait");
                return;
        }
        broken(link, "no-update-point", "the client was given no update point", f->location_us,
               "%s", f->location_reason);
        at_site(link, "upkeep site status");
}

/* When the management point last took a report; it keeps the site's time, as all it notes. */
static gint64
last_taken(const WhyFacts *f)
{
        return f->relayed_us != 0 ? f->relayed_us : f->report_us;
}

static bool
is_begun_and_not_told(const WhyFacts *f)
{
        return f->location_us != 0 && f->location_url[0] != '\0' &&
               f->location_us > MAX(last_taken(f), f->rejected_us);
}

static void
judge_report(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;
        bool late = w->now_us - f->location_us > w->report_us;

        if (is_begun_and_not_told(f) && late) {
                broken(link, "report-not-sent",
                       "the client began to scan and has not reported since", f->location_us,
                       "no report within " NUMBER " minutes", w->report_us / UK_MINUTE);
                at_client(link, "upkeep-client send --wait 60");
        } else if (is_begun_and_not_told(f)) {
                open_link(link, f->location_us,
                          "the client began to scan and has not reported yet");
        } else if (last_taken(f) != 0 || f->rejected_us != 0) {
                good(link, MAX(last_taken(f), f->rejected_us), "the newest report came in");
        } else {
                open_link(link, 0, "the client has sent no report yet");
        }
}

static void
judge_acceptance(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;

        if (f->rejected_us > last_taken(f)) {
                broken(link, "report-rejected", "the management point rejected the client's report",
                       f->rejected_us, "%s", f->rejected_reason);
                at_site(link, "upkeep log --component MP_Relay --id %s", f->rejected_id);
        } else if (last_taken(f) != 0) {
                good(link, last_taken(f), "the management point took it");
        } else {
                open_link(link, 0, "nothing to accept yet");
        }
}

static void
judge_processing(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;
        bool waits = f->relayed_serial > f->report_serial;

        if (waits && f->refused_us > f->report_us) {
                broken(link, "report-rejected", "the state system refused the client's report",
                       f->refused_us, "%s", f->refused_reason);
                at_site(link, "upkeep log --component StateSys --id %s", f->refused_file);
        } else if (waits) {
                broken(link, "report-not-processed",
                       "the client's report is not in the database yet", f->relayed_us,
                       "messages up to " NUMBER " came in, up to " NUMBER " are in the database",
                       f->relayed_serial, f->report_serial);
                at_site(link, "upkeep site status");
        } else if (f->report_us != 0) {
                good(link, f->report_us, "messages up to " NUMBER " are in the database",
                     f->report_serial);
        } else {
                open_link(link, 0, "nothing to process yet");
        }
}

/* What says that nobody answered, not that somebody answered badly. */
static bool
is_unreachable(gint64 code)
{
        static const guint32 codes[] = { 0x80072efdu, 0x80072ee2u, 0x80072ee7u, 0x80072efeu };

        for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
                if ((guint32)code == codes[i])
                        return true;
        }
        return false;
}

/* Newest state of a scan: 1 waiting, 2 running, 3 completed, 4 to be tried again, 5 failed, 6 with
 * errors. */
static void
judge_scan(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;

        if (f->scan_state >= 4 && is_unreachable(f->scan_error)) {
                broken(link, "update-point-unreachable", "the client cannot reach the update point",
                       f->scan_state_us, "%s, error 0x%08x, at %s", f->scan_state_name,
                       (guint32)f->scan_error, f->location_url);
                at_site(link, "upkeep site status");
        } else if (f->scan_state >= 4) {
                broken(link, "scan-failed", "the scan of the client failed", f->scan_state_us,
                       "%s, error 0x%08x", f->scan_state_name, (guint32)f->scan_error);
                at_client(link, "upkeep-client scan --wait 300");
        } else if (f->scan_us != 0) {
                good(link, f->scan_us, "completed at %s", f->scan_location);
        } else if (f->scan_state != 0 || is_begun_and_not_told(f)) {
                broken(link, "scan-running", "the first scan of the client is not over yet",
                       MAX(f->scan_state_us, f->location_us), "%s",
                       f->scan_state != 0 ? f->scan_state_name : "it asked for an update point");
                at_client(link, "upkeep-client send --wait 60");
        } else {
                broken(link, "never-scanned", "the client has never scanned", 0,
                       "no scan was reported; the first begins by itself some time after the "
                       "policy came");
                at_site(link, "upkeep client scan %s", f->name);
        }
}

static void
judge_version(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;

        if (f->scan_us == 0) {
                open_link(link, 0, "no completed scan");
        } else if (f->scan_version < f->need) {
                broken(link, "scan-older-than-synchronization",
                       "the last scan is older than the synchronization that brought the update",
                       f->scan_us,
                       "it saw content version " NUMBER ", the update came with " NUMBER,
                       f->scan_version, f->need);
                at_site(link, "upkeep client scan %s", f->name);
        } else {
                good(link, f->scan_us, "it saw content version " NUMBER "%s", f->scan_version,
                     f->scan_version < f->content_version ? "; newer ones left this update alone"
                                                          : "");
        }
}

static const char *
status_name(const WhyFacts *f)
{
        static const char *const names[] = { "unknown", "not required", "required", "installed" };

        if (f->scan_us == 0 || f->scan_version < f->need || f->resync_us != 0)
                return names[0];
        return f->has_status == 0 ? names[1] : names[CLAMP(f->status, 0, 3)];
}

static void
judge_state(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;
        bool valid = f->scan_us != 0 && f->scan_version >= f->need;

        if (valid && f->resync_us != 0) {
                broken(link, "resend-due", "the site lost states of the client", f->resync_us,
                       "what it holds is not what the client reported; the client was asked to "
                       "send all again");
                at_client(link, "upkeep-client resend --wait 60");
        } else if (valid && f->has_status != 0 && f->status == 0) {
                broken(link, "state-unknown", "the client could not tell", f->status_us,
                       "the scan was completed, but not for this update");
                at_client(link, "upkeep-client scan --wait 300");
        } else if (valid) {
                good(link, f->has_status != 0 ? f->status_us : f->scan_us, "%s%s", status_name(f),
                     f->has_status != 0 ? "" : ": the scan did not name it");
        } else {
                open_link(link, f->status_us, "what it said of it before does not count any more");
        }
}

static void
judge_summary(const Why *w, Link *link)
{
        const WhyFacts *f = w->f;

        if (f->kept_missing == f->live_missing && f->kept_installed == f->live_installed &&
            f->kept_unknown == f->live_unknown && f->kept_total == f->live_total) {
                good(link, f->summary_us,
                     "required on " NUMBER ", installed on " NUMBER " of " NUMBER " clients",
                     f->kept_missing, f->kept_installed, f->kept_total);
                return;
        }
        broken(link, "summary-behind", "the summary is behind the states", f->summary_us,
               "it says required on " NUMBER ", installed on " NUMBER ", unknown on " NUMBER
               " of " NUMBER " clients; the states say " NUMBER ", " NUMBER ", " NUMBER
               " of " NUMBER,
               f->kept_missing, f->kept_installed, f->kept_unknown, f->kept_total, f->live_missing,
               f->live_installed, f->live_unknown, f->live_total);
        at_site(link, "upkeep summarize run updates");
}

static const struct {
        const char *name, *title;
        void (*judge)(const Why *w, Link *link);
} links[] = {
        { "catalogue", "update in the catalogue", judge_catalogue },
        { "approval", "client approved", judge_approval },
        { "contact", "client heard of", judge_contact },
        { "policy", "policy made", judge_policy },
        { "download", "policy at the client", judge_download },
        { "location", "update point told", judge_location },
        { "report", "report sent", judge_report },
        { "acceptance", "report accepted", judge_acceptance },
        { "processing", "report in the database", judge_processing },
        { "scan", "scan completed", judge_scan },
        { "version", "scan saw the update", judge_version },
        { "state", "state of the update", judge_state },
        { "summary", "summary current", judge_summary },
};

/* ---- the answer -------------------------------------------------------------------------------
 */

static void
write_time(JsonWriter *w, const char *name, gint64 time_us)
{
        g_autofree char *text = time_us != 0 ? uk_clock_iso(time_us) : NULL;

        json_text(w, name, text);
}

/* A link behind the first broken one may be broken too, often as a consequence; it is not the
 * answer. */
static void
write_links(JsonWriter *w, const Link *chain, guint first)
{
        static const char *const states[] = { "open", "ok", "broken-too" };

        json_array(w, "Links");
        for (guint i = 0; i < G_N_ELEMENTS(links); i++) {
                json_object(w, NULL);
                json_text(w, "Link", links[i].name);
                json_text(w, "Title", links[i].title);
                json_text(w, "State", i == first ? "broken" : states[chain[i].state]);
                write_time(w, "Time", chain[i].time_us);
                json_text(w, "Cause", chain[i].cause);
                json_end(w, '}');
        }
        json_end(w, ']');
}

static void
write_answer(const WhyFacts *f, const Link *chain, GString *out)
{
        guint first = 0;
        JsonWriter w;

        while (first < G_N_ELEMENTS(links) && chain[first].state != LINK_BROKEN)
                first++;
        const Link *broken_one = first < G_N_ELEMENTS(links) ? &chain[first] : NULL;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "Machine", f->name);
        json_int(&w, "ResourceID", f->machine_id);
        json_int(&w, "CI_ID", f->ci_id);
        json_text(&w, "ArticleID", f->article);
        json_text(&w, "LocalizedDisplayName", f->title);
        json_text(&w, "Status", broken_one != NULL ? "unknown" : status_name(f));
        json_text(&w, "LastKnownStatus", status_name(f));
        json_text(&w, "BrokenLink", broken_one != NULL ? links[first].name : NULL);
        json_text(&w, "Answer", broken_one != NULL ? broken_one->answer : "chain-whole");
        json_text(&w, "Because", broken_one != NULL ? broken_one->words : NULL);
        json_text(&w, "NextCommand", broken_one != NULL ? broken_one->command : NULL);
        json_text(&w, "NextMachine", broken_one != NULL && broken_one->at_client ? f->name : NULL);
        write_links(&w, chain, first);
        json_end(&w, '}');
}

/* The content version in the body of the policy; 0 if there is none to be read. */
static gint64
content_of(const WhyFacts *f)
{
        gsize size = 0;
        const void *data = f->policy_body != NULL ? g_bytes_get_data(f->policy_body, &size) : NULL;
        g_autoptr(PolicyBody) body = size > 0 ? policydoc_body_read(data, size, NULL) : NULL;
        const char *version = body != NULL ? policydoc_body_get(body, "ContentVersion") : NULL;

        return version != NULL ? g_ascii_strtoll(version, NULL, 10) : 0;
}

bool
why_method(WmiCall *call, GError **error)
{
        gint64 machine_id = g_ascii_strtoll(call->key, NULL, 10);
        gint64 ci_id = json_get_int(call->body, "CI_ID", 0);
        Settings *settings = host_settings(call->c->host);
        g_autoptr(WhyFacts) facts = why_facts(call->c->db, machine_id, ci_id, error);
        Link chain[G_N_ELEMENTS(links)] = { 0 };

        if (facts == NULL)
                return false;
        const Why why = {
                .f = facts,
                .now_us = uk_clock_now(),
                .silent_us = settings_int(settings, "provider.silent_days") * UK_DAY,
                .report_us = settings_int(settings, "provider.report_minutes") * UK_MINUTE,
                .policy_content = content_of(facts),
        };
        for (guint i = 0; i < G_N_ELEMENTS(links); i++)
                links[i].judge(&why, &chain[i]);
        write_answer(facts, chain, call->answer);
        for (guint i = 0; i < G_N_ELEMENTS(links); i++) {
                g_free(chain[i].cause);
                g_free(chain[i].command);
        }
        return true;
}
