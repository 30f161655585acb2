/* mp_keys.c - checks who signed a message; keeps the keys of clients ready, since reading a
 * certificate costs more than checking a signature with it.
 *
 * The row of the client is read for each message and decides; what is kept here is used only if it
 * was made of the very certificate in that row, so that a new key or a block counts at once.
 */
#include <pthread.h>
#include <string.h>

#include "mp/mp_private.h"

/* A certificate, read; shared by the threads that check with it. */
typedef struct {
        int refs; /* guarded by the lock of MpKeys */
        char *fingerprint;
        SignCert *cert;
        char *id_signature; /* of the client's ID, found right before; NULL: none yet */
} Key;

struct MpKeys {
        guint max;
        pthread_mutex_t lock; /* guards all that follows, and Key.refs and id_signature */
        GHashTable *keys;     /* fingerprint to Key */
        GQueue order;         /* Key, the oldest first: dropped when there are too many */
};

static void
key_unref(Key *key)
{
        if (--key->refs > 0)
                return;
        g_free(key->fingerprint);
        g_free(key->id_signature);
        sign_cert_free(key->cert);
        g_free(key);
}

MpKeys *
mp_keys_new(guint max)
{
        MpKeys *keys = g_new0(MpKeys, 1);

        keys->max = max;
        keys->keys = g_hash_table_new(g_str_hash, g_str_equal);
        pthread_mutex_init(&keys->lock, NULL);
        return keys;
}

void
mp_keys_free(MpKeys *keys)
{
        Key *key;

        if (keys == NULL)
                return;
        g_hash_table_unref(keys->keys);
        while ((key = g_queue_pop_head(&keys->order)) != NULL)
                key_unref(key);
        pthread_mutex_destroy(&keys->lock);
        g_free(keys);
}

/* The key of a fingerprint with a reference of the caller's, or NULL. */
static Key *
find_key(MpKeys *keys, const char *fingerprint)
{
        Key *key;

        pthread_mutex_lock(&keys->lock);
        key = g_hash_table_lookup(keys->keys, fingerprint);
        if (key != NULL)
                key->refs++;
        pthread_mutex_unlock(&keys->lock);
        return key;
}

/* Keeps a key that was just made; the caller's reference stays the caller's. */
static void
keep_key(MpKeys *keys, Key *key)
{
        pthread_mutex_lock(&keys->lock);
        if (!g_hash_table_contains(keys->keys, key->fingerprint)) {
                while (g_hash_table_size(keys->keys) >= keys->max) {
                        Key *oldest = g_queue_pop_head(&keys->order);

                        g_hash_table_remove(keys->keys, oldest->fingerprint);
                        key_unref(oldest);
                }
                key->refs++;
                g_hash_table_insert(keys->keys, key->fingerprint, key);
                g_queue_push_tail(&keys->order, key);
        }
        pthread_mutex_unlock(&keys->lock);
}

static void
drop_key(MpKeys *keys, Key *key)
{
        pthread_mutex_lock(&keys->lock);
        key_unref(key);
        pthread_mutex_unlock(&keys->lock);
}

static Key *
key_of(MpKeys *keys, const Machine *client, GError **error)
{
        Key *key = find_key(keys, client->fingerprint);
        SignCert *cert;

        if (key != NULL)
                return key;
        cert = sign_cert_read(client->certificate, strlen(client->certificate), error);
        if (cert == NULL)
                return NULL;
        key = g_new0(Key, 1);
        key->refs = 1;
        key->fingerprint = g_strdup(client->fingerprint);
        key->cert = cert;
        keep_key(keys, key);
        return key;
}

static bool
check(const SignCert *cert, const char *hex, GBytes *covered, const char *what, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(GBytes) signature = envelope_signature(hex, &why);

        if (signature != NULL && covered != NULL &&
            sign_verify(cert, g_bytes_get_data(covered, NULL), g_bytes_get_size(covered),
                        g_bytes_get_data(signature, NULL), g_bytes_get_size(signature), &why))
                return true;
        return uk_fail(error, UK_ERROR_SIGNATURE, "the signature of %s does not fit: %s", what,
                       why != NULL ? why->message : "there is nothing that it covers");
}

/* The client signs its ID with the same result each time: once found right, it is compared. */
static bool
check_id(MpKeys *keys, Key *key, const Envelope *envelope, GError **error)
{
        bool known;

        pthread_mutex_lock(&keys->lock);
        known = g_strcmp0(key->id_signature, envelope->client_signature) == 0;
        pthread_mutex_unlock(&keys->lock);
        if (known)
                return true;
        if (!check(key->cert, envelope->client_signature, envelope->client_id_bytes,
                   "the client's ID", error))
                return false;
        pthread_mutex_lock(&keys->lock);
        g_free(key->id_signature);
        key->id_signature = g_strdup(envelope->client_signature);
        pthread_mutex_unlock(&keys->lock);
        return true;
}

bool
mp_keys_check(MpKeys *keys, const Machine *client, const Envelope *envelope, GError **error)
{
        Key *key;
        bool ok;

        if (envelope->payload_signature == NULL || envelope->payload_signature[0] == '\0' ||
            envelope->client_signature == NULL || envelope->client_signature[0] == '\0')
                return uk_fail(error, UK_ERROR_SIGNATURE, "the message is not signed");
        key = key_of(keys, client, error);
        if (key == NULL)
                return false;
        ok = check_id(keys, key, envelope, error) &&
             check(key->cert, envelope->payload_signature, envelope->payload, "the body", error);
        drop_key(keys, key);
        return ok;
}
