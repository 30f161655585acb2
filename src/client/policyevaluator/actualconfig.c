/* actualconfig.c - the tables of the configuration in force. */
#include "client/policyevaluator/actualconfig.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/actualconfig.sql.h"
#include "client/policyevaluator/policyevaluator.h"

static const DbField source_fields[] = {
        DB_FIELD(TEXT, UpdateSource, id, "UniqueId"),
        DB_FIELD(INT, UpdateSource, content_version, "ContentVersion"),
        DB_FIELD(INT, UpdateSource, content_type, "ContentType"),
        DB_FIELD(TEXT, UpdateSource, policy_id, "PolicyID"),
        DB_FIELD(TEXT, UpdateSource, policy_version, "PolicyVersion"),
        DB_FIELD(TEXT, UpdateSource, trace, "Trace"),
        DB_FIELD_END,
};

void
actualconfig_source_free(UpdateSource *source)
{
        if (source == NULL)
                return;
        g_free(source->id);
        g_free(source->policy_id);
        g_free(source->policy_version);
        g_free(source->trace);
        g_free(source);
}

UpdateSource *
actualconfig_source(Db *db, GError **error)
{
        g_autoptr(UpdateSource) source = g_new0(UpdateSource, 1);
        bool found = false;

        if (!db_one(db, &sql_actualconfig_source, DB_NO_ARGS, source_fields, source, &found,
                    error) ||
            !found)
                return NULL;
        return g_steal_pointer(&source);
}

bool
actualconfig_get(Db *db, const char *class_name, const char *name, char **value_out, GError **error)
{
        bool found = false;

        *value_out = NULL;
        return db_text(db, &sql_actualconfig_get,
                       DB_ARGS(DB_TEXT("class", class_name), DB_TEXT("name", name)), value_out,
                       &found, error);
}

/* A property that must be a whole number of at least 0. */
static bool
number_of(const PolicyBody *body, const char *name, gint64 *number_out, GError **error)
{
        const char *text = policydoc_body_get(body, name);
        g_autoptr(GError) why = NULL;
        guint64 number = 0;

        if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &number, &why))
                return uk_fail(error, UK_ERROR_INVALID, "its property %s is '%s', not a number",
                               name, text != NULL ? text : "");
        *number_out = (gint64)number;
        return true;
}

static bool
put_source(DbTx *tx, const PolicyBody *body, const char *cause, GError **error)
{
        const char *id = policydoc_body_get(body, "UniqueId");
        gint64 version = 0, type = 0;

        if (id == NULL || id[0] != '{')
                return uk_fail(error, UK_ERROR_INVALID, "it names no update source");
        return number_of(body, "ContentVersion", &version, error) &&
               number_of(body, "ContentType", &type, error) &&
               db_run(tx, &sql_actualconfig_remove_source,
                      DB_ARGS(DB_TEXT("policy_id", body->policy_id), DB_TEXT("id", id)), error) &&
               db_run(tx, &sql_actualconfig_put_source,
                      DB_ARGS(DB_TEXT("id", id), DB_INT("content_version", version),
                              DB_INT("content_type", type), DB_TEXT("policy_id", body->policy_id),
                              DB_TEXT("policy_version", body->version),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                              DB_TEXT("trace", uk_trace_get())),
                      error);
}

static bool
put_properties(DbTx *tx, const PolicyBody *body, const char *cause, GError **error)
{
        if (!db_run(tx, &sql_actualconfig_remove_properties,
                    DB_ARGS(DB_TEXT("policy_id", body->policy_id)), error))
                return false;
        for (guint i = 0; i < body->properties->len; i++) {
                const PolicyProperty *property = g_ptr_array_index(body->properties, i);

                if (!db_run(tx, &sql_actualconfig_put_property,
                            DB_ARGS(DB_TEXT("class", body->class_name),
                                    DB_TEXT("name", property->name),
                                    DB_TEXT("value", property->value),
                                    DB_TEXT("policy_id", body->policy_id),
                                    DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                                    DB_TEXT("trace", uk_trace_get())),
                            error))
                        return false;
        }
        return true;
}

static bool
class_of(Db *db, const char *policy_id, char **class_out, GError **error)
{
        bool found = false;

        *class_out = NULL;
        return db_text(db, &sql_actualconfig_class_of, DB_ARGS(DB_TEXT("policy_id", policy_id)),
                       class_out, &found, error);
}

bool
actualconfig_apply(DbTx *tx, const PolicyBody *body, const char *cause, bool *created_out,
                   GError **error)
{
        g_autofree char *before = NULL;

        if (!class_of(db_tx_db(tx), body->policy_id, &before, error))
                return false;
        *created_out = before == NULL;
        if (strcmp(body->class_name, POLICY_CLASS_SOURCE) == 0)
                return put_source(tx, body, cause, error);
        return put_properties(tx, body, cause, error);
}

bool
actualconfig_withdraw(DbTx *tx, const char *policy_id, char **class_out, GError **error)
{
        return class_of(db_tx_db(tx), policy_id, class_out, error) &&
               db_run(tx, &sql_actualconfig_remove_source,
                      DB_ARGS(DB_TEXT("policy_id", policy_id), DB_TEXT("id", "")), error) &&
               db_run(tx, &sql_actualconfig_remove_properties,
                      DB_ARGS(DB_TEXT("policy_id", policy_id)), error);
}
