/* mp_contacts.c - when clients were heard of last, what they asked for, and what was rejected.
 *
 * In: a note per request, from many threads. Out: rows, written together now and then, so that a
 * request does not cost a transaction. What was noted since the last writing is lost with the
 * process; the next request of the client says it again.
 */
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "mp/mp_private.h"
#include "sitedb/machinelink.h"
#include "sitedb/rejectedreport.h"

struct MpContacts {
        pthread_mutex_t lock; /* guards the tables */
        GHashTable *heard;    /* client ID to time, both gint64 * */
        GHashTable *rejected; /* client ID to RejectedReport */
        GHashTable *links;    /* client ID to MachineLink */
};

static void
link_free(gpointer data)
{
        machinelink_free(data);
}

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

static GHashTable *
links_new(void)
{
        return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, link_free);
}

MpContacts *
mp_contacts_new(void)
{
        MpContacts *contacts = g_new0(MpContacts, 1);

        pthread_mutex_init(&contacts->lock, NULL);
        contacts->heard = heard_new();
        contacts->rejected = rejected_new();
        contacts->links = links_new();
        return contacts;
}

void
mp_contacts_free(MpContacts *contacts)
{
        if (contacts == NULL)
                return;
        g_hash_table_unref(contacts->heard);
        g_hash_table_unref(contacts->rejected);
        g_hash_table_unref(contacts->links);
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

/* With the lock held: what was seen of a client since the last writing. */
static MachineLink *
link_of(MpContacts *contacts, gint64 client_id)
{
        MachineLink *link = g_hash_table_lookup(contacts->links, &client_id);

        if (link == NULL) {
                link = g_new0(MachineLink, 1);
                link->machine_id = client_id;
                g_hash_table_insert(contacts->links, g_memdup2(&client_id, sizeof client_id), link);
        }
        return link;
}

void
mp_contacts_policy(MpContacts *contacts, gint64 client_id)
{
        pthread_mutex_lock(&contacts->lock);
        link_of(contacts, client_id)->policy_us = uk_clock_now();
        pthread_mutex_unlock(&contacts->lock);
}

void
mp_contacts_body(MpContacts *contacts, gint64 client_id, gint64 content_version)
{
        pthread_mutex_lock(&contacts->lock);
        MachineLink *link = link_of(contacts, client_id);

        link->body_us = uk_clock_now();
        link->body_version = content_version;
        pthread_mutex_unlock(&contacts->lock);
}

void
mp_contacts_location(MpContacts *contacts, gint64 client_id, gint64 content_version,
                     const char *url, const char *reason)
{
        pthread_mutex_lock(&contacts->lock);
        MachineLink *link = link_of(contacts, client_id);

        link->location_us = uk_clock_now();
        link->location_version = content_version;
        g_free(link->location_url);
        link->location_url = g_strdup(url);
        g_free(link->location_reason);
        link->location_reason = g_strdup(reason);
        pthread_mutex_unlock(&contacts->lock);
}

void
mp_contacts_report(MpContacts *contacts, gint64 client_id, gint64 highest_serial)
{
        pthread_mutex_lock(&contacts->lock);
        MachineLink *link = link_of(contacts, client_id);

        link->report_us = uk_clock_now();
        link->report_serial = MAX(link->report_serial, highest_serial);
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
write_links(DbTx *tx, GHashTable *links, GError **error)
{
        GHashTableIter iter;
        gpointer link;

        g_hash_table_iter_init(&iter, links);
        while (g_hash_table_iter_next(&iter, NULL, &link)) {
                if (!machinelink_put(tx, link, error))
                        return false;
        }
        return true;
}

static bool
write_all(Db *db, GHashTable *heard, GHashTable *rejected, GHashTable *links, GError **error)
{
        UK_DOING(error, "writing when clients were heard of");
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL && write_heard(tx, heard, error) && write_rejected(tx, rejected, error) &&
               write_links(tx, links, error) && db_commit(g_steal_pointer(&tx), error);
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

/* The same for links, of which each may know what the other does not. */
static void
put_links_back(GHashTable *into, GHashTable *from)
{
        GHashTableIter iter;
        gpointer id;
        gpointer older;

        g_hash_table_iter_init(&iter, from);
        while (g_hash_table_iter_next(&iter, &id, &older)) {
                MachineLink *link = g_hash_table_lookup(into, id);

                g_hash_table_iter_steal(&iter);
                if (link == NULL) {
                        g_hash_table_insert(into, id, older);
                } else {
                        machinelink_merge(link, older);
                        g_free(id);
                }
        }
}

bool
mp_contacts_flush(MpContacts *contacts, Db *db, GError **error)
{
        g_autoptr(GHashTable) heard = NULL;
        g_autoptr(GHashTable) rejected = NULL;
        g_autoptr(GHashTable) links = NULL;

        pthread_mutex_lock(&contacts->lock);
        heard = g_steal_pointer(&contacts->heard);
        rejected = g_steal_pointer(&contacts->rejected);
        links = g_steal_pointer(&contacts->links);
        contacts->heard = heard_new();
        contacts->rejected = rejected_new();
        contacts->links = links_new();
        pthread_mutex_unlock(&contacts->lock);
        if (g_hash_table_size(heard) + g_hash_table_size(rejected) + g_hash_table_size(links) ==
                    0 ||
            write_all(db, heard, rejected, links, error))
                return true;
        pthread_mutex_lock(&contacts->lock);
        put_back(contacts->heard, heard);
        put_back(contacts->rejected, rejected);
        put_links_back(contacts->links, links);
        pthread_mutex_unlock(&contacts->lock);
        return false;
}
