/* mime.c - multipart/mixed (RFC 2046) as clients and management points speak it.
 *
 * Parts are bytes: no transfer encoding, no nesting. Comes in hostile: the number of parts and the
 * length of their heads are bounded, everything stays within the buffer.
 */
#include "wire/mime.h"

#include <string.h>

#define USUAL_BOUNDARY "aAbBcCdDv1234567890VxXyYzZ"
#define MAX_BOUNDARY   70
#define MAX_HEAD       4096

static void
part_free(gpointer data)
{
        MimePart *part = data;

        g_free(part->content_type);
        g_free(part);
}

/* --- the boundary in a content type --- */

/* The value of a parameter: quoted or a token. */
static char *
parameter_value(const char *at)
{
        if (*at == '"') {
                const char *end = strchr(at + 1, '"');

                return end != NULL ? g_strndup(at + 1, (gsize)(end - at - 1)) : NULL;
        }
        return g_strndup(at, strcspn(at, "; \t"));
}

static char *
find_boundary(const char *content_type, GError **error)
{
        const char *at = content_type;
        char *value = NULL;

        if (content_type == NULL || g_ascii_strncasecmp(content_type, "multipart/", 10) != 0) {
                uk_fail(error, UK_ERROR_PARSE, "the content type '%s' is no multipart",
                        content_type ? content_type : "");
                return NULL;
        }
        while (value == NULL && (at = strchr(at, ';')) != NULL) {
                at += strspn(at, "; \t");
                if (g_ascii_strncasecmp(at, "boundary=", 9) == 0)
                        value = parameter_value(at + 9);
        }
        if (value == NULL || *value == '\0' || strlen(value) > MAX_BOUNDARY) {
                g_free(value);
                uk_fail(error, UK_ERROR_PARSE, "the content type '%s' has no usable boundary",
                        content_type);
                return NULL;
        }
        return value;
}

/* --- parts --- */

typedef struct {
        const char *at;
        const char *end;
        char *delimiter; /* "\r\n--boundary" */
        gsize delimiter_size;
} Cursor;

/* Whether the text behind a boundary makes it one: the end of its line, or "--". */
static bool
ends_boundary(const char *at, const char *end)
{
        if (end - at >= 2 && memcmp(at, "--", 2) == 0)
                return true;
        while (at < end && (*at == ' ' || *at == '\t'))
                at++;
        return end - at >= 2 && memcmp(at, "\r\n", 2) == 0;
}

/* The next delimiter from the cursor on, or NULL. */
static const char *
find_delimiter(const Cursor *c)
{
        const char *at = c->at;

        while ((at = memmem(at, (gsize)(c->end - at), c->delimiter, c->delimiter_size)) != NULL) {
                if (ends_boundary(at + c->delimiter_size, c->end))
                        return at;
                at += c->delimiter_size;
        }
        return NULL;
}

/* Behind the first delimiter, which needs no line before it. */
static bool
skip_preamble(Cursor *c, GError **error)
{
        gsize bare = c->delimiter_size - 2;
        const char *found;

        if ((gsize)(c->end - c->at) >= bare && memcmp(c->at, c->delimiter + 2, bare) == 0 &&
            ends_boundary(c->at + bare, c->end)) {
                c->at += bare;
                return true;
        }
        found = find_delimiter(c);
        if (found == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the boundary does not occur");
        c->at = found + c->delimiter_size;
        return true;
}

/* Behind a delimiter: true at the closing one, else to the next line. */
static bool
is_closing(Cursor *c)
{
        if (memcmp(c->at, "--", 2) == 0)
                return true;
        c->at = (const char *)memchr(c->at, '\n', (gsize)(c->end - c->at)) + 1;
        return false;
}

static char *
type_of_head(const char *head)
{
        g_auto(GStrv) lines = g_strsplit(head, "\r\n", -1);

        for (gsize i = 0; lines[i] != NULL; i++) {
                if (g_ascii_strncasecmp(lines[i], "content-type:", 13) == 0)
                        return g_strdup(g_strstrip(lines[i] + 13));
        }
        return g_strdup("");
}

/* The head up to the blank line; a part may have none at all. */
static bool
read_head(Cursor *c, MimePart *part, GError **error)
{
        gsize left = MIN((gsize)(c->end - c->at), MAX_HEAD);
        const char *blank = memmem(c->at, left, "\r\n\r\n", 4);
        g_autofree char *head = NULL;

        if (left >= 2 && memcmp(c->at, "\r\n", 2) == 0) {
                c->at += 2;
                part->content_type = g_strdup("");
                return true;
        }
        if (blank == NULL)
                return uk_fail(error, UK_ERROR_PARSE,
                               "a part has no blank line within its first %d bytes", MAX_HEAD);
        head = g_strndup(c->at, (gsize)(blank - c->at));
        part->content_type = type_of_head(head);
        c->at = blank + 4;
        return true;
}

static bool
read_part(Cursor *c, GPtrArray *parts, GError **error)
{
        MimePart *part;
        const char *end;

        if (parts->len == MIME_MAX_PARTS)
                return uk_fail(error, UK_ERROR_LIMIT, "more than %d parts", MIME_MAX_PARTS);
        part = g_new0(MimePart, 1);
        g_ptr_array_add(parts, part);
        if (!read_head(c, part, error))
                return false;
        c->at -= 2; /* an empty part's line end is the delimiter's */
        end = find_delimiter(c);
        if (end == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the closing boundary is missing");
        c->at += 2;
        part->data = c->at;
        part->size = end >= c->at ? (gsize)(end - c->at) : 0;
        c->at = end + c->delimiter_size;
        return true;
}

static bool
read_parts(Cursor *c, GPtrArray *parts, GError **error)
{
        if (!skip_preamble(c, error))
                return false;
        while (!is_closing(c)) {
                if (!read_part(c, parts, error))
                        return false;
        }
        return true;
}

GPtrArray *
mime_read(const void *data, gsize size, const char *content_type, GError **error)
{
        UK_DOING(error, "multipart message");
        g_autofree char *boundary = find_boundary(content_type, error);
        g_autofree char *delimiter = NULL;
        g_autoptr(GPtrArray) parts = NULL;

        if (boundary == NULL)
                return NULL;
        delimiter = g_strconcat("\r\n--", boundary, NULL);
        parts = g_ptr_array_new_with_free_func(part_free);
        if (size == 0)
                data = ""; /* an empty body may come without an address */
        Cursor c = { data, (const char *)data + size, delimiter, strlen(delimiter) };
        return read_parts(&c, parts, error) ? g_steal_pointer(&parts) : NULL;
}

/* --- writing --- */

static bool
occurs(const MimePart *parts, guint count, const char *boundary)
{
        for (guint i = 0; i < count; i++) {
                if (memmem(parts[i].data, parts[i].size, boundary, strlen(boundary)) != NULL)
                        return true;
        }
        return false;
}

static char *
choose_boundary(const MimePart *parts, guint count)
{
        char *boundary = g_strdup(USUAL_BOUNDARY);

        for (guint n = 1; occurs(parts, count, boundary); n++) {
                g_free(boundary);
                boundary = g_strdup_printf("%s%u", USUAL_BOUNDARY, n);
        }
        return boundary;
}

static void
append(GByteArray *out, const void *data, gsize size)
{
        g_byte_array_append(out, data, (guint)size);
}

GBytes *
mime_write(const MimePart *parts, guint count, char **content_type_out)
{
        g_autofree char *boundary = choose_boundary(parts, count);
        g_autofree char *closing = g_strdup_printf("--%s--\r\n", boundary);
        GByteArray *out = g_byte_array_new();

        for (guint i = 0; i < count; i++) {
                g_autofree char *head = g_strdup_printf("--%s\r\ncontent-type: %s\r\n\r\n",
                                                        boundary, parts[i].content_type);

                append(out, head, strlen(head));
                append(out, parts[i].data, parts[i].size);
                append(out, "\r\n", 2);
        }
        append(out, closing, strlen(closing));
        *content_type_out = g_strdup_printf("multipart/mixed; boundary=\"%s\"", boundary);
        return g_byte_array_free_to_bytes(out);
}
