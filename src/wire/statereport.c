/* statereport.c - writes reports of state messages, and what both readers of them share.
 *
 * In: reports from outside, at the management point and at StateSys, thousands a second. Out:
 * callbacks. The forms of values (times, numbers, client IDs) are judged here and only here; the
 * readers themselves are in statereport_quick.c and statereport_thorough.c.
 */
#include "wire/statereport.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "wire/statereport_private.h"
#include "wire/xml.h"

#define MAX_TOPIC_ID 512
#define MAX_USER     512
#define MAX_PARAM    4096
#define MAX_NAME     256

/* Two digits, or -1. */
static int
two_digits(const char *at)
{
        if (!g_ascii_isdigit(at[0]) || !g_ascii_isdigit(at[1]))
                return -1;
        return (at[0] - '0') * 10 + (at[1] - '0');
}

/* Days since 1970-01-01 of a day of the Gregorian calendar. */
static gint64
days_of(int year, int month, int day)
{
        int y = month <= 2 ? year - 1 : year;
        int era = y / 400;
        int of_era = y - era * 400;
        int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

        return (gint64)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int
days_in_month(int year, int month)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        return month == 2 && leap ? 29 : days[month - 1];
}

/* "ffffff+UUU" behind the point: microseconds less the offset, which is in minutes. */
static bool
parse_fraction(const char *at, gint64 *us_out)
{
        gint64 us = 0;
        gint64 minutes = 0;

        for (int i = 0; i < 6; i++) {
                if (!g_ascii_isdigit(at[i]))
                        return false;
                us = us * 10 + (at[i] - '0');
        }
        if (at[6] != '+' && at[6] != '-')
                return false;
        for (int i = 7; i < 10; i++) {
                if (!g_ascii_isdigit(at[i]))
                        return false;
                minutes = minutes * 10 + (at[i] - '0');
        }
        *us_out = us - (at[6] == '-' ? -minutes : minutes) * UK_MINUTE;
        return true;
}

bool
statereport_parse_time(const char *text, gint64 *us_out)
{
        int part[7]; /* century, year, month, day, hour, minute, second */
        gint64 fraction;

        if (strnlen(text, 26) != 25 || text[14] != '.')
                return false;
        for (int i = 0; i < 7; i++) {
                part[i] = two_digits(text + 2 * i);
                if (part[i] < 0)
                        return false;
        }
        int year = part[0] * 100 + part[1];

        if (year < 1601 || part[2] < 1 || part[2] > 12 || part[3] < 1 ||
            part[3] > days_in_month(year, part[2]) || part[4] > 23 || part[5] > 59 || part[6] > 59)
                return false;
        if (!parse_fraction(text + 15, &fraction))
                return false;
        *us_out = days_of(year, part[2], part[3]) * UK_DAY + part[4] * UK_HOUR +
                  part[5] * UK_MINUTE + part[6] * UK_SECOND + fraction;
        return true;
}

char *
statereport_time(gint64 us)
{
        gint64 days = us / UK_DAY - (us % UK_DAY < 0 ? 1 : 0);
        gint64 rest = us - days * UK_DAY;
        gint64 shifted = days + 719468;
        gint64 era = shifted / 146097;
        gint64 of_era = shifted - era * 146097;
        gint64 year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        gint64 of_year = of_era - (365 * year + year / 4 - year / 100);
        gint64 month = (5 * of_year + 2) / 153;
        gint64 day = of_year - (153 * month + 2) / 5 + 1;

        month = month < 10 ? month + 3 : month - 9;
        year += era * 400 + (month <= 2 ? 1 : 0);
        return g_strdup_printf("%04d%02d%02d%02d%02d%02d.%06d+000", (int)year, (int)month, (int)day,
                               (int)(rest / UK_HOUR), (int)(rest / UK_MINUTE % 60),
                               (int)(rest / UK_SECOND % 60), (int)(rest % UK_SECOND));
}

/* A whole decimal number without blanks, of at most 18 digits. */
static bool
parse_number(const char *text, gint64 *out)
{
        bool negative = *text == '-';
        const char *at = text + (negative ? 1 : 0);
        gint64 value = 0;
        int digits = 0;

        for (; g_ascii_isdigit(*at); at++) {
                if (++digits > 18)
                        return false;
                value = value * 10 + (*at - '0');
        }
        if (digits == 0 || *at != '\0')
                return false;
        *out = negative ? -value : value;
        return true;
}

static bool
parse_small(const char *text, int *out)
{
        gint64 value;

        if (text == NULL || !parse_number(text, &value) || value < G_MININT32 || value > G_MAXINT32)
                return false;
        *out = (int)value;
        return true;
}

static const char *
or_empty(const char *text)
{
        return text != NULL ? text : "";
}

/* "GUID: A1006D0E-…" to the GUID: prefix and blanks go. */
static bool
client_id_from(const char *text, char id_out[64])
{
        gsize length = 0;

        if (g_ascii_strncasecmp(text, "GUID:", 5) == 0)
                text += 5;
        for (; *text != '\0'; text++) {
                if (g_ascii_isspace(*text))
                        continue;
                if (length == UK_GUID_TEXT)
                        return false;
                id_out[length++] = *text;
        }
        id_out[length] = '\0';
        return uk_guid_valid(id_out);
}

/* Priorities are 0, 1, 5 and 10; whatever else stands there is the normal one. */
static int
priority_from(const char *text)
{
        int value;

        if (!parse_small(text, &value) || (value != 0 && value != 1 && value != 10))
                return 5;
        return value;
}

bool
statereport_head_from_raw(const RawHead *raw, char id_out[64], StateReportHead *head,
                          GError **error)
{
        const char *content = or_empty(raw->content);

        if (raw->client_id == NULL)
                return uk_fail(error, UK_ERROR_PARSE,
                               "the report does not say which client sent it");
        if (!client_id_from(raw->client_id, id_out))
                return uk_fail(error, UK_ERROR_PARSE, "the client ID of the report is no GUID");
        if (strcmp(content, "State Message Data") != 0 && strcmp(content, "StateMessage") != 0)
                return uk_fail(error, UK_ERROR_UNSUPPORTED,
                               "the report holds '%.64s' and not state messages", content);
        if (strlen(or_empty(raw->name)) > MAX_NAME ||
            strlen(or_empty(raw->client_version)) > MAX_NAME)
                return uk_fail(error, UK_ERROR_LIMIT, "name or version of the client is too long");
        head->client_id = id_out;
        head->client_version = (char *)or_empty(raw->client_version);
        head->name = (char *)or_empty(raw->name);
        head->client_installed = g_strcmp0(raw->installed, "1") == 0;
        head->priority = priority_from(raw->priority);
        head->content = (char *)content;
        head->trace = (char *)or_empty(raw->trace);
        /* The time of the report only informs; what counts is the time of each message. */
        if (raw->date == NULL || !statereport_parse_time(raw->date, &head->date_us))
                head->date_us = 0;
        return true;
}

static const char *
why_bad_topic(const RawMessage *raw, StateReportMessage *message)
{
        message->topic_id = raw->topic_id;
        message->user = or_empty(raw->user);
        message->id_type = 0;
        if (raw->topic_id == NULL || raw->topic_id[0] == '\0')
                return "the message names no topic";
        if (strlen(raw->topic_id) > MAX_TOPIC_ID)
                return "the topic ID is too long";
        if (strlen(message->user) > MAX_USER)
                return "the name of the user is too long";
        if (!parse_small(raw->topic_type, &message->topic_type))
                return "the topic type is no number";
        if (raw->id_type != NULL && !parse_small(raw->id_type, &message->id_type))
                return "the ID type of the topic is no number";
        return NULL;
}

static const char *
why_bad_params(const RawMessage *raw, StateReportMessage *message)
{
        int count;

        if (raw->param_count > STATEREPORT_PARAMS)
                return "the message has more than five parameters";
        if (raw->count != NULL &&
            (!parse_small(raw->count, &count) || count != (int)raw->param_count))
                return "the count of parameters differs from their number";
        message->param_count = raw->param_count;
        for (guint i = 0; i < STATEREPORT_PARAMS; i++) {
                message->params[i] = i < raw->param_count ? raw->params[i] : "";
                if (strlen(message->params[i]) > MAX_PARAM)
                        return "a parameter is too long";
        }
        return NULL;
}

const char *
statereport_message_from_raw(const RawMessage *raw, StateReportMessage *message)
{
        const char *why;

        if (raw->time == NULL || !statereport_parse_time(raw->time, &message->time_us))
                return "the time of the message cannot be read";
        if (raw->serial == NULL || !parse_number(raw->serial, &message->serial))
                return "the serial number is no number";
        why = why_bad_topic(raw, message);
        if (why != NULL)
                return why;
        if (!parse_small(raw->state_id, &message->state_id))
                return "the state ID is no number";
        message->details = or_empty(raw->details);
        return why_bad_params(raw, message);
}

bool
statereport_read(const void *data, gsize size, const StateReportSink *sink, GError **error)
{
        QuickResult result = statereport_read_quick(data, size, false, sink, error);

        if (result == QUICK_UNKNOWN)
                return statereport_read_thorough(data, size, false, sink, error);
        return result == QUICK_READ;
}

static bool
on_head(gpointer user, const StateReportHead *head, GError **error)
{
        StateReportHead *copy = g_new0(StateReportHead, 1);

        *copy = *head;
        copy->client_id = g_strdup(head->client_id);
        copy->client_version = g_strdup(head->client_version);
        copy->name = g_strdup(head->name);
        copy->content = g_strdup(head->content);
        copy->trace = g_strdup(head->trace);
        *(StateReportHead **)user = copy;
        return true;
}

StateReportHead *
statereport_read_head(const void *data, gsize size, GError **error)
{
        StateReportHead *head = NULL;
        const StateReportSink sink = { .head = on_head, .user = &head };

        if (statereport_read_quick(data, size, true, &sink, NULL) == QUICK_UNKNOWN &&
            !statereport_read_thorough(data, size, true, &sink, error))
                return NULL;
        return head;
}

void
statereport_head_free(StateReportHead *head)
{
        if (head == NULL)
                return;
        g_free(head->client_id);
        g_free(head->client_version);
        g_free(head->name);
        g_free(head->content);
        g_free(head->trace);
        g_free(head);
}

/* The sender: a client, or a pull distribution point, which has no client (2.1 and 2.2). */
static void
write_machine(XmlWriter *w, const StateReportHead *head)
{
        xml_open(w, "Machine");
        xml_element_int(w, "ClientInstalled", head->client_installed ? 1 : 0);
        xml_element_int(w, "ClientType", 1);
        if (head->client_installed) {
                g_autofree char *id = g_strconcat("GUID:", head->client_id, NULL);

                xml_element(w, "ClientID", id);
        } else {
                xml_element_int(w, "Unknown", 0);
                xml_open(w, "ClientID");
                xml_attribute_int(w, "IDType", 0);
                xml_attribute_int(w, "IDFlag", 1);
                xml_content(w, head->client_id);
                xml_close(w);
        }
        xml_element(w, "ClientVersion", head->client_version);
        xml_element(w, "NetBIOSName", head->name);
        xml_element_int(w, "CodePage", 437);
        xml_element_int(w, "SystemDefaultLCID", 1033);
        if (head->client_installed)
                xml_element_int(w, "Priority", head->priority);
        xml_close(w);
}

static void
write_header(XmlWriter *w, const StateReportHead *head)
{
        g_autofree char *date = statereport_time(head->date_us);

        xml_open(w, "ReportHeader");
        xml_open(w, "Identification");
        write_machine(w, head);
        xml_close(w);
        xml_open(w, "ReportDetails");
        xml_element(w, "ReportContent", head->content);
        xml_element(w, "ReportType", "Full");
        xml_element(w, "Date", date);
        xml_element(w, "Version", "1.0");
        xml_element(w, "Format", head->client_installed ? "1.0" : "1.1");
        xml_close(w);
        xml_close(w);
}

static void
write_topic(XmlWriter *w, const StateReportMessage *message, bool client)
{
        xml_open(w, "Topic");
        xml_attribute(w, "ID", message->topic_id);
        xml_attribute_int(w, "Type", message->topic_type);
        xml_attribute_int(w, "IDType", message->id_type);
        if (client) {
                xml_attribute(w, "User", or_empty(message->user));
                xml_attribute(w, "UserSID", "");
        }
        xml_close(w);
        xml_open(w, "State");
        xml_attribute_int(w, "ID", message->state_id);
        xml_attribute_int(w, "Criticality", 0);
        xml_close(w);
}

static void
write_message(XmlWriter *w, const StateReportMessage *message, bool client)
{
        g_autofree char *time = statereport_time(message->time_us);

        xml_open(w, "StateMessage");
        xml_attribute(w, "MessageTime", time);
        xml_attribute_int(w, "SerialNumber", message->serial);
        write_topic(w, message, client);
        xml_open(w, "UserParameters");
        xml_attribute_int(w, "Flags", 0);
        xml_attribute_int(w, "Count", message->param_count);
        for (guint i = 0; i < message->param_count; i++)
                xml_element(w, "Param", message->params[i]);
        xml_close(w);
        if (message->details != NULL && message->details[0] != '\0') {
                xml_open(w, "StateDetails");
                xml_attribute_int(w, "Type", 1);
                xml_content(w, message->details);
                xml_close(w);
        }
        xml_close(w);
}

char *
statereport_write(const StateReportHead *head, const StateReportMessage *messages, guint count)
{
        GString *out = g_string_sized_new(1024 + 384 * (gsize)count);
        XmlWriter w;

        if (head->client_installed)
                g_string_append(out, "<?xml version=\"1.0\" encoding=\"UTF-16\"?>");
        xml_begin(&w, out);
        xml_open(&w, "Report");
        if (head->trace != NULL && head->trace[0] != '\0') {
                xml_attribute(&w, "xmlns:upkeep", "urn:upkeep");
                xml_attribute(&w, "upkeep:trace", head->trace);
        }
        write_header(&w, head);
        xml_open(&w, "ReportBody");
        for (guint i = 0; i < count; i++)
                write_message(&w, &messages[i], head->client_installed);
        xml_close(&w);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}
