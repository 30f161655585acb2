/* contentdpmap.c - rows of who holds what, from which pull distribution points learn their sources.
 */
#include "sitedb/contentdpmap.h"

#include "sitedb/contentdpmap.sql.h"

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
