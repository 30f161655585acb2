/* http_peer.c - whose process holds the other end of a connection on this machine.
 *
 * The kernel is asked for the socket with our two addresses exchanged: by NETLINK_SOCK_DIAG, which
 * finds it at once, else in /proc/net/tcp and tcp6, where the kernel or a container has no more
 * than these. A socket that nobody holds any more is shown there as one of user 0, so only one that
 * is established and has an inode counts.
 */
#include "net/http_peer.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"

/* The kernel's list of sockets may leave one out while others come and go. */
#define LIST_TRIES 3

typedef struct {
        int family;
        guint32 address[4]; /* as on the wire; IPv4: the first */
        guint16 port;
} End;

typedef struct {
        End peer, own;
} Ends;

typedef struct {
        guint32 uid;
        guint64 inode;
} Holder;

/* ---- the two ends ---------------------------------------------------------------------------- */

/* An IPv4 address in IPv6's form becomes one of IPv4: the socket at the other end may be of either
 * family. */
static bool
read_end(const struct sockaddr_storage *from, End *out)
{
        memset(out, 0, sizeof *out);
        if (from->ss_family == AF_INET) {
                const struct sockaddr_in *v4 = (const void *)from;

                out->address[0] = v4->sin_addr.s_addr;
                out->port = v4->sin_port;
        } else if (from->ss_family == AF_INET6) {
                const struct sockaddr_in6 *v6 = (const void *)from;
                bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);

                memcpy(out->address, &v6->sin6_addr.s6_addr[mapped ? 12 : 0], mapped ? 4 : 16);
                out->family = mapped ? AF_INET : AF_INET6;
                out->port = v6->sin6_port;
                return true;
        }
        out->family = from->ss_family;
        return from->ss_family == AF_INET;
}

static bool
is_loopback(const End *end)
{
        if (end->family == AF_INET)
                return ntohl(end->address[0]) >> 24 == IN_LOOPBACKNET;
        return memcmp(end->address, &in6addr_loopback, sizeof end->address) == 0;
}

static bool
read_ends(int fd, Ends *out)
{
        struct sockaddr_storage peer = { 0 }, own = { 0 };
        socklen_t peer_size = sizeof peer, own_size = sizeof own;

        return getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 &&
               getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
               read_end(&peer, &out->peer) && read_end(&own, &out->own) &&
               out->peer.family == out->own.family;
}

/* ---- asked of the kernel --------------------------------------------------------------------- */

static bool
take_answer(const char *buffer, gssize size, const Ends *ends, Holder *out)
{
        const struct nlmsghdr *head = (const void *)buffer;
        const struct inet_diag_msg *found = (const void *)(buffer + NLMSG_HDRLEN);

        if (size < (gssize)(NLMSG_HDRLEN + sizeof *found) ||
            head->nlmsg_type != SOCK_DIAG_BY_FAMILY || head->nlmsg_len > (gsize)size)
                return false;
        *out = (Holder){ found->idiag_uid, found->idiag_inode };
        return found->idiag_state == TCP_ESTABLISHED && found->idiag_inode != 0 &&
               found->id.idiag_sport == ends->peer.port && found->id.idiag_dport == ends->own.port;
}

static bool
ask_kernel(const Ends *ends, Holder *out)
{
        struct {
                struct nlmsghdr head;
                struct inet_diag_req_v2 ask;
        } question = {
                .head = { .nlmsg_len = sizeof question,
                          .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                          .nlmsg_flags = NLM_F_REQUEST },
                .ask = { .sdiag_family = (guint8)ends->peer.family,
                         .sdiag_protocol = IPPROTO_TCP,
                         .idiag_states = ~0U,
                         .id = { .idiag_sport = ends->peer.port,
                                 .idiag_dport = ends->own.port,
                                 .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } }
        };
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        _Alignas(struct nlmsghdr) char answer[4096];
        UK_AUTOFD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

        memcpy(question.ask.id.idiag_src, ends->peer.address, sizeof ends->peer.address);
        memcpy(question.ask.id.idiag_dst, ends->own.address, sizeof ends->own.address);
        if (fd < 0 || sendto(fd, &question, sizeof question, 0, (const struct sockaddr *)&kernel,
                             sizeof kernel) < 0)
                return false;
        /* The kernel has answered by the time the question is sent. */
        return take_answer(answer, recv(fd, answer, sizeof answer, MSG_DONTWAIT), ends, out);
}

/* ---- looked up in the kernel's lists -----------------------------------------------------------
 */

/* "0100007F:1F95", as the lists write an end; an IPv4 address in the list of IPv6 too. */
static void
write_end(const End *end, bool as_v6, char text[48])
{
        guint32 words[4] = { end->address[0], end->address[1], end->address[2], end->address[3] };
        bool mapped = as_v6 && end->family == AF_INET;

        if (mapped) {
                words[3] = words[0];
                words[2] = htonl(0xffff);
                words[0] = words[1] = 0;
        }
        if (as_v6)
                g_snprintf(text, 48, "%08X%08X%08X%08X:%04X", words[0], words[1], words[2],
                           words[3], ntohs(end->port));
        else
                g_snprintf(text, 48, "%08X:%04X", words[0], ntohs(end->port));
}

static bool
search_list(const char *path, bool as_v6, const Ends *ends, Holder *out)
{
        FILE *list = fopen(path, "re");
        g_autofree char *line = NULL;
        gsize room = 0;
        char peer[48], own[48], local[80], remote[80];
        bool found = false;

        if (list == NULL)
                return false;
        write_end(&ends->peer, as_v6, peer);
        write_end(&ends->own, as_v6, own);
        while (!found && getline(&line, &room, list) > 0) {
                unsigned state;

                found = sscanf(line,
                               "%*s %79s %79s %x %*s %*s %*s %" G_GUINT32_FORMAT
                               " %*s %" G_GUINT64_FORMAT,
                               local, remote, &state, &out->uid, &out->inode) == 5 &&
                        state == TCP_ESTABLISHED && out->inode != 0 && strcmp(local, peer) == 0 &&
                        strcmp(remote, own) == 0;
        }
        fclose(list);
        return found;
}

static bool
search_lists(const Ends *ends, Holder *out)
{
        for (int i = 0; i < LIST_TRIES; i++) {
                if (ends->peer.family == AF_INET && search_list("/proc/net/tcp", false, ends, out))
                        return true;
                if (search_list("/proc/net/tcp6", true, ends, out))
                        return true;
        }
        return false;
}

/* ---- both ------------------------------------------------------------------------------------ */

bool
http_peer_look(int fd, HttpPeerWay way, guint32 *uid_out)
{
        Holder first, again;
        struct tcp_info own;
        socklen_t size = sizeof own;
        Ends ends;

        if (!read_ends(fd, &ends) || !is_loopback(&ends.peer) || !is_loopback(&ends.own))
                return false;
        bool (*look)(const Ends *, Holder *) = way == HTTP_PEER_ASKED ? ask_kernel : search_lists;
        /* That the same is there once more says that it was held when its user was read; that our
         * end is established afterwards, that nobody else has got the port of one that is gone. */
        if (!look(&ends, &first) || !look(&ends, &again) || first.uid != again.uid ||
            first.inode != again.inode || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &own, &size) != 0 ||
            own.tcpi_state != TCP_ESTABLISHED)
                return false;
        *uid_out = first.uid;
        return true;
}

bool
http_peer_user(int fd, guint32 *uid_out, GError **error)
{
        return http_peer_look(fd, HTTP_PEER_ASKED, uid_out) ||
               http_peer_look(fd, HTTP_PEER_LISTED, uid_out) ||
               uk_fail(error, UK_ERROR_DENIED,
                       "it is not known whose process is at the other end of this connection: it "
                       "must come from this machine, over the loopback interface, and stay open "
                       "until it is answered");
}
