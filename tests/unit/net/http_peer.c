/* Tests of src/net/http_peer.c, with sockets of this process and, where root runs them, of a child
 * of another user.
 */
#include "net/http_peer.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_USER 54321

typedef struct {
        const char *listen, *connect; /* addresses */
        int family;                   /* of the socket that connects */
} Road;

/* The forms in which one machine speaks with itself. */
static const Road roads[] = {
        { "127.0.0.1", "127.0.0.1", AF_INET },
        { "::1", "::1", AF_INET6 },
        { "::", "127.0.0.1", AF_INET },
        { "::", "::ffff:127.0.0.1", AF_INET6 },
        { "::", "::1", AF_INET6 },
        { "0.0.0.0", "127.0.0.7", AF_INET },
        { "127.0.0.1", "::ffff:127.0.0.1", AF_INET6 },
};

typedef union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} Address;

static socklen_t
address(const char *text, int family, guint16 port, Address *out)
{
        *out = (Address){ .any.sa_family = (sa_family_t)family };
        void *bytes = family == AF_INET ? (void *)&out->v4.sin_addr : (void *)&out->v6.sin6_addr;

        g_assert_cmpint(inet_pton(family, text, bytes), ==, 1);
        if (family == AF_INET)
                out->v4.sin_port = htons(port);
        else
                out->v6.sin6_port = htons(port);
        return family == AF_INET ? sizeof out->v4 : sizeof out->v6;
}

static int
listen_at(const char *text, guint16 *port_out)
{
        int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
        int no = 0, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        Address at;
        socklen_t size = address(text, family, 0, &at);

        if (family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
        if (bind(fd, &at.any, size) != 0) {
                close(fd);
                return -1;
        }
        g_assert_cmpint(listen(fd, 5), ==, 0);
        size = sizeof at;
        g_assert_cmpint(getsockname(fd, &at.any, &size), ==, 0);
        *port_out = ntohs(family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
        return fd;
}

static int
connect_to(const Road *road, guint16 port)
{
        int fd = socket(road->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        Address at;
        socklen_t size = address(road->connect, road->family, port, &at);

        g_assert_cmpint(connect(fd, &at.any, size), ==, 0);
        return fd;
}

/* A connection by a road: the server's end, and the client's into *far_out. -1: no IPv6 here. */
static int
open_road(const Road *road, int *far_out)
{
        guint16 port;
        int door = listen_at(road->listen, &port);

        if (door < 0)
                return -1;
        *far_out = connect_to(road, port);
        int near = accept(door, NULL, NULL);
        g_assert_cmpint(near, >=, 0);
        close(door);
        return near;
}

static const HttpPeerWay ways[] = { HTTP_PEER_ASKED, HTTP_PEER_LISTED };

static void
every_road(void)
{
        for (guint i = 0; i < G_N_ELEMENTS(roads); i++) {
                int far = -1, near = open_road(&roads[i], &far);

                for (guint w = 0; near >= 0 && w < G_N_ELEMENTS(ways); w++) {
                        guint32 uid = 77;

                        g_test_message("%s from %s, way %u", roads[i].connect, roads[i].listen, w);
                        g_assert_true(http_peer_look(near, ways[w], &uid));
                        g_assert_cmpuint(uid, ==, getuid());
                }
                if (near >= 0) {
                        close(near);
                        close(far);
                }
        }
}

static void
expect_nobody(int fd)
{
        g_autoptr(GError) error = NULL;
        guint32 uid;

        g_assert_false(http_peer_look(fd, HTTP_PEER_ASKED, &uid));
        g_assert_false(http_peer_look(fd, HTTP_PEER_LISTED, &uid));
        g_assert_false(http_peer_user(fd, &uid, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_DENIED);
}

/* A socket that nobody holds any more is shown as user 0's: it must be nobody's. */
static void
gone(void)
{
        for (guint i = 0; i < G_N_ELEMENTS(roads); i++) {
                const struct linger at_once = { .l_onoff = 1 };
                int far = -1, near = open_road(&roads[i], &far);

                if (near < 0)
                        continue;
                close(far);
                expect_nobody(near);
                close(near);
                near = open_road(&roads[i], &far);
                setsockopt(far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
                close(far);
                expect_nobody(near);
                close(near);
        }
}

static void
gone_with_data_on_the_road(void)
{
        int small = 2048, far = -1, near = open_road(&roads[0], &far);
        char bytes[64 * 1024] = { 0 };

        /* Until the near end takes no more, so that the end of the stream waits behind it. */
        setsockopt(near, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        while (send(far, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
                continue;
        close(far);
        expect_nobody(near);
        close(near);
}

static void
half_shut(void)
{
        int far = -1, near = open_road(&roads[0], &far);

        shutdown(far, SHUT_WR);
        expect_nobody(near);
        close(far);
        close(near);
        expect_nobody(-1);
}

static void
of_another_user(void)
{
        if (getuid() != 0) {
                g_test_skip("only root can become another user");
                return;
        }
        for (guint i = 0; i < G_N_ELEMENTS(roads); i++) {
                guint16 port;
                int door = listen_at(roads[i].listen, &port), word[2];

                if (door < 0)
                        continue;
                g_assert_cmpint(pipe(word), ==, 0);
                pid_t child = fork();
                if (child == 0) {
                        char byte;

                        close(word[1]);
                        if (setuid(OTHER_USER) != 0)
                                _exit(1);
                        connect_to(&roads[i], port);
                        _exit(read(word[0], &byte, 1) == 0 ? 0 : 1);
                }
                close(word[0]);
                int near = accept(door, NULL, NULL), status;
                for (guint w = 0; w < G_N_ELEMENTS(ways); w++) {
                        guint32 uid = 0;

                        g_assert_true(http_peer_look(near, ways[w], &uid));
                        g_assert_cmpuint(uid, ==, OTHER_USER);
                }
                close(word[1]);
                g_assert_cmpint(waitpid(child, &status, 0), ==, child);
                g_assert_cmpint(status, ==, 0);
                expect_nobody(near);
                close(near);
                close(door);
        }
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/net/http_peer/every-road", every_road);
        g_test_add_func("/net/http_peer/gone-is-nobody", gone);
        g_test_add_func("/net/http_peer/gone-with-data-on-the-road", gone_with_data_on_the_road);
        g_test_add_func("/net/http_peer/half-shut-is-nobody", half_shut);
        g_test_add_func("/net/http_peer/of-another-user", of_another_user);
        return g_test_run();
}
