/* bench_serve_load.c - a load of GET requests over connections that stay open; for bench_serve.py.
 *
 *     bench_serve_load PORT CONNECTIONS SECONDS RANGE PATHS
 *
 * PATHS is a file with a path a line, asked for in turn; RANGE above 0 asks for so many bytes at an
 * offset that moves through the file, whose size stands behind the path. Prints requests, bytes of
 * bodies and seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench.h"

#define BUFFER (256 * 1024)

typedef struct {
        int fd;
        char head[4096];
        gsize head_size;
        gint64 left; /* bytes of the body to come; -1: in the head */
} Link;

static GPtrArray *paths;
static guint next_path;
static gint64 range_size, range_at;
static gint64 requests, bytes;
static char buffer[BUFFER];

static int
connect_to(int port)
{
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((guint16)port) };
        int yes = 1;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        bench_must(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0, NULL);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return fd;
}

static void
ask(Link *link)
{
        const char *line = paths->pdata[next_path++ % paths->len];
        const char *blank = strchr(line, ' ');
        gint64 size = g_ascii_strtoll(blank, NULL, 10);
        g_autofree char *range = NULL;
        g_autofree char *request = NULL;

        if (range_size > 0) {
                range = g_strdup_printf("Range: bytes=%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT
                                        "\r\n",
                                        range_at, range_at + range_size - 1);
                range_at = (range_at + 7 * range_size) % (size - range_size);
        }
        request = g_strdup_printf("GET %.*s HTTP/1.1\r\nHost: bench\r\n%s\r\n", (int)(blank - line),
                                  line, range != NULL ? range : "");
        bench_must(send(link->fd, request, strlen(request), 0) == (ssize_t)strlen(request), NULL);
        link->head_size = 0;
        link->left = -1;
}

/* The head is whole: how long the body is; what of it came with the head. */
static gsize
read_head(Link *link)
{
        const char *end = memmem(link->head, link->head_size, "\r\n\r\n", 4);

        if (end == NULL)
                return 0;
        bench_must(memcmp(link->head, "HTTP/1.1 20", 11) == 0, NULL);
        link->head[end - link->head] = '\0';
        const char *length = strcasestr(link->head, "\r\ncontent-length:");
        bench_must(length != NULL, NULL);
        link->left = g_ascii_strtoll(length + 17, NULL, 10);
        return link->head_size - (gsize)(end + 4 - link->head);
}

static void
take(Link *link, gsize got)
{
        link->left -= (gint64)got;
        bytes += (gint64)got;
        bench_must(link->left >= 0, NULL);
        if (link->left == 0) {
                requests++;
                ask(link);
        }
}

static void
on_readable(Link *link)
{
        ssize_t got;

        if (link->left < 0) {
                got = recv(link->fd, link->head + link->head_size,
                           sizeof link->head - 1 - link->head_size, MSG_DONTWAIT);
                if (got < 0 && errno == EAGAIN)
                        return;
                bench_must(got > 0, NULL);
                link->head_size += (gsize)got;
                gsize rest = read_head(link);
                if (link->left >= 0)
                        take(link, rest);
                return;
        }
        got = recv(link->fd, buffer, BUFFER, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
                return;
        bench_must(got > 0, NULL);
        take(link, (gsize)got);
}

int
main(int argc, char **argv)
{
        g_autofree char *text = NULL;
        int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event events[64];

        bench_must(argc == 6 && g_file_get_contents(argv[5], &text, NULL, NULL), NULL);
        int count = atoi(argv[2]);
        gint64 end = atoi(argv[3]) * UK_SECOND;
        range_size = atoi(argv[4]);
        g_auto(GStrv) lines = g_strsplit(g_strstrip(text), "\n", -1);
        paths = g_ptr_array_new();
        for (char **line = lines; *line != NULL; line++)
                g_ptr_array_add(paths, *line);
        g_autofree Link *links = g_new0(Link, count);
        gint64 began = uk_clock_mono();
        for (int i = 0; i < count; i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = &links[i] };

                links[i].fd = connect_to(atoi(argv[1]));
                epoll_ctl(epoll_fd, EPOLL_CTL_ADD, links[i].fd, &event);
                ask(&links[i]);
        }
        while (uk_clock_mono() - began < end) {
                int ready = epoll_wait(epoll_fd, events, G_N_ELEMENTS(events), 1000);

                for (int i = 0; i < ready; i++)
                        on_readable(events[i].data.ptr);
        }
        printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %.6f\n", requests, bytes,
               (double)(uk_clock_mono() - began) / UK_SECOND);
        g_ptr_array_unref(paths);
        return 0;
}
