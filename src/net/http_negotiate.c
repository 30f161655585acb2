/* http_negotiate.c - reads Accept-Encoding, entity tags, content types and dates of HTTP. */
#include "net/http_negotiate.h"

#include <string.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "ThuFriSatSunMonTueWed"; /* 1 January 1970 was a Thursday */

/* The next element of a comma list, without blanks around it; false at the end. */
static bool
next_element(const char **at, const char **start_out, gsize *size_out)
{
        const char *p = *at + strspn(*at, ", \t");
        gsize size = strcspn(p, ",");

        *at = p + size;
        while (size > 0 && (p[size - 1] == ' ' || p[size - 1] == '\t'))
                size--;
        *start_out = p;
        *size_out = size;
        return size > 0;
}

/* ";q=0", ";q=0.0" and so on. */
static bool
weighs_nothing(const char *parameters, gsize size)
{
        const char *end = parameters + size;
        const char *p = parameters;

        for (; p < end && (*p == ';' || *p == ' ' || *p == '\t'); p++)
                ;
        if (end - p < 3 || g_ascii_strncasecmp(p, "q=", 2) != 0)
                return false;
        for (p += 2; p < end; p++) {
                if (*p != '0' && *p != '.')
                        return false;
        }
        return true;
}

bool
http_negotiate_coding(const char *header, const char *coding)
{
        gsize coding_size = strlen(coding);
        const char *start;
        gsize size;
        bool any = false;

        while (header != NULL && next_element(&header, &start, &size)) {
                gsize name = MIN(strcspn(start, "; \t,"), size);
                bool takes = !weighs_nothing(start + name, size - name);

                if (name == coding_size && g_ascii_strncasecmp(start, coding, name) == 0)
                        return takes;
                if (name == 1 && *start == '*')
                        any = takes;
        }
        return any;
}

bool
http_negotiate_etag(const char *header, const char *etag, bool strong)
{
        const char *start;
        gsize size;

        if (header == NULL || etag == NULL)
                return false;
        while (next_element(&header, &start, &size)) {
                bool weak = size > 2 && strncmp(start, "W/", 2) == 0;

                if (size == 1 && *start == '*')
                        return true;
                if (weak) {
                        start += 2;
                        size -= 2;
                }
                if (!(weak && strong) && size == strlen(etag) && strncmp(start, etag, size) == 0)
                        return true;
        }
        return false;
}

bool
http_negotiate_is_text(const char *content_type)
{
        g_autofree char *type = g_strndup(content_type, strcspn(content_type, "; \t"));

        return g_str_has_prefix(type, "text/") || strcmp(type, "application/json") == 0 ||
               strcmp(type, "application/xml") == 0 ||
               strcmp(type, "application/javascript") == 0 || g_str_has_suffix(type, "+xml") ||
               g_str_has_suffix(type, "+json");
}

/* Days since 1970 to a date of the proleptic Gregorian calendar, and back, by eras of 400 years. */
static void
civil(gint64 day, int *y, int *m, int *d)
{
        gint64 z = day + 719468;
        gint64 era = (z >= 0 ? z : z - 146096) / 146097;
        int doe = (int)(z - era * 146097);
        int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        int mp = (5 * doy + 2) / 153;

        *d = doy - (153 * mp + 2) / 5 + 1;
        *m = mp < 10 ? mp + 3 : mp - 9;
        *y = (int)(yoe + era * 400) + (*m <= 2);
}

static gint64
day_number(int y, int m, int d)
{
        gint64 year = m <= 2 ? y - 1 : y;
        gint64 era = (year >= 0 ? year : year - 399) / 400;
        int yoe = (int)(year - era * 400);
        int doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
        int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

        return era * 146097 + doe - 719468;
}

/* Of the years 0 to 9999, which is what a date has room for. */
#define FIRST_SECOND G_GINT64_CONSTANT(-62167219200)
#define LAST_SECOND  G_GINT64_CONSTANT(253402300799)

/* The number's last n digits. */
static void
put_digits(char *out, int n, int value)
{
        for (int i = n - 1; i >= 0; i--) {
                out[i] = (char)('0' + value % 10);
                value /= 10;
        }
}

/* By hand: each file that is served tells its time. */
char *
http_negotiate_date(gint64 seconds)
{
        char *text = g_strdup("Thu, 01 Jan 1970 00:00:00 GMT");
        gint64 shown = CLAMP(seconds, FIRST_SECOND, LAST_SECOND);
        gint64 day = shown / 86400;
        int rest = (int)(shown % 86400);
        int y, m, d;

        if (rest < 0) {
                rest += 86400;
                day--;
        }
        civil(day, &y, &m, &d);

        memcpy(text, days + 3 * ((day % 7 + 7) % 7), 3);
        put_digits(text + 5, 2, d);
        memcpy(text + 8, months + 3 * (m - 1), 3);
        put_digits(text + 12, 4, y);
        put_digits(text + 17, 2, rest / 3600);
        put_digits(text + 20, 2, rest / 60 % 60);
        put_digits(text + 23, 2, rest % 60);
        return text;
}

/* Exactly n digits at text. */
static int
digits(const char *text, int n)
{
        int value = 0;

        for (int i = 0; i < n; i++) {
                if (!g_ascii_isdigit(text[i]))
                        return -1;
                value = value * 10 + (text[i] - '0');
        }
        return value;
}

gint64
http_negotiate_read_date(const char *text)
{
        int d, y, h, min, s, m = 0;

        if (text == NULL || strlen(text) != 29 || text[3] != ',' || strcmp(text + 25, " GMT") != 0)
                return -1;
        d = digits(text + 5, 2);
        y = digits(text + 12, 4);
        h = digits(text + 17, 2);
        min = digits(text + 20, 2);
        s = digits(text + 23, 2);
        while (m < 12 && strncmp(months + 3 * m, text + 8, 3) != 0)
                m++;
        if (d < 1 || d > 31 || m == 12 || y < 1970 || h < 0 || h > 23 || min < 0 || min > 59 ||
            s < 0 || s > 60)
                return -1;
        return day_number(y, m + 1, d) * 86400 + h * 3600 + min * 60 + s;
}
