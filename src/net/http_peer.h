/* http_peer.h - whose process holds the other end of a connection on this machine. */
#pragma once

#include "base/error.h"

typedef enum {
        HTTP_PEER_ASKED,  /* by NETLINK_SOCK_DIAG */
        HTTP_PEER_LISTED, /* in /proc/net/tcp and tcp6 */
} HttpPeerWay;

/* The user of the process at the other end of a TCP connection over the loopback interface, while
 * the caller holds ours open. Fails with DENIED where nobody holds that end any more, where it was
 * shut down, and for any other connection. */
bool http_peer_user(int fd, guint32 *uid_out, GError **error) UK_MUST_USE;
/* The same by one way alone; false: not found. */
bool http_peer_look(int fd, HttpPeerWay way, guint32 *uid_out) UK_MUST_USE;
