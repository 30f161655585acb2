/* distmgr_dp.c - DP threads: one package on one distribution point.
 *
 * A DP thread copies nothing: it leaves a job for Package Transfer Manager and ends (DIST-068 to
 * DIST-073). The package processing thread announces each, lets them go on when all are announced,
 * and waits for all. What needs the distribution point's answer (removal, validation) is queued for
 * itself and not waited for, so that one that hangs holds no package.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/nalpath.h"
#include "host/pool.h"
#include "host/statusmsg.h"
#include "site/distmgr/distmgr_private.h"
#include "site/dpplaces.h"
#include "sitedb/contentdpmap.h"
#include "sitedb/distjob.h"
#include "sitedb/pkgstatus.h"

/* What the DP threads of one package and its processing thread share; counted. */
typedef struct {
        atomic_int refs;
        pthread_mutex_t lock; /* guards open, and the threads' fields */
        pthread_cond_t opened;
        bool open;    /* the DP threads may go on */
        int event_fd; /* written when a thread starts or ends */
        int wait_fd;  /* of epoll: event_fd, and the end of the role */
        char *trace;
} Run;

/* One DP thread; counted, belongs to its Run. */
typedef struct DistMgrThread {
        atomic_int refs;
        Run *run;
        char *key;
        char *trace; /* of the row that it is for */
        int tid;     /* 0: has not started */
        pthread_t handle;
        bool ended, told; /* told: its end was logged */
        GError *error;
} DistMgrThread;

static void
run_unref(Run *run)
{
        if (atomic_fetch_sub(&run->refs, 1) > 1)
                return;
        pthread_mutex_destroy(&run->lock);
        pthread_cond_destroy(&run->opened);
        uk_io_close(&run->wait_fd);
        uk_io_close(&run->event_fd);
        g_free(run->trace);
        g_free(run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Run, run_unref)

static void
thread_unref(DistMgrThread *thread)
{
        if (atomic_fetch_sub(&thread->refs, 1) > 1)
                return;
        run_unref(thread->run);
        g_free(thread->key);
        g_free(thread->trace);
        g_clear_error(&thread->error);
        g_free(thread);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DistMgrThread, thread_unref)

static bool
watch(const Run *run, int fd, GError **error)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

        return epoll_ctl(run->wait_fd, EPOLL_CTL_ADD, fd, &event) == 0 ||
               uk_fail_errno(error, errno, "watching an event");
}

static Run *
run_new(Component *c, const char *trace, GError **error)
{
        g_autoptr(Run) run = g_new0(Run, 1);

        run->refs = 1;
        pthread_mutex_init(&run->lock, NULL);
        pthread_cond_init(&run->opened, NULL);
        run->trace = g_strdup(trace);
        run->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        run->wait_fd = epoll_create1(EPOLL_CLOEXEC);
        if (run->event_fd < 0 || run->wait_fd < 0) {
                uk_fail_errno(error, errno, "making a descriptor");
                return NULL;
        }
        return watch(run, run->event_fd, error) && watch(run, host_stop_fd(c->host), error)
                       ? g_steal_pointer(&run)
                       : NULL;
}

/* ---- the thread's own work ---- */

static void
log_start(const PkgServer *server)
{
        const char *verb = server->action == PACKAGE_ACTION_UPDATE     ? "updating"
                           : server->action == PACKAGE_ACTION_DELETE   ? "removing"
                           : server->action == PACKAGE_ACTION_VALIDATE ? "validating"
                                                                       : "adding";
        const char *to = server->action == PACKAGE_ACTION_DELETE ? "from"
                         : server->action == PACKAGE_ACTION_ADD  ? "to"
                                                                 : "on";

        uk_log("Start %s package %s %s server %s...", verb, server->pkg_id, to, server->nal);
}

/* As a source for pull distribution points: each item at that version, and nothing older. */
static bool
mark_holdings(DbTx *tx, const DistPoint *point, const char *pkg_id, gint64 version, GError **error)
{
        g_autoptr(Package) package = package_load(db_tx_db(tx), pkg_id, error);
        g_autoptr(GPtrArray) rows =
                package != NULL ? pkgcontent_list(db_tx_db(tx), pkg_id, version, error) : NULL;

        if (rows == NULL || !contentdpmap_remove_package(tx, point->server, pkg_id, version, error))
                return false;
        for (guint i = 0; i < rows->len; i++) {
                const char *id = package->type == PACKAGE_TYPE_REGULAR
                                         ? pkg_id
                                         : ((PkgContent *)rows->pdata[i])->content_id;

                if (!contentdpmap_put(tx, point->server, id, version, error))
                        return false;
        }
        return true;
}

bool
distmgr_mark_installed(DbTx *tx, const DistPoint *point, const char *pkg_id, gint64 version,
                       const char *cause, GError **error)
{
        g_auto(DpPlaces) places = dpplaces_of(point, pkg_id, version);
        PkgStatus row = { .pkg_id = (char *)pkg_id,
                          .type = PKGSTATUS_TYPE_DP,
                          .site = point->site,
                          .server = point->nal,
                          .status = PKGSTATUS_INSTALLED,
                          .location = places.location,
                          .http_url = places.http_url,
                          .sig_url = places.sig_url,
                          .sig_location = places.sig_location,
                          .source_version = version };

        return pkgstatus_ensure(tx, pkg_id, PKGSTATUS_TYPE_DP, point->site, point->nal, cause,
                                error) &&
               pkgstatus_set_present(tx, &row, cause, error) &&
               mark_holdings(tx, point, pkg_id, version, error);
}

/* The site server's own distribution point reads the same library (DIST-091). *woken_out jobs of
 * pull distribution points had waited for it. */
static bool
serve_colocated(Component *c, DbTx *tx, const Package *package, const DistPoint *point,
                gint64 *woken_out, GError **error)
{
        uk_log("The distribution point is on the siteserver and the package is a content type "
               "package. There is nothing to be copied over.");
        return distmgr_mark_installed(tx, point, package->id, package->stored_version,
                                      "shares the site server's library", error) &&
               distjob_source_ready(tx, package->id, package->stored_version, point->server,
                                    woken_out, error) &&
               statusmsg_raise(c, tx, 2330, error, package->id, point->nal, NULL);
}

/* DIST-071, DIST-152; the status row stands before the job that will change it (OQ-T03). */
static bool
make_job(Component *c, DbTx *tx, const Package *package, const PkgServer *server,
         const DistPoint *point, GError **error)
{
        DistJobAction action = server->refresh_trigger != 0 ? DISTJOB_REDISTRIBUTE : DISTJOB_SEND;

        if (point->is_pull)
                uk_log("Package Server %s is a PullDP.", point->nal);
        if (!pkgstatus_ensure(tx, package->id, PKGSTATUS_TYPE_DP, point->site, point->nal,
                              server->cause, error) ||
            !distjob_add(tx, point->id, package->id, package->stored_version, action, server->cause,
                         NULL, error))
                return false;
        uk_log("~Created package transfer job to send package %s to distribution point %s.",
               package->id, point->nal);
        return statusmsg_raise(c, tx, 2357, error, package->id, point->nal, NULL);
}

/* Its rows; what is said of them is in the log before they are there. */
static bool
write_job(Component *c, DbTx *tx, const Package *package, const PkgServer *server,
          const DistPoint *point, gint64 *woken_out, GError **error)
{
        UK_LOG_TOGETHER();

        uk_log("DP Thread: Attempting to add or update package %s on DP %s", package->id,
               point->nal);
        if (!statusmsg_raise(c, tx, 2342, error, package->name, point->nal, package->id, NULL))
                return false;
        uk_log("The current user context will be used for connecting to %s.~", point->nal);
        bool done = point->is_colocated ? serve_colocated(c, tx, package, point, woken_out, error)
                                        : make_job(c, tx, package, server, point, error);
        return done && pkgserver_reset_action(tx, server, error);
}

/* Begins the transaction and loads the row in it. What is written bears the trace of the action
 * that the row has now, which may be another than the one that was announced. */
static PkgServer *
begin(Component *c, const char *pkg_id, const char *nal, DbTx **tx_out, GError **error)
{
        const DistMgr *mgr = c->state;

        for (;;) {
                g_autoptr(DbTx) tx = db_begin(c->db, error);
                g_autoptr(PkgServer) server =
                        tx != NULL ? pkgserver_load(db_tx_db(tx), pkg_id, nal, mgr->site, error)
                                   : NULL;

                if (server == NULL)
                        return NULL;
                g_autofree char *before = g_strdup(uk_trace_get());
                if (server->trace[0] != '\0')
                        uk_trace_set(server->trace);
                if (strcmp(before, uk_trace_get()) == 0) {
                        *tx_out = g_steal_pointer(&tx);
                        return g_steal_pointer(&server);
                }
        }
}

/* Job and reset of the pending action stand or fall together (DIST-072). */
static bool
add_or_update(Component *c, const char *key, GError **error)
{
        UK_DOING(error, "serving a distribution point");
        g_autofree char *pkg_id = NULL;
        g_autofree char *nal = NULL;
        g_autoptr(DbTx) tx = NULL;

        if (!distmgr_split_key(key, &pkg_id, &nal, error))
                return false;
        g_autoptr(PkgServer) server = begin(c, pkg_id, nal, &tx, error);
        if (server == NULL)
                return false;
        if (server->action != PACKAGE_ACTION_ADD && server->action != PACKAGE_ACTION_UPDATE)
                return true;
        g_autoptr(Package) package = package_load(db_tx_db(tx), pkg_id, error);
        g_autoptr(DistPoint) point =
                package != NULL ? distpoint_by_nal(db_tx_db(tx), nal, error) : NULL;
        gint64 woken = 0;
        if (point == NULL || !write_job(c, tx, package, server, point, &woken, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        UK_LOG_TOGETHER();
        uk_log("Performing cleanup prior to returning.");
        uk_log("Cancelling network connection to \\\\%s\\ADMIN$.", point->server);
        return woken == 0 || distmgr_tell_package(c, pkg_id, error);
}

static void
begin_thread(DistMgrThread *thread)
{
        Run *run = thread->run;

        pthread_mutex_lock(&run->lock);
        thread->tid = gettid();
        thread->handle = pthread_self();
        pthread_mutex_unlock(&run->lock);
        eventfd_write(run->event_fd, 1);
        pthread_mutex_lock(&run->lock);
        while (!run->open)
                pthread_cond_wait(&run->opened, &run->lock);
        pthread_mutex_unlock(&run->lock);
        uk_trace_set(thread->trace[0] != '\0' ? thread->trace : run->trace);
}

static void
end_thread(DistMgrThread *thread, GError *error_take)
{
        pthread_mutex_lock(&thread->run->lock);
        thread->error = error_take;
        thread->ended = true;
        pthread_mutex_unlock(&thread->run->lock);
        eventfd_write(thread->run->event_fd, 1);
}

/* Worker of pool "dps"; what fails is the package processing thread's to report. */
bool
distmgr_dp_thread(Component *c, const char *key, GError **error)
{
        DistMgr *mgr = c->state;
        GError *failure = NULL;

        (void)error;
        pthread_mutex_lock(&mgr->lock);
        g_autoptr(DistMgrThread) thread = g_hash_table_lookup(mgr->dp_threads, key);
        if (thread != NULL)
                atomic_fetch_add(&thread->refs, 1);
        pthread_mutex_unlock(&mgr->lock);
        if (thread == NULL)
                return true; /* the one who asked has gone; it is pending and will be asked again */
        begin_thread(thread);
        (void)!add_or_update(c, key, &failure);
        end_thread(thread, failure);
        return true;
}

/* ---- the package processing thread's side ---- */

static DistMgrThread *
start_thread(Component *c, Run *run, const PkgServer *server, GError **error)
{
        DistMgr *mgr = c->state;
        DistMgrThread *thread = g_new0(DistMgrThread, 1);

        thread->refs = 1;
        thread->run = run;
        atomic_fetch_add(&run->refs, 1);
        thread->key = distmgr_key(server->pkg_id, server->nal);
        thread->trace = g_strdup(server->trace);
        pthread_mutex_lock(&mgr->lock);
        g_hash_table_insert(mgr->dp_threads, g_strdup(thread->key), thread);
        pthread_mutex_unlock(&mgr->lock);
        if (pool_add(c, "dps", thread->key, error))
                return thread;
        pthread_mutex_lock(&mgr->lock);
        g_hash_table_remove(mgr->dp_threads, thread->key);
        pthread_mutex_unlock(&mgr->lock);
        thread_unref(thread);
        return NULL;
}

/* Waits until a DP thread starts or ends. False: the role stops. */
static bool
wait_for_news(Component *c, Run *run)
{
        struct epoll_event events[2];
        eventfd_t count;

        uk_clock_epoll_wait(run->wait_fd, events, G_N_ELEMENTS(events), UK_NEVER);
        (void)!eventfd_read(run->event_fd, &count);
        return !host_stopping(c->host);
}

static void
open_gate(Run *run)
{
        pthread_mutex_lock(&run->lock);
        run->open = true;
        pthread_cond_broadcast(&run->opened);
        pthread_mutex_unlock(&run->lock);
}

/* How many of the threads have not ended; says of those that have, in the log (DIST-073). */
static guint
count_busy(const Package *package, GPtrArray *threads)
{
        guint busy = 0;

        for (guint i = 0; i < threads->len; i++) {
                DistMgrThread *thread = threads->pdata[i];

                pthread_mutex_lock(&thread->run->lock);
                bool tell = thread->ended && !thread->told && thread->run->open;
                thread->told = thread->told || tell;
                busy += thread->ended ? 0 : 1;
                pthread_mutex_unlock(&thread->run->lock);
                if (tell)
                        uk_log("~DP thread for package %s with thread handle %016lX and thread ID "
                               "%d ended.",
                               package->id, (unsigned long)thread->handle, thread->tid);
        }
        return busy;
}

static bool
wait_until_started(Component *c, Run *run, DistMgrThread *thread)
{
        for (;;) {
                pthread_mutex_lock(&run->lock);
                bool started = thread->tid != 0;
                pthread_mutex_unlock(&run->lock);
                if (started)
                        return true;
                if (!wait_for_news(c, run))
                        return false;
        }
}

/* There are fewer threads than DP threads were announced, by all packages together: those that wait
 * at a gate would keep the others from beginning, and be waited for by them. */
static void
open_when_crowded(Component *c, Run *run)
{
        gint64 most = settings_int(host_settings(c->host), "distmgr.max_dp_threads");
        guint running, waiting;

        pool_count(c, "dps", &running, &waiting);
        if (running + waiting > most)
                open_gate(run);
}

/* Announces one DP thread; at most so many of a package run at a time, so that the gate opens early
 * when there are more distribution points. */
static bool
announce(Component *c, const Package *package, Run *run, const PkgServer *server,
         GPtrArray *threads, GError **error)
{
        guint most = (guint)settings_int(host_settings(c->host), "distmgr.threads_per_package");

        while (count_busy(package, threads) >= most) {
                open_gate(run);
                if (!wait_for_news(c, run))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the site server stops");
        }
        DistMgrThread *thread = start_thread(c, run, server, error);
        if (thread == NULL)
                return false;
        g_ptr_array_add(threads, thread);
        open_when_crowded(c, run);
        if (!wait_until_started(c, run, thread))
                return uk_fail(error, UK_ERROR_CANCELLED, "the site server stops");
        uk_log("~Created DP processing thread %d for addition or update of package %s on server %s",
               thread->tid, package->id, server->nal);
        return true;
}

static bool
announce_all(Component *c, const Package *package, Run *run, const GPtrArray *servers,
             GPtrArray *threads, GError **error)
{
        for (guint i = 0; i < servers->len; i++) {
                const PkgServer *server = servers->pdata[i];

                log_start(server);
                if (server->action == PACKAGE_ACTION_DELETE ||
                    server->action == PACKAGE_ACTION_VALIDATE) {
                        if (!distmgr_queue_remote(c, server, error))
                                return false;
                } else if (!announce(c, package, run, server, threads, error)) {
                        return false;
                }
        }
        return true;
}

/* The first failure of a DP thread, if there is one, is the package's. */
static bool
collect(Component *c, GPtrArray *threads, GError **error)
{
        DistMgr *mgr = c->state;
        bool good = true;

        for (guint i = 0; i < threads->len; i++) {
                DistMgrThread *thread = threads->pdata[i];

                pthread_mutex_lock(&mgr->lock);
                g_hash_table_remove(mgr->dp_threads, thread->key);
                pthread_mutex_unlock(&mgr->lock);
                pthread_mutex_lock(&thread->run->lock);
                if (thread->ended && thread->error != NULL && good) {
                        g_propagate_error(error, g_steal_pointer(&thread->error));
                        good = false;
                }
                pthread_mutex_unlock(&thread->run->lock);
        }
        return good;
}

bool
distmgr_serve_dps(Component *c, const Package *package, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autoptr(GPtrArray) servers = pkgserver_list(c->db, package->id, mgr->site, true, error);
        g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func((GDestroyNotify)thread_unref);
        g_autoptr(GError) failure = NULL;

        if (servers == NULL || servers->len == 0)
                return servers != NULL;
        g_autoptr(Run) run = run_new(c, uk_trace_get(), error);
        if (run == NULL)
                return false;
        bool good = announce_all(c, package, run, servers, threads, &failure);
        if (good && threads->len > 0)
                uk_log("~Waiting for all DP threads to complete for package %s processing thread.",
                       package->id);
        open_gate(run);
        while (good && count_busy(package, threads) > 0)
                good = wait_for_news(c, run) ||
                       uk_fail(&failure, UK_ERROR_CANCELLED, "the site server stops");
        good = collect(c, threads, good ? &failure : NULL) && good;
        if (!good) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        if (threads->len > 0)
                uk_log("~All DP threads have completed for package %s processing thread.",
                       package->id);
        return true;
}
