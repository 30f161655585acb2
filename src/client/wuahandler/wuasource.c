/* wuasource.c - the table of added update sources. */
#include "client/wuahandler/wuasource.h"

#include "base/clock.h"
#include "base/log.h"
#include "client/wuasource.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, WuaSource, id, "UniqueId"),
        DB_FIELD(INT, WuaSource, version, "ContentVersion"),
        DB_FIELD(TEXT, WuaSource, server, "ServerURL"),
        DB_FIELD_END,
};

void
wuasource_free(WuaSource *source)
{
        if (source == NULL)
                return;
        g_free(source->id);
        g_free(source->server);
        g_free(source);
}

WuaSource *
wuasource_load(Db *db, const char *id, GError **error)
{
        g_autoptr(WuaSource) source = g_new0(WuaSource, 1);
        bool found = false;

        if (!db_one(db, &sql_wuasource_load, DB_ARGS(DB_TEXT("id", id)), fields, source, &found,
                    error) ||
            !found)
                return NULL;
        return g_steal_pointer(&source);
}

bool
wuasource_put(Work *work, const char *id, gint64 version, const char *server, GError **error)
{
        return db_run(work->tx, &sql_wuasource_put,
                      DB_ARGS(DB_TEXT("id", id), DB_INT("version", version),
                              DB_TEXT("server", server), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("cause", work->cause), DB_TEXT("trace", uk_trace_get())),
                      error);
}
