/* schedule.c - recurrences: tokens of 16 hexadecimal digits and "every <n> hours".
 *
 * In: the text of a setting. Out: the next time after a given one. Keeps no state and does not
 * wait; lanes do. Local tokens follow the machine's time zone, so that a weekly run at two in the
 * morning stays there when summer time begins.
 */
#include "host/schedule.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

typedef enum {
        ITEM_EVERY,
        ITEM_ONCE = 1, /* the numbers of the token's recurrence type */
        ITEM_INTERVAL = 2,
        ITEM_WEEKLY = 3,
        ITEM_MONTHLY_BY_WEEKDAY = 4,
        ITEM_MONTHLY_BY_DATE = 5,
} ItemType;

typedef struct {
        ItemType type;
        bool utc;
        bool simple; /* start 1 February 1970: an interval counts from its anchor */
        struct tm start;
        int days, minutes; /* the span of an interval */
        int day;           /* of the week, 0 = Sunday, or of the month, 0 = last */
        int every;         /* n weeks or months */
        int order;         /* week of the month, 0 = last */
} Item;

struct Schedule {
        GArray *items;
};

#define TOKEN_DIGITS 16
/* A monthly recurrence on the 31st, or one that began long ago, is found within so many steps. */
#define MONTHS_AHEAD (12 * 12)

static unsigned
take_bits(guint64 *token, unsigned count)
{
        unsigned value = (unsigned)(*token >> (64 - count));

        *token <<= count;
        return value;
}

static bool
check_range(int value, int min, int max, const char *what, const char *token, GError **error)
{
        if (value >= min && value <= max)
                return true;
        return uk_fail(error, UK_ERROR_INVALID, "schedule token %s: %s is %d, allowed is %d to %d",
                       token, what, value, min, max);
}

static bool
read_interval(Item *item, guint64 bits, const char *token, GError **error)
{
        int minutes = (int)take_bits(&bits, 6);
        int hours = (int)take_bits(&bits, 5);

        item->days = (int)take_bits(&bits, 5);
        item->minutes = minutes + 60 * hours;
        if (item->days == 0 && item->minutes == 0)
                return uk_fail(error, UK_ERROR_INVALID, "schedule token %s: the interval is zero",
                               token);
        return check_range(minutes, 0, 59, "the minutes of the interval", token, error) &&
               check_range(hours, 0, 23, "the hours of the interval", token, error);
}

static bool
read_weekly(Item *item, guint64 bits, const char *token, GError **error)
{
        int day = (int)take_bits(&bits, 3);

        item->day = day - 1;
        item->every = (int)take_bits(&bits, 3);
        return check_range(day, 1, 7, "the day of the week", token, error) &&
               check_range(item->every, 1, 7, "the number of weeks", token, error);
}

static bool
read_by_weekday(Item *item, guint64 bits, const char *token, GError **error)
{
        int day = (int)take_bits(&bits, 3);

        item->day = day - 1;
        item->every = (int)take_bits(&bits, 4);
        item->order = (int)take_bits(&bits, 3);
        /* Later versions of the product put an offset in days here; doing it wrong is worse. */
        if ((bits >> (64 - 8)) != 0)
                return uk_fail(error, UK_ERROR_INVALID,
                               "schedule token %s: an offset after the weekday is not supported",
                               token);
        return check_range(day, 1, 7, "the day of the week", token, error) &&
               check_range(item->every, 1, 12, "the number of months", token, error) &&
               check_range(item->order, 0, 4, "the week of the month", token, error);
}

static bool
read_by_date(Item *item, guint64 bits, const char *token, GError **error)
{
        item->day = (int)take_bits(&bits, 5);
        item->every = (int)take_bits(&bits, 4);
        return check_range(item->every, 1, 12, "the number of months", token, error);
}

static bool
read_type(Item *item, guint64 bits, const char *token, GError **error)
{
        switch (item->type) {
        case ITEM_ONCE:
                return true;
        case ITEM_INTERVAL:
                return read_interval(item, bits, token, error);
        case ITEM_WEEKLY:
                return read_weekly(item, bits, token, error);
        case ITEM_MONTHLY_BY_WEEKDAY:
                return read_by_weekday(item, bits, token, error);
        case ITEM_MONTHLY_BY_DATE:
                return read_by_date(item, bits, token, error);
        case ITEM_EVERY:
                break;
        }
        return uk_fail(error, UK_ERROR_INVALID, "schedule token %s: %d is no recurrence type",
                       token, item->type);
}

/* token is 16 hexadecimal digits, checked by the caller. */
static bool
read_token(const char *token, Item *item, GError **error)
{
        guint64 whole = g_ascii_strtoull(token, NULL, 16);
        guint64 bits = whole;

        memset(item, 0, sizeof *item);
        item->utc = (whole & 1) != 0;
        item->simple = (whole >> 32) == 0x00012000;
        item->start.tm_min = (int)take_bits(&bits, 6);
        item->start.tm_hour = (int)take_bits(&bits, 5);
        item->start.tm_mday = (int)take_bits(&bits, 5);
        item->start.tm_mon = (int)take_bits(&bits, 4) - 1;
        item->start.tm_year = (int)take_bits(&bits, 6) + 70;
        item->start.tm_isdst = -1;
        take_bits(&bits, 6 + 5 + 5); /* the duration is for maintenance windows */
        item->type = (ItemType)take_bits(&bits, 3);
        bits &= ~(guint64)0 << (64 - 18); /* the UTC flag is no part of the type's data */
        return check_range(item->start.tm_min, 0, 59, "the start minute", token, error) &&
               check_range(item->start.tm_hour, 0, 23, "the start hour", token, error) &&
               check_range(item->start.tm_mday, 1, 31, "the start day", token, error) &&
               check_range(item->start.tm_mon + 1, 1, 12, "the start month", token, error) &&
               read_type(item, bits, token, error);
}

static bool
read_tokens(Schedule *schedule, const char *text, GError **error)
{
        gsize length = strlen(text);

        if (length % TOKEN_DIGITS != 0 || strspn(text, "0123456789abcdefABCDEF") != length)
                return uk_fail(error, UK_ERROR_INVALID,
                               "\"%s\" is no recurrence: write \"every <n> hours\", tokens of 16 "
                               "hexadecimal digits, or nothing for never",
                               text);
        for (gsize at = 0; at < length; at += TOKEN_DIGITS) {
                g_autofree char *token = g_strndup(text + at, TOKEN_DIGITS);
                Item item;

                if (!read_token(token, &item, error))
                        return false;
                g_array_append_val(schedule->items, item);
        }
        return true;
}

/* "every 15 minutes"; the words have been split at blanks. */
static bool
read_every(Schedule *schedule, char *const *words, const char *text, GError **error)
{
        static const struct {
                const char *name;
                int days, minutes;
        } units[] = { { "minute", 0, 1 }, { "hour", 0, 60 }, { "day", 1, 0 }, { "week", 7, 0 } };
        guint64 count = 0;

        if (g_strv_length((char **)words) != 3 ||
            !g_ascii_string_to_unsigned(words[1], 10, 1, 100000, &count, NULL))
                return uk_fail(error, UK_ERROR_INVALID,
                               "\"%s\" is no recurrence: write \"every <n> hours\", n from 1 to "
                               "100000",
                               text);
        g_autofree char *unit = g_ascii_strdown(words[2], -1);
        if (g_str_has_suffix(unit, "s"))
                unit[strlen(unit) - 1] = '\0';
        for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
                if (strcmp(unit, units[i].name) == 0) {
                        Item item = { .type = ITEM_EVERY,
                                      .days = (int)count * units[i].days,
                                      .minutes = (int)count * units[i].minutes };
                        g_array_append_val(schedule->items, item);
                        return true;
                }
        }
        return uk_fail(error, UK_ERROR_INVALID,
                       "\"%s\" is no recurrence: the unit must be minutes, hours, days or weeks",
                       text);
}

Schedule *
schedule_parse(const char *text, GError **error)
{
        g_autoptr(Schedule) schedule = g_new0(Schedule, 1);
        g_autofree char *trimmed = g_strstrip(g_strdup(text));
        g_auto(GStrv) words = g_strsplit(trimmed, " ", -1);

        schedule->items = g_array_new(FALSE, FALSE, sizeof(Item));
        if (*trimmed == '\0')
                return g_steal_pointer(&schedule);
        if (g_ascii_strcasecmp(words[0], "every") == 0
                    ? !read_every(schedule, words, trimmed, error)
                    : !read_tokens(schedule, trimmed, error))
                return NULL;
        return g_steal_pointer(&schedule);
}

void
schedule_free(Schedule *schedule)
{
        if (schedule == NULL)
                return;
        g_array_free(schedule->items, TRUE);
        g_free(schedule);
}

/* Calendar time to microseconds; days and months beyond their range carry over. */
static gint64
to_us(const Item *item, struct tm when)
{
        when.tm_isdst = -1;
        return (gint64)(item->utc ? timegm(&when) : mktime(&when)) * UK_SECOND;
}

static struct tm
from_us(const Item *item, gint64 us)
{
        time_t seconds = (time_t)(us / UK_SECOND);
        struct tm when;

        if (item->utc)
                gmtime_r(&seconds, &when);
        else
                localtime_r(&seconds, &when);
        return when;
}

/* first + k * span, the least above after. */
static gint64
next_span(gint64 first, gint64 span, gint64 after)
{
        if (after < first)
                return first;
        return first + ((after - first) / span + 1) * span;
}

/* Steps of whole days keep the hour of the day; others are a fixed span. */
static gint64
next_interval(const Item *item, gint64 anchor, gint64 after)
{
        gint64 first = to_us(item, item->start);
        gint64 span = item->days * UK_DAY + item->minutes * UK_MINUTE;

        if (item->type == ITEM_EVERY || item->simple)
                return next_span(anchor + span, span, after);
        if (item->minutes != 0 || after < first)
                return next_span(first, span, after);
        struct tm when = item->start;
        /* A day early is early enough whatever summer time did in between. */
        when.tm_mday += (int)((after - first) / span) * item->days;
        when.tm_mday -= item->days;
        for (int i = 0; i < 4; i++, when.tm_mday += item->days) {
                gint64 us = to_us(item, when);

                if (us > after && us >= first)
                        return us;
        }
        return UK_NEVER;
}

static gint64
next_weekly(const Item *item, gint64 after)
{
        gint64 start = to_us(item, item->start);
        struct tm first = from_us(item, start);
        struct tm when = item->start;
        int step = 7 * item->every;

        when.tm_mday += (item->day - first.tm_wday + 7) % 7;
        gint64 base = to_us(item, when);
        if (after > base)
                when.tm_mday += (int)((after - base) / (step * UK_DAY)) * step - step;
        for (int i = 0; i < 4; i++, when.tm_mday += step) {
                gint64 us = to_us(item, when);

                if (us > after && us >= start)
                        return us;
        }
        return UK_NEVER;
}

static int
days_in_month(int year, int month)
{
        struct tm last = { .tm_year = year, .tm_mon = month + 1, .tm_mday = 0, .tm_hour = 12 };

        timegm(&last);
        return last.tm_mday;
}

static int
weekday_of(int year, int month, int day)
{
        struct tm when = { .tm_year = year, .tm_mon = month, .tm_mday = day, .tm_hour = 12 };

        timegm(&when);
        return when.tm_wday;
}

/* The day of the month that the item names, or 0 when the month has none. */
static int
day_in_month(const Item *item, int year, int month)
{
        int length = days_in_month(year, month);
        int offset;

        if (item->type == ITEM_MONTHLY_BY_DATE) {
                if (item->day == 0)
                        return length;
                return item->day <= length ? item->day : 0;
        }
        if (item->order == 0) {
                offset = (weekday_of(year, month, length) - item->day + 7) % 7;
                return length - offset;
        }
        offset = (item->day - weekday_of(year, month, 1) + 7) % 7;
        return 1 + offset + 7 * (item->order - 1);
}

static gint64
next_monthly(const Item *item, gint64 after)
{
        gint64 start = to_us(item, item->start);
        struct tm now = from_us(item, after);
        int first = item->start.tm_year * 12 + item->start.tm_mon;
        int month = now.tm_year * 12 + now.tm_mon;

        /* The last month of the recurrence that is not after this one. */
        month = month <= first ? first : first + (month - first) / item->every * item->every;
        for (int i = 0; i < MONTHS_AHEAD; i++, month += item->every) {
                struct tm when = item->start;

                when.tm_year = month / 12;
                when.tm_mon = month % 12;
                when.tm_mday = day_in_month(item, when.tm_year, when.tm_mon);
                gint64 us = to_us(item, when);
                if (when.tm_mday != 0 && us > after && us >= start)
                        return us;
        }
        return UK_NEVER;
}

static gint64
item_next(const Item *item, gint64 anchor, gint64 after)
{
        switch (item->type) {
        case ITEM_ONCE:
                return to_us(item, item->start) > after ? to_us(item, item->start) : UK_NEVER;
        case ITEM_EVERY:
        case ITEM_INTERVAL:
                return next_interval(item, anchor, after);
        case ITEM_WEEKLY:
                return next_weekly(item, after);
        case ITEM_MONTHLY_BY_WEEKDAY:
        case ITEM_MONTHLY_BY_DATE:
                return next_monthly(item, after);
        }
        return UK_NEVER;
}

gint64
schedule_next(const Schedule *schedule, gint64 anchor_us, gint64 after_us)
{
        gint64 next = UK_NEVER;

        for (guint i = 0; i < schedule->items->len; i++)
                next = MIN(next, item_next(&g_array_index(schedule->items, Item, i), anchor_us,
                                           after_us));
        return next;
}
