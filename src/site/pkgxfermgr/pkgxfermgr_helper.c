/* pkgxfermgr_helper.c - a second request of one order in flight.
 *
 * One request at a time leaves both ends waiting for each other in turn: the site reads while the
 * distribution point has nothing to do, which hashes and writes while the site waits. So a large
 * order has a helper, with a connection of its own, that takes files from the same queue. Rate
 * limits, pauses and the end of the run bind both; what the first one reads from the database is
 * passed on to the helper.
 */
#include <pthread.h>

#include "base/log.h"
#include "site/pkgxfermgr/pkgxfermgr_work.h"

/* With less to be sent a second connection is not worth it. */
#define HELP_BYTES (4 * 1024 * 1024)

struct SendHelper {
        Send send;
        SendWork work;
        pthread_t thread;
        HttpClient *http;
        UkLog *log;
        char *trace;
        bool good;
        GError *error;
};

static void *
run(void *data)
{
        SendHelper *helper = data;

        uk_log_bind(helper->log);
        uk_trace_set(helper->trace);
        helper->good = pkgxfermgr_send_queue(&helper->work, &helper->error) &&
                       pkgxfermgr_flush_batch(&helper->work, &helper->error);
        /* What it could not do is the end of the run. */
        if (!helper->good)
                atomic_store(&helper->send.helps->over, true);
        uk_log_bind(NULL);
        return NULL;
}

/* A rate that is kept is kept by one. */
static bool
is_worth_it(const SendWork *work)
{
        return atomic_load(&work->send->left) >= HELP_BYTES && work->send->client.rate == 0 &&
               work->order->missing->len > 1;
}

static SendHelper *
helper_new(SendWork *work)
{
        SendHelper *helper = g_new0(SendHelper, 1);
        Send *first = work->send;

        helper->http = http_client_new();
        helper->log = uk_log_bound();
        helper->trace = g_strdup(uk_trace_get());
        helper->send = (Send){ .c = first->c,
                               .sending = first->sending,
                               .job = first->job,
                               .point = first->point,
                               .package = first->package,
                               .library = first->library,
                               .client = first->client,
                               .helps = first };
        helper->send.client.http = helper->http;
        helper->send.client.user = &helper->send;
        helper->send.client.sent = 0;
        helper->work = *work;
        helper->work.send = &helper->send;
        helper->work.batch = g_byte_array_new();
        helper->work.in_batch = g_ptr_array_new();
        helper->work.whole = helper->work.batched = helper->work.deltas = helper->work.frames = 0;
        helper->work.delta_bytes = 0;
        return helper;
}

static void
helper_free(SendHelper *helper)
{
        g_byte_array_unref(helper->work.batch);
        g_ptr_array_unref(helper->work.in_batch);
        http_client_free(helper->http);
        g_clear_error(&helper->error);
        g_free(helper->trace);
        g_free(helper);
}

SendHelper *
pkgxfermgr_help(SendWork *work)
{
        if (!is_worth_it(work))
                return NULL;
        SendHelper *helper = helper_new(work);

        atomic_store(&work->send->helped, true);
        if (pthread_create(&helper->thread, NULL, run, helper) == 0)
                return helper;
        atomic_store(&work->send->helped, false);
        helper_free(helper);
        return NULL;
}

static void
add_counts(SendWork *work, const SendHelper *helper)
{
        work->whole += helper->work.whole;
        work->batched += helper->work.batched;
        work->deltas += helper->work.deltas;
        work->delta_bytes += helper->work.delta_bytes;
}

bool
pkgxfermgr_help_end(SendHelper *helper_take, SendWork *work, bool good, GError **error)
{
        Send *first = work->send;

        if (!good) {
                atomic_store(&first->over, true);
                http_client_cancel(helper_take->http);
        }
        pthread_join(helper_take->thread, NULL);
        add_counts(work, helper_take);
        first->client.sent += atomic_exchange(&first->beside, 0);
        atomic_store(&first->helped, false);
        atomic_store(&first->over, false);
        bool own = !good && error != NULL && !g_error_matches(*error, UK_ERROR, UK_ERROR_CANCELLED);
        /* The first one was stopped, if at all, because the helper failed. */
        if (!helper_take->good && !own &&
            (good || !g_error_matches(helper_take->error, UK_ERROR, UK_ERROR_CANCELLED))) {
                if (error != NULL)
                        g_clear_error(error);
                first->blame = helper_take->send.blame;
                g_propagate_error(error, g_steal_pointer(&helper_take->error));
                good = false;
        }
        helper_free(helper_take);
        return good;
}
