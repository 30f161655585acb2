/* http_range.h - the Range header and its kin: which parts of a thing are wanted.
 *
 * Texts of clients (Range) and of servers (Content-Range) come in, numbers go out; hostile both.
 */
#pragma once

#include "base/error.h"

/* More parts in one request are a nuisance, not a download: the whole is sent then. */
#define HTTP_RANGE_MAX 64

typedef struct {
        gint64 first;
        gint64 length;
} HttpRange;

typedef enum {
        HTTP_RANGE_WHOLE, /* no header, or one that is to be ignored: 200 */
        HTTP_RANGE_PARTS, /* 206 */
        HTTP_RANGE_NONE,  /* none of the parts exists: 416 */
} HttpRangeVerdict;

/* Reads a Range header (NULL: none) for a thing of size bytes. With PARTS, parts holds *count_out
 * of them, 1 or more, each within the thing, in the order asked for; together they are not longer
 * than the thing. */
HttpRangeVerdict
http_range_read(const char *header, gint64 size, HttpRange parts[HTTP_RANGE_MAX], guint *count_out);
/* Reads "bytes 0-99/1000"; *total_out is -1 for "*". False when it has not that form. */
bool http_range_content(const char *header, gint64 *first_out, gint64 *last_out, gint64 *total_out);
