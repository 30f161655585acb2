/* http_target.c - decodes the target of a request line, once, in one place.
 *
 * What leaves here as a path cannot climb out of a folder that it is appended to: no ".."
 * segment, no NUL. Control characters are told of, and refused by most servers.
 */
#include "net/http_target.h"

#include <string.h>

/* More arguments than any interface of ours has. */
#define MAX_ARGUMENTS 256

/* Percent-decodes size bytes; NULL for a bad percent sign or a NUL. */
static char *
decode(const char *text, gsize size, bool is_query)
{
        g_autofree char *out = g_malloc(size + 1);
        gsize n = 0;

        for (gsize i = 0; i < size; i++) {
                guchar c = (guchar)text[i];

                if (c == '%') {
                        if (i + 2 >= size || !g_ascii_isxdigit(text[i + 1]) ||
                            !g_ascii_isxdigit(text[i + 2]))
                                return NULL;
                        c = (guchar)(g_ascii_xdigit_value(text[i + 1]) << 4 |
                                     g_ascii_xdigit_value(text[i + 2]));
                        i += 2;
                } else if (c == '+' && is_query) {
                        c = ' ';
                }
                if (c == 0)
                        return NULL;
                out[n++] = (char)c;
        }
        out[n] = '\0';
        return g_steal_pointer(&out);
}

static bool
has_control(const char *path)
{
        for (const char *p = path; *p; p++) {
                if (g_ascii_iscntrl(*p))
                        return true;
        }
        return false;
}

static bool
climbs(const char *path)
{
        for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2) {
                bool begins = at == path || at[-1] == '/';
                bool ends = at[2] == '\0' || at[2] == '/';

                if (begins && ends)
                        return true;
        }
        return false;
}

/* Where the path of an absolute target begins; the text itself for any other. */
static const char *
skip_authority(const char *raw)
{
        const char *at = raw;

        if (g_ascii_strncasecmp(raw, "http://", 7) == 0)
                at += 7;
        else if (g_ascii_strncasecmp(raw, "https://", 8) == 0)
                at += 8;
        else
                return raw;
        return at + strcspn(at, "/?");
}

static bool
read_query(HttpTarget *out)
{
        const char *at = out->raw_query;

        out->query = g_ptr_array_new_with_free_func(g_free);
        while (*at != '\0') {
                gsize size = strcspn(at, "&");
                const char *equals = memchr(at, '=', size);
                gsize name_size = equals ? (gsize)(equals - at) : size;
                char *name = decode(at, name_size, true);
                char *value =
                        equals ? decode(equals + 1, size - name_size - 1, true) : g_strdup("");

                if (name == NULL || value == NULL || out->query->len >= 2 * MAX_ARGUMENTS) {
                        g_free(name);
                        g_free(value);
                        return false;
                }
                g_ptr_array_add(out->query, name);
                g_ptr_array_add(out->query, value);
                at += size + (at[size] == '&');
        }
        return true;
}

bool
http_target_read(const char *raw, HttpTarget *out, GError **error)
{
        const char *path = skip_authority(raw);
        gsize size = strcspn(path, "?");

        *out = (HttpTarget){ 0 };
        out->raw_path = size > 0 ? g_strndup(path, size) : g_strdup("/");
        out->path = decode(out->raw_path, strlen(out->raw_path), false);
        if (path[size] == '?')
                out->raw_query = g_strdup(path + size + 1);
        if (out->path == NULL)
                return uk_fail(error, UK_ERROR_INVALID, "the path has a bad percent sign or a NUL");
        out->has_control = has_control(out->path);
        if (out->raw_path[0] != '/' && strcmp(out->raw_path, "*") != 0)
                return uk_fail(error, UK_ERROR_INVALID, "the path does not begin with '/'");
        if (climbs(out->path))
                return uk_fail(error, UK_ERROR_INVALID, "the path has a \"..\" segment");
        if (out->raw_query != NULL && !read_query(out))
                return uk_fail(error, UK_ERROR_INVALID,
                               "the query has a bad percent sign, a NUL or more than "
                               "%d arguments",
                               MAX_ARGUMENTS);
        return true;
}

void
http_target_clear(HttpTarget *target)
{
        g_free(target->path);
        g_free(target->raw_path);
        g_free(target->raw_query);
        if (target->query != NULL)
                g_ptr_array_unref(target->query);
        *target = (HttpTarget){ 0 };
}

const char *
http_target_query(const HttpTarget *target, const char *name)
{
        const GPtrArray *query = target->query;

        for (guint i = 0; query != NULL && i < query->len; i += 2) {
                if (strcmp(query->pdata[i], name) == 0)
                        return query->pdata[i + 1];
        }
        return NULL;
}
