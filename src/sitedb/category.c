/* category.c - products and classifications, and what of them is subscribed. */
#include "sitedb/category.h"

#include "base/clock.h"
#include "sitedb/category.sql.h"

static const DbField fields[] = {
        DB_FIELD(INT, Category, id, "CategoryInstanceID"),
        DB_FIELD(TEXT, Category, unique_id, "CategoryInstance_UniqueID"),
        DB_FIELD(TEXT, Category, type, "CategoryTypeName"),
        DB_FIELD(TEXT, Category, name, "CategoryInstanceName"),
        DB_FIELD(INT, Category, parent, "ParentCategoryInstanceID"),
        DB_FIELD(TEXT, Category, parent_name, "ParentName"),
        DB_FIELD(INT, Category, allow, "AllowSubscription"),
        DB_FIELD(INT, Category, subscribed, "IsSubscribed"),
        DB_FIELD(TIME, Category, end_of_life_us, "EndOfLife"),
        DB_FIELD(TEXT, Category, cause, "Cause"),
        DB_FIELD(TEXT, Category, trace, "Trace"),
        DB_FIELD_END,
};

void
category_free(Category *category)
{
        if (category == NULL)
                return;
        g_free(category->unique_id);
        g_free(category->type);
        g_free(category->name);
        g_free(category->parent_name);
        g_free(category->cause);
        g_free(category->trace);
        g_free(category);
}

GPtrArray *
category_list(Db *db, const char *type, GError **error)
{
        return db_list(db, &sql_category_list, DB_ARGS(DB_TEXT("type", type != NULL ? type : "")),
                       fields, sizeof(Category), (GDestroyNotify)category_free, error);
}

Category *
category_find(Db *db, const char *text, GError **error)
{
        g_autoptr(GPtrArray) found =
                db_list(db, &sql_category_find, DB_ARGS(DB_TEXT("text", text)), fields,
                        sizeof(Category), (GDestroyNotify)category_free, error);
        const Category *first = NULL, *second = NULL;

        if (found == NULL)
                return NULL;
        if (found->len == 0) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "there is no product or classification '%s'",
                        text);
                return NULL;
        }
        first = found->pdata[0];
        second = found->len > 1 ? found->pdata[1] : NULL;
        /* "Debian" may be a company and a family too; only what can be subscribed is ambiguous. */
        if (second != NULL && first->allow == second->allow) {
                uk_fail(error, UK_ERROR_INVALID, "'%s' names both %s and %s; use one of these IDs",
                        text, first->unique_id, second->unique_id);
                return NULL;
        }
        return g_ptr_array_steal_index(found, 0);
}

bool
category_subscribe(DbTx *tx, const Category *category, bool subscribe, const char *cause,
                   bool *changed_out, GError **error)
{
        gint64 changed = 0;

        if (!category->allow)
                return uk_fail(error, UK_ERROR_INVALID, "%s (%s) cannot be subscribed",
                               category->name, category->type);
        if (!db_run_counted(tx, &sql_category_subscribe,
                            DB_ARGS(DB_INT("subscribe", subscribe), DB_TIME("now", uk_clock_now()),
                                    DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                                    DB_INT("id", category->id)),
                            &changed, error))
                return false;
        if (changed_out != NULL)
                *changed_out = changed > 0;
        return true;
}
