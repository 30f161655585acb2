/* mime.h - multipart bodies: the parts of a client's message, taken apart and put together. */
#pragma once

#include "base/error.h"

#define MIME_MAX_PARTS 8

typedef struct {
        char *content_type; /* "" if the part has none */
        const void *data;   /* borrowed */
        gsize size;
} MimePart;

/* Takes the body of a multipart message apart by the boundary of its content type. The parts point
 * into data; the caller frees the array. PARSE when the type is no multipart, a boundary or a
 * blank line is missing; LIMIT above MIME_MAX_PARTS. */
GPtrArray *
mime_read(const void *data, gsize size, const char *content_type, GError **error) UK_MUST_USE;
/* Puts parts together, with the boundary that clients of this kind use (another where a part
 * happens to contain it). *content_type_out is the caller's, as are the bytes. */
GBytes *mime_write(const MimePart *parts, guint count, char **content_type_out);
