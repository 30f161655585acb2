/* policypv.c - Policy Provider: turns what the site decided into policies that clients get.
 *
 * In: {<update source>}.STN when the catalogue has a new version (COMP-009). Out: the policy
 * UpdateSource with that version, the machine policy that enables software updates (COMP-002), and
 * the one that says how often states are reported, all signed with the site's key. At the start,
 * and now and then, what a kill left half-written or a changed setting made old is made good.
 */
#include "site/policypv/policypv.h"

#include <string.h>

#include "base/log.h"
#include "inbox/drop.h"
#include "site/policypv/policypv_private.h"
#include "site/sitekey.h"
#include "sitedb/updatesource.h"

#define CIM_STRING  8
#define CIM_BOOLEAN 11
#define CIM_UINT32  19

#define MAX_NOTICE (256 * 1024)

static bool
write_source(Component *c, const UpdateSource *source, GError **error) /* COMP-012 */
{
        g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT, source->version);
        const PolicyValue values[] = {
                { "UniqueId", CIM_STRING, source->unique_id },
                { "ContentVersion", CIM_UINT32, version },
                { "ContentType", CIM_UINT32, "2" },
        };
        const PolicyContent content = { "UpdateSource", "CCM_UpdateSource", values,
                                        G_N_ELEMENTS(values) };

        return policypv_write(c, &content, error);
}

static bool
write_config(Component *c, GError **error) /* COMP-002 */
{
        Settings *settings = host_settings(c->host);
        g_autofree char *schedule = settings_text(settings, "policypv.scan_schedule");
        g_autofree char *delay = g_strdup_printf(
                "%" G_GINT64_FORMAT, settings_int(settings, "policypv.max_random_delay_minutes"));
        const PolicyValue values[] = {
                { "Enabled", CIM_BOOLEAN, "true" },
                { "ScanSchedule", CIM_STRING, schedule },
                { "MaxRandomDelayMinutes", CIM_UINT32, delay },
        };
        const PolicyContent content = { "SoftwareUpdatesClientConfig",
                                        "CCM_SoftwareUpdatesClientConfig", values,
                                        G_N_ELEMENTS(values) };

        return policypv_write(c, &content, error);
}

static bool
write_states(Component *c, GError **error) /* COMP-055 */
{
        g_autofree char *minutes = g_strdup_printf(
                "%" G_GINT64_FORMAT,
                settings_int(host_settings(c->host), "policypv.state_message_minutes"));
        const PolicyValue values[] = { { "BulkSendInterval", CIM_UINT32, minutes } };
        const PolicyContent content = { "StateMessagingClientConfig",
                                        "CCM_StateMessagingClientConfig", values,
                                        G_N_ELEMENTS(values) };

        return policypv_write(c, &content, error);
}

/* Brings the policies up to date; before the first synchronization there is none (COMP-005). */
static bool
bring_up_to_date(Component *c, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(UpdateSource) source = updatesource_load(c->db, &why);

        if (source == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_YET)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (source == NULL || source->version == 0)
                return true;
        return write_source(c, source, error) && write_config(c, error) && write_states(c, error);
}

/* The policies are written in the course of the work that led here, if the file names one. */
static void
take_trace(const InboxFile *file)
{
        g_autofree char *body = NULL;
        g_autoptr(InboxNotice) notice = NULL;
        gsize size = 0;

        if (inbox_file_read(file, MAX_NOTICE, &body, &size, NULL))
                notice = inbox_notice_read(body, size, NULL);
        if (notice != NULL && notice->traces[0] != NULL)
                uk_trace_set(notice->traces[g_strv_length(notice->traces) - 1]);
}

static bool
on_scan_tool(Component *c, const InboxFile *file, GError **error) /* COMP-009 */
{
        UK_DOING(error, "processing %s", file->name);
        g_autoptr(UpdateSource) source = updatesource_load(c->db, error);

        if (source == NULL)
                return false;
        uk_log("Found %s", file->name);
        if (g_ascii_strcasecmp(file->stem, source->unique_id) != 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "site %s has no update source %s",
                               host_site_code(c->host), file->stem);
        uk_log("Added Scan Tool ID %s", file->stem);
        uk_log("Adding to delete list: %s", file->path);
        take_trace(file);
        return bring_up_to_date(c, error);
}

static bool
start(Component *c, GError **error)
{
        PolicyPv *pv = g_new0(PolicyPv, 1);
        g_autoptr(SignCert) cert = NULL;
        const char *pem;

        pv->site = g_strdup(host_site_code(c->host));
        pv->key = sitekey_load(c->host, pv->site, error);
        pem = pv->key != NULL ? sign_key_cert_pem(pv->key) : NULL;
        cert = pem != NULL ? sign_cert_read(pem, strlen(pem), error) : NULL;
        c->state = pv;
        if (cert == NULL) {
                c->def->stop(c);
                return false;
        }
        pv->fingerprint = sign_cert_fingerprint(cert);
        return true;
}

static void
stop(Component *c)
{
        PolicyPv *pv = g_steal_pointer(&c->state);

        sign_key_free(pv->key);
        g_free(pv->fingerprint);
        g_free(pv->site);
        g_free(pv);
}

const ComponentDef policypv = {
        .name = "SMS_POLICY_PROVIDER",
        .log = "PolicyPv.log",
        .log_form = UK_LOG_SERVER,
        .what = "Writes and signs the policies that clients get",
        .boxes = { { .lane = "main",
                     .box = "policypv.box",
                     .kind = ".STN",
                     .on_file = on_scan_tool,
                     .bare_name = true } },
        .tick = { "policypv.minutes", bring_up_to_date },
        .start = start,
        .stop = stop,
};
