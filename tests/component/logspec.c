/* logspec.c - see logspec.h. */
#include "component/logspec.h"

#include <stdbool.h>
#include <string.h>

char *
logspec_texts(const char *log)
{
        g_auto(GStrv) lines = g_strsplit(log, "\r\n", -1);
        GString *texts = g_string_new(NULL);

        for (char **line = lines; *line != NULL && **line != '\0'; line++) {
                const char *end = strstr(*line, "  $$<");

                g_assert_nonnull(end);
                g_string_append_len(texts, *line, end - *line);
                g_string_append_c(texts, '\n');
        }
        return g_string_free(texts, FALSE);
}

static char *
read_block(const char *section, guint block)
{
        const char *root = g_getenv("UPKEEP_SOURCE_ROOT");
        g_autofree char *path = g_build_filename(root, "docs", "spec", "93-logs.md", NULL);
        g_autofree char *heading = g_strdup_printf("\n### %s ", section);
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        char *at = strstr(text, heading);
        g_assert_nonnull(at);
        char *end = strstr(at + strlen(heading), "\n##");
        if (end != NULL)
                *end = '\0';
        for (guint i = 0; i <= block; i++) {
                at = strstr(at, "```text\n");
                g_assert_nonnull(at);
                at += strlen("```text\n");
        }
        *strstr(at, "```") = '\0';
        return g_strdup(at);
}

/* The pattern as a regular expression of one whole line. */
static GRegex *
compile(const char *pattern)
{
        g_autoptr(GRegex) token = g_regex_new("<([A-Za-z][^<>]*)>", 0, 0, NULL);
        g_auto(GStrv) parts = g_regex_split(token, pattern, 0);
        g_autoptr(GString) text = g_string_new("^");

        for (guint i = 0; parts[i] != NULL; i++) {
                bool number = strcmp(parts[i], "n") == 0 || strcmp(parts[i], "v") == 0 ||
                              strcmp(parts[i], "tid") == 0;

                if (i % 2 == 1) {
                        g_string_append(text, number ? "[0-9]+" : ".+");
                } else {
                        g_autofree char *slashes = g_strdelimit(g_strdup(parts[i]), "\\", '/');
                        g_autofree char *plain = g_regex_escape_string(slashes, -1);

                        g_string_append(text, plain);
                }
        }
        g_string_append(text, "$");
        return g_regex_new(text->str, G_REGEX_MULTILINE, 0, NULL);
}

gsize
logspec_check(const char *texts, gsize from, const char *section, guint block)
{
        g_autofree char *patterns = read_block(section, block);
        g_auto(GStrv) lines = g_strsplit(g_strchomp(patterns), "\n", -1);
        gsize at = from;

        for (char **line = lines; *line != NULL; line++) {
                g_autoptr(GRegex) expression = compile(*line);
                g_autoptr(GMatchInfo) fit = NULL;
                int end = 0;

                if (!g_regex_match(expression, texts + at, 0, &fit))
                        g_error("nothing fits the line\n%s\nin\n%s", *line, texts + at);
                g_match_info_fetch_pos(fit, 0, NULL, &end);
                at += (gsize)end;
        }
        return at;
}

guint
logspec_count(const char *texts, const char *pattern)
{
        g_autoptr(GRegex) expression = compile(pattern);
        g_autoptr(GMatchInfo) fit = NULL;
        guint count = 0;

        for (g_regex_match(expression, texts, 0, &fit); g_match_info_matches(fit);
             g_match_info_next(fit, NULL))
                count++;
        return count;
}
