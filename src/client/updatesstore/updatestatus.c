/* updatestatus.c - the tables of the updates store. */
#include "client/updatesstore/updatestatus.h"

#include <string.h>

#include "base/log.h"
#include "client/updatestatus.sql.h"
#include "crypto/hash.h"
#include "wire/scansummary.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, UpdateStatus, id, "UniqueId"),
        DB_FIELD(INT, UpdateStatus, reported_state, "ReportedState"),
        DB_FIELD(INT, UpdateStatus, revision, "RevisionNumber"),
        DB_FIELD(TEXT, UpdateStatus, digest, "Digest"),
        DB_FIELD_END,
};

void
updatestatus_free(UpdateStatus *status)
{
        if (status == NULL)
                return;
        g_free(status->id);
        g_free(status->digest);
        g_free(status);
}

GHashTable *
updatestatus_load_all(Db *db, GError **error)
{
        g_autoptr(GHashTable) all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                                          (GDestroyNotify)updatestatus_free);
        g_autoptr(DbRows) rows = db_query(db, &sql_updatestatus_load_all, DB_NO_ARGS, error);
        bool more = rows != NULL;

        if (rows == NULL)
                return NULL;
        for (;;) {
                if (!db_next(rows, &more, error))
                        return NULL;
                if (!more)
                        return g_steal_pointer(&all);
                UpdateStatus *status = g_new0(UpdateStatus, 1);
                if (!db_read(rows, fields, status, error)) {
                        updatestatus_free(status);
                        return NULL;
                }
                g_hash_table_insert(all, status->id, status);
        }
}

static bool
put_packages(Work *work, const ResultUpdate *update, GError **error) /* DEB-041 */
{
        if (!db_run(work->tx, &sql_updatestatus_remove_packages,
                    DB_ARGS(DB_TEXT("id", update->update_id)), error))
                return false;
        for (guint i = 0; i < update->packages->len; i++) {
                const ResultPackage *package = g_ptr_array_index(update->packages, i);

                if (!db_run(work->tx, &sql_updatestatus_add_package,
                            DB_ARGS(DB_TEXT("id", update->update_id),
                                    DB_TEXT("package", package->name),
                                    DB_TEXT("architecture", package->architecture),
                                    DB_TEXT("installed", package->installed),
                                    DB_TEXT("available", package->available),
                                    DB_INT("held", package->held)),
                            error))
                        return false;
        }
        return true;
}

bool
updatestatus_put(Work *work, const ResultUpdate *update, const char *sources, gint64 scan_us,
                 gint64 reported_state, const char *digest, GError **error) /* COMP-052, OQ-C16 */
{
        const char *status = update->state == RESULT_MISSING ? "Missing" : "Installed";

        return db_run(work->tx, &sql_updatestatus_put,
                      DB_ARGS(DB_TEXT("id", update->update_id), DB_TEXT("title", update->title),
                              DB_TEXT("article", update->article),
                              DB_TEXT("product", update->product_id),
                              DB_INT("revision", update->revision), DB_TIME("scan", scan_us),
                              DB_TEXT("sources", sources), DB_TEXT("status", status),
                              DB_TEXT("class", update->classification_id),
                              DB_INT("reported_state", reported_state), DB_TEXT("digest", digest),
                              DB_TEXT("cause", work->cause), DB_TEXT("trace", uk_trace_get())),
                      error) &&
               put_packages(work, update, error);
}

bool
updatestatus_remove(Work *work, const char *id, GError **error)
{
        return db_run(work->tx, &sql_updatestatus_remove_packages, DB_ARGS(DB_TEXT("id", id)),
                      error) &&
               db_run(work->tx, &sql_updatestatus_remove, DB_ARGS(DB_TEXT("id", id)), error);
}

bool
updatestatus_set_scanned(Work *work, const char *sources, gint64 scan_us, GError **error)
{
        return db_run(work->tx, &sql_updatestatus_set_scanned,
                      DB_ARGS(DB_TIME("scan", scan_us), DB_TEXT("sources", sources)), error);
}

char *
updatestatus_digest(Db *db, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(DbRows) rows = db_query(db, &sql_updatestatus_reported, DB_NO_ARGS, error);
        int id = 0, state = 0;
        bool more = false;

        if (rows == NULL || !db_column(rows, "UniqueId", &id, error) ||
            !db_column(rows, "ReportedState", &state, error))
                return NULL;
        for (;;) {
                if (!db_next(rows, &more, error))
                        return NULL;
                if (!more)
                        return hash_sha256_hex(text->str, text->len);
                scansummary_digest_line(text, db_cell_text(rows, id, NULL),
                                        (int)db_cell_int(rows, state));
        }
}
