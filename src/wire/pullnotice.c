/* pullnotice.c - the notification of a pull distribution point, written by the site and read at the
 * distribution point.
 *
 * The reader is strict, because IDs become names of files there and addresses are called: whatever
 * is not as 92-state-messages 6.1 has it is refused whole, and nothing is guessed.
 */
#include "wire/pullnotice.h"

#include <string.h>

#include "wire/xml.h"

#define PACKAGES    "/SMS_DP_SMSPKG$/"
#define SERVER_TYPE "Windows NT Server" /* kept for traces; readers pass it over (OQ-X11) */
#define MAX_TEXT    4096
#define MAX_ID      128
#define MAX_HOST    255

static void
source_free(gpointer data)
{
        PullNoticeSource *source = data;

        g_free(source->url);
        g_free(source);
}

static void
content_free(gpointer data)
{
        PullNoticeContent *content = data;

        g_free(content->content_id);
        g_free(content->related_id);
        g_ptr_array_unref(content->sources);
        g_free(content);
}

PullNotice *
pullnotice_new(const char *package_id, gint64 version)
{
        PullNotice *notice = g_new0(PullNotice, 1);

        notice->package_id = g_strdup(package_id);
        notice->version = version;
        notice->priority = 2;
        notice->package_type = g_strdup("content");
        notice->sddl = g_strdup("");
        notice->hash = g_strdup("");
        notice->share_name = g_strdup("");
        notice->share_type = 1;
        notice->trace = g_strdup("");
        notice->contents = g_ptr_array_new_with_free_func(content_free);
        return notice;
}

void
pullnotice_free(PullNotice *notice)
{
        if (notice == NULL)
                return;
        g_free(notice->package_id);
        g_free(notice->package_type);
        g_free(notice->sddl);
        g_free(notice->hash);
        g_free(notice->share_name);
        g_free(notice->trace);
        g_ptr_array_unref(notice->contents);
        g_free(notice);
}

PullNoticeContent *
pullnotice_add_content(PullNotice *notice, const char *content_id, const char *related_id)
{
        PullNoticeContent *content = g_new0(PullNoticeContent, 1);

        content->content_id = g_strdup(content_id);
        content->related_id = g_strdup(related_id != NULL ? related_id : "");
        content->sources = g_ptr_array_new_with_free_func(source_free);
        g_ptr_array_add(notice->contents, content);
        return content;
}

static void
add_source(PullNoticeContent *content, char *url_take, int rank, bool https)
{
        PullNoticeSource *source = g_new0(PullNoticeSource, 1);

        source->url = url_take;
        source->rank = rank;
        source->https = https;
        g_ptr_array_add(content->sources, source);
}

void
pullnotice_add_source(PullNoticeContent *content, const char *base, int rank)
{
        g_autofree char *bare = g_strdup(base);

        while (g_str_has_suffix(bare, "/"))
                bare[strlen(bare) - 1] = '\0';
        add_source(content, g_strconcat(bare, PACKAGES, content->content_id, NULL), rank,
                   g_str_has_prefix(base, "https://"));
}

/* Where the host of an http address begins, and how long it is, port included; NULL for any other
 * text, for a user in it, and for signs that no host has. */
static const char *
host_of(const char *url, gsize *size_out)
{
        const char *host = g_str_has_prefix(url, "https://")  ? url + strlen("https://")
                           : g_str_has_prefix(url, "http://") ? url + strlen("http://")
                                                              : NULL;
        gsize size = 0;

        if (host == NULL)
                return NULL;
        while (g_ascii_isalnum(host[size]) || (host[size] != '\0' && strchr(".-_:[]", host[size])))
                size++;
        if (size == 0 || size > MAX_HOST)
                return NULL;
        *size_out = size;
        return host;
}

char *
pullnotice_source_base(const PullNoticeSource *source)
{
        gsize size;
        const char *host = host_of(source->url, &size);
        g_autofree char *name = host != NULL ? g_strndup(host, size) : NULL;
        const char *behind = name != NULL ? strrchr(name, ']') : NULL;

        if (name == NULL)
                return NULL;
        return g_strconcat(source->https ? "https://" : "http://", name,
                           strchr(behind != NULL ? behind : name, ':') != NULL ? ""
                           : source->https ? ":443"
                                           : ":80",
                           NULL);
}

bool
pullnotice_id_valid(const char *id)
{
        gsize size = strlen(id);

        if (size == 0 || size > MAX_ID || id[0] == '.')
                return false;
        for (const char *at = id; *at != '\0'; at++) {
                if (!g_ascii_isalnum(*at) && *at != '.' && *at != '_' && *at != '-')
                        return false;
        }
        return true;
}

static void
write_source(XmlWriter *w, const PullNoticeSource *source)
{
        xml_open(w, "DPLocation");
        xml_attribute(w, "DPUrl", source->url);
        xml_attribute_int(w, "Rank", source->rank);
        xml_attribute(w, "Type", SERVER_TYPE);
        xml_attribute(w, "Protocol", source->https ? "https" : "http");
        xml_close(w);
}

static void
write_content(XmlWriter *w, const PullNoticeContent *content)
{
        xml_open(w, "PullDPPackageContent");
        xml_attribute(w, "ContentID", content->content_id);
        if (content->related_id[0] != '\0')
                xml_attribute(w, "RelatedContentID", content->related_id);
        for (guint i = 0; i < content->sources->len; i++)
                write_source(w, g_ptr_array_index(content->sources, i));
        xml_close(w);
}

static void
write_package(XmlWriter *w, const PullNotice *notice)
{
        xml_attribute(w, "PackageID", notice->package_id);
        xml_attribute_int(w, "Version", notice->version);
        xml_attribute(w, "Action", notice->redistribute ? "redist" : "add"); /* OQ-D30 */
        xml_attribute(w, "AllowFallback", notice->allow_fallback ? "true" : "false");
        xml_attribute_int(w, "Priority", notice->priority);
        xml_attribute(w, "PackageType", notice->package_type);
        xml_attribute_int(w, "PackageTypeID", notice->package_type_id);
        xml_attribute_int(w, "PackageFlags", notice->package_flags);
        xml_attribute_int(w, "PackageSize", notice->package_size);
        xml_attribute(w, "SDDL", notice->sddl);
        xml_attribute_int(w, "HashAlgorithm", PULLNOTICE_SHA256);
        xml_attribute(w, "Hash", notice->hash);
        xml_attribute_int(w, "ExpandShare", notice->expand_share ? 1 : 0);
        xml_attribute(w, "ShareName", notice->share_name);
        xml_attribute_int(w, "ShareType", notice->share_type);
}

char *
pullnotice_write(const PullNotice *notice) /* DIST-103 */
{
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "PullDPNotification");
        if (notice->trace[0] != '\0') {
                xml_attribute(&w, "xmlns:upkeep", UPKEEP_NS);
                xml_attribute(&w, "upkeep:trace", notice->trace);
        }
        xml_open(&w, "PullDPPackageNotification");
        write_package(&w, notice);
        for (guint i = 0; i < notice->contents->len; i++)
                write_content(&w, g_ptr_array_index(notice->contents, i));
        xml_close(&w);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

/* A text attribute of at most MAX_TEXT bytes, in place of what *out holds. One that must be there
 * is PARSE when it is not. */
static bool
text_of(const XmlNode *node, const char *name, bool must, char **out, GError **error)
{
        g_autofree char *value = xml_attr(node, name);

        if (value == NULL)
                return !must || uk_fail(error, UK_ERROR_PARSE, "there is no attribute %s", name);
        if (strlen(value) > MAX_TEXT)
                return uk_fail(error, UK_ERROR_LIMIT, "%s is longer than %d bytes", name, MAX_TEXT);
        g_free(*out);
        *out = g_steal_pointer(&value);
        return true;
}

static bool
id_of(const XmlNode *node, const char *name, char **out, GError **error)
{
        g_autofree char *value = NULL;

        if (!text_of(node, name, true, &value, error))
                return false;
        if (!pullnotice_id_valid(value))
                return uk_fail(error, UK_ERROR_PARSE, "%s '%.64s' is no ID", name, value);
        g_free(*out);
        *out = g_steal_pointer(&value);
        return true;
}

static bool
number_of(const XmlNode *node, const char *name, gint64 min, gint64 max, gint64 *out,
          GError **error)
{
        g_autofree char *value = xml_attr(node, name);

        if (value == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "there is no attribute %s", name);
        if (!g_ascii_string_to_signed(value, 10, min, max, out, NULL))
                return uk_fail(error, UK_ERROR_PARSE,
                               "%s is '%.32s' and should be a number from %" G_GINT64_FORMAT
                               " to %" G_GINT64_FORMAT,
                               name, value, min, max);
        return true;
}

static bool
small_of(const XmlNode *node, const char *name, int min, int max, int *out, GError **error)
{
        gint64 value;

        if (!number_of(node, name, min, max, &value, error))
                return false;
        *out = (int)value;
        return true;
}

/* One of two words: *out is true for the second. */
static bool
choice_of(const XmlNode *node, const char *name, const char *no, const char *yes, bool *out,
          GError **error)
{
        g_autofree char *value = xml_attr(node, name);

        if (g_strcmp0(value, no) != 0 && g_strcmp0(value, yes) != 0)
                return uk_fail(error, UK_ERROR_PARSE, "%s is '%.32s' and should be %s or %s", name,
                               value != NULL ? value : "", no, yes);
        *out = strcmp(value, yes) == 0;
        return true;
}

static bool
read_source(const XmlNode *node, PullNoticeContent *content, GError **error)
{
        g_autofree char *url = NULL;
        int rank = 0;
        bool https = false;
        gsize size = 0;
        const char *host;

        if (!text_of(node, "DPUrl", true, &url, error) ||
            !small_of(node, "Rank", 0, G_MAXINT, &rank, error) ||
            !choice_of(node, "Protocol", "http", "https", &https, error))
                return false;
        host = host_of(url, &size);
        if (host == NULL || !g_str_has_prefix(host + size, PACKAGES) ||
            strcmp(host + size + strlen(PACKAGES), content->content_id) != 0)
                return uk_fail(error, UK_ERROR_PARSE, "'%.200s' is no address of content %s", url,
                               content->content_id);
        if (content->sources->len == PULLNOTICE_MAX_SOURCES)
                return uk_fail(error, UK_ERROR_LIMIT, "content %s has more than %d sources",
                               content->content_id, PULLNOTICE_MAX_SOURCES);
        add_source(content, g_steal_pointer(&url), rank, https);
        return true;
}

static bool
read_content(const XmlNode *node, PullNotice *notice, GError **error)
{
        g_autofree char *id = NULL;
        g_autofree char *related = xml_attr_value(node, "RelatedContentID");
        PullNoticeContent *content;

        if (!id_of(node, "ContentID", &id, error))
                return false;
        if (related[0] != '\0' && !pullnotice_id_valid(related))
                return uk_fail(error, UK_ERROR_PARSE, "RelatedContentID '%.64s' is no ID", related);
        if (notice->contents->len == PULLNOTICE_MAX_CONTENTS)
                return uk_fail(error, UK_ERROR_LIMIT, "more than %d content items",
                               PULLNOTICE_MAX_CONTENTS);
        content = pullnotice_add_content(notice, id, related);
        for (const XmlNode *at = xml_child(node, "DPLocation"); at != NULL;
             at = xml_next(at, "DPLocation")) {
                if (!read_source(at, content, error))
                        return false;
        }
        return true;
}

static bool
read_hash(const XmlNode *node, PullNotice *notice, GError **error)
{
        gint64 algorithm;

        if (!number_of(node, "HashAlgorithm", PULLNOTICE_SHA256, PULLNOTICE_SHA256, &algorithm,
                       error) ||
            !text_of(node, "Hash", true, &notice->hash, error))
                return false;
        if (strlen(notice->hash) != 64 ||
            strspn(notice->hash, "0123456789ABCDEFabcdef") != strlen(notice->hash))
                return uk_fail(error, UK_ERROR_PARSE, "Hash is no SHA-256");
        for (char *at = notice->hash; *at != '\0'; at++)
                *at = g_ascii_toupper(*at);
        return true;
}

static bool
read_package(const XmlNode *node, PullNotice *notice, GError **error)
{
        return id_of(node, "PackageID", &notice->package_id, error) &&
               number_of(node, "Version", 1, G_MAXINT64, &notice->version, error) &&
               choice_of(node, "Action", "add", "redist", &notice->redistribute, error) &&
               choice_of(node, "AllowFallback", "false", "true", &notice->allow_fallback, error) &&
               small_of(node, "Priority", 1, 3, &notice->priority, error) &&
               text_of(node, "PackageType", true, &notice->package_type, error) &&
               small_of(node, "PackageTypeID", 0, G_MAXINT, &notice->package_type_id, error) &&
               number_of(node, "PackageFlags", 0, G_MAXINT64, &notice->package_flags, error) &&
               number_of(node, "PackageSize", 0, G_MAXINT64, &notice->package_size, error) &&
               text_of(node, "SDDL", false, &notice->sddl, error) &&
               read_hash(node, notice, error) &&
               choice_of(node, "ExpandShare", "0", "1", &notice->expand_share, error) &&
               text_of(node, "ShareName", false, &notice->share_name, error) &&
               small_of(node, "ShareType", 0, G_MAXINT, &notice->share_type, error);
}

/* Each content item once: two jobs for one would stand in each other's way. */
static bool
each_once(const PullNotice *notice, GError **error)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        if (notice->contents->len == 0)
                return uk_fail(error, UK_ERROR_PARSE, "there is no content item");
        for (guint i = 0; i < notice->contents->len; i++) {
                PullNoticeContent *content = g_ptr_array_index(notice->contents, i);

                if (!g_hash_table_add(seen, content->content_id))
                        return uk_fail(error, UK_ERROR_PARSE, "content %s is named twice",
                                       content->content_id);
        }
        return true;
}

static bool
read_notice(const XmlNode *root, PullNotice *notice, GError **error)
{
        const XmlNode *package = xml_child(root, "PullDPPackageNotification");

        if (package == NULL || xml_next(package, "PullDPPackageNotification") != NULL)
                return uk_fail(error, UK_ERROR_PARSE, "there is not one PullDPPackageNotification");
        if (!text_of(root, "trace", false, &notice->trace, error) ||
            !read_package(package, notice, error))
                return false;
        for (const XmlNode *node = xml_child(package, "PullDPPackageContent"); node != NULL;
             node = xml_next(node, "PullDPPackageContent")) {
                if (!read_content(node, notice, error))
                        return false;
        }
        return each_once(notice, error);
}

PullNotice *
pullnotice_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading the notification of a pull distribution point");
        g_autoptr(XmlDoc) doc =
                xml_read_root(data, size, PULLNOTICE_MAX_BYTES, "PullDPNotification", error);
        g_autoptr(PullNotice) notice = doc != NULL ? pullnotice_new("", 0) : NULL;

        if (notice == NULL || !read_notice(xml_root(doc), notice, error))
                return NULL;
        return g_steal_pointer(&notice);
}
