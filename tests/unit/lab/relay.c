/* Tests of src/lab/relay.c: bytes go through whole, at the rate, with the delay, and not at all
 * while the link is down. The peers are plain sockets. */
#include "lab/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "lab/lab_private.h"
#include "lab/ready.h"

#define SIZE 1000000

typedef struct {
        char *root;
        int listen, stop;
        Relay *relay;
        pthread_t thread;
} Fixture;

static void *
run(void *user)
{
        Fixture *f = user;

        g_assert_true(relay_run(f->relay, f->stop, NULL));
        return NULL;
}

static void
plan(Fixture *f, const char *text)
{
        g_autofree char *path = g_strconcat(f->root, "/etc/upkeep/lab.conf", NULL);
        g_autofree char *whole =
                g_strconcat("[lab]\ndps=1\nlinks=true\n[DP01]\n", text, "\n", NULL);

        g_assert_true(uk_io_replace(path, whole, strlen(whole), 0600, NULL));
}

static void
set_up(Fixture *f, gconstpointer data)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;
        g_autoptr(GError) error = NULL;

        f->root = g_dir_make_tmp("upkeep-relay-XXXXXX", NULL);
        g_autofree char *dp = g_strconcat(f->root, "/dp/DP01", NULL);

        g_assert_true(lab_folders(f->root, &error) && lab_folders(dp, &error));
        f->listen = socket(AF_INET, SOCK_STREAM, 0);
        g_assert_cmpint(bind(f->listen, (struct sockaddr *)&address, size), ==, 0);
        g_assert_cmpint(listen(f->listen, 8), ==, 0);
        g_assert_cmpint(getsockname(f->listen, (struct sockaddr *)&address, &size), ==, 0);
        g_autofree char *ready = g_strconcat(dp, "/run/upkeep/dp.ready", NULL);
        g_autofree char *port = g_strdup_printf("pid=1\nhttp=%u\n", ntohs(address.sin_port));

        g_assert_true(uk_io_replace(ready, port, strlen(port), 0600, &error));
        plan(f, data);
        f->stop = eventfd(0, EFD_CLOEXEC);
        f->relay = relay_new(f->root, &error);
        g_assert_no_error(error);
        g_assert_cmpint(pthread_create(&f->thread, NULL, run, f), ==, 0);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(eventfd_write(f->stop, 1), ==, 0);
        pthread_join(f->thread, NULL);
        relay_free(f->relay);
        uk_io_close(&f->stop);
        uk_io_close(&f->listen);
        g_assert_true(uk_io_remove_tree(f->root, NULL));
        g_free(f->root);
}

/* Both ends of a connection through the relay. */
static void
join(Fixture *f, int *near, int *far)
{
        guint16 port = ready_port(f->root, "lab", "DP01", NULL);
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons(port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

        g_assert_cmpuint(port, !=, 0);
        *near = socket(AF_INET, SOCK_STREAM, 0);
        g_assert_cmpint(connect(*near, (struct sockaddr *)&address, sizeof address), ==, 0);
        *far = accept(f->listen, NULL, NULL);
        g_assert_cmpint(*far, >=, 0);
}

typedef struct {
        int fd;
        const guint8 *data;
} Sender;

static void *
send_all(void *user)
{
        Sender *sender = user;

        for (gsize done = 0; done < SIZE;) {
                ssize_t sent = send(sender->fd, sender->data + done, SIZE - done, MSG_NOSIGNAL);

                g_assert_cmpint(sent, >, 0);
                done += (gsize)sent;
        }
        g_assert_cmpint(shutdown(sender->fd, SHUT_WR), ==, 0);
        return NULL;
}

/* Sends SIZE bytes to the far end and compares them; how long that took. */
static gint64
carry(int near, int far)
{
        g_autofree guint8 *data = g_malloc(SIZE), *got = g_malloc(SIZE + 1);
        gint64 start = uk_clock_mono();
        Sender sender = { near, data };
        pthread_t thread;
        gsize done = 0;
        ssize_t more;

        for (guint i = 0; i < SIZE; i++)
                data[i] = (guint8)(i * 2654435761U >> 13);
        g_assert_cmpint(pthread_create(&thread, NULL, send_all, &sender), ==, 0);
        while ((more = recv(far, got + done, SIZE + 1 - done, 0)) > 0)
                done += (gsize)more;
        g_assert_cmpint(more, ==, 0);
        pthread_join(thread, NULL);
        g_assert_cmpmem(got, done, data, SIZE);
        return uk_clock_mono() - start;
}

static void
whole_and_both_ways(Fixture *f, gconstpointer data)
{
        int near, far;
        char answer[6];

        join(f, &near, &far);
        carry(near, far);
        g_assert_cmpint(send(far, "thanks", 6, 0), ==, 6);
        uk_io_close(&far);
        g_assert_cmpint(recv(near, answer, 6, MSG_WAITALL), ==, 6);
        g_assert_cmpmem(answer, 6, "thanks", 6);
        g_assert_cmpint(recv(near, answer, 6, 0), ==, 0);
        uk_io_close(&near);
}

/* 1 MB at 2.5 MB/s: 0.4 s, less what the link may be ahead. */
static void
rate(Fixture *f, gconstpointer data)
{
        int near, far;

        join(f, &near, &far);
        gint64 took = carry(near, far);

        g_assert_cmpint(took, >=, 340000);
        g_assert_cmpint(took, <=, 3 * UK_SECOND);
        uk_io_close(&near);
        uk_io_close(&far);
}

static bool
comes(int fd, int milliseconds)
{
        struct pollfd wanted = { .fd = fd, .events = POLLIN };

        return poll(&wanted, 1, milliseconds) == 1;
}

static void
delay(Fixture *f, gconstpointer data)
{
        int near, far;
        gint64 start;

        join(f, &near, &far);
        start = uk_clock_mono();
        g_assert_cmpint(send(near, "x", 1, 0), ==, 1);
        g_assert_true(comes(far, 5000));
        g_assert_cmpint(uk_clock_mono() - start, >=, 100000);
        uk_io_close(&near);
        uk_io_close(&far);
}

/* While it is down nothing passes and nobody is told; then what was on the way arrives. */
static void
cut_and_mended(Fixture *f, gconstpointer data)
{
        int near, far;

        join(f, &near, &far);
        g_assert_cmpint(send(near, "a", 1, 0), ==, 1);
        g_assert_true(comes(far, 5000));
        char got[2];
        g_assert_cmpint(recv(far, got, 1, 0), ==, 1);
        plan(f, "down=true");
        /* The change has been seen when nothing comes any more. */
        do
                g_assert_cmpint(send(near, "b", 1, 0), ==, 1);
        while (comes(far, 100) && recv(far, got, 1, 0) == 1);
        plan(f, "down=false");
        g_assert_true(comes(far, 5000));
        g_assert_cmpint(recv(far, got, 1, 0), ==, 1);
        g_assert_cmpint(got[0], ==, 'b');
        uk_io_close(&near);
        uk_io_close(&far);
}

/* Where the distribution point does not listen, the caller sees a broken connection. */
static void
nobody_there(Fixture *f, gconstpointer data)
{
        guint16 port = ready_port(f->root, "lab", "DP01", NULL);
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons(port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int near = socket(AF_INET, SOCK_STREAM, 0);
        char got;

        uk_io_close(&f->listen);
        g_assert_cmpint(connect(near, (struct sockaddr *)&address, sizeof address), ==, 0);
        g_assert_cmpint(recv(near, &got, 1, 0), <, 0);
        g_assert_cmpint(errno, ==, ECONNRESET);
        uk_io_close(&near);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define CASE(name, plan, function) \
        g_test_add("/lab/relay/" name, Fixture, plan, set_up, function, tear_down)
        CASE("whole-and-both-ways", "rate=0", whole_and_both_ways);
        CASE("rate", "rate=2500000", rate);
        CASE("delay", "delay_us=100000", delay);
        CASE("cut-and-mended", "", cut_and_mended);
        CASE("nobody-there", "", nobody_there);
        return g_test_run();
}
