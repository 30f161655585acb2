/* http_range.c - reads Range and Content-Range (RFC 7233), strictly and without allocation. */
#include "net/http_range.h"

#include <string.h>

/* Digits to a number; numbers beyond 63 bits are as large as can be. False without a digit. */
static bool
take_number(const char **at, gint64 *out)
{
        const char *p = *at;
        gint64 value = 0;

        if (!g_ascii_isdigit(*p))
                return false;
        for (; g_ascii_isdigit(*p); p++) {
                int digit = *p - '0';

                value = value > (G_MAXINT64 - digit) / 10 ? G_MAXINT64 : value * 10 + digit;
        }
        *at = p;
        *out = value;
        return true;
}

static void
skip_blanks(const char **at)
{
        while (**at == ' ' || **at == '\t')
                (*at)++;
}

/* One part: "a-b", "a-" or "-n". False when the text has no such form; a part that does not
 * exist in a thing of that size has length 0. */
static bool
take_part(const char **at, gint64 size, HttpRange *part)
{
        gint64 first = -1, last = -1;
        bool has_first = take_number(at, &first);
        bool has_last;

        if (*(*at)++ != '-')
                return false;
        has_last = take_number(at, &last);
        if (!has_first && !has_last)
                return false;
        if (!has_first) { /* the last n bytes */
                part->length = MIN(last, size);
                part->first = size - part->length;
                return true;
        }
        if (has_last && last < first)
                return false;
        part->first = first;
        part->length = first >= size ? 0 : (has_last ? MIN(last, size - 1) : size - 1) - first + 1;
        return true;
}

HttpRangeVerdict
http_range_read(const char *header, gint64 size, HttpRange parts[HTTP_RANGE_MAX], guint *count_out)
{
        const char *at = header;
        gint64 sum = 0;
        guint count = 0;

        if (header == NULL || g_ascii_strncasecmp(header, "bytes=", 6) != 0)
                return HTTP_RANGE_WHOLE;
        at += 6;
        for (;;) {
                HttpRange part;

                skip_blanks(&at);
                if (!take_part(&at, size, &part) || count == HTTP_RANGE_MAX)
                        return HTTP_RANGE_WHOLE;
                if (part.length > 0) {
                        parts[count++] = part;
                        if (part.length > size - sum) /* overlapping: asked for twice */
                                return HTTP_RANGE_WHOLE;
                        sum += part.length;
                }
                skip_blanks(&at);
                if (*at == '\0')
                        break;
                if (*at++ != ',')
                        return HTTP_RANGE_WHOLE;
        }
        *count_out = count;
        return count > 0 ? HTTP_RANGE_PARTS : HTTP_RANGE_NONE;
}

bool
http_range_content(const char *header, gint64 *first_out, gint64 *last_out, gint64 *total_out)
{
        const char *at = header;
        gint64 first, last, total = -1;

        if (header == NULL || g_ascii_strncasecmp(header, "bytes ", 6) != 0)
                return false;
        at += 6;
        if (!take_number(&at, &first) || *at++ != '-' || !take_number(&at, &last) || *at++ != '/')
                return false;
        if (*at == '*')
                at++;
        else if (!take_number(&at, &total))
                return false;
        if (*at != '\0' || last < first || (total >= 0 && last >= total))
                return false;
        *first_out = first;
        *last_out = last;
        *total_out = total;
        return true;
}
