/* dpprov_configure.c - what the site server tells a distribution point of itself.
 *
 * In: POST /SMS_DP$/configure. Out: the row, and an answer by which the site knows who this is and
 * what it holds. The first one decides whose distribution point it is.
 */
#include <string.h>

#include "base/clock.h"
#include "dp/dp_private.h"
#include "dp/pulldp/pulldp.h"
#include "dp/pulljob.h"

#define MAX_BODY (1024 * 1024)

static void
read_sources(DistributionPoint *dp, const JsonValue *list)
{
        gsize count = MIN(json_count(list), DISTRIBUTIONPOINT_MAX_SOURCES);

        dp->sources = g_ptr_array_new_with_free_func((GDestroyNotify)distributionpoint_source_free);
        for (gsize i = 0; i < count; i++) {
                const JsonValue *row = json_at(list, i);
                DistributionPointSource *source = g_new0(DistributionPointSource, 1);

                source->server_name = g_strdup(json_get_text(row, "ServerName", ""));
                source->url = g_strdup(json_get_text(row, "Url", ""));
                g_ptr_array_add(dp->sources, source);
        }
}

static bool
check(const DistributionPoint *dp, GError **error)
{
        if (*dp->server_name == '\0' || *dp->site_code == '\0')
                return uk_fail(error, UK_ERROR_INVALID, "SiteCode and ServerName are needed");
        if (dp->verify_rate < 0)
                return uk_fail(error, UK_ERROR_INVALID, "VerifyBytesPerSecond is below 0");
        for (guint i = 0; i < dp->sources->len; i++) {
                const DistributionPointSource *source = dp->sources->pdata[i];

                if (!g_str_has_prefix(source->url, "http://") &&
                    !g_str_has_prefix(source->url, "https://"))
                        return uk_fail(error, UK_ERROR_INVALID,
                                       "the source '%s' has the URL '%s', which is not http or "
                                       "https",
                                       source->server_name, source->url);
        }
        return true;
}

/* Bytes a second, as a number or as text; 0 and "" are none. The caller's. */
static char *
read_rate(const JsonValue *value)
{
        gint64 rate = 0;

        if (value == NULL || json_kind(value) == 's')
                return g_strdup(value != NULL ? json_as_text(value) : "");
        return json_as_int(value, &rate) && rate > 0 ? g_strdup_printf("%" G_GINT64_FORMAT, rate)
                                                     : g_strdup("");
}

DistributionPoint *
dpprov_read_configuration(const char *data, gsize size, GError **error)
{
        UK_DOING(error, "reading the configuration");
        g_autoptr(JsonDoc) doc = json_read(data, size, MAX_BODY, error);
        g_autoptr(DistributionPoint) dp = g_new0(DistributionPoint, 1);

        if (doc == NULL)
                return NULL;
        const JsonValue *root = json_root(doc);
        dp->site_code = g_strdup(json_get_text(root, "SiteCode", ""));
        dp->server_name = g_strdup(json_get_text(root, "ServerName", ""));
        dp->nal_path = g_strdup(json_get_text(root, "NALPath", ""));
        dp->management_point = g_strdup(json_get_text(root, "ManagementPoint", ""));
        dp->is_pull_dp = json_get_bool(root, "IsPullDP", false);
        dp->rate_limit = read_rate(json_get(root, "RateLimit"));
        dp->schedule = g_strdup(json_get_text(root, "Schedule", ""));
        dp->verify_rate = json_get_int(root, "VerifyBytesPerSecond", 0);
        read_sources(dp, json_get(root, "Sources"));
        return check(dp, error) ? g_steal_pointer(&dp) : NULL;
}

/* The first configuration ties the distribution point to a site; another site's are refused from
 * then on, even if somebody puts that one's certificate in place. */
static bool
belongs_to(Component *c, DistributionPoint *dp, const DistributionPoint *before, GError **error)
{
        g_autoptr(SignCert) cert = dpprov_site_certificate(c->host, error);

        if (cert == NULL)
                return false;
        dp->site_fingerprint = sign_cert_fingerprint(cert);
        if (*before->site_fingerprint != '\0' &&
            strcmp(before->site_fingerprint, dp->site_fingerprint) != 0)
                return uk_fail(error, UK_ERROR_DENIED,
                               "this distribution point belongs to site %s, whose certificate is "
                               "another; to give it to site %s, stop it and remove %s/dp.db",
                               before->site_code, dp->site_code, host_state_dir(c->host));
        return true;
}

/* It is sent its packages from now on: what is being pulled ends, each by its name. */
static bool
leave_pulls(Component *c, DbTx *tx, GError **error)
{
        g_autoptr(GPtrArray) jobs = pulljob_list(c->db, error);

        for (guint i = 0; jobs != NULL && i < jobs->len; i++) {
                const PullPackage *job = jobs->pdata[i];

                if (strcmp(job->state, PULLJOB_SUCCEEDED) != 0 &&
                    strcmp(job->state, PULLJOB_CANCELLED) != 0)
                        uk_log("The pull of package %s, version %" G_GINT64_FORMAT
                               " is cancelled: this is a standard distribution point now",
                               job->package_id, job->version);
        }
        return jobs != NULL && pulljob_cancel_all(tx, error);
}

/* It pulls from now on: orders that are not at their end are taken back. The files that came whole
 * stay. */
static bool
leave_orders(Component *c, DbTx *tx, const GPtrArray *packages, GError **error)
{
        for (guint i = 0; i < packages->len; i++) {
                uk_log("The order for package %s is taken back: this is a pull distribution point "
                       "now",
                       (const char *)packages->pdata[i]);
                if (!dporder_drop(tx, packages->pdata[i], error))
                        return false;
        }
        return true;
}

static bool
forget_orders(Component *c, Library *library, const GPtrArray *packages, GError **error)
{
        IncomingSet *incoming = dp_of(c)->incoming;
        g_autoptr(GHashTable) none = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < packages->len; i++) {
                const char *id = packages->pdata[i];
                g_autoptr(GHashTable) ids = incoming_contents_of(incoming, c->db, id);

                if (!incoming_forget(incoming, c->db, id, error) ||
                    !library_drop_arriving(library, id, ids, none, error))
                        return false;
        }
        return true;
}

/* What is left of the other kind ends with the configuration that makes it another one. */
static bool
keep(Component *c, const DistributionPoint *dp, const DistributionPoint *before, GError **error)
{
        bool pulls = before->is_pull_dp == 0 && dp->is_pull_dp != 0;
        bool pulled = before->is_pull_dp != 0 && dp->is_pull_dp == 0;
        Library *library = dp_library(dp_of(c), error);
        g_autoptr(GPtrArray) orders = pulls && library != NULL
                                              ? incoming_packages(dp_of(c)->incoming, c->db, error)
                                              : g_ptr_array_new();
        g_autoptr(DbTx) tx = NULL;

        if (library == NULL || orders == NULL ||
            (orders->len > 0 &&
             (!library_publish(library, NULL, error) || !forget_orders(c, library, orders, error))))
                return false;
        tx = db_begin(c->db, error);
        return tx != NULL && distributionpoint_configure(tx, dp, error) &&
               (!pulled || leave_pulls(c, tx, error)) && leave_orders(c, tx, orders, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static char *
write_answer(Dp *dp, const DistributionPoint *row, GError **error)
{
        g_autoptr(GString) out = g_string_new(NULL);
        Library *library = dp_library(dp, error);
        gint64 free_bytes, total;
        JsonWriter w;

        if (library == NULL || !library_space(library, &free_bytes, &total, error))
                return NULL;
        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "IdentityGUID", row->identity_guid);
        json_text(&w, "Certificate", sign_key_cert_pem(dp->key));
        json_text(&w, "Version", UPKEEP_VERSION);
        json_int(&w, "BytesFree", free_bytes);
        json_int(&w, "BytesTotal", total);
        if (!dpprov_list_packages(&w, library, false, error))
                return NULL;
        json_end(&w, '}');
        return g_string_free(g_steal_pointer(&out), FALSE);
}

bool
dpprov_on_configure(Component *c, HttpRequest *request, GError **error)
{
        Dp *dp = dp_of(c);
        gsize size;
        const char *body = http_request_body(request, &size);
        g_autoptr(DistributionPoint) asked = dpprov_read_configuration(body, size, error);
        g_autoptr(DistributionPoint) before =
                asked != NULL ? distributionpoint_load(c->db, error) : NULL;

        if (before == NULL || !belongs_to(c, asked, before, error) ||
            !keep(c, asked, before, error))
                return false;
        pulldp_ring(c->host); /* its limits hold at once */
        if (*before->site_fingerprint == '\0')
                uk_log("This distribution point belongs to site %s from now on, as %s",
                       asked->site_code, asked->server_name);
        char *answer = write_answer(dp, before, error);

        if (answer == NULL)
                return false;
        http_answer_take(request, 200, "application/json", answer, strlen(answer));
        return true;
}
