/* distpoint.c - rows of distribution points. */
#include "sitedb/distpoint.h"

#include <string.h>

#include "base/clock.h"
#include "base/nalpath.h"
#include "sitedb/distjob.h"
#include "sitedb/distpoint.sql.h"
#include "sitedb/pkgnotification.h"
#include "sitedb/pkgserver.h"
#include "sitedb/pkgstatus.h"
#include "sitedb/pulldpmap.h"

#define DEFAULT_PRIORITY 200

static const DbField fields[] = {
        DB_FIELD(INT, DistPoint, id, "DPID"),
        DB_FIELD(TEXT, DistPoint, nal, "NALPath"),
        DB_FIELD(TEXT, DistPoint, server, "ServerName"),
        DB_FIELD(TEXT, DistPoint, site, "SiteCode"),
        DB_FIELD(INT, DistPoint, is_pull, "IsPullDP"),
        DB_FIELD(INT, DistPoint, is_colocated, "IsColocated"),
        DB_FIELD(INT, DistPoint, priority, "Priority"),
        DB_FIELD(TEXT, DistPoint, url, "Url"),
        DB_FIELD(TEXT, DistPoint, description, "Description"),
        DB_FIELD(INT, DistPoint, rate_limit, "RateLimit"),
        DB_FIELD(TEXT, DistPoint, schedule, "Schedule"),
        DB_FIELD(INT, DistPoint, maintenance, "Maintenance"),
        DB_FIELD(TEXT, DistPoint, identity, "IdentityGUID"),
        DB_FIELD(TEXT, DistPoint, certificate, "Certificate"),
        DB_FIELD(TEXT, DistPoint, software, "SoftwareVersion"),
        DB_FIELD(INT, DistPoint, bytes_free, "BytesFree"),
        DB_FIELD(INT, DistPoint, bytes_total, "BytesTotal"),
        DB_FIELD(TIME, DistPoint, configured_us, "ConfiguredTime"),
        DB_FIELD(TIME, DistPoint, contact_us, "ContactTime"),
        DB_FIELD(INT, DistPoint, failures, "Failures"),
        DB_FIELD(TIME, DistPoint, quarantine_us, "QuarantineTime"),
        DB_FIELD(TEXT, DistPoint, last_error, "LastError"),
        DB_FIELD(TEXT, DistPoint, cause, "Cause"),
        DB_FIELD(TEXT, DistPoint, trace, "Trace"),
        DB_FIELD_END,
};

void
distpoint_free(DistPoint *point)
{
        if (point == NULL)
                return;
        for (const DbField *field = fields; field->column != NULL; field++) {
                if (field->type == DB_TYPE_TEXT)
                        g_free(*(char **)G_STRUCT_MEMBER_P(point, field->offset));
        }
        g_free(point);
}

static bool
is_host_name(const char *name)
{
        gsize length = name != NULL ? strlen(name) : 0;

        return length > 0 && length < 256 &&
               strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._") ==
                       length;
}

/* "http://host:port", and nothing behind it. */
static bool
is_url(const char *url)
{
        g_autoptr(GUri) uri = url != NULL ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;

        return uri != NULL &&
               (g_str_equal(g_uri_get_scheme(uri), "http") ||
                g_str_equal(g_uri_get_scheme(uri), "https")) &&
               g_uri_get_host(uri) != NULL && g_uri_get_host(uri)[0] != '\0' &&
               g_uri_get_path(uri)[0] == '\0';
}

static bool
check(const DistPoint *point, GError **error)
{
        const char *schedule = point->schedule != NULL ? point->schedule : "";

        if (!is_host_name(point->server))
                return uk_fail(error, UK_ERROR_INVALID, "'%s' is no name of a server",
                               point->server != NULL ? point->server : "");
        if (!is_url(point->url))
                return uk_fail(error, UK_ERROR_INVALID,
                               "distribution point %s is reached at '%s'; it must have the form "
                               "http://host:port or https://host:port",
                               point->server, point->url != NULL ? point->url : "");
        if (schedule[0] != '\0' && (strlen(schedule) != DISTPOINT_SCHEDULE_HOURS ||
                                    strspn(schedule, "AMHC") != DISTPOINT_SCHEDULE_HOURS))
                return uk_fail(error, UK_ERROR_INVALID,
                               "the schedule of distribution point %s must have a letter A, M, H "
                               "or C for each of the 168 hours of the week from Sunday 00:00",
                               point->server);
        if (point->rate_limit < 0)
                return uk_fail(error, UK_ERROR_INVALID,
                               "the rate limit of distribution point %s is below 0; 0 means "
                               "unlimited",
                               point->server);
        if (point->is_pull != 0 && point->is_colocated != 0)
                return uk_fail(error, UK_ERROR_INVALID,
                               "distribution point %s is on the site server and cannot be a pull "
                               "distribution point",
                               point->server);
        return true;
}

static const char *
or_empty(const char *text)
{
        return text != NULL ? text : "";
}

/* It pulled, and is to be sent its packages, or the other way round. */
static bool
change_kind(DbTx *tx, gint64 id, const DistPoint *point, GError **error)
{
        g_autofree char *cause = g_strdup_printf("%s is a %s distribution point now", point->server,
                                                 point->is_pull != 0 ? "pull" : "standard");

        return distjob_begin_anew(tx, id, cause, error) &&
               (point->is_pull != 0 || pulldpmap_remove(tx, point->server, NULL, error));
}

bool
distpoint_put(DbTx *tx, const DistPoint *point, const char *cause, gint64 *id_out, GError **error)
{
        UK_DOING(error, "setting up a distribution point of site %s", point->site);
        gint64 id = 0, pulled = 0;
        bool known = false;

        if (!check(point, error))
                return false;
        g_autofree char *nal = nalpath_make(point->server, point->site);
        if (!db_int(db_tx_db(tx), &sql_distpoint_is_pull, DB_ARGS(DB_TEXT("nal", nal)), &pulled,
                    &known, error) ||
            !db_int(db_tx_db(tx), &sql_distpoint_put,
                    DB_ARGS(DB_TEXT("nal", nal), DB_TEXT("server", point->server),
                            DB_TEXT("site", point->site), DB_INT("is_pull", point->is_pull != 0),
                            DB_INT("is_colocated", point->is_colocated != 0),
                            DB_INT("priority",
                                   point->priority != 0 ? point->priority : DEFAULT_PRIORITY),
                            DB_TEXT("url", point->url),
                            DB_TEXT("description", or_empty(point->description)),
                            DB_INT("rate_limit", point->rate_limit),
                            DB_TEXT("schedule", or_empty(point->schedule)),
                            DB_INT("maintenance", point->maintenance != 0), DB_TEXT("cause", cause),
                            DB_TEXT("trace", db_tx_trace(tx))),
                    &id, NULL, error))
                return false;
        if (id_out != NULL)
                *id_out = id;
        if (known && (pulled != 0) != (point->is_pull != 0) && !change_kind(tx, id, point, error))
                return false;
        return distpoint_notify(tx, id, error);
}

bool
distpoint_notify(DbTx *tx, gint64 id, GError **error)
{
        return db_run(tx, &sql_distpoint_notify,
                      DB_ARGS(DB_INT("id", id), DB_TIME("now", uk_clock_now())), error);
}

bool
distpoint_remove_told(DbTx *tx, const char *id, gint64 seq, GError **error)
{
        return db_run(tx, &sql_distpoint_remove_told,
                      DB_ARGS(DB_TEXT("id", id), DB_INT("seq", seq)), error);
}

static bool
abandon_package(DbTx *tx, const PkgServer *server, const char *cause, GError **error)
{
        return pkgserver_remove(tx, server->pkg_id, server->nal, server->site, cause, error) &&
               pkgstatus_ensure(tx, server->pkg_id, PKGSTATUS_TYPE_DP, server->site, server->nal,
                                cause, error) &&
               pkgstatus_set_state(tx, server->pkg_id, PKGSTATUS_TYPE_DP, server->site, server->nal,
                                   PKGSTATUS_REMOVED, 0, "", cause, error) &&
               pkgserver_delete_removed(tx, server, error) &&
               pkgnotification_add(tx, server->pkg_id, PKGNOTIFICATION_SERVER, error);
}

bool
distpoint_abandon(DbTx *tx, gint64 id, const char *cause, GError **error)
{
        g_autoptr(DistPoint) point = distpoint_load(db_tx_db(tx), id, error);
        g_autoptr(GPtrArray) servers =
                point != NULL ? pkgserver_list_of(db_tx_db(tx), point->nal, error) : NULL;

        for (guint i = 0; servers != NULL && i < servers->len; i++) {
                if (!abandon_package(tx, servers->pdata[i], cause, error))
                        return false;
        }
        return servers != NULL &&
               db_run(tx, &sql_distpoint_delete_jobs, DB_ARGS(DB_INT("id", id)), error);
}

bool
distpoint_delete(DbTx *tx, gint64 id, GError **error)
{
        const DbSql *const statements[] = {
                &sql_distpoint_delete_jobs,     &sql_distpoint_delete_sources,
                &sql_distpoint_delete_holdings, &sql_distpoint_delete_stray,
                &sql_distpoint_delete_members,  &sql_distpoint_delete
        };
        g_autoptr(DistPoint) point = distpoint_load(db_tx_db(tx), id, error);
        g_autofree char *package = NULL;

        if (point == NULL || !db_text(db_tx_db(tx), &sql_distpoint_package,
                                      DB_ARGS(DB_INT("id", id)), &package, NULL, error))
                return false;
        if (package != NULL)
                return uk_fail(
                        error, UK_ERROR_BUSY,
                        "distribution point %s still has packages, %s for one; `upkeep "
                        "package remove-content` takes them away, or, if it is gone for good, "
                        "`upkeep dp remove --force` forgets them",
                        point->server, package);
        for (gsize i = 0; i < G_N_ELEMENTS(statements); i++) {
                if (!db_run(tx, statements[i], DB_ARGS(DB_INT("id", id)), error))
                        return false;
        }
        return true;
}

/* The row of whichever key is given; `what` is its name for people. */
static DistPoint *
find(Db *db, gint64 id, const char *nal, const char *server, const char *what, GError **error)
{
        g_autoptr(DistPoint) point = g_new0(DistPoint, 1);
        bool found = false;

        if (!db_one(db, &sql_distpoint_find,
                    DB_ARGS(DB_INT("id", id), DB_TEXT("nal", nal), DB_TEXT("server", server)),
                    fields, point, &found, error))
                return NULL;
        if (!found) {
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "there is no distribution point %s; `upkeep dp list` shows those that are",
                        what);
                return NULL;
        }
        return g_steal_pointer(&point);
}

DistPoint *
distpoint_load(Db *db, gint64 id, GError **error)
{
        g_autofree char *what = g_strdup_printf("number %" G_GINT64_FORMAT, id);

        return find(db, id, "", "", what, error);
}

DistPoint *
distpoint_by_nal(Db *db, const char *nal, GError **error)
{
        return find(db, -1, nal, "", nal, error);
}

DistPoint *
distpoint_by_server(Db *db, const char *server, GError **error)
{
        return find(db, -1, "", server, server, error);
}

GPtrArray *
distpoint_list(Db *db, const char *site, GError **error)
{
        return db_list(db, &sql_distpoint_list, DB_ARGS(DB_TEXT("site", site)), fields,
                       sizeof(DistPoint), (GDestroyNotify)distpoint_free, error);
}

bool
distpoint_configured(DbTx *tx, const DistPoint *point, GError **error)
{
        return db_run(tx, &sql_distpoint_configured,
                      DB_ARGS(DB_TEXT("identity", or_empty(point->identity)),
                              DB_TEXT("certificate", or_empty(point->certificate)),
                              DB_TEXT("software", or_empty(point->software)),
                              DB_INT("bytes_free", point->bytes_free),
                              DB_INT("bytes_total", point->bytes_total),
                              DB_TIME("now", uk_clock_now()), DB_INT("id", point->id)),
                      error);
}

bool
distpoint_answered(DbTx *tx, gint64 id, gint64 bytes_free, GError **error)
{
        return db_run(tx, &sql_distpoint_answered,
                      DB_ARGS(DB_TIME("now", uk_clock_now()), DB_INT("bytes_free", bytes_free),
                              DB_INT("id", id)),
                      error);
}

bool
distpoint_failed(DbTx *tx, gint64 id, gint64 failures, gint64 quarantine_us, const char *why,
                 GError **error)
{
        return db_run(tx, &sql_distpoint_failed,
                      DB_ARGS(DB_INT("failures", failures),
                              DB_TIME_OR_NULL("quarantine", quarantine_us), DB_TEXT("why", why),
                              DB_INT("id", id)),
                      error);
}
