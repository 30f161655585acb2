/* pkgcontent.c - rows of the content items of packages. */
#include "sitedb/pkgcontent.h"

#include "base/clock.h"
#include "sitedb/pkgcontent.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, PkgContent, pkg_id, "PkgID"),
        DB_FIELD(INT, PkgContent, version, "Version"),
        DB_FIELD(TEXT, PkgContent, content_id, "ContentID"),
        DB_FIELD(TEXT, PkgContent, hash, "Hash"),
        DB_FIELD(TEXT, PkgContent, signature_hash, "SignatureHash"),
        DB_FIELD(TEXT, PkgContent, related, "RelatedContentID"),
        DB_FIELD(INT, PkgContent, files, "Files"),
        DB_FIELD(INT, PkgContent, size, "Size"),
        DB_FIELD(TEXT, PkgContent, cause, "Cause"),
        DB_FIELD(TEXT, PkgContent, trace, "Trace"),
        DB_FIELD_END,
};

void
pkgcontent_free(PkgContent *content)
{
        if (content == NULL)
                return;
        g_free(content->pkg_id);
        g_free(content->content_id);
        g_free(content->hash);
        g_free(content->signature_hash);
        g_free(content->related);
        g_free(content->cause);
        g_free(content->trace);
        g_free(content);
}

bool
pkgcontent_put(DbTx *tx, const PkgContent *content, const char *cause, GError **error)
{
        return db_run(
                tx, &sql_pkgcontent_put,
                DB_ARGS(DB_TEXT("pkg_id", content->pkg_id), DB_INT("version", content->version),
                        DB_TEXT("content_id", content->content_id), DB_TEXT("hash", content->hash),
                        DB_TEXT("signature_hash",
                                content->signature_hash != NULL ? content->signature_hash : ""),
                        DB_TEXT("related", content->related != NULL ? content->related : ""),
                        DB_INT("files", content->files), DB_INT("size", content->size),
                        DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                        DB_TEXT("trace", db_tx_trace(tx))),
                error);
}

GPtrArray *
pkgcontent_list(Db *db, const char *pkg_id, gint64 version, GError **error)
{
        return db_list(db, &sql_pkgcontent_list,
                       DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_INT("version", version)), fields,
                       sizeof(PkgContent), (GDestroyNotify)pkgcontent_free, error);
}

PkgContent *
pkgcontent_load(Db *db, const char *content_id, GError **error)
{
        g_autoptr(PkgContent) content = g_new0(PkgContent, 1);
        bool found = false;

        if (!db_one(db, &sql_pkgcontent_load, DB_ARGS(DB_TEXT("content_id", content_id)), fields,
                    content, &found, error))
                return NULL;
        if (found)
                return g_steal_pointer(&content);
        uk_fail(error, UK_ERROR_NOT_FOUND, "no package of this site has the content item %s",
                content_id);
        return NULL;
}

bool
pkgcontent_delete(DbTx *tx, const char *pkg_id, gint64 version, GError **error)
{
        return db_run(tx, &sql_pkgcontent_delete,
                      DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_INT("version", version)), error);
}

GArray *
pkgcontent_superseded(Db *db, const char *pkg_id, gint64 stored, gint64 keep, GError **error)
{
        g_autoptr(GArray) versions = g_array_new(FALSE, FALSE, sizeof(gint64));
        g_autoptr(DbRows) rows = db_query(
                db, &sql_pkgcontent_superseded,
                DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_INT("stored", stored), DB_INT("keep", keep)),
                error);
        bool row = rows != NULL;

        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                gint64 version = row ? db_cell_int(rows, 0) : 0;
                if (row)
                        g_array_append_val(versions, version);
        }
        return rows != NULL ? g_steal_pointer(&versions) : NULL;
}

bool
pkgcontent_oldest_kept(Db *db, PkgContent **oldest_out, gint64 *bytes_out, GError **error)
{
        g_autoptr(PkgContent) oldest = g_new0(PkgContent, 1);
        bool found = false;

        if (!db_int(db, &sql_pkgcontent_kept_bytes, DB_NO_ARGS, bytes_out, NULL, error) ||
            !db_one(db, &sql_pkgcontent_oldest_kept, DB_NO_ARGS, fields, oldest, &found, error))
                return false;
        *oldest_out = found ? g_steal_pointer(&oldest) : NULL;
        return true;
}
