/* pkgstatus.c - rows of the state of packages at sites and on distribution points. */
#include "sitedb/pkgstatus.h"

#include "base/clock.h"
#include "sitedb/pkgstatus.sql.h"
#include "sitedb/sitekey.h"

static const DbField fields[] = {
        DB_FIELD(INT, PkgStatus, key, "PKID"),
        DB_FIELD(TEXT, PkgStatus, pkg_id, "ID"),
        DB_FIELD(INT, PkgStatus, type, "Type"),
        DB_FIELD(TEXT, PkgStatus, site, "SiteCode"),
        DB_FIELD(TEXT, PkgStatus, server, "PkgServer"),
        DB_FIELD(INT, PkgStatus, status, "Status"),
        DB_FIELD(TIME, PkgStatus, update_us, "UpdateTime"),
        DB_FIELD(TEXT, PkgStatus, location, "Location"),
        DB_FIELD(TEXT, PkgStatus, http_url, "HTTPUrl"),
        DB_FIELD(TEXT, PkgStatus, sig_url, "SigURL"),
        DB_FIELD(TEXT, PkgStatus, sig_location, "SigLocation"),
        DB_FIELD(INT, PkgStatus, source_version, "SourceVersion"),
        DB_FIELD(INT, PkgStatus, percent, "Percent"),
        DB_FIELD(TEXT, PkgStatus, error_text, "ErrorText"),
        DB_FIELD(TIME, PkgStatus, validated_us, "ValidatedTime"),
        DB_FIELD(INT, PkgStatus, damaged_files, "DamagedFiles"),
        DB_FIELD(TEXT, PkgStatus, cause, "Cause"),
        DB_FIELD(TEXT, PkgStatus, trace, "Trace"),
        DB_FIELD_END,
};

static const DbField response_fields[] = {
        DB_FIELD(TEXT, PkgStatusResponse, pkg_id, "ID"),
        DB_FIELD(TEXT, PkgStatusResponse, server, "PkgServer"),
        DB_FIELD(TEXT, PkgStatusResponse, site, "SiteCode"),
        DB_FIELD(INT, PkgStatusResponse, stored_version, "StoredPkgVersion"),
        DB_FIELD(INT, PkgStatusResponse, status, "Status"),
        DB_FIELD(INT, PkgStatusResponse, version, "PkgVersion"),
        DB_FIELD(INT, PkgStatusResponse, action_state, "ActionState"),
        DB_FIELD(TEXT, PkgStatusResponse, action_data, "ActionData"),
        DB_FIELD(INT, PkgStatusResponse, pkg_flags, "PkgFlags"),
        DB_FIELD(INT, PkgStatusResponse, share_type, "ShareType"),
        DB_FIELD(TEXT, PkgStatusResponse, message_time, "MessageTime"),
        DB_FIELD(TIME, PkgStatusResponse, message_us, "MessageTime"),
        DB_FIELD(TEXT, PkgStatusResponse, trace, "Trace"),
        DB_FIELD_END,
};

/* Frees a record of such fields. */
static void
free_record(const DbField *field, gpointer record)
{
        for (; record != NULL && field->column != NULL; field++) {
                if (field->type == DB_TYPE_TEXT)
                        g_free(*(char **)G_STRUCT_MEMBER_P(record, field->offset));
        }
        g_free(record);
}

void
pkgstatus_free(PkgStatus *status)
{
        free_record(fields, status);
}

void
pkgstatus_response_free(PkgStatusResponse *response)
{
        free_record(response_fields, response);
}

#define KEY_ARGS(pkg_id_, type_, site_, server_)                                   \
        DB_TEXT("pkg_id", pkg_id_), DB_INT("type", type_), DB_TEXT("site", site_), \
                DB_TEXT("server", server_)

PkgStatus *
pkgstatus_load(Db *db, const char *pkg_id, PkgStatusType type, const char *site, const char *server,
               GError **error)
{
        g_autoptr(PkgStatus) status = g_new0(PkgStatus, 1);
        bool found = false;

        if (!db_one(db, &sql_pkgstatus_load, DB_ARGS(KEY_ARGS(pkg_id, type, site, server)), fields,
                    status, &found, error))
                return NULL;
        return found ? g_steal_pointer(&status) : NULL;
}

bool
pkgstatus_ensure(DbTx *tx, const char *pkg_id, PkgStatusType type, const char *site,
                 const char *server, const char *cause, GError **error)
{
        g_autoptr(GError) failure = NULL;
        g_autoptr(PkgStatus) present =
                pkgstatus_load(db_tx_db(tx), pkg_id, type, site, server, &failure);
        gint64 key;

        if (failure != NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        if (present != NULL)
                return true;
        return sitekey_next_long(tx, SITEKEY_PKGSTATUS, &key, error) &&
               db_run(tx, &sql_pkgstatus_insert,
                      DB_ARGS(DB_INT("key", key), KEY_ARGS(pkg_id, type, site, server),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

GPtrArray *
pkgstatus_list(Db *db, const char *pkg_id, PkgStatusType type, GError **error)
{
        return db_list(db, &sql_pkgstatus_list,
                       DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_INT("type", type)), fields,
                       sizeof(PkgStatus), (GDestroyNotify)pkgstatus_free, error);
}

static const char *
or_empty(const char *text)
{
        return text != NULL ? text : "";
}

bool
pkgstatus_set_present(DbTx *tx, const PkgStatus *status, const char *cause, GError **error)
{
        return db_run(tx, &sql_pkgstatus_set_present,
                      DB_ARGS(DB_INT("status", status->status), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("location", or_empty(status->location)),
                              DB_TEXT("http_url", or_empty(status->http_url)),
                              DB_INT("version", status->source_version),
                              DB_TEXT("sig_url", or_empty(status->sig_url)),
                              DB_TEXT("sig_location", or_empty(status->sig_location)),
                              DB_INT("percent", status->status == PKGSTATUS_INSTALLED ? 100 : 0),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              KEY_ARGS(status->pkg_id, status->type, status->site, status->server)),
                      error);
}

bool
pkgstatus_set_available(DbTx *tx, const char *pkg_id, const char *site, const char *server,
                        PkgStatusState status, gint64 version, const char *cause, GError **error)
{
        return db_run(tx, &sql_pkgstatus_set_available,
                      DB_ARGS(DB_INT("status", status), DB_TIME("now", uk_clock_now()),
                              DB_INT("version", version),
                              DB_INT("percent", status == PKGSTATUS_INSTALLED ? 100 : 0),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_TEXT("pkg_id", pkg_id), DB_TEXT("site", site),
                              DB_TEXT("server", server)),
                      error);
}

bool
pkgstatus_set_state(DbTx *tx, const char *pkg_id, PkgStatusType type, const char *site,
                    const char *server, PkgStatusState state, gint64 percent,
                    const char *error_text, const char *cause, GError **error)
{
        return db_run(tx, &sql_pkgstatus_set_state,
                      DB_ARGS(DB_INT("status", state), DB_TIME("now", uk_clock_now()),
                              DB_INT("percent", percent), DB_TEXT("error", or_empty(error_text)),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              KEY_ARGS(pkg_id, type, site, server)),
                      error);
}

bool
pkgstatus_source_failed(DbTx *tx, const char *pkg_id, const char *site, const char *server,
                        const PkgStatusSource *failure, const char *cause, GError **error)
{
        return db_run(tx, &sql_pkgstatus_source_failed,
                      DB_ARGS(DB_TIME("now", uk_clock_now()), DB_TEXT("error", failure->error_text),
                              DB_TIME("next", failure->next_us),
                              DB_INT("at_site", failure->at_site ? 1 : 0), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx)), DB_TEXT("pkg_id", pkg_id),
                              DB_TEXT("site", site), DB_TEXT("server", server)),
                      error);
}

bool
pkgstatus_source_begun(DbTx *tx, const char *pkg_id, const char *site, const char *server,
                       GError **error)
{
        return db_run(tx, &sql_pkgstatus_source_begun,
                      DB_ARGS(DB_TIME("now", uk_clock_now()), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_TEXT("pkg_id", pkg_id), DB_TEXT("site", site),
                              DB_TEXT("server", server)),
                      error);
}

bool
pkgstatus_validated(DbTx *tx, const char *pkg_id, const char *site, const char *server,
                    gint64 damaged, const char *cause, GError **error)
{
        return db_run(tx, &sql_pkgstatus_validated,
                      DB_ARGS(DB_INT("damaged", damaged), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_TEXT("pkg_id", pkg_id), DB_TEXT("site", site),
                              DB_TEXT("server", server)),
                      error);
}

GPtrArray *
pkgstatus_list_own_damaged(Db *db, GError **error)
{
        return db_list(db, &sql_pkgstatus_list_own_damaged, DB_NO_ARGS, fields, sizeof(PkgStatus),
                       (GDestroyNotify)pkgstatus_free, error);
}

bool
pkgstatus_own_mended(DbTx *tx, const PkgStatus *damaged, GError **error)
{
        return db_run(tx, &sql_pkgstatus_own_mended,
                      DB_ARGS(DB_TIME("now", uk_clock_now()), DB_INT("key", damaged->key),
                              DB_TIME("found", damaged->update_us)),
                      error);
}

PkgStatusResponse *
pkgstatus_response(Db *db, gint64 key, GError **error)
{
        g_autoptr(PkgStatusResponse) response = g_new0(PkgStatusResponse, 1);
        bool found = false;

        if (!db_one(db, &sql_pkgstatus_response, DB_ARGS(DB_INT("key", key)), response_fields,
                    response, &found, error))
                return NULL;
        return found ? g_steal_pointer(&response) : NULL;
}

bool
pkgstatus_delete_response(DbTx *tx, gint64 key, const char *message_time, GError **error)
{
        return db_run(tx, &sql_pkgstatus_delete_response,
                      DB_ARGS(DB_INT("key", key), DB_TEXT("time", message_time)), error);
}
