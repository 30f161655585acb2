/* contentdpmap.c - rows of who holds what, from which pull distribution points learn their sources.
 */
#include "sitedb/contentdpmap.h"

#include "base/clock.h"
#include "sitedb/contentdpmap.sql.h"

static const DbField holder_fields[] = {
        DB_FIELD(TEXT, ContentHolder, server, "ServerName"),
        DB_FIELD(TEXT, ContentHolder, url, "Url"),
        DB_FIELD_END,
};

bool
contentdpmap_put(DbTx *tx, const char *server, const char *content_id, gint64 version,
                 GError **error)
{
        const DbArg args[] = { DB_TEXT("server", server), DB_TEXT("content_id", content_id),
                               DB_INT("version", version), DB_END };

        return db_run(tx, &sql_contentdpmap_remove_others, args, error) &&
               db_run(tx, &sql_contentdpmap_put, args, error);
}

bool
contentdpmap_remove(DbTx *tx, const char *server, const char *content_id, GError **error)
{
        return db_run(tx, &sql_contentdpmap_remove,
                      DB_ARGS(DB_TEXT("server", server), DB_TEXT("content_id", content_id)), error);
}

bool
contentdpmap_remove_package(DbTx *tx, const char *server, const char *pkg_id, gint64 version,
                            GError **error)
{
        return db_run(tx, &sql_contentdpmap_remove_package,
                      DB_ARGS(DB_TEXT("server", server), DB_TEXT("pkg_id", pkg_id),
                              DB_INT("version", version)),
                      error);
}

bool
contentdpmap_remove_server(DbTx *tx, const char *server, GError **error)
{
        return db_run(tx, &sql_contentdpmap_remove_server, DB_ARGS(DB_TEXT("server", server)),
                      error);
}

void
contentdpmap_holder_free(ContentHolder *holder)
{
        if (holder == NULL)
                return;
        g_free(holder->server);
        g_free(holder->url);
        g_free(holder);
}

GPtrArray *
contentdpmap_holders(Db *db, const char *content_id, GError **error)
{
        return db_list(db, &sql_contentdpmap_holders,
                       DB_ARGS(DB_TEXT("content_id", content_id), DB_TIME("now", uk_clock_now())),
                       holder_fields, sizeof(ContentHolder),
                       (GDestroyNotify)contentdpmap_holder_free, error);
}
