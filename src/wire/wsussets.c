/* wsussets.c - reads and writes the extension of SyncUpdates: announcement and answer. */
#include "wire/wsussets.h"

#include <string.h>

#include "base/guid.h"
#include "wire/soapfield.h"
#include "wire/wsusclient.h"

#define MAX_ARCHES  32
#define MAX_ORIGINS 1000
#define MAX_SETS    1000
#define MAX_VALUE   1024

/* ---- records ---- */

SetsName *
wsussets_name_new(const char *product, const char *arch, gint64 number, const char *sha256)
{
        SetsName *set = g_new0(SetsName, 1);

        set->product = g_strdup(product);
        set->arch = g_strdup(arch);
        set->number = number;
        set->sha256 = g_strdup(sha256);
        set->url = g_strdup("");
        set->step = g_strdup("");
        return set;
}

void
wsussets_name_free(SetsName *set)
{
        if (set == NULL)
                return;
        g_free(set->product);
        g_free(set->arch);
        g_free(set->sha256);
        g_free(set->url);
        g_free(set->step);
        g_free(set);
}

bool
wsussets_name_equal(const SetsName *a, const SetsName *b)
{
        return a->number == b->number && strcmp(a->sha256, b->sha256) == 0 &&
               strcmp(a->product, b->product) == 0 && strcmp(a->arch, b->arch) == 0;
}

static void
origin_free(gpointer data)
{
        SetsOrigin *origin = data;

        g_free(origin->name);
        g_free(origin->codename);
        g_free(origin->place);
        g_free(origin);
}

static GPtrArray *
sets_new(void)
{
        return g_ptr_array_new_with_free_func((GDestroyNotify)wsussets_name_free);
}

SetsAnnouncement *
wsussets_announcement_new(const char *os_id, const char *os_codename, const char *os_version,
                          const char *const *arches)
{
        SetsAnnouncement *a = g_new0(SetsAnnouncement, 1);

        a->os_id = g_strdup(os_id);
        a->os_codename = g_strdup(os_codename);
        a->os_version = g_strdup(os_version);
        a->arches = g_strdupv((char **)arches);
        a->origins = g_ptr_array_new_with_free_func(origin_free);
        a->held = sets_new();
        return a;
}

void
wsussets_announcement_free(SetsAnnouncement *a)
{
        if (a == NULL)
                return;
        g_free(a->os_id);
        g_free(a->os_codename);
        g_free(a->os_version);
        g_strfreev(a->arches);
        g_ptr_array_unref(a->origins);
        g_ptr_array_unref(a->held);
        g_free(a);
}

void
wsussets_announcement_origin(SetsAnnouncement *a, const char *name, const char *codename,
                             const char *place)
{
        SetsOrigin *origin = g_new0(SetsOrigin, 1);

        origin->name = g_strdup(name);
        origin->codename = g_strdup(codename);
        origin->place = g_strdup(place);
        g_ptr_array_add(a->origins, origin);
}

/* Each value with its length before it, so that no two sayings can run into one text. */
static void
add_key(GString *key, const char *value)
{
        g_string_append_printf(key, "%zu:%s", strlen(value), value);
}

char *
wsussets_announcement_key(const SetsAnnouncement *a)
{
        GString *key = g_string_new(NULL);

        add_key(key, a->os_id);
        add_key(key, a->os_codename);
        add_key(key, a->os_version);
        for (char **arch = a->arches; *arch != NULL; arch++)
                add_key(key, *arch);
        g_string_append_c(key, '\n');
        for (guint i = 0; i < a->origins->len; i++) {
                const SetsOrigin *o = g_ptr_array_index(a->origins, i);

                add_key(key, o->name);
                add_key(key, o->codename);
                add_key(key, o->place);
        }
        g_string_append_c(key, '\n');
        for (guint i = 0; i < a->held->len; i++) {
                const SetsName *s = g_ptr_array_index(a->held, i);

                add_key(key, s->product);
                add_key(key, s->arch);
                add_key(key, s->sha256);
                g_string_append_printf(key, "%" G_GINT64_FORMAT ";", s->number);
        }
        return g_string_free(key, FALSE);
}

/* ---- writing ---- */

static void
write_set(XmlWriter *w, const char *name, const SetsName *set)
{
        xml_open(w, name);
        xml_attribute(w, "Product", set->product);
        xml_attribute(w, "Architecture", set->arch);
        xml_attribute_int(w, "Number", set->number);
        xml_attribute(w, "SHA256", set->sha256);
        if (*set->url != '\0')
                xml_attribute(w, "Url", set->url);
        if (*set->step != '\0')
                xml_attribute(w, "Step", set->step);
        xml_close(w);
}

void
wsussets_announcement_write(XmlWriter *w, const SetsAnnouncement *a)
{
        g_autofree char *arches = g_strjoinv(" ", a->arches);

        xml_open(w, WSUSSETS_ELEMENT);
        xml_attribute(w, "xmlns", UPKEEP_NS);
        xml_open(w, "Machine");
        xml_attribute(w, "ID", a->os_id);
        xml_attribute(w, "Codename", a->os_codename);
        xml_attribute(w, "Version", a->os_version);
        xml_attribute(w, "Architectures", arches);
        xml_close(w);
        for (guint i = 0; i < a->origins->len; i++) {
                const SetsOrigin *o = g_ptr_array_index(a->origins, i);

                xml_open(w, "Origin");
                xml_attribute(w, "Name", o->name);
                xml_attribute(w, "Codename", o->codename);
                xml_attribute(w, "Place", o->place);
                xml_close(w);
        }
        for (guint i = 0; i < a->held->len; i++)
                write_set(w, "Held", g_ptr_array_index(a->held, i));
        xml_close(w);
}

char *
wsussets_answer_write(const GPtrArray *sets, bool unchanged)
{
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, WSUSSETS_ELEMENT);
        xml_attribute(&w, "xmlns", UPKEEP_NS);
        if (unchanged)
                xml_attribute(&w, "Unchanged", "true");
        for (guint i = 0; !unchanged && i < sets->len; i++)
                write_set(&w, "Set", g_ptr_array_index(sets, i));
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

static void
write_cookie(XmlWriter *w, const char *name, const char *cookie, gint64 expires_us)
{
        g_autofree char *expires = soapfield_time(expires_us);

        xml_open(w, name);
        xml_element(w, "Expiration", expires);
        xml_element(w, "EncryptedData", cookie);
        xml_close(w);
}

char *
wsussets_request_write(const char *cookie, const SetsAnnouncement *announcement)
{
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        soap_open(&w, SOAP_PLAIN, "SyncUpdates", WSUSCLIENT_NS);
        write_cookie(&w, "cookie", cookie, 0);
        xml_open(&w, "parameters");
        xml_element(&w, "ExpressQuery", "false");
        xml_element(&w, "SkipSoftwareSync", "false");
        wsussets_announcement_write(&w, announcement);
        xml_close(&w);
        soap_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

char *
wsussets_reply_write(const char *cookie, gint64 expires_us, const char *element)
{
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        soap_open(&w, SOAP_PLAIN, "SyncUpdatesResponse", WSUSCLIENT_NS);
        xml_open(&w, "SyncUpdatesResult");
        xml_element(&w, "Truncated", "false");
        write_cookie(&w, "NewCookie", cookie, expires_us);
        xml_element(&w, "DriverSyncNotNeeded", "true");
        xml_raw(&w, element);
        xml_close(&w);
        soap_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

/* ---- reading ---- */

const XmlNode *
wsussets_find(const XmlNode *node)
{
        for (const XmlNode *n = xml_child(node, WSUSSETS_ELEMENT); n != NULL;
             n = xml_next(n, WSUSSETS_ELEMENT)) {
                if (strcmp(xml_ns(n), UPKEEP_NS) == 0)
                        return n;
        }
        return NULL;
}

static bool
read_value(const XmlNode *node, const char *name, char **out, GError **error)
{
        *out = xml_attr_value(node, name);
        return strlen(*out) <= MAX_VALUE ||
               uk_fail(error, UK_ERROR_LIMIT, "%s of %s is longer than %d bytes", name,
                       xml_name(node), MAX_VALUE);
}

static bool
is_sha256(const char *text)
{
        return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* Names of architectures go into paths of files at the client. */
static bool
is_arch(const char *text)
{
        gsize size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

        return size > 0 && size <= 32 && text[size] == '\0';
}

static SetsName *
read_set(const XmlNode *node, GError **error)
{
        g_autoptr(SetsName) set = g_new0(SetsName, 1);
        g_autofree char *product = NULL, *number = NULL, *sha256 = NULL;

        if (!read_value(node, "Product", &product, error) ||
            !read_value(node, "Architecture", &set->arch, error) ||
            !read_value(node, "Number", &number, error) ||
            !read_value(node, "SHA256", &sha256, error) ||
            !read_value(node, "Url", &set->url, error) ||
            !read_value(node, "Step", &set->step, error))
                return NULL;
        set->product = g_ascii_strdown(product, -1);
        set->sha256 = g_ascii_strdown(sha256, -1);
        if (uk_guid_valid(set->product) && is_arch(set->arch) && is_sha256(set->sha256) &&
            g_ascii_string_to_signed(number, 10, 1, G_MAXINT64, &set->number, NULL))
                return g_steal_pointer(&set);
        uk_fail(error, UK_ERROR_INVALID,
                "a %s names no evaluation set: product '%s', architecture '%s', number '%s', "
                "SHA-256 '%s'",
                xml_name(node), product, set->arch, number, sha256);
        return NULL;
}

/* Reads all elements of that name. */
static bool
read_sets(const XmlNode *node, const char *name, GPtrArray *sets, GError **error)
{
        for (const XmlNode *n = xml_child(node, name); n != NULL; n = xml_next(n, name)) {
                SetsName *set = read_set(n, error);

                if (set == NULL)
                        return false;
                g_ptr_array_add(sets, set);
                if (sets->len > MAX_SETS)
                        return uk_fail(error, UK_ERROR_LIMIT, "more than %d evaluation sets",
                                       MAX_SETS);
        }
        return true;
}

static bool
read_machine(const XmlNode *node, SetsAnnouncement *a, GError **error)
{
        g_autofree char *arches = NULL;

        if (node == NULL)
                return uk_fail(error, UK_ERROR_INVALID, "the announcement names no Machine");
        if (!read_value(node, "ID", &a->os_id, error) ||
            !read_value(node, "Codename", &a->os_codename, error) ||
            !read_value(node, "Version", &a->os_version, error) ||
            !read_value(node, "Architectures", &arches, error))
                return false;
        a->arches = g_strsplit(arches, " ", -1);
        guint count = g_strv_length(a->arches);
        if (count == 0 || count > MAX_ARCHES)
                return uk_fail(error, UK_ERROR_INVALID, "a machine with %u architectures", count);
        for (guint i = 0; i < count; i++) {
                if (!is_arch(a->arches[i]))
                        return uk_fail(error, UK_ERROR_INVALID, "'%s' is no architecture",
                                       a->arches[i]);
        }
        return true;
}

static bool
read_origins(const XmlNode *node, SetsAnnouncement *a, GError **error)
{
        for (const XmlNode *n = xml_child(node, "Origin"); n != NULL; n = xml_next(n, "Origin")) {
                SetsOrigin *origin = g_new0(SetsOrigin, 1);

                g_ptr_array_add(a->origins, origin);
                if (!read_value(n, "Name", &origin->name, error) ||
                    !read_value(n, "Codename", &origin->codename, error) ||
                    !read_value(n, "Place", &origin->place, error))
                        return false;
                if (a->origins->len > MAX_ORIGINS)
                        return uk_fail(error, UK_ERROR_LIMIT, "more than %d origins", MAX_ORIGINS);
        }
        return true;
}

SetsAnnouncement *
wsussets_announcement_read(const XmlNode *node, GError **error)
{
        g_autoptr(SetsAnnouncement) a = g_new0(SetsAnnouncement, 1);

        a->origins = g_ptr_array_new_with_free_func(origin_free);
        a->held = sets_new();
        if (read_machine(xml_child(node, "Machine"), a, error) && read_origins(node, a, error) &&
            read_sets(node, "Held", a->held, error))
                return g_steal_pointer(&a);
        return NULL;
}

/* A client asks nobody but the update point for sets, so a URL is a path there. */
static bool
check_urls(const GPtrArray *sets, GError **error)
{
        for (guint i = 0; i < sets->len; i++) {
                const SetsName *set = g_ptr_array_index(sets, i);

                if (!g_str_has_prefix(set->url, WSUSSETS_PATH) ||
                    (*set->step != '\0' && !g_str_has_prefix(set->step, WSUSSETS_PATH)))
                        return uk_fail(error, UK_ERROR_INVALID,
                                       "the URL '%s' of an evaluation set is not below %s",
                                       *set->step != '\0' ? set->step : set->url, WSUSSETS_PATH);
        }
        return true;
}

bool
wsussets_answer_read(const XmlNode *node, GPtrArray **sets_out, GError **error)
{
        g_autofree char *unchanged = xml_attr_value(node, "Unchanged");
        g_autoptr(GPtrArray) sets = NULL;

        if (strcmp(unchanged, "true") != 0) {
                sets = sets_new();
                if (!read_sets(node, "Set", sets, error) || !check_urls(sets, error))
                        return false;
        }
        *sets_out = g_steal_pointer(&sets);
        return true;
}
