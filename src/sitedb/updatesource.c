/* updatesource.c - the update source and its content version. */
#include "sitedb/updatesource.h"

#include "base/clock.h"
#include "base/guid.h"
#include "sitedb/leap.h"
#include "sitedb/sitekey.h"
#include "sitedb/updatesource.sql.h"

static const DbField fields[] = {
        DB_FIELD(INT, UpdateSource, id, "UpdateSource_ID"),
        DB_FIELD(TEXT, UpdateSource, unique_id, "UpdateSource_UniqueID"),
        DB_FIELD(TEXT, UpdateSource, name, "UpdateSourceName"),
        DB_FIELD(TEXT, UpdateSource, site, "SourceSite"),
        DB_FIELD(INT, UpdateSource, version, "ContentVersion"),
        DB_FIELD(INT, UpdateSource, dirty, "IsDirty"),
        DB_FIELD(TIME, UpdateSource, created_us, "DateCreated"),
        DB_FIELD(TIME, UpdateSource, modified_us, "DateModified"),
        DB_FIELD_END,
};

#define LEAP_CAUSE "restore"

void
updatesource_free(UpdateSource *source)
{
        if (source == NULL)
                return;
        g_free(source->unique_id);
        g_free(source->name);
        g_free(source->site);
        g_free(source);
}

static bool
load(Db *db, UpdateSource **source_out, GError **error)
{
        g_autoptr(UpdateSource) source = g_new0(UpdateSource, 1);
        bool found = false;

        if (!db_one(db, &sql_updatesource_load, DB_NO_ARGS, fields, source, &found, error))
                return false;
        *source_out = found ? g_steal_pointer(&source) : NULL;
        return true;
}

UpdateSource *
updatesource_load(Db *db, GError **error)
{
        UpdateSource *source = NULL;

        if (!load(db, &source, error))
                return NULL;
        if (source == NULL)
                uk_fail(error, UK_ERROR_NOT_YET, "the site has no update source yet");
        return source;
}

bool
updatesource_ensure(DbTx *tx, const char *name, const char *cause, GError **error)
{
        g_autoptr(UpdateSource) present = NULL;
        gint64 id = 0;

        if (!load(db_tx_db(tx), &present, error))
                return false;
        if (present != NULL)
                return true;
        g_autofree char *unique_id = uk_guid_new_braced();
        return sitekey_next(tx, SITEKEY_SOURCE, 1, &id, error) &&
               db_run(tx, &sql_updatesource_add,
                      DB_ARGS(DB_INT("id", id), DB_TEXT("unique_id", unique_id),
                              DB_TEXT("name", name), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

bool
updatesource_set_dirty(DbTx *tx, const char *cause, GError **error)
{
        g_autoptr(UpdateSource) source = updatesource_load(db_tx_db(tx), error);

        return source != NULL &&
               db_run(tx, &sql_updatesource_set_dirty,
                      DB_ARGS(DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_INT("id", source->id)),
                      error) &&
               db_run(tx, &sql_updatesource_add_version, DB_ARGS(DB_INT("id", source->id)), error);
}

bool
updatesource_raise(DbTx *tx, const char *cause, gint64 *version_out, bool *raised_out,
                   GError **error)
{
        g_autoptr(UpdateSource) source = updatesource_load(db_tx_db(tx), error);
        gint64 changed = 0;

        if (source == NULL ||
            !db_run_counted(tx, &sql_updatesource_raise,
                            DB_ARGS(DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                                    DB_TEXT("trace", db_tx_trace(tx)), DB_INT("id", source->id)),
                            &changed, error))
                return false;
        *version_out = source->version + changed;
        if (raised_out != NULL)
                *raised_out = changed > 0;
        return true;
}

bool
updatesource_leap(DbTx *tx, GError **error)
{
        gint64 now = uk_clock_now();
        gint64 version = leap_past(now) / UK_MINUTE;

        return db_run(tx, &sql_updatesource_leap,
                      DB_ARGS(DB_INT("version", version), DB_TIME("now", now),
                              DB_TEXT("cause", LEAP_CAUSE), DB_TEXT("trace", db_tx_trace(tx))),
                      error) &&
               db_run(tx, &sql_updatesource_leap_status,
                      DB_ARGS(DB_INT("version", version), DB_TEXT("cause", LEAP_CAUSE),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}
