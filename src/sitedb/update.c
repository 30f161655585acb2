/* update.c - reads updates: a page of a list, or one with all that belongs to it. */
#include "sitedb/update.h"

#include "sitedb/update.sql.h"

#define ROWS_A_PAGE 1000

static const DbField update_fields[] = {
        DB_FIELD(INT, Update, id, "CI_ID"),
        DB_FIELD(TEXT, Update, unique_id, "CI_UniqueID"),
        DB_FIELD(INT, Update, revision, "RevisionNumber"),
        DB_FIELD(TEXT, Update, title, "Title"),
        DB_FIELD(TEXT, Update, description, "Description"),
        DB_FIELD(TEXT, Update, article, "ArticleID"),
        DB_FIELD(TEXT, Update, bulletin, "BulletinID"),
        DB_FIELD(TEXT, Update, info_url, "InfoURL"),
        DB_FIELD(TEXT, Update, references, "ReferenceURLs"),
        DB_FIELD(INT, Update, severity, "Severity"),
        DB_FIELD(INT, Update, size, "ContentSize"),
        DB_FIELD(INT, Update, superseded, "IsSuperseded"),
        DB_FIELD(INT, Update, expired, "IsExpired"),
        DB_FIELD(TIME, Update, posted_us, "DatePosted"),
        DB_FIELD(TIME, Update, revised_us, "DateRevised"),
        DB_FIELD(TIME, Update, created_us, "DateCreated"),
        DB_FIELD(TIME, Update, modified_us, "DateLastModified"),
        DB_FIELD(INT, Update, min_version, "MinSourceVersion"),
        DB_FIELD(TEXT, Update, cause, "Cause"),
        DB_FIELD(TEXT, Update, trace, "Trace"),
        DB_FIELD_END,
};

static const DbField file_fields[] = {
        DB_FIELD(TEXT, UpdateFile, name, "FileName"),
        DB_FIELD(INT, UpdateFile, size, "FileSize"),
        DB_FIELD(BYTES, UpdateFile, sha256, "FileHash"),
        DB_FIELD(TEXT, UpdateFile, url, "SourceURL"),
        DB_FIELD(TEXT, UpdateFile, package, "PackageName"),
        DB_FIELD(TEXT, UpdateFile, architecture, "Architecture"),
        DB_FIELD(TEXT, UpdateFile, version, "PackageVersion"),
        DB_FIELD(INT, UpdateFile, owned, "IsOwned"),
        DB_FIELD_END,
};

static const DbField ref_fields[] = {
        DB_FIELD(INT, UpdateRef, id, "CI_ID"),
        DB_FIELD(TEXT, UpdateRef, unique_id, "CI_UniqueID"),
        DB_FIELD(TEXT, UpdateRef, title, "Title"),
        DB_FIELD_END,
};

static void
file_free(UpdateFile *file)
{
        g_free(file->name);
        g_clear_pointer(&file->sha256, g_bytes_unref);
        g_free(file->url);
        g_free(file->package);
        g_free(file->architecture);
        g_free(file->version);
        g_free(file);
}

static void
ref_free(UpdateRef *ref)
{
        g_free(ref->unique_id);
        g_free(ref->title);
        g_free(ref);
}

void
update_free(Update *update)
{
        if (update == NULL)
                return;
        for (const DbField *field = update_fields; field->column != NULL; field++) {
                if (field->type == DB_TYPE_TEXT)
                        g_free(*(char **)G_STRUCT_MEMBER_P(update, field->offset));
        }
        g_clear_pointer(&update->files, g_ptr_array_unref);
        g_clear_pointer(&update->categories, g_ptr_array_unref);
        g_clear_pointer(&update->superseded_by, g_ptr_array_unref);
        g_clear_pointer(&update->supersedes, g_ptr_array_unref);
        g_free(update);
}

/* "%text%" with the signs of LIKE taken as they are; "" for no text. */
static char *
pattern(const char *text)
{
        g_autoptr(GString) out = g_string_new(NULL);

        if (text == NULL || text[0] == '\0')
                return g_strdup("");
        g_string_append_c(out, '%');
        for (; *text != '\0'; text++) {
                if (*text == '%' || *text == '_' || *text == '!')
                        g_string_append_c(out, '!');
                g_string_append_c(out, *text);
        }
        g_string_append_c(out, '%');
        return g_string_free(g_steal_pointer(&out), FALSE);
}

static DbRows *
query(Db *db, const UpdateFilter *filter, gint64 id, GError **error)
{
        g_autofree char *text = pattern(filter->text);

        return db_query(db, &sql_update_rows,
                        DB_ARGS(DB_INT("after", filter->after), DB_INT("id", id),
                                DB_INT("superseded", filter->with_superseded),
                                DB_INT("expired", filter->with_expired),
                                DB_INT("missing", filter->missing_only),
                                DB_TEXT("article", filter->article != NULL ? filter->article : ""),
                                DB_TEXT("text", text), DB_INT("category", filter->category),
                                DB_INT("limit", filter->limit > 0 ? filter->limit : ROWS_A_PAGE)),
                        error);
}

DbRows *
update_rows(Db *db, const UpdateFilter *filter, GError **error)
{
        return query(db, filter, 0, error);
}

DbRows *
update_row(Db *db, gint64 ci_id, GError **error)
{
        const UpdateFilter any = {
                .with_superseded = true, .with_expired = true, .after = ci_id - 1, .limit = 1
        };

        return query(db, &any, ci_id, error);
}

/* The categories as lines of text. */
static GPtrArray *
load_categories(Db *db, const DbArg *id, GError **error)
{
        g_autoptr(DbRows) rows = db_query(db, &sql_update_categories, id, error);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        bool row = rows != NULL;

        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                if (row)
                        g_ptr_array_add(names, g_strdup(db_cell_text(rows, 0, NULL)));
        }
        return rows != NULL ? g_steal_pointer(&names) : NULL;
}

static GPtrArray *
load_refs(Db *db, const DbSql *sql, const DbArg *id, GError **error)
{
        return db_list(db, sql, id, ref_fields, sizeof(UpdateRef), (GDestroyNotify)ref_free, error);
}

Update *
update_load(Db *db, gint64 ci_id, GError **error)
{
        g_autoptr(Update) update = g_new0(Update, 1);
        const DbArg *id = DB_ARGS(DB_INT("id", ci_id));
        bool found = false;

        if (!db_one(db, &sql_update_load, id, update_fields, update, &found, error))
                return NULL;
        if (!found) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "there is no update %" G_GINT64_FORMAT, ci_id);
                return NULL;
        }
        update->files = db_list(db, &sql_update_files, id, file_fields, sizeof(UpdateFile),
                                (GDestroyNotify)file_free, error);
        if (update->files == NULL)
                return NULL;
        update->categories = load_categories(db, id, error);
        if (update->categories == NULL)
                return NULL;
        update->superseded_by = load_refs(db, &sql_update_superseded_by, id, error);
        if (update->superseded_by == NULL)
                return NULL;
        update->supersedes = load_refs(db, &sql_update_supersedes, id, error);
        return update->supersedes != NULL ? g_steal_pointer(&update) : NULL;
}

GArray *
update_find(Db *db, const char *text, GError **error)
{
        g_autofree char *guid = g_ascii_strdown(text, -1);
        gint64 number = 0;
        g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
        bool row = true;

        if (!g_ascii_string_to_signed(text, 10, 1, G_MAXINT64, &number, NULL))
                number = 0;
        g_autoptr(DbRows) rows = db_query(
                db, &sql_update_find,
                DB_ARGS(DB_INT("number", number), DB_TEXT("guid", guid), DB_TEXT("article", text)),
                error);
        while (rows != NULL && row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                gint64 id = row ? db_cell_int(rows, 0) : 0;
                if (row)
                        g_array_append_val(ids, id);
        }
        if (rows != NULL && ids->len == 0) {
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "there is no update '%s'; an article ID, a GUID or a CI_ID is asked for",
                        text);
                return NULL;
        }
        return rows != NULL ? g_steal_pointer(&ids) : NULL;
}

bool
update_count(Db *db, gint64 *valid_out, gint64 *all_out, GError **error)
{
        return db_int(db, &sql_update_count_valid, DB_NO_ARGS, valid_out, NULL, error) &&
               db_int(db, &sql_update_count_all, DB_NO_ARGS, all_out, NULL, error);
}
