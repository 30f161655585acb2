/* wmi_content.c - what the classes of packages and distribution points share: finding who is meant,
 * and the frame of a change.
 */
#include "provider/wmi_content.h"

char *
wmi_cause(const WmiCall *call, const char *what)
{
        return g_strdup_printf("%s by %s", what, call->user);
}

DistPoint *
wmi_distpoint(Db *db, const char *name, GError **error)
{
        return name[0] == '[' ? distpoint_by_nal(db, name, error)
                              : distpoint_by_server(db, name, error);
}

/* An element of an array: a text, or an object with ServerNALPath. */
static const char *
name_of(const JsonValue *value)
{
        return json_kind(value) == 'o' ? json_get_text(value, "ServerNALPath", NULL)
                                       : json_as_text(value);
}

GPtrArray *
wmi_texts(WmiCall *call, const char *member, const char *what, GError **error)
{
        g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
        const JsonValue *array = json_get(call->body, member);

        for (gsize i = 0; i < json_count(array); i++) {
                const char *text = name_of(json_at(array, i));

                if (text != NULL && *text != '\0')
                        g_ptr_array_add(texts, g_strdup(text));
        }
        if (texts->len == 0 || texts->len != json_count(array)) {
                uk_fail(error, UK_ERROR_INVALID, "%s: a list of %s is wanted", member, what);
                return NULL;
        }
        return g_steal_pointer(&texts);
}

GPtrArray *
wmi_distpoints(WmiCall *call, Db *db, const char *member, GError **error)
{
        g_autoptr(GPtrArray) names = wmi_texts(call, member, "distribution points", error);
        g_autoptr(GPtrArray) points =
                g_ptr_array_new_with_free_func((GDestroyNotify)distpoint_free);

        for (guint i = 0; names != NULL && i < names->len; i++) {
                DistPoint *point = wmi_distpoint(db, names->pdata[i], error);

                if (point == NULL)
                        return NULL;
                g_ptr_array_add(points, point);
        }
        return names != NULL ? g_steal_pointer(&points) : NULL;
}

const char *
wmi_text(const WmiCall *call, const char *member, const char *present)
{
        return json_get_text(call->body, member, present != NULL ? present : "");
}

void
wmi_answer(WmiCall *call, const char *name, const char *value)
{
        JsonWriter w;

        json_begin(&w, call->answer);
        json_object(&w, NULL);
        json_int(&w, "ReturnValue", 0);
        if (name != NULL)
                json_text(&w, name, value);
        json_text(&w, "Trace", call->trace);
        json_end(&w, '}');
}

DbTx *
wmi_begin(WmiCall *call, GError **error)
{
        return db_begin_from(call->c->db, call->trace, NULL, error);
}

bool
wmi_end(WmiCall *call, DbTx *tx_take, const char *action, const WmiClass *class, const char *method,
        const char *details, GError **error)
{
        g_autoptr(DbTx) tx = tx_take;

        return wmi_audit(call, tx, action, class, method, details, error) &&
               db_commit(g_steal_pointer(&tx), error);
}
