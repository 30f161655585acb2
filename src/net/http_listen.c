/* http_listen.c - opens the listening socket ourselves, so that a refusal has words. */
#include "net/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"

typedef union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} Address;

/* All addresses of both families where the machine has IPv6, else of IPv4. */
static bool
read_address(const char *text, guint16 port, Address *out)
{
        memset(out, 0, sizeof *out);
        if (text == NULL || inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
                out->v6.sin6_family = AF_INET6;
                out->v6.sin6_port = htons(port);
                return true;
        }
        if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
                out->v4.sin_family = AF_INET;
                out->v4.sin_port = htons(port);
                return true;
        }
        return false;
}

static int
open_socket(const Address *at)
{
        int yes = 1, no = 0;
        int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (at->any.sa_family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
        return fd;
}

static socklen_t
address_size(const Address *at)
{
        return at->any.sa_family == AF_INET6 ? sizeof at->v6 : sizeof at->v4;
}

int
http_listen(const char *address, guint16 port, guint16 *port_out, GError **error)
{
        UK_DOING(error, "listening on %s port %u", address ? address : "all addresses", port);
        Address at;

        if (!read_address(address, port, &at)) {
                uk_fail(error, UK_ERROR_CONFIG, "'%s' is not an IPv4 or IPv6 address", address);
                return -1;
        }
        UK_AUTOFD fd = open_socket(&at);
        if (fd < 0 && errno == EAFNOSUPPORT && address == NULL) {
                read_address("0.0.0.0", port, &at);
                fd = open_socket(&at);
        }
        if (fd < 0 || bind(fd, &at.any, address_size(&at)) < 0 || listen(fd, SOMAXCONN) < 0) {
                if (errno == EADDRINUSE)
                        uk_fail(error, UK_ERROR_BUSY,
                                "another program has this port (ss -ltnp shows which)");
                else
                        uk_fail_errno(error, errno, "it is refused");
                return -1;
        }

        socklen_t size = sizeof at;
        if (getsockname(fd, &at.any, &size) < 0) {
                uk_fail_errno(error, errno, "asking for its port");
                return -1;
        }
        *port_out = ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
        return g_steal_fd(&fd);
}

char *
http_listen_name(const struct sockaddr *address)
{
        char text[INET6_ADDRSTRLEN] = "-";

        if (address == NULL)
                return g_strdup(text);
        if (address->sa_family == AF_INET) {
                const struct sockaddr_in *v4 = (const void *)address;

                inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        } else if (address->sa_family == AF_INET6) {
                const struct sockaddr_in6 *v6 = (const void *)address;

                if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
                        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
                else
                        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        }
        return g_strdup(text);
}
