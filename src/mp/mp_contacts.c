/* mp_contacts.c - when clients were heard of last, and what of theirs was rejected.
 *
 * In: a note per request, from many threads. Out: rows, written together now and then, so that a
 * request does not cost a transaction. What was noted since the last writing is lost with the
 * process; the next request of the client says it again.
 */
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "mp/mp_private.h"
#include "sitedb/rejectedreport.h"

struct MpContacts {
        pthread_mutex_t lock; /* guards both tables */
        GHashTable *heard;    /* client ID to time, both gint64 * */
        GHashTable *rejected; /* client ID to RejectedReport */
};

static void
rejection_free(gpointer data)
{
        rejectedreport_free(data);
}

static GHashTable *
heard_new(void)
{
        return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
}

static GHashTable *
rejected_new(void)
{
        return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, rejection_free);
}

MpContacts *
mp_contacts_new(void)
{
        MpContacts *contacts = g_new0(MpContacts, 1);

        pthread_mutex_init(&contacts->lock, NULL);
        contacts->heard = heard_new();
        contacts->rejected = rejected_new();
        return contacts;
}

void
mp_contacts_free(MpContacts *contacts)
{
        if (contacts == NULL)
                return;
        g_hash_table_unref(contacts->heard);
        g_hash_table_unref(contacts->rejected);
        pthread_mutex_destroy(&contacts->lock);
        g_free(contacts);
}

void
mp_contacts_note(MpContacts *contacts, gint64 client_id)
{
        gint64 now = uk_clock_now();
        gint64 *time;

        pthread_mutex_lock(&contacts->lock);
        time = g_hash_table_lookup(contacts->heard, &client_id);
        if (time != NULL)
                *time = now;
        else
                g_hash_table_insert(contacts->heard, g_memdup2(&client_id, sizeof client_id),
                                    g_memdup2(&now, sizeof now));
        pthread_mutex_unlock(&contacts->lock);
}

bool
mp_contacts_reject(MpContacts *contacts, gint64 client_id, const char *message_id,
                   const char *reason)
{
        RejectedReport *rejection = g_new0(RejectedReport, 1);
        bool first;

        rejection->machine_id = client_id;
        rejection->time_us = uk_clock_now();
        rejection->message_id = g_strdup(message_id);
        rejection->reason = g_strdup(reason);
        rejection->trace = g_strdup(uk_trace_get());
        pthread_mutex_lock(&contacts->lock);
        first = g_hash_table_replace(contacts->rejected, g_memdup2(&client_id, sizeof client_id),
                                     rejection);
        pthread_mutex_unlock(&contacts->lock);
        return first;
}

static bool
write_heard(DbTx *tx, GHashTable *heard, GError **error)
{
        GHashTableIter iter;
        gpointer id;
        gpointer time;

        g_hash_table_iter_init(&iter, heard);
        while (g_hash_table_iter_next(&iter, &id, &time)) {
                if (!machine_touch(tx, *(gint64 *)id, *(gint64 *)time, error))
                        return false;
        }
        return true;
}

static bool
write_rejected(DbTx *tx, GHashTable *rejected, GError **error)
{
        GHashTableIter iter;
        gpointer id;
        gpointer value;

        g_hash_table_iter_init(&iter, rejected);
        while (g_hash_table_iter_next(&iter, &id, &value)) {
                if (!rejectedreport_put(tx, value, error))
                        return false;
        }
        return true;
}

static bool
write_all(Db *db, GHashTable *heard, GHashTable *rejected, GError **error)
{
        UK_DOING(error, "writing when clients were heard of");
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL && write_heard(tx, heard, error) && write_rejected(tx, rejected, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* Puts back what could not be written, unless something newer was noted meanwhile. */
static void
put_back(GHashTable *into, GHashTable *from)
{
        GHashTableIter iter;
        gpointer id;
        gpointer value;

        g_hash_table_iter_init(&iter, from);
        while (g_hash_table_iter_next(&iter, &id, &value)) {
                if (g_hash_table_contains(into, id))
                        continue;
                g_hash_table_iter_steal(&iter);
                g_hash_table_insert(into, id, value);
        }
}

bool
mp_contacts_flush(MpContacts *contacts, Db *db, GError **error)
{
        g_autoptr(GHashTable) heard = NULL;
        g_autoptr(GHashTable) rejected = NULL;

        pthread_mutex_lock(&contacts->lock);
        heard = g_steal_pointer(&contacts->heard);
        rejected = g_steal_pointer(&contacts->rejected);
        contacts->heard = heard_new();
        contacts->rejected = rejected_new();
        pthread_mutex_unlock(&contacts->lock);
        if (g_hash_table_size(heard) + g_hash_table_size(rejected) == 0 ||
            write_all(db, heard, rejected, error))
                return true;
        pthread_mutex_lock(&contacts->lock);
        put_back(contacts->heard, heard);
        put_back(contacts->rejected, rejected);
        pthread_mutex_unlock(&contacts->lock);
        return false;
}
