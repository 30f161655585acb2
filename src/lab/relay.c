/* relay.c - relays the connections to the distribution points of a lab, as slow links would.
 *
 * Comes in: lab.conf, connections. Goes out: the same bytes, later and at the rate of the link. One
 * thread; readiness is noted as it changes (edge-triggered) and every connection is looked at in
 * every round, which is cheap for the few that a lab has. A link that is down passes nothing and
 * tells nobody: what was on the way goes on when it is up again.
 */
#include "lab/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "lab/lab_private.h"
#include "lab/ready.h"
#include "net/http_listen.h"

#define CHUNK       (64 * 1024)
#define WINDOW      (256 * 1024)      /* bytes on the way in one direction, at least */
#define WINDOW_MAX  (8 * 1024 * 1024) /* and at most */
#define SOCKET_ROOM (128 * 1024)      /* in the kernel, so that it does not hide the rate */
#define SLICE_US    (UK_SECOND / 50)  /* a link may be ahead of its rate by so long */
#define MAX_EVENTS  64

typedef struct Link Link;

/* Bytes on their way; size 0 is the end of the stream. */
typedef struct {
        gint64 due_us;
        gsize size, sent;
        guint8 data[];
} Chunk;

/* One end of a connection. */
typedef struct {
        int fd;
        bool readable, writable;
} End;

/* One direction of a connection. */
typedef struct {
        GQueue chunks;
        gsize bytes;
        bool ended, closed; /* the end has come in; has gone out */
} Way;

typedef struct {
        Link *link;
        End ends[2]; /* who called, and the distribution point */
        Way ways[2]; /* towards the distribution point, and back */
        bool broken;
} Pair;

struct Link {
        char *name, *root; /* root of the distribution point */
        LabLink now;
        End listen; /* .readable: somebody may wait */
        double tokens[2];
        gint64 filled_us;
        GPtrArray *pairs;
};

struct Relay {
        char *root;
        GPtrArray *links;
        int epfd, changes;
};

/* What an event is about; the data of the epoll entry is the End itself. */
static bool
watch(Relay *relay, End *end)
{
        struct epoll_event wanted = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                      .data.ptr = end };

        return epoll_ctl(relay->epfd, EPOLL_CTL_ADD, end->fd, &wanted) == 0;
}

static void
pair_free(gpointer user)
{
        Pair *pair = user;

        for (int i = 0; i < 2; i++) {
                uk_io_close(&pair->ends[i].fd);
                g_queue_clear_full(&pair->ways[i].chunks, g_free);
        }
        g_free(pair);
}

static void
link_free(gpointer user)
{
        Link *link = user;

        uk_io_close(&link->listen.fd);
        g_ptr_array_unref(link->pairs);
        g_free(link->name);
        g_free(link->root);
        g_free(link);
}

/* Both sides see the connection break, as they would that of a program that died. */
static void
reset_ends(Pair *pair)
{
        struct linger now = { .l_onoff = 1 };

        for (int i = 0; i < 2; i++) {
                if (pair->ends[i].fd >= 0)
                        setsockopt(pair->ends[i].fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        }
        pair->broken = true;
}

/* ---- one direction --------------------------------------------------------------------------- */

/* How much may be on the way: what the link holds, and some more. */
static gsize
window_of(const Link *link)
{
        if (link->now.rate == 0)
                return link->now.delay_us > 0 ? WINDOW_MAX : WINDOW;
        double held = 2.0 * (double)link->now.rate * (double)link->now.delay_us / UK_SECOND;

        return (gsize)CLAMP(held + WINDOW, WINDOW, WINDOW_MAX);
}

/* Takes in what has come, as far as there is room. */
static void
take_in(Pair *pair, int from, gint64 now_us)
{
        End *end = &pair->ends[from];
        Way *way = &pair->ways[from];
        gsize window = window_of(pair->link);

        while (end->fd >= 0 && end->readable && !way->ended && way->bytes < window) {
                Chunk *chunk = g_malloc(sizeof *chunk + CHUNK);
                ssize_t got = recv(end->fd, chunk->data, CHUNK, 0);

                if (got < 0) {
                        end->readable = errno == EINTR;
                        if (errno != EAGAIN && errno != EINTR)
                                reset_ends(pair);
                        g_free(chunk);
                        continue;
                }
                chunk = g_realloc(chunk, sizeof *chunk + (gsize)got);
                chunk->size = (gsize)got;
                chunk->sent = 0;
                chunk->due_us = now_us + pair->link->now.delay_us;
                way->bytes += chunk->size;
                way->ended = got == 0;
                g_queue_push_tail(&way->chunks, chunk);
        }
}

static void
drop_head(Way *way)
{
        Chunk *chunk = g_queue_pop_head(&way->chunks);

        way->bytes -= chunk->size;
        g_free(chunk);
}

/* Sends of the first chunk what the rate allows; false when nothing more can be done now. */
static bool
send_some(Pair *pair, int from, Chunk *chunk)
{
        Link *link = pair->link;
        End *to = &pair->ends[1 - from];
        gsize size = chunk->size - chunk->sent;

        if (link->now.rate > 0)
                size = MIN(size, (gsize)MAX(0, link->tokens[from]));
        if (size == 0)
                return false;
        ssize_t sent = send(to->fd, chunk->data + chunk->sent, size, MSG_NOSIGNAL);

        if (sent < 0) {
                to->writable = errno == EINTR;
                if (errno != EAGAIN && errno != EINTR)
                        reset_ends(pair);
                return errno == EINTR;
        }
        link->tokens[from] -= (double)sent;
        chunk->sent += (gsize)sent;
        return true;
}

/* Lets go out what is due. */
static void
let_out(Pair *pair, int from, gint64 now_us)
{
        Way *way = &pair->ways[from];
        End *to = &pair->ends[1 - from];
        bool more = true;

        while (more && !pair->broken && to->fd >= 0 && to->writable) {
                Chunk *chunk = g_queue_peek_head(&way->chunks);

                if (chunk == NULL || chunk->due_us > now_us)
                        return;
                if (chunk->size == 0) {
                        shutdown(to->fd, SHUT_WR);
                        way->closed = true;
                        drop_head(way);
                        continue;
                }
                more = send_some(pair, from, chunk);
                if (chunk->sent == chunk->size)
                        drop_head(way);
        }
}

/* When there is something to do for this direction though no event comes. */
static gint64
next_of(const Pair *pair, int from, gint64 now_us)
{
        const Chunk *chunk = g_queue_peek_head((GQueue *)&pair->ways[from].chunks);
        const End *to = &pair->ends[1 - from];

        if (chunk == NULL || to->fd < 0 || !to->writable)
                return UK_NEVER;
        return chunk->due_us > now_us ? chunk->due_us : now_us + SLICE_US / 4;
}

/* ---- connections ----------------------------------------------------------------------------- */

/* Calls the distribution point, whose port may be another one since it started anew. */
static bool
call(Relay *relay, Pair *pair)
{
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        guint16 port = ready_port(pair->link->root, "dp", NULL, NULL);
        End *end = &pair->ends[1];

        to.sin_port = htons(port);
        end->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return port != 0 && end->fd >= 0 &&
               (connect(end->fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) &&
               watch(relay, end);
}

static void
accept_all(Relay *relay, Link *link)
{
        while (link->listen.readable) {
                int fd = accept4(link->listen.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (fd < 0) {
                        link->listen.readable = errno == EINTR || errno == ECONNABORTED;
                        continue;
                }
                Pair *pair = g_new0(Pair, 1);

                pair->link = link;
                pair->ends[0].fd = fd;
                pair->ends[1].fd = -1;
                g_queue_init(&pair->ways[0].chunks);
                g_queue_init(&pair->ways[1].chunks);
                g_ptr_array_add(link->pairs, pair);
                if (!watch(relay, &pair->ends[0]) || !call(relay, pair))
                        reset_ends(pair);
        }
}

static void
fill(Link *link, gint64 now_us)
{
        double most = MAX(CHUNK, (double)link->now.rate * SLICE_US / UK_SECOND);
        double more = (double)link->now.rate * (double)(now_us - link->filled_us) / UK_SECOND;

        for (int way = 0; way < 2; way++)
                link->tokens[way] = MIN(most, link->tokens[way] + more);
        link->filled_us = now_us;
}

/* Does what can be done for a link; the next moment at which there is something again. */
static gint64
work_link(Relay *relay, Link *link, gint64 now_us)
{
        gint64 next = UK_NEVER;

        fill(link, now_us);
        if (link->now.down)
                return next;
        accept_all(relay, link);
        /* Another one is first each time, so that none of them takes all of the rate. */
        if (link->pairs->len > 1)
                g_ptr_array_add(link->pairs, g_ptr_array_steal_index(link->pairs, 0));
        for (guint i = link->pairs->len; i > 0; i--) {
                Pair *pair = link->pairs->pdata[i - 1];

                for (int from = 0; from < 2; from++) {
                        take_in(pair, from, now_us);
                        let_out(pair, from, now_us);
                        take_in(pair, from, now_us);
                        next = MIN(next, next_of(pair, from, now_us));
                }
                if (pair->broken || (pair->ways[0].closed && pair->ways[1].closed))
                        g_ptr_array_remove_index(link->pairs, i - 1);
        }
        return next;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool
open_link(Relay *relay, GKeyFile *plan, const LabMember *member, GError **error)
{
        UK_DOING(error, "opening the link of %s", member->name);
        Link *link = g_new0(Link, 1);
        int room = SOCKET_ROOM;
        guint16 port;

        link->name = g_strdup(member->name);
        link->root = g_strdup(member->root);
        link->pairs = g_ptr_array_new_with_free_func(pair_free);
        g_ptr_array_add(relay->links, link);
        lab_plan_link(plan, link->name, &link->now);
        link->filled_us = uk_clock_mono();
        link->listen.fd = http_listen("127.0.0.1", link->now.port, &port, NULL);
        if (link->listen.fd < 0)
                link->listen.fd = http_listen("127.0.0.1", 0, &port, error);
        if (link->listen.fd < 0)
                return false;
        link->now.port = port;
        setsockopt(link->listen.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        return watch(relay, &link->listen) || uk_fail_errno(error, errno, "watching a port");
}

/* Rates, delays and cuts as lab.conf has them now. */
static void
read_changes(Relay *relay)
{
        char buffer[4096] __attribute__((aligned(8)));
        g_autoptr(GKeyFile) plan = NULL;

        while (read(relay->changes, buffer, sizeof buffer) > 0)
                ;
        plan = lab_plan_read(relay->root, NULL);
        for (guint i = 0; plan != NULL && i < relay->links->len; i++) {
                Link *link = relay->links->pdata[i];
                guint16 port = link->now.port;

                lab_plan_link(plan, link->name, &link->now);
                link->now.port = port;
        }
}

static bool
say_ready(const Relay *relay, GError **error)
{
        g_autofree char *path = g_strconcat(relay->root, LAB_RUN "/" LAB_LINKS ".ready", NULL);
        g_autoptr(GString) text = g_string_new(NULL);

        g_string_append_printf(text, "pid=%d\n", (int)getpid());
        for (guint i = 0; i < relay->links->len; i++) {
                const Link *link = relay->links->pdata[i];

                g_string_append_printf(text, "%s=%u\n", link->name, link->now.port);
        }
        return uk_io_replace(path, text->str, text->len, 0640, error);
}

/* The folder of lab.conf is watched: the file is replaced, never written in place. */
static bool
watch_plan(Relay *relay, GError **error)
{
        g_autofree char *folder = g_strconcat(relay->root, "/etc/upkeep", NULL);
        struct epoll_event wanted = { .events = EPOLLIN, .data.ptr = &relay->changes };

        relay->changes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (relay->changes < 0 || inotify_add_watch(relay->changes, folder, IN_MOVED_TO) < 0 ||
            epoll_ctl(relay->epfd, EPOLL_CTL_ADD, relay->changes, &wanted) != 0)
                return uk_fail_errno(error, errno, "watching %s", folder);
        return true;
}

Relay *
relay_new(const char *root, GError **error)
{
        g_autoptr(Relay) relay = g_new0(Relay, 1);
        g_autoptr(GPtrArray) members = lab_members(root);
        g_autoptr(GKeyFile) plan = lab_plan_read(root, error);

        relay->root = g_strdup(root);
        relay->links = g_ptr_array_new_with_free_func(link_free);
        relay->changes = -1;
        relay->epfd = epoll_create1(EPOLL_CLOEXEC);
        if (plan == NULL || !watch_plan(relay, error))
                return NULL;
        for (guint i = 0; i < members->len; i++) {
                const LabMember *member = members->pdata[i];

                if (*member->name != '\0' && !open_link(relay, plan, member, error))
                        return NULL;
        }
        return say_ready(relay, error) ? g_steal_pointer(&relay) : NULL;
}

void
relay_free(Relay *relay)
{
        if (relay == NULL)
                return;
        g_ptr_array_unref(relay->links);
        uk_io_close(&relay->epfd);
        uk_io_close(&relay->changes);
        g_free(relay->root);
        g_free(relay);
}

/* Notes what an event says; work_link does what follows from it. False: it is time to stop. */
static bool
note(Relay *relay, const struct epoll_event *event)
{
        End *end = event->data.ptr;

        if (event->data.ptr == NULL)
                return false;
        if (event->data.ptr == &relay->changes) {
                read_changes(relay);
                return true;
        }
        if (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                end->readable = true;
        if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
                end->writable = true;
        return true;
}

bool
relay_run(Relay *relay, int stop_fd, GError **error)
{
        struct epoll_event stop = { .events = EPOLLIN }, events[MAX_EVENTS];
        bool go_on = true;

        if (epoll_ctl(relay->epfd, EPOLL_CTL_ADD, stop_fd, &stop) != 0)
                return uk_fail_errno(error, errno, "watching for the end");
        while (go_on) {
                gint64 now = uk_clock_mono(), next = UK_NEVER;

                for (guint i = 0; i < relay->links->len; i++)
                        next = MIN(next, work_link(relay, relay->links->pdata[i], now));
                if (next != UK_NEVER)
                        next = uk_clock_now() + MAX(0, next - uk_clock_mono());
                int count = uk_clock_epoll_wait(relay->epfd, events, MAX_EVENTS, next);

                for (int i = 0; i < count; i++)
                        go_on = note(relay, &events[i]) && go_on;
        }
        return true;
}
