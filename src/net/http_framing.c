/* http_framing.c - where a request ends.
 *
 * The library takes the first of several Content-Length fields, prefers a Transfer-Encoding to
 * them, takes a coding that it does not know for a body up to the connection's end, lets a blank
 * stand before the colon, and adds a line that continues a field to the field's name, whose
 * meaning is then lost. Its strict mode (MHD_OPTION_STRICT_FOR_CLIENT) changes none of it, and what
 * that refuses gets an answer with two heads. Here all is found in one pass over the fields.
 */
#include "net/http_framing.h"

#include <stdint.h>
#include <string.h>

#include "base/error.h"

typedef struct {
        unsigned hosts;
        unsigned lengths;
        unsigned codings;
        bool bad_name;
        bool bad_line;
        bool bad_coding;
} Fields;

static bool
is_name(const char *key, size_t size, const char *name, size_t name_size)
{
        return size == name_size && g_ascii_strncasecmp(key, name, size) == 0;
}

#define IS_NAME(key, size, name) is_name(key, size, name, sizeof(name) - 1)

static bool
is_chunked(const char *value, size_t size)
{
        return IS_NAME(value, size, "chunked");
}

/* A field stands in memory as it came, its value behind its name; one that was continued has its
 * name, with the continuation, in another place, which is behind all that was read. */
static bool
is_continued(const char *key, size_t key_size, const char *value)
{
        return (uintptr_t)value <= (uintptr_t)key + key_size;
}

static enum MHD_Result
on_field(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_size, const char *value,
         size_t value_size)
{
        Fields *fields = cls;

        if (is_continued(key, key_size, value) || memchr(value, '\r', value_size) != NULL)
                fields->bad_line = true;
        else if (key_size == 0 || memchr(key, ' ', key_size) != NULL ||
                 memchr(key, '\t', key_size) != NULL)
                fields->bad_name = true;
        else if (IS_NAME(key, key_size, "Host"))
                fields->hosts++;
        else if (IS_NAME(key, key_size, "Content-Length"))
                fields->lengths++;
        else if (IS_NAME(key, key_size, "Transfer-Encoding")) {
                fields->codings++;
                fields->bad_coding |= !is_chunked(value, value_size);
        }
        return MHD_YES;
}

const char *
http_framing_wrong(struct MHD_Connection *connection, const char *version)
{
        bool old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
        Fields fields = { 0 };

        MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_field, &fields);
        if (fields.bad_line)
                return "a header field has a line break in it";
        if (fields.bad_name)
                return "a header field's name is empty or has a blank";
        if (fields.hosts > 1)
                return "there is more than one Host";
        if (fields.hosts == 0 && !old)
                return "there is no Host";
        if (fields.lengths > 1)
                return "there is more than one Content-Length";
        if (fields.codings > 0 && fields.lengths > 0)
                return "there are both Content-Length and Transfer-Encoding";
        if (fields.codings > 1 || fields.bad_coding)
                return "Transfer-Encoding is not chunked; no other coding is known here";
        if (fields.codings > 0 && old)
                return "HTTP/1.0 knows no Transfer-Encoding";
        return NULL;
}
