/* dpgroup.c - groups of distribution points, and what follows for packages from who is in one. */
#include "sitedb/dpgroup.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "sitedb/dpgroup.sql.h"
#include "sitedb/package.h"
#include "sitedb/pkgserver.h"

#define MAX_NAME 255

static const DbField fields[] = {
        DB_FIELD(TEXT, DpGroup, id, "GroupID"),
        DB_FIELD(TEXT, DpGroup, name, "Name"),
        DB_FIELD(TEXT, DpGroup, description, "Description"),
        DB_FIELD(TEXT, DpGroup, source_site, "SourceSite"),
        DB_FIELD(TEXT, DpGroup, created_by, "CreatedBy"),
        DB_FIELD(TIME, DpGroup, created_us, "CreatedOn"),
        DB_FIELD(TEXT, DpGroup, cause, "Cause"),
        DB_FIELD(TEXT, DpGroup, trace, "Trace"),
        DB_FIELD_END,
};

void
dpgroup_free(DpGroup *group)
{
        if (group == NULL)
                return;
        for (const DbField *field = fields; field->column != NULL; field++) {
                if (field->type == DB_TYPE_TEXT)
                        g_free(*(char **)G_STRUCT_MEMBER_P(group, field->offset));
        }
        g_free(group);
}

DpGroup *
dpgroup_find(Db *db, const char *id_or_name, GError **error)
{
        g_autoptr(DpGroup) group = g_new0(DpGroup, 1);
        bool found = false;

        if (!db_one(db, &sql_dpgroup_find, DB_ARGS(DB_TEXT("key", id_or_name)), fields, group,
                    &found, error))
                return NULL;
        if (!found) {
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "there is no group %.80s; `upkeep dp-group list` shows those that are",
                        id_or_name);
                return NULL;
        }
        return g_steal_pointer(&group);
}

/* A name that is none, or that a group other than id ("": any) has. */
static bool
check_name(Db *db, const char *name, const char *id, GError **error)
{
        if (name[0] == '\0' || strlen(name) > MAX_NAME)
                return uk_fail(error, UK_ERROR_INVALID, "a group needs a name of at most %d bytes",
                               MAX_NAME);
        g_autoptr(DpGroup) other = dpgroup_find(db, name, NULL);

        return other == NULL || strcmp(other->id, id) == 0 ||
               uk_fail(error, UK_ERROR_EXISTS, "there is a group %s already", other->name);
}

bool
dpgroup_create(DbTx *tx, const char *name, const char *description, const char *site,
               const char *user, const char *cause, char **id_out, GError **error)
{
        g_autofree char *id = uk_guid_new_braced();

        if (!check_name(db_tx_db(tx), name, "", error) ||
            !db_run(tx, &sql_dpgroup_insert,
                    DB_ARGS(DB_TEXT("id", id), DB_TEXT("name", name),
                            DB_TEXT("description", description), DB_TEXT("site", site),
                            DB_TEXT("user", user), DB_TIME("now", uk_clock_now()),
                            DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                    error))
                return false;
        *id_out = g_steal_pointer(&id);
        return true;
}

bool
dpgroup_change(DbTx *tx, const char *id, const char *name, const char *description,
               const char *user, const char *cause, GError **error)
{
        return check_name(db_tx_db(tx), name, id, error) &&
               db_run(tx, &sql_dpgroup_update,
                      DB_ARGS(DB_TEXT("id", id), DB_TEXT("name", name),
                              DB_TEXT("description", description), DB_TEXT("user", user),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

bool
dpgroup_delete(DbTx *tx, const char *id, GError **error)
{
        return db_run(tx, &sql_dpgroup_delete, DB_ARGS(DB_TEXT("id", id)), error);
}

static GPtrArray *
list_texts(Db *db, const DbSql *sql, const char *id, GError **error)
{
        g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(DbRows) rows = db_query(db, sql, DB_ARGS(DB_TEXT("id", id)), error);
        bool row = rows != NULL;

        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                if (row)
                        g_ptr_array_add(texts, g_strdup(db_cell_text(rows, 0, NULL)));
        }
        return rows != NULL ? g_steal_pointer(&texts) : NULL;
}

GPtrArray *
dpgroup_members(Db *db, const char *id, GError **error)
{
        return list_texts(db, &sql_dpgroup_members, id, error);
}

GPtrArray *
dpgroup_packages(Db *db, const char *id, GError **error)
{
        return list_texts(db, &sql_dpgroup_packages, id, error);
}

bool
dpgroup_add_member(DbTx *tx, const char *id, const char *nal, const char *site, const char *cause,
                   GError **error)
{
        g_autoptr(GPtrArray) packages = dpgroup_packages(db_tx_db(tx), id, error);

        if (packages == NULL || !db_run(tx, &sql_dpgroup_add_member,
                                        DB_ARGS(DB_TEXT("id", id), DB_TEXT("nal", nal)), error))
                return false;
        for (guint i = 0; i < packages->len; i++) {
                if (!pkgserver_add(tx, packages->pdata[i], nal, site, site, cause, NULL, error))
                        return false;
        }
        return true;
}

bool
dpgroup_remove_member(DbTx *tx, const char *id, const char *nal, GError **error)
{
        gint64 changed;

        if (!db_run_counted(tx, &sql_dpgroup_remove_member,
                            DB_ARGS(DB_TEXT("id", id), DB_TEXT("nal", nal)), &changed, error))
                return false;
        return changed > 0 ||
               uk_fail(error, UK_ERROR_NOT_FOUND, "the distribution point is not in the group");
}

bool
dpgroup_add_package(DbTx *tx, const char *id, const char *pkg_id, const char *site,
                    const char *cause, GError **error)
{
        g_autoptr(GPtrArray) members = dpgroup_members(db_tx_db(tx), id, error);
        g_autoptr(Package) package =
                members != NULL ? package_load(db_tx_db(tx), pkg_id, error) : NULL;

        if (package == NULL ||
            !db_run(tx, &sql_dpgroup_add_package,
                    DB_ARGS(DB_TEXT("id", id), DB_TEXT("pkg_id", pkg_id)), error))
                return false;
        for (guint i = 0; i < members->len; i++) {
                if (!pkgserver_add(tx, pkg_id, members->pdata[i], site, site, cause, NULL, error))
                        return false;
        }
        return true;
}

/* Takes the package from a member that has it by no other group. */
static bool
take_away(DbTx *tx, const char *id, const char *pkg_id, const char *nal, const char *site,
          const char *cause, GError **error)
{
        g_autoptr(PkgServer) server = pkgserver_load(db_tx_db(tx), pkg_id, nal, site, NULL);
        gint64 others = 0;

        if (!db_int(db_tx_db(tx), &sql_dpgroup_others,
                    DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_TEXT("nal", nal), DB_TEXT("id", id)),
                    &others, NULL, error))
                return false;
        return others > 0 || server == NULL ||
               pkgserver_remove(tx, pkg_id, nal, site, cause, error);
}

bool
dpgroup_remove_package(DbTx *tx, const char *id, const char *pkg_id, const char *site,
                       const char *cause, GError **error)
{
        g_autoptr(GPtrArray) members = dpgroup_members(db_tx_db(tx), id, error);
        gint64 changed;

        if (members == NULL ||
            !db_run_counted(tx, &sql_dpgroup_remove_package,
                            DB_ARGS(DB_TEXT("id", id), DB_TEXT("pkg_id", pkg_id)), &changed, error))
                return false;
        if (changed == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "package %s does not belong to the group",
                               pkg_id);
        for (guint i = 0; i < members->len; i++) {
                if (!take_away(tx, id, pkg_id, members->pdata[i], site, cause, error))
                        return false;
        }
        return true;
}
