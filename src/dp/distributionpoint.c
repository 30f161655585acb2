/* distributionpoint.c - the row of the distribution point itself. */
#include "dp/distributionpoint.h"

#include "base/clock.h"
#include "base/guid.h"
#include "dp/distributionpoint.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, DistributionPoint, identity_guid, "IdentityGUID"),
        DB_FIELD(TEXT, DistributionPoint, site_fingerprint, "SiteFingerprint"),
        DB_FIELD(TEXT, DistributionPoint, site_code, "SiteCode"),
        DB_FIELD(TEXT, DistributionPoint, server_name, "ServerName"),
        DB_FIELD(TEXT, DistributionPoint, nal_path, "NALPath"),
        DB_FIELD(TEXT, DistributionPoint, management_point, "ManagementPoint"),
        DB_FIELD(INT, DistributionPoint, is_pull_dp, "IsPullDP"),
        DB_FIELD(TEXT, DistributionPoint, rate_limit, "RateLimit"),
        DB_FIELD(TEXT, DistributionPoint, schedule, "Schedule"),
        DB_FIELD(INT, DistributionPoint, verify_rate, "VerifyBytesPerSecond"),
        DB_FIELD_END,
};

static const DbField source_fields[] = {
        DB_FIELD(TEXT, DistributionPointSource, server_name, "ServerName"),
        DB_FIELD(TEXT, DistributionPointSource, url, "Url"),
        DB_FIELD_END,
};

void
distributionpoint_source_free(DistributionPointSource *source)
{
        g_free(source->server_name);
        g_free(source->url);
        g_free(source);
}

void
distributionpoint_free(DistributionPoint *dp)
{
        if (dp == NULL)
                return;
        g_free(dp->identity_guid);
        g_free(dp->site_fingerprint);
        g_free(dp->site_code);
        g_free(dp->server_name);
        g_free(dp->nal_path);
        g_free(dp->management_point);
        g_free(dp->rate_limit);
        g_free(dp->schedule);
        if (dp->sources != NULL)
                g_ptr_array_unref(dp->sources);
        g_free(dp);
}

bool
distributionpoint_ensure(Db *db, GError **error)
{
        UK_DOING(error, "giving the distribution point its identity");
        g_autofree char *lower = uk_guid_new();
        g_autofree char *guid = g_ascii_strup(lower, -1);
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL &&
               db_run(tx, &sql_distributionpoint_make,
                      DB_ARGS(DB_TEXT("guid", guid), DB_TIME("now", uk_clock_now())), error) &&
               db_commit(g_steal_pointer(&tx), error);
}

DistributionPoint *
distributionpoint_load(Db *db, GError **error)
{
        g_autoptr(DistributionPoint) dp = g_new0(DistributionPoint, 1);

        if (!db_one(db, &sql_distributionpoint_load, DB_NO_ARGS, fields, dp, NULL, error))
                return NULL;
        dp->sources = db_list(db, &sql_distributionpoint_sources, DB_NO_ARGS, source_fields,
                              sizeof(DistributionPointSource),
                              (GDestroyNotify)distributionpoint_source_free, error);
        return dp->sources != NULL ? g_steal_pointer(&dp) : NULL;
}

static bool
set_sources(DbTx *tx, const GPtrArray *sources, GError **error)
{
        if (!db_run(tx, &sql_distributionpoint_drop_sources, DB_NO_ARGS, error))
                return false;
        for (guint i = 0; i < sources->len; i++) {
                const DistributionPointSource *source = sources->pdata[i];

                if (!db_run(tx, &sql_distributionpoint_add_source,
                            DB_ARGS(DB_INT("position", i), DB_TEXT("server", source->server_name),
                                    DB_TEXT("url", source->url)),
                            error))
                        return false;
        }
        return true;
}

bool
distributionpoint_configure(DbTx *tx, const DistributionPoint *dp, GError **error)
{
        UK_DOING(error, "keeping what the site server configured");

        return db_run(tx, &sql_distributionpoint_configure,
                      DB_ARGS(DB_TEXT("fingerprint", dp->site_fingerprint),
                              DB_TEXT("site_code", dp->site_code),
                              DB_TEXT("server", dp->server_name), DB_TEXT("nal_path", dp->nal_path),
                              DB_TEXT("management_point", dp->management_point),
                              DB_INT("is_pull", dp->is_pull_dp),
                              DB_TEXT("rate_limit", dp->rate_limit),
                              DB_TEXT("schedule", dp->schedule),
                              DB_INT("verify_rate", dp->verify_rate),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("trace", db_tx_trace(tx))),
                      error) &&
               set_sources(tx, dp->sources, error);
}
