/* statesys_digest.c - does the site hold of a machine what the machine said?
 *
 * A completed scan carries a digest of all that the machine has reported as missing or installed.
 * It is held against the rows when the whole chunk is in, since a scan's states and its summary may
 * be in several files. Where they differ, something was lost on the way, and the machine is to send
 * everything again (OQ-C27): it is asked with its next request for policy. Until then its scan
 * counts for nothing, since what is not there would pass for not required.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "site/statesys/statesys_private.h"
#include "sitedb/clienttrigger.h"
#include "wire/scansummary.h"

/* The digest of what the site holds; the caller's. */
static char *
digest_of(StatesysWork *work, gint64 machine_id, GError **error)
{
        g_autoptr(DbRows) rows = compliance_reported(work->db, machine_id, error);
        g_autoptr(GString) text = g_string_new(NULL);
        bool row = rows != NULL;

        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                if (row)
                        scansummary_digest_line(text, db_cell_text(rows, 0, NULL),
                                                (int)db_cell_int(rows, 1));
        }
        return rows != NULL ? hash_sha256_hex(text->str, text->len) : NULL;
}

/* A machine that was asked and has not got there may have lost the answer too. */
#define ASK_AGAIN UK_DAY

static bool
ask(StatesysWork *work, const StatesysCompare *what, GError **error)
{
        uk_warn("The states of machine %" G_GINT64_FORMAT " at this site are not those that it "
                "reported; it is asked to send them all again.",
                what->machine_id);
        return clienttrigger_add(work->tx, what->machine_id, CLIENTTRIGGER_RESEND,
                                 "states that are not those reported", error) &&
               scanstatus_set_resync(work->tx, what->machine_id, what->source_id, work->now_us,
                                     error);
}

static bool
withdraw(StatesysWork *work, const StatesysCompare *what, GError **error)
{
        return clienttrigger_withdraw(work->tx, what->machine_id, CLIENTTRIGGER_RESEND, error) &&
               scanstatus_set_resync(work->tx, what->machine_id, what->source_id, 0, error);
}

/* The machine's last completed scan counts at that version from now on. */
static bool
count_at(StatesysWork *work, const StatesysCompare *what, const ScanStatus *scan, gint64 version,
         GError **error)
{
        StatesysMachine machine = { .id = what->machine_id };

        return scan->version == version ||
               (report_machine_counts(work->db, machine.id, &machine.counts, error) &&
                scanstatus_set_version(work->tx, machine.id, what->source_id, version, error) &&
                statesys_machine_scanned(work, &machine, what->source_id, scan->version, version,
                                         error));
}

static bool
compare(StatesysWork *work, const StatesysCompare *what, GError **error)
{
        g_autoptr(ScanStatus) scan =
                scanstatus_load(work->db, what->machine_id, what->source_id, error);

        if (scan == NULL)
                return false;
        bool asked = scan->resync_us != 0;
        bool agrees = true;
        if (scan->digest[0] != '\0') {
                g_autofree char *held = digest_of(work, what->machine_id, error);

                if (held == NULL)
                        return false;
                agrees = strcmp(held, scan->digest) == 0;
        }
        if (!count_at(work, what, scan, agrees ? scan->completed_version : 0, error))
                return false;
        if (agrees)
                return !asked || withdraw(work, what, error);
        gint64 since = work->now_us - scan->resync_us; /* below 0: the clock was set back */

        if (asked && since >= 0 && since < ASK_AGAIN)
                return true;
        return ask(work, what, error);
}

static gint
order(gconstpointer a, gconstpointer b)
{
        const StatesysCompare *x = a, *y = b;

        if (x->machine_id != y->machine_id)
                return x->machine_id < y->machine_id ? -1 : 1;
        return (x->source_id > y->source_id) - (x->source_id < y->source_id);
}

bool
statesys_digest_compare(StatesysWork *work, GError **error)
{
        GArray *all = work->compares;

        g_array_sort(all, order);
        for (guint i = 0; i < all->len; i++) {
                const StatesysCompare *what = &g_array_index(all, StatesysCompare, i);

                if (i > 0 && order(what, what - 1) == 0)
                        continue;
                if (!compare(work, what, error))
                        return false;
        }
        g_array_set_size(all, 0);
        return true;
}
