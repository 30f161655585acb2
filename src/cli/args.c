/* args.c - takes a command line apart by the rows of the verb table.
 *
 * Comes in: the words as the shell gives them. Goes out: the row, options by name, words in order.
 * An option may stand anywhere behind its verb; "--" ends them. Cmdlet names are accepted in any
 * case with their own parameters, so that old notes work as they are.
 */
#include "cli/args.h"

#include <string.h>

static const CliOption common[] = {
        { "root", "DIR", NULL, "the site below this folder (default: /, else a running lab)" },
        { "provider", "URL", NULL, "this machine's AdminService, as http://127.0.0.1:port" },
        { "json", NULL, NULL, "print JSON, for programs" },
        { "help", NULL, NULL, "print what this command does" },
        { "version", NULL, NULL, "print the version of this program" },
        { .name = NULL },
};

const CliOption *
args_common(void)
{
        return common;
}

static const CliOption *
find_in(const CliOption *options, const char *name, bool cmdlet)
{
        for (; options->name != NULL; options++) {
                if (!cmdlet && strcmp(options->name, name) == 0)
                        return options;
                if (cmdlet && options->cmdlet != NULL &&
                    g_ascii_strcasecmp(options->cmdlet, name) == 0)
                        return options;
        }
        return NULL;
}

static const CliVerb *
find_cmdlet(const CliVerb *verbs, const char *name)
{
        for (; verbs->noun != NULL; verbs++) {
                if (verbs->cmdlet != NULL && g_ascii_strcasecmp(verbs->cmdlet, name) == 0)
                        return verbs;
        }
        return NULL;
}

/* The row of noun and verb (NULL: the row without one). *noun_out says whether the noun exists. */
static const CliVerb *
find_verb(const CliVerb *verbs, const char *noun, const char *verb, bool *noun_out)
{
        *noun_out = false;
        for (; verbs->noun != NULL; verbs++) {
                if (strcmp(verbs->noun, noun) != 0)
                        continue;
                *noun_out = true;
                if (verbs->verb == NULL || g_strcmp0(verbs->verb, verb) == 0)
                        return verbs;
        }
        return NULL;
}

static bool
is_help(const char *word)
{
        return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* What stands between two blanks of `upkeep …`: the row, and how many words named it. */
static bool
choose_verb(Cli *cli, int argc, char **argv, int *used_out, GError **error)
{
        const char *first = argc > 1 ? argv[1] : "help";
        const char *second = argc > 2 && argv[2][0] != '-' ? argv[2] : NULL;
        bool noun;

        *used_out = 2;
        if (is_help(first)) {
                if (second != NULL)
                        g_ptr_array_add(cli->words, g_strdup(second));
                return true;
        }
        cli->verb = find_cmdlet(cli->verbs, first);
        if (cli->verb != NULL)
                return true;
        cli->verb = find_verb(cli->verbs, first, second, &noun);
        if (!noun)
                return cli_usage(cli, error, "there is no \"%s\"; see: upkeep help", first);
        if (cli->verb == NULL && second != NULL)
                return cli_usage(cli, error, "%s has no verb \"%s\"; see: upkeep %s", first, second,
                                 first);
        if (cli->verb == NULL)
                g_ptr_array_add(cli->words, g_strdup(first));
        else if (cli->verb->verb != NULL)
                *used_out = 3;
        return true;
}

static bool
is_false(const char *text)
{
        return g_ascii_strcasecmp(text, "$false") == 0 || g_ascii_strcasecmp(text, "false") == 0 ||
               strcmp(text, "0") == 0;
}

static bool
is_truth(const char *text)
{
        return is_false(text) || g_ascii_strcasecmp(text, "$true") == 0 ||
               g_ascii_strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0 || *text == '\0';
}

/* Stores an option that takes none; a cmdlet's switch may be followed by $true or $false. */
static bool
take_flag(Cli *cli, const CliOption *option, bool cmdlet, const char *given, char **next, int *used,
          GError **error)
{
        if (given == NULL && cmdlet && *next != NULL && is_truth(*next)) {
                given = *next;
                (*used)++;
        }
        if (given != NULL && (!cmdlet || !is_truth(given)))
                return cli_usage(cli, error, "--%s takes no value", option->name);
        if (given == NULL || !is_false(given))
                g_hash_table_replace(cli->options, g_strdup(option->name), g_strdup(""));
        return true;
}

/* "NAME,..." may be given several times, each with one or more: all of them count. */
static void
keep_value(Cli *cli, const CliOption *option, const char *given)
{
        const char *before = cli_option(cli, option->name);
        bool list = before != NULL && g_str_has_suffix(option->value, ",...");

        g_hash_table_replace(cli->options, g_strdup(option->name),
                             list ? g_strconcat(before, ",", given, NULL) : g_strdup(given));
}

/* Reads the option at *argv; *used is how many words it took. */
static bool
take_option(Cli *cli, char **argv, int *used, GError **error)
{
        bool cmdlet = argv[0][1] != '-';
        g_auto(GStrv) parts = g_strsplit(argv[0] + (cmdlet ? 1 : 2), cmdlet ? ":" : "=", 2);
        const CliOption *option =
                cli->verb != NULL ? find_in(cli->verb->options, parts[0], cmdlet) : NULL;
        const char *given = parts[1];

        *used = 1;
        if (option == NULL)
                option = find_in(common, parts[0], false);
        if (option == NULL && cli->verb == NULL)
                return cli_usage(cli, error,
                                 "\"%s\" is no option of every command; see: upkeep help", argv[0]);
        if (option == NULL) {
                g_autofree char *name = cli_verb_name(cli->verb);
                return cli_usage(cli, error,
                                 "\"%s\" is no option of upkeep %s; see: upkeep %s --help", argv[0],
                                 name, name);
        }
        if (option->value == NULL)
                return take_flag(cli, option, cmdlet, given, argv + 1, used, error);
        if (given == NULL) {
                given = argv[1];
                *used = 2;
        }
        if (given == NULL)
                return cli_usage(cli, error, "%s needs a value: %s", argv[0], option->value);
        keep_value(cli, option, given);
        return true;
}

/* "<A> [B]" takes one or two words, "<A> to <B>" three, "<A>..." one or more. */
static bool
check_count(Cli *cli, GError **error)
{
        const char *words = cli->verb->words;
        guint least = 0, most = 0;

        for (const char *p = words; *p != '\0'; p++) {
                bool begins = p == words || p[-1] == ' ';

                least += begins && *p != '[';
                most += begins;
        }
        if (strstr(words, "...") != NULL)
                most = G_MAXUINT;
        if (cli->words->len < least) {
                g_autofree char *name = cli_verb_name(cli->verb);
                return cli_usage(cli, error, "something is missing; usage: upkeep %s %s", name,
                                 words);
        }
        if (cli->words->len > most)
                return cli_usage(cli, error, "\"%s\" is one word too many",
                                 (char *)cli->words->pdata[most]);
        return true;
}

/* Options that every command has may stand before the noun too; *at is the first word behind
 * them, less one. */
static bool
take_leading(Cli *cli, int argc, char **argv, int *at, GError **error)
{
        int used;

        for (*at = 0; *at + 1 < argc && argv[*at + 1][0] == '-' && !is_help(argv[*at + 1]);
             *at += used) {
                if (!take_option(cli, argv + *at + 1, &used, error))
                        return false;
        }
        return true;
}

bool
args_parse(Cli *cli, int argc, char **argv, GError **error)
{
        bool options = true;
        int used, skip;

        if (!take_leading(cli, argc, argv, &skip, error))
                return false;
        argc -= skip;
        argv += skip;
        if (!choose_verb(cli, argc, argv, &used, error))
                return false;
        if (cli->verb == NULL)
                return true;
        for (int i = used; i < argc; i += used) {
                used = 1;
                if (options && strcmp(argv[i], "--") == 0)
                        options = false;
                else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
                        if (!take_option(cli, argv + i, &used, error))
                                return false;
                } else
                        g_ptr_array_add(cli->words, g_strdup(argv[i]));
        }
        if (g_hash_table_contains(cli->options, "help"))
                return true;
        return check_count(cli, error);
}
