/* package.c - rows of packages, and what administrators ask for them. What follows from it is
 * Distribution Manager's.
 */
#include "sitedb/package.h"

#include <string.h>

#include "base/clock.h"
#include "sitedb/leap.h"
#include "sitedb/package.sql.h"
#include "sitedb/pkgnotification.h"

#define MAX_NUMBER 0xFFFFF
/* After a restore: package IDs go on at the hours since then, for there are few of them, or so many
 * further where more were made; versions at the minutes. */
#define LEAP_STRIDE   1024
#define DEFAULT_FLAGS 0x01000000

static const DbField fields[] = {
        DB_FIELD(TEXT, Package, id, "PkgID"),
        DB_FIELD(TEXT, Package, name, "Name"),
        DB_FIELD(TEXT, Package, version, "Version"),
        DB_FIELD(TEXT, Package, language, "Language"),
        DB_FIELD(TEXT, Package, manufacturer, "Manufacturer"),
        DB_FIELD(TEXT, Package, description, "Description"),
        DB_FIELD(TEXT, Package, hash, "NewHash"),
        DB_FIELD(TEXT, Package, source, "Source"),
        DB_FIELD(TEXT, Package, source_site, "SourceSite"),
        DB_FIELD(TEXT, Package, stored_path, "StoredPkgPath"),
        DB_FIELD(TEXT, Package, preferred_address, "PreferredAddress"),
        DB_FIELD(TEXT, Package, share_name, "ShareName"),
        DB_FIELD(INT, Package, priority, "Priority"),
        DB_FIELD(INT, Package, type, "PackageType"),
        DB_FIELD(INT, Package, flags, "PkgFlags"),
        DB_FIELD(INT, Package, share_type, "ShareType"),
        DB_FIELD(INT, Package, store_flag, "StorePkgFlag"),
        DB_FIELD(INT, Package, source_version, "SourceVersion"),
        DB_FIELD(INT, Package, stored_version, "StoredPkgVersion"),
        DB_FIELD(TIME, Package, source_us, "SourceDate"),
        DB_FIELD(INT, Package, source_size, "SourceSize"),
        DB_FIELD(TIME, Package, refresh_us, "LastRefresh"),
        DB_FIELD(INT, Package, update_mask, "UpdateMask"),
        DB_FIELD(INT, Package, update_mask_ex, "UpdateMaskEx"),
        DB_FIELD(INT, Package, action, "Action"),
        DB_FIELD(TEXT, Package, cause, "Cause"),
        DB_FIELD(TEXT, Package, trace, "Trace"),
        DB_FIELD_END,
};

void
package_free(Package *package)
{
        if (package == NULL)
                return;
        for (const DbField *field = fields; field->column != NULL; field++) {
                if (field->type == DB_TYPE_TEXT)
                        g_free(*(char **)G_STRUCT_MEMBER_P(package, field->offset));
        }
        g_free(package);
}

static const char *
or_empty(const char *text)
{
        return text != NULL ? text : "";
}

static bool
check(const Package *package, GError **error)
{
        if (or_empty(package->name)[0] == '\0' || strlen(package->name) > 255)
                return uk_fail(error, UK_ERROR_INVALID,
                               "a package needs a name of at most 255 bytes");
        for (const char *p = package->name; *p != '\0'; p++) {
                if (g_ascii_iscntrl(*p))
                        return uk_fail(error, UK_ERROR_INVALID,
                                       "a name with line breaks or other control characters is "
                                       "none for a package");
        }
        if (or_empty(package->source)[0] != '/' || strlen(package->source) > 4095)
                return uk_fail(error, UK_ERROR_INVALID,
                               "the source of package \"%s\" is '%s'; name a folder of the site "
                               "server by its whole path, such as /srv/packages/app",
                               package->name, or_empty(package->source));
        if (package->priority < 0 || package->priority > 3)
                return uk_fail(error, UK_ERROR_INVALID,
                               "priority %d of package \"%s\": it is 1 (high), 2 (medium) or "
                               "3 (low)",
                               (int)package->priority, package->name);
        return true;
}

static bool
take_id(DbTx *tx, const char *site, char **id_out, GError **error)
{
        gint64 number = 0;

        if (!db_int(db_tx_db(tx), &sql_package_take_number, DB_ARGS(DB_TEXT("site", site)), &number,
                    NULL, error))
                return false;
        if (number > MAX_NUMBER)
                return uk_fail(error, UK_ERROR_LIMIT, "the package IDs of site %s are used up",
                               site);
        *id_out = g_strdup_printf("%s%05X", site, (guint)number);
        return true;
}

bool
package_leap(DbTx *tx, GError **error)
{
        UK_DOING(error, "setting package IDs and versions above those that were given out");
        gint64 past = leap_past(uk_clock_now());
        gint64 number = MIN(past / UK_HOUR, MAX_NUMBER / 2);

        return db_run(tx, &sql_package_leap_numbers,
                      DB_ARGS(DB_INT("number", number), DB_INT("stride", LEAP_STRIDE)), error) &&
               db_run(tx, &sql_package_leap_versions, DB_ARGS(DB_INT("version", past / UK_MINUTE)),
                      error);
}

bool
package_next_version(Db *db, const Package *package, gint64 *version_out, GError **error)
{
        gint64 least;

        if (!db_int(db, &sql_package_least_version, DB_ARGS(DB_TEXT("id", package->id)), &least,
                    NULL, error))
                return false;
        *version_out = MAX(least, package->stored_version == 0 ? package->source_version
                                                               : package->stored_version + 1);
        return true;
}

bool
package_create(DbTx *tx, const Package *package, const char *cause, char **id_out, GError **error)
{
        UK_DOING(error, "creating a package");
        g_autofree char *id = NULL;

        if (!check(package, error) || !take_id(tx, package->source_site, &id, error))
                return false;
        /* The trigger on SMSPackages_G adds the notification (DIST-007). */
        if (!db_run(tx, &sql_package_insert,
                    DB_ARGS(DB_TEXT("id", id), DB_TEXT("name", package->name),
                            DB_TEXT("version", or_empty(package->version)),
                            DB_TEXT("language", or_empty(package->language)),
                            DB_TEXT("manufacturer", or_empty(package->manufacturer)),
                            DB_TEXT("description", or_empty(package->description)),
                            DB_TEXT("source", package->source),
                            DB_TEXT("source_site", package->source_site),
                            DB_INT("priority", package->priority != 0 ? package->priority : 2),
                            DB_INT("flags", package->flags != 0 ? package->flags : DEFAULT_FLAGS),
                            DB_TIME("now", uk_clock_now()), DB_INT("type", package->type),
                            DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                    error))
                return false;
        *id_out = g_steal_pointer(&id);
        return true;
}

static bool
fail_unknown(const char *id, GError **error)
{
        return uk_fail(error, UK_ERROR_NOT_FOUND,
                       "there is no package %s; `upkeep package list` shows those that are", id);
}

/* A statement that changes the row of one package, and the news of it. Through the view nothing
 * is counted as a change, so the row is looked for first. */
static bool
ask_for(DbTx *tx, const DbSql *sql, const DbArg *args, const char *id, GError **error)
{
        g_autoptr(Package) package = package_load(db_tx_db(tx), id, error);

        return package != NULL && db_run(tx, sql, args, error) &&
               pkgnotification_add(tx, id, PKGNOTIFICATION_PACKAGE, error);
}

bool
package_change(DbTx *tx, const Package *package, const char *cause, GError **error)
{
        UK_DOING(error, "changing package %s", package->id);

        if (!check(package, error))
                return false;
        return ask_for(tx, &sql_package_change,
                       DB_ARGS(DB_TEXT("name", package->name),
                               DB_TEXT("version", or_empty(package->version)),
                               DB_TEXT("language", or_empty(package->language)),
                               DB_TEXT("manufacturer", or_empty(package->manufacturer)),
                               DB_TEXT("description", or_empty(package->description)),
                               DB_INT("priority", package->priority != 0 ? package->priority : 2),
                               DB_TEXT("source", package->source), DB_TIME("now", uk_clock_now()),
                               DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                               DB_TEXT("id", package->id)),
                       package->id, error);
}

static bool
ask_by_id(DbTx *tx, const DbSql *sql, const char *id, const char *cause, GError **error)
{
        return ask_for(tx, sql,
                       DB_ARGS(DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                               DB_TEXT("id", id)),
                       id, error);
}

bool
package_refresh(DbTx *tx, const char *id, const char *cause, GError **error)
{
        return ask_by_id(tx, &sql_package_refresh, id, cause, error);
}

bool
package_ask_delete(DbTx *tx, const char *id, const char *cause, GError **error)
{
        return ask_by_id(tx, &sql_package_ask_delete, id, cause, error);
}

Package *
package_load(Db *db, const char *id, GError **error)
{
        g_autoptr(Package) package = g_new0(Package, 1);
        bool found = false;

        if (!db_one(db, &sql_package_load, DB_ARGS(DB_TEXT("id", id)), fields, package, &found,
                    error))
                return NULL;
        if (!found) {
                fail_unknown(id, error);
                return NULL;
        }
        return g_steal_pointer(&package);
}

GPtrArray *
package_list(Db *db, GError **error)
{
        return db_list(db, &sql_package_list, DB_NO_ARGS, fields, sizeof(Package),
                       (GDestroyNotify)package_free, error);
}

GPtrArray *
package_list_pending(Db *db, const char *site, GError **error)
{
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(DbRows) rows =
                db_query(db, &sql_package_list_pending, DB_ARGS(DB_TEXT("site", site)), error);
        bool row = rows != NULL;

        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                if (row)
                        g_ptr_array_add(ids, g_strdup(db_cell_text(rows, 0, NULL)));
        }
        return rows != NULL ? g_steal_pointer(&ids) : NULL;
}

bool
package_begin(DbTx *tx, const char *id, GError **error)
{
        return db_run(tx, &sql_package_begin, DB_ARGS(DB_TEXT("id", id)), error);
}

bool
package_store(DbTx *tx, const char *id, gint64 version, const char *hash, gint64 size_kb,
              const char *cause, GError **error)
{
        gint64 now = uk_clock_now();

        return db_run(tx, &sql_package_store_source,
                      DB_ARGS(DB_INT("version", version), DB_TIME("now", now),
                              DB_INT("size", size_kb), DB_TEXT("hash", hash),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_TEXT("id", id)),
                      error) &&
               db_run(tx, &sql_package_store_local,
                      DB_ARGS(DB_INT("version", version), DB_TIME("now", now),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_TEXT("id", id)),
                      error);
}

bool
package_done(DbTx *tx, const char *id, GError **error)
{
        return db_run(tx, &sql_package_done, DB_ARGS(DB_TEXT("id", id)), error) &&
               db_run(tx, &sql_package_done_adding, DB_ARGS(DB_TEXT("id", id)), error);
}

bool
package_set_cause(DbTx *tx, const char *id, const char *cause, GError **error)
{
        return db_run(tx, &sql_package_set_cause,
                      DB_ARGS(DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_TEXT("id", id)),
                      error);
}

bool
package_delete(DbTx *tx, const char *id, GError **error)
{
        UK_DOING(error, "deleting package %s", id);
        const DbSql *const statements[] = { &sql_package_delete_responses,
                                            &sql_package_delete_status,
                                            &sql_package_delete_servers,
                                            &sql_package_delete_holders,
                                            &sql_package_delete_contents,
                                            &sql_package_delete_jobs,
                                            &sql_package_delete_groups,
                                            &sql_package_delete_least_version,
                                            &sql_package_delete };

        for (gsize i = 0; i < G_N_ELEMENTS(statements); i++) {
                if (!db_run(tx, statements[i], DB_ARGS(DB_TEXT("id", id)), error))
                        return false;
        }
        return true;
}
