/* pulldpmap.c - rows of the sources of pull distribution points. */
#include "sitedb/pulldpmap.h"

#include "sitedb/pulldpmap.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, PullDPSource, source, "SourceDPServerName"),
        DB_FIELD(INT, PullDPSource, priority, "Priority"),
        DB_FIELD(TEXT, PullDPSource, url, "Url"),
        DB_FIELD_END,
};

void
pulldpmap_source_free(PullDPSource *source)
{
        if (source == NULL)
                return;
        g_free(source->source);
        g_free(source->url);
        g_free(source);
}

bool
pulldpmap_put(DbTx *tx, const char *pull_dp, const char *source, gint64 priority, GError **error)
{
        if (g_ascii_strcasecmp(pull_dp, source) == 0)
                return uk_fail(error, UK_ERROR_INVALID,
                               "pull distribution point %s cannot be its own source", pull_dp);
        if (priority < 1)
                return uk_fail(error, UK_ERROR_INVALID,
                               "rank %d of source %s: ranks begin with 1, the first to be asked",
                               (int)priority, source);
        return db_run(tx, &sql_pulldpmap_put,
                      DB_ARGS(DB_TEXT("pull_dp", pull_dp), DB_TEXT("source", source),
                              DB_INT("priority", priority)),
                      error);
}

bool
pulldpmap_remove(DbTx *tx, const char *pull_dp, const char *source, GError **error)
{
        return db_run(tx, &sql_pulldpmap_remove,
                      DB_ARGS(DB_TEXT("pull_dp", pull_dp),
                              DB_TEXT("source", source != NULL ? source : "")),
                      error);
}

GPtrArray *
pulldpmap_list(Db *db, const char *pull_dp, GError **error)
{
        return db_list(db, &sql_pulldpmap_list, DB_ARGS(DB_TEXT("pull_dp", pull_dp)), fields,
                       sizeof(PullDPSource), (GDestroyNotify)pulldpmap_source_free, error);
}

GPtrArray *
pulldpmap_holders(Db *db, const char *pull_dp, const char *content_id, gint64 version,
                  bool fallback, GError **error)
{
        return db_list(db, &sql_pulldpmap_holders,
                       DB_ARGS(DB_TEXT("pull_dp", pull_dp), DB_TEXT("content_id", content_id),
                               DB_INT("version", version), DB_INT("fallback", fallback)),
                       fields, sizeof(PullDPSource), (GDestroyNotify)pulldpmap_source_free, error);
}
