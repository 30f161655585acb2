/* WUAHandler and the updates store in a box: what the real engine never shows them. The engine here
 * takes letters and says nothing; results come from the test. */
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "client/scanagent/scanjob.h"
#include "client/updatesstore/updatesstore.h"
#include "client/wuagent/results.h"
#include "client/wuagent/wuagent.h"
#include "client/wuahandler/wuahandler.h"
#include "clientbox.h"
#include "host/mailbox.h"

#define SOURCE "{C2D17964-BBDD-4339-B9F3-12D7205B39CC}"
#define SERVER "http://PS1SITE.CONTOSO.COM:8530"
#define ONE    "505fda07-b4f3-45fb-83d9-8642554e2773"
#define TWO    "0e8a3a31-04d7-4f3c-b2c1-6f6c3f8d1b11"

static const ComponentDef silent_engine = {
        .name = "Agent",
        .log = "WindowsUpdate.log",
        .what = "takes letters",
        .boxes = { { .lane = "main", .box = WUAGENT_BOX, .kind = "*", .on_file = clientbox_take } },
};

static const ComponentDef *const components[] = { &wuahandler, &updatesstore, &silent_engine,
                                                  NULL };

static const HostRole role = CLIENTBOX_ROLE(components);

static void
box_up(Box *box, const char *state)
{
        clientbox_open(box, &role);
        g_autoptr(DbTx) tx = db_begin(box->db, NULL);
        g_autoptr(ScanJob) job = scanjob_new("test", "");

        scanjob_set(&job->source_id, SOURCE);
        scanjob_set(&job->location, SERVER);
        scanjob_set(&job->state, state);
        job->required_version = 38;
        MUST(scanjob_add(tx, job, &failure));
        MUST(scanjob_save(tx, job, &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
        box->job = g_strdup(job->id);
        kit_run(box->host);
}

static void
has(const Box *box, const char *log, const char *text, bool expected)
{
        g_autofree char *whole = kit_log(box->host, log);

        if ((strstr(whole, text) != NULL) != expected)
                g_error("%s %s '%s':\n%s", log, expected ? "lacks" : "has", text, whole);
}

static void
state_is(const Box *box, const char *state)
{
        g_autoptr(ScanJob) job = scanjob_load(box->db, box->job, NULL);

        g_assert_cmpstr(job->state, ==, state);
}

/* An engine that confirms nothing: both limits are waited out, and no more. */
static void
waits(void)
{
        Box box;

        box_up(&box, SCANJOB_ADD_SOURCE);
        has(&box, "WUAHandler.log", "Waiting for 2 mins for Group Policy", true);
        kit_step(119 * UK_SECOND);
        kit_run(box.host);
        has(&box, "WUAHandler.log", "Waiting for 30 secs for policy", false);
        kit_step(2 * UK_SECOND);
        kit_run(box.host);
        has(&box, "WUAHandler.log", "Waiting for 30 secs for policy", true);
        state_is(&box, SCANJOB_ADD_SOURCE);
        kit_step(31 * UK_SECOND);
        kit_run(box.host);
        has(&box, "WUAHandler.log", "Added Update Source (" SOURCE ") of content type: 2", true);
        state_is(&box, SCANJOB_SOURCE_ADDED);
        clientbox_close(&box);
}

static void *
run(void *host)
{
        kit_run(host);
        return NULL;
}

static guint
count(const Box *box, const char *log, const char *text)
{
        g_autofree char *whole = kit_log(box->host, log);
        g_auto(GStrv) parts = g_strsplit(whole, text, -1);

        return g_strv_length(parts) - 1;
}

/* A scan that is asked for while the source of another one is added is done, too. */
static void
wish_meanwhile(void)
{
        Box box;
        pthread_t thread;

        box_up(&box, SCANJOB_ADD_SOURCE);
        kit_step(121 * UK_SECOND);
        kit_run(box.host);
        kit_step(31 * UK_SECOND);
        kit_run(box.host);
        state_is(&box, SCANJOB_SOURCE_ADDED);
        g_autoptr(ScanJob) job = scanjob_load(box.db, box.job, NULL);
        g_autoptr(DbTx) again = db_begin(box.db, NULL);
        scanjob_set(&job->state, SCANJOB_ADD_SOURCE);
        MUST(scanjob_save(again, job, &failure));
        MUST(db_commit(g_steal_pointer(&again), &failure));

        g_autoptr(DbTx) wish = db_begin(box.db, NULL);
        scanjob_set(&job->again_trace, "a wish");
        MUST(scanjob_save(wish, job, &failure));
        MUST(mailbox_post(box.host, "@wua", "ring" WORK_RING, NULL, 0, &failure));
        pthread_create(&thread, NULL, run, box.host);
        while (count(&box, "WUAHandler.log", "Its a WSUS Update Source type") < 2)
                kit_idle(1); /* it has looked at the job, and comes to the database's lock */
        MUST(db_commit(g_steal_pointer(&wish), &failure));
        pthread_join(thread, NULL);
        state_is(&box, SCANJOB_SOURCE_ADDED);
        g_autoptr(ScanJob) after = scanjob_load(box.db, box.job, NULL);
        g_assert_cmpstr(after->again_trace, ==, "a wish");
        clientbox_close(&box);
}

/* Whatever fails at the end of the waiting is tried again: the job never stays where it is. */
static void
confirming_fails(void)
{
        for (int n = 1;; n++) {
                g_autofree char *plan = g_strdup_printf("fail:%d", n);
                Box box;

                box_up(&box, SCANJOB_ADD_SOURCE);
                kit_step(121 * UK_SECOND);
                kit_run(box.host);
                kit_step(31 * UK_SECOND);
                uk_fault_set(plan);
                kit_run(box.host);
                bool reached = uk_fault_count() >= (unsigned)n;
                uk_fault_set(NULL);
                for (int i = 0; i < 3; i++) {
                        kit_step(2 * UK_MINUTE);
                        kit_run(box.host);
                }
                state_is(&box, SCANJOB_SOURCE_ADDED);
                clientbox_close(&box);
                if (!reached) {
                        g_assert_cmpint(n, >, 1);
                        break;
                }
        }
}

static SearchResult *
results_of(const Box *box)
{
        SearchResult *result = results_new(box->job);
        ResultUpdate *old = results_add(result, ONE, 200, RESULT_MISSING, "Old", "old", "p", "c");

        g_free(old->superseded_by);
        old->superseded_by = g_strdup(TWO);
        results_add(result, TWO, 201, RESULT_MISSING, "New", "new", "p", "c");
        result->time_us = uk_clock_now();
        result->deployed = 2;
        return result;
}

static void
post(const Box *box, const SearchResult *result)
{
        g_autoptr(GBytes) letter = results_write(result);
        gsize size;
        const void *data = g_bytes_get_data(letter, &size);

        MUST(mailbox_post(box->host, "@wua", "search" WUA_RESULTS, data, size, &failure));
        kit_run(box->host);
}

static void
prunes(void)
{
        Box box;

        box_up(&box, SCANJOB_SEARCH);
        has(&box, "WUAHandler.log", "Async searching of updates using WUAgent started.", true);
        g_autoptr(SearchResult) result = results_of(&box);
        post(&box, result);
        has(&box, "WUAHandler.log", "Pruning: update id (" ONE ") is superseded by (" TWO ").",
            true);
        has(&box, "WUAHandler.log", "Update (Missing): New (" TWO ", 201)", true);
        has(&box, "WUAHandler.log", "Update (Missing): Old", false);
        has(&box, "UpdatesStore.log", "update (" TWO ") with state (Missing)", true);
        has(&box, "UpdatesStore.log", ONE, false);
        state_is(&box, SCANJOB_STORED);
        clientbox_close(&box);
}

/* Results that nobody asked for, or that come twice, change nothing. */
static void
foreign_results(void)
{
        Box box;

        box_up(&box, SCANJOB_SEARCH);
        g_autoptr(SearchResult) other = results_new("{00000000-0000-4000-8000-000000000001}");
        post(&box, other);
        state_is(&box, SCANJOB_SEARCH);
        g_autoptr(SearchResult) mine = results_of(&box);
        post(&box, mine);
        post(&box, mine);
        state_is(&box, SCANJOB_STORED);
        g_autofree char *log = kit_log(box.host, "UpdatesStore.log");
        const char *first = strstr(log, "creating new instance");
        g_assert_nonnull(first);
        g_assert_null(strstr(first + 1, "creating new instance"));
        clientbox_close(&box);
}

/* Garbage in the mailbox is said and dropped; the search goes on. */
static void
garbage(void)
{
        Box box;

        box_up(&box, SCANJOB_SEARCH);
        MUST(mailbox_post(box.host, "@wua", "search" WUA_RESULTS, "garbage", 7, &failure));
        kit_run(box.host);
        has(&box, "WUAHandler.log", "these are no results of a search", true);
        g_autoptr(SearchResult) mine = results_of(&box);
        post(&box, mine);
        state_is(&box, SCANJOB_STORED);
        clientbox_close(&box);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/wuahandler/waits-COMP-039", waits);
        g_test_add_func("/client/wuahandler/wish-meanwhile", wish_meanwhile);
        g_test_add_func("/client/wuahandler/confirming-fails", confirming_fails);
        g_test_add_func("/client/wuahandler/prunes-COMP-047-COMP-051", prunes);
        g_test_add_func("/client/wuahandler/foreign-results", foreign_results);
        g_test_add_func("/client/wuahandler/garbage", garbage);
        return g_test_run();
}
