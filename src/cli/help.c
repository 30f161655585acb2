/* help.c - help, shell completion and the man page, made from the rows of the verb table.
 *
 * Comes in: the rows. Goes out: texts. Nothing about a verb is said here; what is missing in a
 * help text is missing in its row.
 */
#include "cli/help.h"

#include <string.h>

#include "cli/args.h"

#define HEAD "upkeep - software updates and content distribution for many machines"

/* "sync start [--full] [--wait]" */
static void
synopsis(GString *out, const CliVerb *verb)
{
        g_autofree char *name = cli_verb_name(verb);

        g_string_append(out, name);
        if (*verb->words != '\0')
                g_string_append_printf(out, " %s", verb->words);
        for (const CliOption *o = verb->options; o->name != NULL; o++)
                g_string_append_printf(out, " [--%s%s%s]", o->name, o->value ? " " : "",
                                       o->value ? o->value : "");
}

static void
option_lines(GString *out, const CliOption *options)
{
        for (const CliOption *o = options; o->name != NULL; o++) {
                g_autofree char *left = g_strdup_printf("--%s%s%s", o->name, o->value ? " " : "",
                                                        o->value ? o->value : "");
                g_string_append_printf(out, "  %-24s %s\n", left, o->what);
        }
}

static void
verb_line(GString *out, const CliVerb *verb)
{
        g_autofree char *name = cli_verb_name(verb);
        g_autofree char *left = g_strconcat(name, *verb->words ? " " : "", verb->words, NULL);

        g_string_append_printf(out, "  %-38s %s\n", left, verb->what);
}

char *
help_all(const CliVerb *verbs)
{
        GString *out = g_string_new(HEAD "\n\nusage: upkeep <noun> <verb> [words] [--options]\n\n");

        for (const CliVerb *v = verbs; v->noun != NULL; v++)
                verb_line(out, v);
        g_string_append(out, "\nWith every command:\n");
        option_lines(out, args_common());
        g_string_append(out, "\nupkeep help <noun>, or upkeep <noun> <verb> --help, tells more.\n"
                             "Exit status: 0 done, 1 failed, 2 usage, 3 partly.\n");
        return g_string_free(out, FALSE);
}

char *
help_noun(const CliVerb *verbs, const char *noun)
{
        g_autoptr(GString) out = g_string_new(NULL);

        for (const CliVerb *v = verbs; v->noun != NULL; v++) {
                if (strcmp(v->noun, noun) == 0)
                        verb_line(out, v);
        }
        return out->len > 0 ? g_strdup(out->str) : NULL;
}

char *
help_verb(const CliVerb *verb)
{
        GString *out = g_string_new("usage: upkeep ");

        synopsis(out, verb);
        g_string_append_printf(out, "\n\n%c%s.\n", g_ascii_toupper(verb->what[0]), verb->what + 1);
        if (verb->options[0].name != NULL) {
                g_string_append(out, "\nOptions:\n");
                option_lines(out, verb->options);
        }
        if (verb->cmdlet != NULL)
                g_string_append_printf(out, "\nAlso known as: upkeep %s\n", verb->cmdlet);
        g_string_append(out, "\nWith every command:\n");
        option_lines(out, args_common());
        return g_string_free(out, FALSE);
}

/* The nouns, each once, in the order of the table. */
static GPtrArray *
nouns_of(const CliVerb *verbs)
{
        GPtrArray *nouns = g_ptr_array_new();

        for (const CliVerb *v = verbs; v->noun != NULL; v++) {
                if (nouns->len == 0 || strcmp(nouns->pdata[nouns->len - 1], v->noun) != 0)
                        g_ptr_array_add(nouns, (gpointer)v->noun);
        }
        return nouns;
}

static void
complete_options(GString *out, const CliVerb *verb)
{
        g_string_append_printf(out, "        \"%s %s\") words=\"", verb->noun,
                               verb->verb ? verb->verb : "");
        for (const CliOption *o = verb->options; o->name != NULL; o++)
                g_string_append_printf(out, "--%s ", o->name);
        for (const CliOption *o = args_common(); o->name != NULL; o++)
                g_string_append_printf(out, "--%s ", o->name);
        g_string_append(out, "\" ;;\n");
}

char *
help_completion(const CliVerb *verbs)
{
        GString *out = g_string_new("# bash completion of upkeep; source it.\n_upkeep()\n{\n"
                                    "        local words=\n        case \"$COMP_CWORD\" in\n"
                                    "        1) words=\"help");
        g_autoptr(GPtrArray) nouns = nouns_of(verbs);

        for (guint i = 0; i < nouns->len; i++)
                g_string_append_printf(out, " %s", (char *)nouns->pdata[i]);
        g_string_append(out, "\" ;;\n        2) case \"${COMP_WORDS[1]}\" in\n");
        for (guint i = 0; i < nouns->len; i++) {
                g_string_append_printf(out, "        %s) words=\"", (char *)nouns->pdata[i]);
                for (const CliVerb *v = verbs; v->noun != NULL; v++) {
                        if (strcmp(v->noun, nouns->pdata[i]) == 0 && v->verb != NULL)
                                g_string_append_printf(out, "%s ", v->verb);
                }
                g_string_append(out, "\" ;;\n");
        }
        g_string_append(
                out, "        esac ;;\n        *) case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
        for (const CliVerb *v = verbs; v->noun != NULL; v++) {
                if (v->verb != NULL)
                        complete_options(out, v);
        }
        g_string_append(
                out,
                "        esac ;;\n        esac\n"
                "        COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
                "}\ncomplete -F _upkeep upkeep\n");
        return g_string_free(out, FALSE);
}

/* A text in which a man macro cannot hide: minus signs as such, no dot at the start of a line. */
static void
man_text(GString *out, const char *text)
{
        for (; *text != '\0'; text++) {
                if (*text == '-')
                        g_string_append_c(out, '\\');
                if (*text == '\\')
                        g_string_append_c(out, '\\');
                g_string_append_c(out, *text);
        }
}

static void
man_options(GString *out, const CliOption *options)
{
        for (const CliOption *o = options; o->name != NULL; o++) {
                g_string_append_printf(out, ".TP\n\\fB\\-\\-%s\\fR", o->name);
                if (o->value != NULL)
                        g_string_append_printf(out, " \\fI%s\\fR", o->value);
                g_string_append_c(out, '\n');
                man_text(out, o->what);
                g_string_append_c(out, '\n');
        }
}

static void
man_verb(GString *out, const CliVerb *verb)
{
        g_autoptr(GString) line = g_string_new(NULL);

        synopsis(line, verb);
        g_string_append(out, ".SS \"upkeep ");
        man_text(out, line->str);
        g_string_append(out, "\"\n");
        man_text(out, verb->what);
        g_string_append(out, ".\n");
        if (verb->cmdlet != NULL) {
                g_string_append(out, "Alias: ");
                man_text(out, verb->cmdlet);
                g_string_append(out, ".\n");
        }
        man_options(out, verb->options);
}

char *
help_man(const CliVerb *verbs)
{
        GString *out = g_string_new(".TH UPKEEP 1 \"\" \"Upkeep " UPKEEP_VERSION "\"\n.SH NAME\n");

        g_string_append(out,
                        "upkeep \\- software updates and content distribution for many machines\n"
                        ".SH SYNOPSIS\n\\fBupkeep\\fR \\fInoun\\fR \\fIverb\\fR [words] [options]\n"
                        ".SH COMMANDS\n");
        for (const CliVerb *v = verbs; v->noun != NULL; v++)
                man_verb(out, v);
        g_string_append(out, ".SH OPTIONS OF EVERY COMMAND\n");
        man_options(out, args_common());
        g_string_append(out, ".SH EXIT STATUS\n0 done, 1 failed, 2 usage, 3 partly.\n"
                             ".SH ENVIRONMENT\n.TP\n\\fBUPKEEP_ROOT\\fR\nas \\fB\\-\\-root\\fR\n"
                             ".TP\n\\fBUPKEEP_PROVIDER\\fR\nas \\fB\\-\\-provider\\fR\n");
        return g_string_free(out, FALSE);
}
