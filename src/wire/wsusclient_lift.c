/* wsusclient_lift.c - takes the long list out of a SyncUpdates before it is read as XML.
 *
 * Only where every occurrence of the start tag can be nothing else: in a document without comments,
 * CDATA, document type and processing instructions a "<" begins a tag. Whatever looks different
 * from what agents send is left to the reader of XML, which is slower and knows all of it.
 */
#include <string.h>

#include "wire/wsusclient_private.h"

#define START  "<OtherCachedUpdateIDs>"
#define END    "</OtherCachedUpdateIDs>"
#define MARK   "<OtherCachedUpdateIDs lifted=\"true\"/>"
#define BEGIN  "<int>"
#define FINISH "</int>"

#define LENGTH(text_) (sizeof(text_) - 1)

static const char *
find(const char *from, const char *end, const char *text, gsize length)
{
        return from < end ? memmem(from, (gsize)(end - from), text, length) : NULL;
}

static bool
begins(const char *at, const char *end, const char *text, gsize length)
{
        return (gsize)(end - at) >= length && memcmp(at, text, length) == 0;
}

/* One <int>; NULL where there is none. */
static const char *
take_int(const char *at, const char *end, gint64 *value_out)
{
        gint64 value = 0;
        guint digits = 0;

        if (!begins(at, end, BEGIN, LENGTH(BEGIN)))
                return NULL;
        for (at += LENGTH(BEGIN); at < end && *at >= '0' && *at <= '9' && digits < 18; at++) {
                value = value * 10 + (*at - '0');
                digits++;
        }
        *value_out = value;
        return digits > 0 && begins(at, end, FINISH, LENGTH(FINISH)) ? at + LENGTH(FINISH) : NULL;
}

/* The numbers up to the end tag; NULL where anything else stands between. */
static const char *
take_all(const char *at, const char *end, GArray *cached)
{
        gint64 value;

        while (at != NULL && at < end) {
                if (begins(at, end, END, LENGTH(END)))
                        return at + LENGTH(END);
                if (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') {
                        at++;
                        continue;
                }
                at = take_int(at, end, &value);
                if (at != NULL && cached->len == SOAPFIELD_MAX_ITEMS)
                        return NULL;
                if (at != NULL)
                        g_array_append_val(cached, value);
        }
        return NULL;
}

bool
wsusclient_lift_read(const void *data, gsize size, WsusLifted *lifted_out)
{
        const char *text = data, *end = text + size;
        const char *start = find(text, end, START, LENGTH(START)), *rest;
        g_autoptr(GArray) cached = NULL;
        GString *document;

        if (start == NULL || find(text, end, "<!", 2) != NULL ||
            find(text + 1, end, "<?", 2) != NULL || memchr(text, '\0', size) != NULL)
                return false;
        cached = g_array_new(FALSE, FALSE, sizeof(gint64));
        rest = take_all(start + LENGTH(START), end, cached);
        if (rest == NULL)
                return false;
        document = g_string_new_len(text, start - text);
        g_string_append(document, MARK);
        g_string_append_len(document, rest, end - rest);
        lifted_out->size = document->len;
        lifted_out->document = g_string_free(document, FALSE);
        lifted_out->cached = g_steal_pointer(&cached);
        return true;
}

void
wsusclient_lift_clear(WsusLifted *lifted)
{
        g_clear_pointer(&lifted->document, g_free);
        g_clear_pointer(&lifted->cached, g_array_unref);
        lifted->size = 0;
}

void
wsusclient_lift_return(const WsusLifted *lifted, const XmlNode *call, WsusSyncRequest *request)
{
        g_autofree char *mark =
                xml_attr(xml_path(call, "parameters/OtherCachedUpdateIDs"), "lifted");

        if (lifted->cached == NULL || mark == NULL)
                return;
        g_array_unref(request->cached);
        request->cached = g_array_ref(lifted->cached);
}
