/* dp_window.c - hours of the week: "mon-fri 08-18 high" and the 168 letters that mean it. */
#include "cli/dp_window.h"

#include <stdio.h>
#include <string.h>

static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

static const struct {
        const char *name;
        char letter;
} levels[] = { { "all", 'A' }, { "medium", 'M' }, { "high", 'H' }, { "closed", 'C' } };

bool
dp_window_mark(Cli *cli, char *hours, const char *window, GError **error)
{
        char first[4] = "", last[4] = "", level[8] = "", rest = '\0';
        int from, to, begin = -1, end = -1;
        char letter = '\0';

        if (sscanf(window, "%3[a-zA-Z]-%3[a-zA-Z] %d-%d %7[a-z] %c", first, last, &from, &to, level,
                   &rest) != 5) {
                *last = '\0';
                if (sscanf(window, "%3[a-zA-Z] %d-%d %7[a-z] %c", first, &from, &to, level,
                           &rest) != 4)
                        return cli_usage(cli, error,
                                         "--window \"%s\": days, hours and what may be sent are "
                                         "wanted, as \"mon-fri 08-18 high\" (all, medium, high, "
                                         "closed)",
                                         window);
        }
        for (int i = 0; i < 7; i++) {
                begin = g_ascii_strcasecmp(days[i], first) == 0 ? i : begin;
                end = g_ascii_strcasecmp(days[i], *last != '\0' ? last : first) == 0 ? i : end;
        }
        for (guint i = 0; i < G_N_ELEMENTS(levels); i++)
                letter = strcmp(levels[i].name, level) == 0 ? levels[i].letter : letter;
        if (begin < 0 || end < 0 || letter == '\0' || from < 0 || to > 24 || from >= to)
                return cli_usage(cli, error,
                                 "--window \"%s\": sun to sat, hours from 0 to 24, and all, "
                                 "medium, high or closed are wanted",
                                 window);
        for (int day = begin;; day = (day + 1) % 7) {
                memset(hours + day * 24 + from, letter, (gsize)(to - from));
                if (day == end)
                        return true;
        }
}

static const char *
level_of(char letter)
{
        for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
                if (levels[i].letter == letter)
                        return levels[i].name;
        }
        return NULL;
}

static bool
is_readable(const char *hours)
{
        return strlen(hours) == DP_WINDOW_HOURS && strspn(hours, "AMHC") == DP_WINDOW_HOURS;
}

/* Whether those hours of the day, and no more beside them, have the letter. */
static bool
has_window(const char *day, int from, int to, char letter)
{
        for (int hour = from; hour < to; hour++) {
                if (day[hour] != letter)
                        return false;
        }
        return (from == 0 || day[from - 1] != letter) && (to == 24 || day[to] != letter);
}

/* Takes one window out of the letters: that of a day, with the days behind it that have the same.
 */
static char *
take_window(char *hours, int first, int from)
{
        char letter = hours[first * 24 + from];
        int to = from, last = first;

        while (to < 24 && hours[first * 24 + to] == letter)
                to++;
        /* Sunday ends the week. */
        while (last != 0 && has_window(hours + (last + 1) % 7 * 24, from, to, letter))
                last = (last + 1) % 7;
        for (int day = first;; day = (day + 1) % 7) {
                memset(hours + day * 24 + from, 'A', (size_t)(to - from));
                if (day == last)
                        break;
        }
        return g_strdup_printf("%s%s%s %02d-%02d %s", days[first], last != first ? "-" : "",
                               last != first ? days[last] : "", from, to, level_of(letter));
}

GStrv
dp_window_words(const char *hours)
{
        g_autoptr(GStrvBuilder) words = g_strv_builder_new();
        g_autofree char *left = g_strdup(is_readable(hours) ? hours : "");

        for (int i = 0; *left != '\0' && i < 7; i++) {
                int day = (i + 1) % 7;

                for (int hour = 0; hour < 24; hour++) {
                        if (left[day * 24 + hour] == 'A')
                                continue;
                        g_autofree char *word = take_window(left, day, hour);

                        g_strv_builder_add(words, word);
                }
        }
        return g_strv_builder_end(words);
}
