/* pulldpresponse.c - answers of pull distribution points, one a package and distribution point: the
 * newest.
 *
 * What was said last is kept with the state messages too, so that a message that comes twice, as
 * after a crash of the management point, does not turn the clock back (COMP-071).
 */
#include "sitedb/pulldpresponse.h"

#include "base/guid.h"
#include "sitedb/pulldpresponse.sql.h"

#define MILLISECOND 1000

static const DbField sender_fields[] = {
        DB_FIELD(INT, PullDPSender, id, "DPID"),
        DB_FIELD(TEXT, PullDPSender, server, "ServerName"),
        DB_FIELD(TEXT, PullDPSender, nal, "NALPath"),
        DB_FIELD(TEXT, PullDPSender, site, "SiteCode"),
        DB_FIELD(TEXT, PullDPSender, certificate, "Certificate"),
        DB_FIELD_END,
};

void
pulldpresponse_sender_free(PullDPSender *sender)
{
        if (sender == NULL)
                return;
        g_free(sender->server);
        g_free(sender->nal);
        g_free(sender->site);
        g_free(sender->certificate);
        g_free(sender);
}

/* The 36 characters of a GUID in capitals; NULL when there are none. The caller's. */
static char *
bare_guid(const char *text)
{
        g_autofree char *guid = NULL;

        if (g_ascii_strncasecmp(text, "GUID:", 5) == 0)
                text += 5;
        guid = g_ascii_strup(text + (text[0] == '{'), -1);
        g_strdelimit(guid, "}", '\0');
        return uk_guid_valid(guid) ? g_steal_pointer(&guid) : NULL;
}

bool
pulldpresponse_sender(Db *db, const char *guid, PullDPSender **sender_out, GError **error)
{
        g_autofree char *bare = bare_guid(guid);
        g_autoptr(PullDPSender) sender = g_new0(PullDPSender, 1);
        bool found = false;

        if (bare != NULL && !db_one(db, &sql_pulldpresponse_sender, DB_ARGS(DB_TEXT("guid", bare)),
                                    sender_fields, sender, &found, error))
                return false;
        *sender_out = found ? g_steal_pointer(&sender) : NULL;
        return true;
}

gint64
pulldpresponse_resource(const PullDPSender *sender)
{
        return -sender->id;
}

static bool
find_row(Db *db, const PullDPSender *sender, const char *pkg_id, gint64 *key_out, GError **error)
{
        bool found;

        if (!db_int(db, &sql_pulldpresponse_status_row,
                    DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_TEXT("nal", sender->nal)), key_out,
                    &found, error))
                return false;
        return found ||
               uk_fail(error, UK_ERROR_NOT_FOUND,
                       "package %s is not given to distribution point %s", pkg_id, sender->server);
}

bool
pulldpresponse_put(DbTx *tx, const PullDPSender *sender, const PullDPResponse *response,
                   bool *newer_out, GError **error)
{
        gint64 time = response->time_us - response->time_us % MILLISECOND;
        gint64 key = 0, older = 0, ahead = 0, changed = 0;
        bool row = find_row(db_tx_db(tx), sender, response->pkg_id, &key, error);

        if (!row ||
            !db_int(db_tx_db(tx), &sql_pulldpresponse_older,
                    DB_ARGS(DB_INT("sender", pulldpresponse_resource(sender)),
                            DB_TEXT("pkg_id", response->pkg_id),
                            DB_INT("version", response->version), DB_TIME("time", time)),
                    &older, NULL, error) ||
            !db_int(db_tx_db(tx), &sql_pulldpresponse_ahead,
                    DB_ARGS(DB_TEXT("pkg_id", response->pkg_id), DB_TEXT("site", sender->site),
                            DB_INT("version", response->version)),
                    &ahead, NULL, error))
                return false;
        *newer_out = older == 0 && ahead == 0;
        if (!*newer_out)
                return true;
        const DbArg *values = DB_ARGS(
                DB_INT("key", key), DB_TIME("time", time), DB_INT("version", response->version),
                DB_INT("state", response->state), DB_TEXT("data", response->data),
                DB_TEXT("cause", response->cause), DB_TEXT("trace", response->trace));
        return db_run_counted(tx, &sql_pulldpresponse_update, values, &changed, error) &&
               (changed > 0 || db_run(tx, &sql_pulldpresponse_insert, values, error));
}
