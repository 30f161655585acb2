/* statesys_updates.c - which update a GUID means, remembered from report to report.
 *
 * In: GUIDs of messages, thousands a second, of some ten thousand updates. The version of an
 * update's rules decides whether a state counts, so that what is remembered must not be older than
 * the transaction: a synchronization marks the source before it changes an update.
 */
#include <string.h>

#include "base/guid.h"
#include "site/statesys/statesys_private.h"

typedef struct {
        char guid[STATESYS_GUID_SIZE]; /* the key */
        ComplianceUpdate update;
} Known;

struct Updates {
        GHashTable *known;
        gint64 version; /* content version that known belongs to */
        bool whole;     /* no synchronization was going on then */
};

Updates *
statesys_updates_new(void)
{
        Updates *updates = g_new0(Updates, 1);

        updates->known = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
        return updates;
}

void
statesys_updates_free(Updates *updates)
{
        if (updates == NULL)
                return;
        g_hash_table_unref(updates->known);
        g_free(updates);
}

bool
statesys_updates_refresh(Updates *updates, const UpdateSource *source)
{
        bool whole = source != NULL && source->dirty == 0;
        gint64 version = source != NULL ? source->version : 0;

        if (whole && updates->whole && version == updates->version)
                return false;
        g_hash_table_remove_all(updates->known);
        updates->version = version;
        updates->whole = whole;
        return whole;
}

bool
statesys_updates_spell(const char *text, char guid_out[STATESYS_GUID_SIZE])
{
        gsize length = strlen(text);
        bool braces = length == UK_GUID_TEXT + 2 && text[0] == '{' && text[length - 1] == '}';

        if (length != UK_GUID_TEXT && !braces)
                return false;
        for (gsize i = 0; i < UK_GUID_TEXT; i++)
                guid_out[i] = g_ascii_tolower(text[i + (braces ? 1 : 0)]);
        guid_out[UK_GUID_TEXT] = '\0';
        return uk_guid_valid(guid_out);
}

bool
statesys_updates_find(Updates *updates, Db *db, const char *guid,
                      const ComplianceUpdate **update_out, GError **error)
{
        Known *known = g_hash_table_lookup(updates->known, guid);
        ComplianceUpdate update;
        bool found = false;

        if (known == NULL) {
                if (!compliance_find_update(db, guid, &update, &found, error))
                        return false;
                if (found) {
                        known = g_new0(Known, 1);
                        g_strlcpy(known->guid, guid, sizeof known->guid);
                        known->update = update;
                        g_hash_table_insert(updates->known, known->guid, known);
                }
        }
        *update_out = known != NULL ? &known->update : NULL;
        return true;
}
