/* pkgstatusfile.c - rows of status files that are not stored yet. */
#include "sitedb/pkgstatusfile.h"

#include "sitedb/pkgstatusfile.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, PkgStatusFile, name, "FileName"),
        DB_FIELD(TEXT, PkgStatusFile, body, "Body"),
        DB_FIELD_END,
};

void
pkgstatusfile_free(PkgStatusFile *file)
{
        if (file == NULL)
                return;
        g_free(file->name);
        g_free(file->body);
        g_free(file);
}

bool
pkgstatusfile_keep(DbTx *tx, const char *name, const char *body, GError **error)
{
        return db_run(tx, &sql_pkgstatusfile_keep,
                      DB_ARGS(DB_TEXT("name", name), DB_TEXT("body", body)), error);
}

bool
pkgstatusfile_forget(DbTx *tx, const char *name, GError **error)
{
        return db_run(tx, &sql_pkgstatusfile_forget, DB_ARGS(DB_TEXT("name", name)), error);
}

bool
pkgstatusfile_body(Db *db, const char *name, char **body_out, GError **error)
{
        bool found;

        *body_out = NULL;
        return db_text(db, &sql_pkgstatusfile_body, DB_ARGS(DB_TEXT("name", name)), body_out,
                       &found, error);
}

GPtrArray *
pkgstatusfile_list(Db *db, GError **error)
{
        return db_list(db, &sql_pkgstatusfile_list, DB_NO_ARGS, fields, sizeof(PkgStatusFile),
                       (GDestroyNotify)pkgstatusfile_free, error);
}
