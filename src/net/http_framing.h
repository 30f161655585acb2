/* http_framing.h - where a request ends: refuses what two readers could read in two ways.
 *
 * A proxy in front of us and we must agree on which bytes are one request's; where they might not,
 * the rest of the connection could be a request that nobody has judged (RFC 9112, 3.2, 6 and 11.2).
 */
#pragma once

#include <microhttpd.h>

/* Why a request's framing or host is refused, which is 400 and the end of the connection; NULL if
 * there is nothing wrong. version is that of its first line ("HTTP/1.1"). */
const char *http_framing_wrong(struct MHD_Connection *connection, const char *version);
