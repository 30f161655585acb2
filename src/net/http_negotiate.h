/* http_negotiate.h - the small texts of headers by which client and server agree. */
#pragma once

#include "base/error.h"

/* True if an Accept-Encoding header (NULL: none) takes that coding with a weight above 0. */
bool http_negotiate_coding(const char *header, const char *coding);
/* True if an If-None-Match or If-Match list (NULL: none) has the quoted tag or is "*". Weak and
 * strong forms of one tag match unless strong is demanded. */
bool http_negotiate_etag(const char *header, const char *etag, bool strong);
/* True if bytes of that type shrink when compressed: text, XML, JSON, scripts. */
bool http_negotiate_is_text(const char *content_type);
/* A time of HTTP ("Tue, 15 Nov 1994 08:12:31 GMT") from seconds since 1970, the caller's; and
 * back: -1 when the text has not that form. */
char *http_negotiate_date(gint64 seconds);
gint64 http_negotiate_read_date(const char *text);
