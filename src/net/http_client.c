/* http_client.c - drives transfers over libcurl's multi interface: one, or many at once.
 *
 * Keeps connections between calls. What a call means is http_call.c; this file starts, waits,
 * ends and cancels. Waits only inside curl_multi_poll, which another thread can wake.
 */
#include "net/http_client.h"

#include <string.h>

#include "base/fault.h"
#include "net/http_client_private.h"

/* libcurl has timers of its own; this bounds only how long a lost wake-up lasts. */
#define POLL_MS          1000
#define KEPT_CONNECTIONS 32L
#define MAX_PARALLEL     64

struct HttpClient {
        CURLM *multi;
        atomic_bool cancelled;
};

HttpClient *
http_client_new(void)
{
        HttpClient *client = g_new0(HttpClient, 1);

        client->multi = curl_multi_init();
        if (client->multi == NULL)
                g_error("libcurl has no memory");
        curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
        return client;
}

void
http_client_free(HttpClient *client)
{
        if (client == NULL)
                return;
        curl_multi_cleanup(client->multi);
        g_free(client);
}

void
http_client_cancel(HttpClient *client)
{
        atomic_store(&client->cancelled, true);
        curl_multi_wakeup(client->multi);
}

/* One run of http_call_many(): each slot has at most one transfer under way. */
typedef struct {
        HttpTransfer transfer;
        CURL *easy;
        guint index; /* of the call */
        bool busy;
} Slot;

typedef struct {
        HttpClient *client;
        const HttpCall *calls;
        guint count;
        guint next; /* the first call not started */
        guint running;
        Slot *slots;
        guint slot_count;
        HttpDone done; /* NULL: the only end is kept in the next two */
        HttpResponse *kept;
        GError *kept_error;
        gpointer user;
        bool stopped; /* by done */
} Run;

/* Takes both out of their places if they are kept. */
static void
tell(Run *run, guint index, HttpResponse **response, GError **error)
{
        if (run->done == NULL) {
                run->kept = g_steal_pointer(response);
                run->kept_error = g_steal_pointer(error);
        } else if (!run->stopped && !run->done(run->user, index, *response, *error)) {
                run->stopped = true;
        }
}

static bool
begin_transfer(Run *run, Slot *slot, const HttpCall *call, GError **error)
{
        g_autofree char *name = http_call_name(call->url);
        UK_DOING(error, "%s", name);
        int fault = uk_fault_before(UK_FAULT_CONNECT, name);
        CURLMcode rc;

        if (fault != 0)
                return uk_fail(error, UK_ERROR_NETWORK, "connecting: %s", g_strerror(fault));
        if (!http_call_prepare(&slot->transfer, call, slot->easy, &run->client->cancelled, error))
                return false;
        rc = curl_multi_add_handle(run->client->multi, slot->easy);
        if (rc != CURLM_OK)
                return uk_fail(error, UK_ERROR_NETWORK, "%s", curl_multi_strerror(rc));
        return true;
}

static void
start_next(Run *run, Slot *slot)
{
        g_autoptr(GError) error = NULL;
        HttpResponse *none = NULL;

        slot->index = run->next++;
        if (begin_transfer(run, slot, &run->calls[slot->index], &error)) {
                slot->busy = true;
                run->running++;
                return;
        }
        http_call_clear(&slot->transfer);
        tell(run, slot->index, &none, &error);
}

static void
end_transfer(Run *run, Slot *slot, CURLcode code)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(HttpResponse) response = http_call_finish(&slot->transfer, code, &error);

        if (response != NULL)
                uk_fault_after(UK_FAULT_CONNECT, slot->transfer.call->url);
        curl_multi_remove_handle(run->client->multi, slot->easy);
        http_call_clear(&slot->transfer);
        slot->busy = false;
        run->running--;
        tell(run, slot->index, &response, &error);
}

static Slot *
slot_of(Run *run, const CURL *easy)
{
        guint i = 0;

        while (run->slots[i].easy != easy)
                i++;
        return &run->slots[i];
}

static void
collect_ended(Run *run)
{
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(run->client->multi, &left)) != NULL) {
                if (message->msg == CURLMSG_DONE)
                        end_transfer(run, slot_of(run, message->easy_handle), message->data.result);
        }
}

static bool
over(const Run *run)
{
        return run->stopped || atomic_load(&run->client->cancelled);
}

static void
fill_slots(Run *run)
{
        for (guint i = 0; i < run->slot_count; i++) {
                while (!run->slots[i].busy && run->next < run->count && !over(run))
                        start_next(run, &run->slots[i]);
        }
}

static bool
drive(Run *run, GError **error)
{
        CURLMcode rc = CURLM_OK;

        for (;;) {
                int still;

                fill_slots(run);
                if (over(run) || run->running == 0)
                        return true;
                rc = curl_multi_perform(run->client->multi, &still);
                collect_ended(run);
                if (rc == CURLM_OK && run->running > 0 && !over(run))
                        rc = curl_multi_poll(run->client->multi, NULL, 0, POLL_MS, NULL);
                if (rc != CURLM_OK)
                        return uk_fail(error, UK_ERROR_NETWORK, "libcurl: %s",
                                       curl_multi_strerror(rc));
        }
}

static void
run_clear(Run *run)
{
        for (guint i = 0; i < run->slot_count; i++) {
                Slot *slot = &run->slots[i];

                if (slot->busy) {
                        curl_multi_remove_handle(run->client->multi, slot->easy);
                        http_call_clear(&slot->transfer);
                }
                curl_easy_cleanup(slot->easy);
        }
        g_free(run->slots);
}

static bool
run_all(Run *run, guint parallel, GError **error)
{
        bool ok;

        run->slot_count = MIN(CLAMP(parallel, 1, MAX_PARALLEL), run->count);
        run->slots = g_new0(Slot, run->slot_count);
        for (guint i = 0; i < run->slot_count; i++)
                run->slots[i].easy = curl_easy_init();
        ok = drive(run, error);
        run_clear(run);
        return ok;
}

bool
http_call_many(HttpClient *client, const HttpCall *calls, guint count, guint parallel,
               HttpDone done, gpointer user, GError **error)
{
        Run run = { .client = client, .calls = calls, .count = count, .done = done, .user = user };

        if (!run_all(&run, parallel, error))
                return false;
        if (over(&run))
                return uk_fail(error, UK_ERROR_CANCELLED, "the calls were stopped");
        return true;
}

HttpResponse *
http_call(HttpClient *client, const HttpCall *call, GError **error)
{
        Run run = { .client = client, .calls = call, .count = 1 };

        if (!run_all(&run, 1, error)) {
                g_clear_pointer(&run.kept, http_response_free);
                g_clear_error(&run.kept_error);
        } else if (run.kept_error != NULL) {
                g_propagate_error(error, run.kept_error);
        } else if (run.kept == NULL) {
                uk_fail(error, UK_ERROR_CANCELLED, "the call was stopped");
        }
        return run.kept;
}
