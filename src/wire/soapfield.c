/* soapfield.c - reads, writes and frees records by their tables of fields. */
#include "wire/soapfield.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"

static void *
member(const SoapField *field, void *record)
{
        return (char *)record + field->offset;
}

static const void *
const_member(const SoapField *field, const void *record)
{
        return (const char *)record + field->offset;
}

/* --- times --- */

/* Digits of a fraction to microseconds; *end_out behind them. */
static gint64
read_fraction(const char *digits, const char **end_out)
{
        gint64 unit = UK_SECOND / 10;
        gint64 us = 0;

        for (; g_ascii_isdigit(*digits); digits++, unit /= 10)
                us += (*digits - '0') * unit;
        *end_out = digits;
        return us;
}

/* "Z", "+01:00", "-00:30" or nothing, in microseconds ahead of UTC. */
static bool
read_zone(const char *text, gint64 *ahead_out)
{
        int hours, minutes;

        *ahead_out = 0;
        if (*text == '\0' || strcmp(text, "Z") == 0)
                return true;
        if ((*text != '+' && *text != '-') || strlen(text) != 6 || text[3] != ':' ||
            !g_ascii_isdigit(text[1]) || !g_ascii_isdigit(text[2]) || !g_ascii_isdigit(text[4]) ||
            !g_ascii_isdigit(text[5]))
                return false;
        hours = (text[1] - '0') * 10 + (text[2] - '0');
        minutes = (text[4] - '0') * 10 + (text[5] - '0');
        *ahead_out = (hours * 60 + minutes) * (*text == '-' ? -UK_MINUTE : UK_MINUTE);
        return hours <= 14 && minutes < 60;
}

bool
soapfield_read_time(const char *text, gint64 *us_out)
{
        char plain[20];
        const char *rest;
        gint64 us, fraction = 0, ahead;

        if (strlen(text) == 10) { /* a date alone is its midnight */
                g_snprintf(plain, sizeof plain, "%s 00:00:00", text);
                rest = "";
        } else {
                if (strlen(text) < 19 || text[10] != 'T')
                        return false;
                g_snprintf(plain, sizeof plain, "%.10s %.8s", text, text + 11);
                rest = text + 19;
        }
        if (*rest == '.')
                fraction = read_fraction(rest + 1, &rest);
        if (!read_zone(rest, &ahead) || !uk_clock_parse(plain, &us, NULL))
                return false;
        *us_out = us + fraction - ahead;
        return true;
}

char *
soapfield_time(gint64 us)
{
        gint64 fraction = (us % UK_SECOND + UK_SECOND) % UK_SECOND;
        g_autofree char *iso = uk_clock_iso(us - fraction);

        return fraction == 0 ? g_strdup_printf("%.19sZ", iso)
                             : g_strdup_printf("%.19s.%06d0Z", iso, (int)fraction);
}

/* --- reading --- */

bool
soapfield_is_there(const XmlNode *node)
{
        g_autofree char *nil = node != NULL ? xml_attr_value(node, "nil") : NULL;

        return node != NULL && strcmp(nil, "true") != 0 && strcmp(nil, "1") != 0;
}

static char *
without_blanks(char *text_take)
{
        char *to = text_take;

        for (const char *from = text_take; *from != '\0'; from++) {
                if (!g_ascii_isspace(*from))
                        *to++ = *from;
        }
        *to = '\0';
        return text_take;
}

/* Braces and capitals are accepted, and gone afterwards. NULL when it is no GUID. */
static char *
plain_guid(char *text_take)
{
        g_autofree char *text = g_strstrip(text_take);
        gsize size = strlen(text);
        g_autofree char *bare = size == UK_GUID_TEXT + 2 && text[0] == '{' && text[size - 1] == '}'
                                        ? g_strndup(text + 1, UK_GUID_TEXT)
                                        : g_strdup(text);

        return uk_guid_valid(bare) ? g_ascii_strdown(bare, -1) : NULL;
}

static bool
read_bool(const char *text, bool *out)
{
        *out = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        return *out || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static bool
read_number(const char *text, gint64 *out)
{
        return g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, out, NULL);
}

/* An item of a text list, or NULL when it is wrong. */
static char *
read_item(SoapFieldKind kind, const XmlNode *node)
{
        char *text = xml_text(node);

        return kind == SOAPFIELD_GUIDS ? plain_guid(text) : g_strstrip(text);
}

static bool
read_texts(const SoapField *field, const XmlNode *list, GPtrArray *out)
{
        const XmlNode *at = xml_child(list, field->item);

        for (; at != NULL; at = xml_next(at, field->item)) {
                char *text = out->len < SOAPFIELD_MAX_ITEMS ? read_item(field->kind, at) : NULL;

                if (text == NULL)
                        return false;
                g_ptr_array_add(out, text);
        }
        return true;
}

static bool
read_ints(const SoapField *field, const XmlNode *list, GArray *out)
{
        const XmlNode *at = xml_child(list, field->item);

        for (; at != NULL; at = xml_next(at, field->item)) {
                g_autofree char *text = g_strstrip(xml_text(at));
                gint64 number;

                if (out->len == SOAPFIELD_MAX_ITEMS || !read_number(text, &number))
                        return false;
                g_array_append_val(out, number);
        }
        return true;
}

static bool
is_list(SoapFieldKind kind)
{
        return kind == SOAPFIELD_TEXTS || kind == SOAPFIELD_GUIDS || kind == SOAPFIELD_INTS;
}

static bool
is_text(SoapFieldKind kind)
{
        return kind == SOAPFIELD_TEXT || kind == SOAPFIELD_TOKEN || kind == SOAPFIELD_GUID;
}

/* What a member is when its element is absent. */
static void
set_empty(const SoapField *field, void *record)
{
        if (field->kind == SOAPFIELD_INTS)
                *(GArray **)member(field, record) = g_array_new(FALSE, FALSE, sizeof(gint64));
        else if (is_list(field->kind))
                *(GPtrArray **)member(field, record) = g_ptr_array_new_with_free_func(g_free);
        else if (is_text(field->kind))
                *(char **)member(field, record) = g_strdup("");
}

static bool
read_list(const SoapField *field, const XmlNode *node, void *record)
{
        if (field->kind == SOAPFIELD_INTS)
                return read_ints(field, node, *(GArray **)member(field, record));
        return read_texts(field, node, *(GPtrArray **)member(field, record));
}

/* An element without text is as good as none, where none is good enough: some libraries send the
 * members they do not understand back that way. */
static bool
may_be_blank(const SoapField *field, const char *text)
{
        return (field->flags & SOAPFIELD_NEEDED) == 0 && text[strspn(text, " \t\r\n")] == '\0';
}

static bool
set_text(const SoapField *field, void *record, char *text_take)
{
        char **place = member(field, record);

        if (field->kind == SOAPFIELD_GUID && may_be_blank(field, text_take)) {
                g_free(text_take);
                return true;
        }
        char *text;

        text = field->kind == SOAPFIELD_TOKEN  ? without_blanks(text_take)
               : field->kind == SOAPFIELD_GUID ? plain_guid(text_take)
                                               : text_take;
        if (text == NULL)
                return false;
        g_free(*place);
        *place = text;
        return true;
}

static bool
read_scalar(const SoapField *field, const XmlNode *node, void *record)
{
        g_autofree char *text = g_strstrip(xml_text(node));

        if (may_be_blank(field, text))
                return true;
        switch (field->kind) {
        case SOAPFIELD_INT:
                return read_number(text, member(field, record));
        case SOAPFIELD_BOOL:
                return read_bool(text, member(field, record));
        default:
                return soapfield_read_time(text, member(field, record));
        }
}

static bool
read_field(const SoapField *field, const XmlNode *node, void *record, GError **error)
{
        const XmlNode *at = xml_path(node, field->path);
        bool ok;

        set_empty(field, record);
        if (!soapfield_is_there(at)) {
                ok = (field->flags & SOAPFIELD_NEEDED) == 0;
                return ok || uk_fail(error, UK_ERROR_INVALID, "%s", field->path);
        }
        if (is_list(field->kind))
                ok = read_list(field, at, record);
        else if (is_text(field->kind))
                ok = set_text(field, record, xml_text(at));
        else
                ok = read_scalar(field, at, record);
        ok = ok || (field->flags & SOAPFIELD_LOOSE) != 0;
        return ok || uk_fail(error, UK_ERROR_INVALID, "%s", field->path);
}

bool
soapfield_read(const XmlNode *node, const SoapField *fields, guint count, void *record,
               GError **error)
{
        for (guint i = 0; i < count; i++) {
                if (!read_field(&fields[i], node, record, error))
                        return false;
        }
        return true;
}

/* --- writing --- */

static bool
is_empty(const SoapField *field, const void *record)
{
        const void *place = const_member(field, record);

        switch (field->kind) {
        case SOAPFIELD_INTS: {
                const GArray *ints = *(GArray *const *)place;

                return ints == NULL || ints->len == 0;
        }
        case SOAPFIELD_TEXTS:
        case SOAPFIELD_GUIDS: {
                const GPtrArray *texts = *(GPtrArray *const *)place;

                return texts == NULL || texts->len == 0;
        }
        case SOAPFIELD_BOOL:
                return !*(const bool *)place;
        case SOAPFIELD_TEXT:
        case SOAPFIELD_TOKEN:
        case SOAPFIELD_GUID: {
                const char *text = *(char *const *)place;

                return text == NULL || *text == '\0';
        }
        default:
                return *(const gint64 *)place == 0;
        }
}

static void
write_items(XmlWriter *w, const SoapField *field, const void *place)
{
        if (field->kind == SOAPFIELD_INTS) {
                const GArray *ints = *(GArray *const *)place;

                for (guint i = 0; ints != NULL && i < ints->len; i++)
                        xml_element_int(w, field->item, g_array_index(ints, gint64, i));
        } else {
                const GPtrArray *texts = *(GPtrArray *const *)place;

                for (guint i = 0; texts != NULL && i < texts->len; i++)
                        xml_element(w, field->item, texts->pdata[i]);
        }
}

static void
write_field(XmlWriter *w, const SoapField *field, const char *name, const void *record)
{
        const void *place = const_member(field, record);
        g_autofree char *time = NULL;

        switch (field->kind) {
        case SOAPFIELD_INT:
                xml_element_int(w, name, *(const gint64 *)place);
                break;
        case SOAPFIELD_BOOL:
                xml_element(w, name, *(const bool *)place ? "true" : "false");
                break;
        case SOAPFIELD_TIME:
        case SOAPFIELD_DATE:
                time = soapfield_time(*(const gint64 *)place);
                if (field->kind == SOAPFIELD_DATE)
                        time[10] = '\0';
                xml_element(w, name, time);
                break;
        case SOAPFIELD_TEXT:
        case SOAPFIELD_TOKEN:
        case SOAPFIELD_GUID: {
                const char *text = *(char *const *)place;

                xml_element(w, name, text != NULL ? text : "");
                break;
        }
        default:
                xml_open(w, name);
                write_items(w, field, place);
                xml_close(w);
                break;
        }
}

/* Closes and opens elements until those of the next path's folders are open; *open is the path of
 * the folders that are, "" for none. */
static void
change_folders(XmlWriter *w, GString *open, const char *folders, gsize size)
{
        while (open->len > 0 &&
               !(open->len <= size && strncmp(open->str, folders, open->len) == 0 &&
                 (open->len == size || folders[open->len] == '/'))) {
                const char *slash = strrchr(open->str, '/');

                xml_close(w);
                g_string_truncate(open, slash != NULL ? (gsize)(slash - open->str) : 0);
        }
        while (open->len < size) {
                const char *at = folders + open->len + (open->len > 0 ? 1 : 0);
                gsize length = MIN(strcspn(at, "/"), (gsize)(folders + size - at));
                g_autofree char *name = g_strndup(at, length);

                xml_open(w, name);
                if (open->len > 0)
                        g_string_append_c(open, '/');
                g_string_append(open, name);
        }
}

void
soapfield_write(XmlWriter *w, const SoapField *fields, guint count, const void *record)
{
        g_autoptr(GString) open = g_string_new(NULL);

        for (guint i = 0; i < count; i++) {
                const char *slash = strrchr(fields[i].path, '/');

                if ((fields[i].flags & SOAPFIELD_SPARSE) != 0 && is_empty(&fields[i], record))
                        continue;
                change_folders(w, open, fields[i].path,
                               slash != NULL ? (gsize)(slash - fields[i].path) : 0);
                write_field(w, &fields[i], slash != NULL ? slash + 1 : fields[i].path, record);
        }
        change_folders(w, open, "", 0);
}

/* --- freeing --- */

void
soapfield_clear(const SoapField *fields, guint count, void *record)
{
        for (guint i = 0; i < count; i++) {
                void *place = member(&fields[i], record);

                if (fields[i].kind == SOAPFIELD_INTS)
                        g_clear_pointer((GArray **)place, g_array_unref);
                else if (is_list(fields[i].kind))
                        g_clear_pointer((GPtrArray **)place, g_ptr_array_unref);
                else if (is_text(fields[i].kind))
                        g_clear_pointer((char **)place, g_free);
        }
}
