/* dpcontact.c - notes failures of distribution points in their rows. */
#include "site/dpcontact.h"

#include "base/clock.h"
#include "host/mailbox.h"

#define FIRST_PAUSE (5 * UK_SECOND)
#define MOST_SHIFTS 20

gint64
dpcontact_longest(Component *c)
{
        return settings_int(host_settings(c->host), "distmgr.contact_max_seconds") * UK_SECOND;
}

gint64
dpcontact_pause(Component *c, gint64 failures)
{
        return MIN(FIRST_PAUSE << MIN(failures, MOST_SHIFTS), dpcontact_longest(c));
}

bool
dpcontact_ask(Component *c, gint64 dp_id, GError **error)
{
        g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT ".DPN", dp_id);

        return mailbox_post(c->host, "@distmgr", name, NULL, 0, error);
}

bool
dpcontact_failed(Component *c, gint64 dp_id, const char *why, GError **error)
{
        gint64 most = dpcontact_longest(c), now = uk_clock_now();
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        g_autoptr(DistPoint) point = tx != NULL ? distpoint_load(db_tx_db(tx), dp_id, error) : NULL;

        if (point == NULL)
                return false;
        if (uk_clock_due(point->quarantine_us, most, now) > now) {
                /* Others failed with this one, or it failed before a restart of the site server,
                 * and then nobody has planned yet when it is asked again. */
                db_rollback(g_steal_pointer(&tx));
                return dpcontact_ask(c, dp_id, error);
        }
        return distpoint_failed(tx, dp_id, point->failures + 1,
                                now + dpcontact_pause(c, point->failures), why, error) &&
               db_commit(g_steal_pointer(&tx), error) && dpcontact_ask(c, dp_id, error);
}
