/* sms_updatecategoryinstance.c - SMS_UpdateCategoryInstance: products and classifications, and
 * which of them are synchronized (SYNC-006).
 */
#include "provider/sms_updatecategoryinstance.h"

#include "host/host.h"
#include "sitedb/category.h"
#include "sitedb/wmiclass.sql.h"

static const char *const bools[] = { "AllowSubscription", "IsSubscribed", "IsDeleted", NULL };

/* Sets IsSubscribed; everything else of a category is the engine's. */
static bool
put(WmiCall *call, GError **error)
{
        const JsonValue *wish = json_get(call->body, "IsSubscribed");

        if (json_kind(wish) != 'b')
                return uk_fail(error, UK_ERROR_INVALID,
                               "only IsSubscribed can be changed, to true or false");
        bool subscribe = json_get_bool(call->body, "IsSubscribed", false);
        g_autoptr(Category) category = category_find(call->c->db, call->key, error);
        g_autofree char *cause =
                g_strdup_printf("%s by %s", subscribe ? "subscribed" : "unsubscribed", call->user);
        g_autoptr(DbTx) tx =
                category != NULL ? db_begin_from(call->c->db, call->trace, NULL, error) : NULL;

        return tx != NULL && category_subscribe(tx, category, subscribe, cause, NULL, error) &&
               wmi_audit(call, tx, "modified", &sms_updatecategoryinstance, NULL, cause, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

const WmiClass sms_updatecategoryinstance = {
        .name = "SMS_UpdateCategoryInstance",
        .list = &sql_wmiclass_updatecategoryinstance,
        .key = "CategoryInstance_UniqueID",
        .key_is_text = true,
        .one = &sql_wmiclass_updatecategoryinstance_by_id,
        .bools = bools,
        .put = put,
};
