/* odata.c - the query options and paths of the AdminService. */
#include "provider/odata.h"

#include <string.h>

static bool
parse_count(const char *name, const char *text, gint64 *out, GError **error)
{
        char *end;

        if (text == NULL)
                return true;
        gint64 value = g_ascii_strtoll(text, &end, 10);

        if (end == text || *end != '\0' || value < 0)
                return uk_fail(error, UK_ERROR_INVALID, "%s: '%.40s' is no number of rows", name,
                               text);
        *out = value;
        return true;
}

static bool
parse_order(const char *text, GArray *order, GError **error)
{
        if (text == NULL)
                return true;
        g_auto(GStrv) parts = g_strsplit(text, ",", -1);

        for (char **part = parts; *part != NULL; part++) {
                g_auto(GStrv) words = g_strsplit(g_strstrip(*part), " ", 2);
                const char *way = words[0] != NULL ? words[1] : NULL;

                if (words[0] == NULL ||
                    (way != NULL && !g_str_equal(way, "asc") && !g_str_equal(way, "desc")))
                        return uk_fail(error, UK_ERROR_PARSE,
                                       "$orderby: '%.40s' is not a property with asc or desc",
                                       *part);
                ODataOrder one = { g_strdup(words[0]), g_strcmp0(way, "desc") == 0 };

                g_array_append_val(order, one);
        }
        return true;
}

static void
order_clear(gpointer order)
{
        g_free(((ODataOrder *)order)->property);
}

static bool
parse_options(ODataQuery *query, const char *filter, const char *orderby, const char *top,
              const char *skip, GError **error)
{
        if (filter != NULL && filter[0] != '\0') {
                query->filter = odata_filter_parse(filter, error);
                if (query->filter == NULL)
                        return false;
        }
        return parse_order(orderby, query->order, error) &&
               parse_count("$top", top, &query->top, error) &&
               parse_count("$skip", skip, &query->skip, error);
}

ODataQuery *
odata_query_parse(const char *filter, const char *select, const char *orderby, const char *top,
                  const char *skip, const char *count, GError **error)
{
        g_autoptr(ODataQuery) query = g_new0(ODataQuery, 1);

        query->top = -1;
        query->count = g_strcmp0(count, "true") == 0;
        query->order = g_array_new(FALSE, FALSE, sizeof(ODataOrder));
        g_array_set_clear_func(query->order, order_clear);
        if (select != NULL && select[0] != '\0') {
                query->select = g_strsplit(select, ",", -1);
                for (char **name = query->select; *name != NULL; name++)
                        g_strstrip(*name);
        }
        return parse_options(query, filter, orderby, top, skip, error) ? g_steal_pointer(&query)
                                                                       : NULL;
}

void
odata_query_free(ODataQuery *query)
{
        if (query == NULL)
                return;
        odata_filter_free(query->filter);
        g_strfreev(query->select);
        g_array_unref(query->order);
        g_free(query);
}

bool
odata_selected(const ODataQuery *query, const char *property)
{
        return query->select == NULL ||
               g_strv_contains((const char *const *)query->select, property);
}

/* The key between parentheses: 'text', number, or Name='text'; several keys stay as they are. */
static char *
parse_key(const char *text, gsize size)
{
        g_autofree char *key = g_strndup(text, size);
        const char *equals = strchr(key, '=');
        bool named = equals != NULL && key[0] != '\'' && strchr(equals + 1, '=') == NULL;
        const char *value = named ? equals + 1 : key;
        gsize length = strlen(value);

        if (length < 2 || value[0] != '\'' || value[length - 1] != '\'')
                return g_strdup(value);
        g_autofree char *quoted = g_strndup(value + 1, length - 2);
        g_auto(GStrv) parts = g_strsplit(quoted, "''", -1);

        return g_strjoinv("'", parts);
}

/* Takes "(key)" and a following "/AdminService" and returns what comes behind, NULL if malformed.
 */
static const char *
take_key(const char *at, ODataPath *path)
{
        const char *end = strrchr(at, ')');

        if (end == NULL)
                return NULL;
        path->key = parse_key(at + 1, (gsize)(end - at - 1));
        return g_str_has_prefix(end + 1, "/AdminService.") ? end + 1 + strlen("/AdminService")
                                                           : end + 1;
}

ODataPath *
odata_path_parse(const char *text, GError **error)
{
        g_autoptr(ODataPath) path = g_new0(ODataPath, 1);
        gsize name = strcspn(text, "(./");
        const char *at = text + name;

        path->class_name = g_strndup(text, name);
        if (*at == '(')
                at = take_key(at, path);
        if (at != NULL && *at == '.' && at[1] != '\0')
                path->method = g_strdup(at + 1);
        else if (at == NULL || *at != '\0' || name == 0) {
                uk_fail(error, UK_ERROR_PARSE,
                        "'%.60s' names no class, instance or method; ask for Class, Class('key'), "
                        "Class.Method or Class('key')/AdminService.Method",
                        text);
                return NULL;
        }
        return g_steal_pointer(&path);
}

void
odata_path_free(ODataPath *path)
{
        if (path == NULL)
                return;
        g_free(path->class_name);
        g_free(path->key);
        g_free(path->method);
        g_free(path);
}

/* Reads one value at *at and moves behind it: 'text' with doubled quotes, or up to the comma. */
static char *
take_value(const char **at)
{
        GString *value = g_string_new(NULL);
        const char *p = *at;
        bool quoted = *p == '\'';

        if (quoted)
                p++;
        for (; *p != '\0'; p++) {
                if (quoted && p[0] == '\'' && p[1] == '\'')
                        p++;
                else if (*p == (quoted ? '\'' : ','))
                        break;
                g_string_append_c(value, *p);
        }
        if (quoted && *p == '\'')
                p++;
        *at = p;
        return g_string_free(value, FALSE);
}

char *
odata_key_part(const char *key, const char *name)
{
        for (const char *at = key; at != NULL && *at != '\0';) {
                gsize length = strcspn(at, "=");
                bool mine = strlen(name) == length && strncmp(at, name, length) == 0;

                if (at[length] == '\0')
                        return NULL;
                at += length + 1;
                g_autofree char *value = take_value(&at);

                if (mine)
                        return g_steal_pointer(&value);
                if (*at == ',')
                        at++;
        }
        return NULL;
}
