/* cli.c - runs one command: parses, calls the verb, prints the error, chooses the exit status.
 *
 * Comes in: argv and the verb table. Goes out: what the verb prints; on failure one sentence on
 * standard error (with --json an object on standard output). Knows nothing of any single verb.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/admin.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/output.h"
#include "lab/lab.h"
#include "net/http_server.h"
#include "wire/json.h"
#include "wire/xml.h"

enum {
        EXIT_DONE = 0,
        EXIT_FAILED = 1,
        EXIT_USAGE = 2,
        EXIT_PARTLY = 3,
};

char *
cli_verb_name(const CliVerb *verb)
{
        return verb->verb ? g_strdup_printf("%s %s", verb->noun, verb->verb) : g_strdup(verb->noun);
}

bool
cli_flag(const Cli *cli, const char *name)
{
        return g_hash_table_contains(cli->options, name);
}

const char *
cli_option(const Cli *cli, const char *name)
{
        return g_hash_table_lookup(cli->options, name);
}

bool
cli_option_int(Cli *cli, const char *name, gint64 min, gint64 fallback, gint64 *value_out,
               GError **error)
{
        const char *text = cli_option(cli, name);
        char *end = NULL;
        gint64 value = text != NULL ? g_ascii_strtoll(text, &end, 10) : fallback;

        if (text != NULL && (*text == '\0' || *end != '\0' || value < min))
                return cli_usage(cli, error,
                                 "--%s %s: a whole number from %" G_GINT64_FORMAT " on is wanted",
                                 name, text, min);
        *value_out = value;
        return true;
}

bool
cli_span(Cli *cli, const char *text, gint64 *span_out, GError **error)
{
        static const char letters[] = "smhd";
        static const gint64 units[] = { UK_SECOND, UK_MINUTE, UK_HOUR, UK_DAY };
        char *end = NULL;
        gint64 number = g_ascii_strtoll(text, &end, 10);
        const char *letter = *end != '\0' ? strchr(letters, *end) : letters;
        gint64 span;

        if (end == text || letter == NULL || (*end != '\0' && end[1] != '\0') ||
            __builtin_mul_overflow(number, units[letter - letters], &span))
                return cli_usage(cli, error, "\"%s\" is no span: 30s, 10m, 2h or 3d is wanted",
                                 text);
        *span_out = span;
        return true;
}

const char *
cli_word(const Cli *cli, guint n)
{
        return n < cli->words->len ? cli->words->pdata[n] : NULL;
}

bool
cli_usage(Cli *cli, GError **error, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        cli->usage = true;
        return uk_fail(error, UK_ERROR_INVALID, "%s", text);
}

void
cli_print(Cli *cli, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vfprintf(cli->out, format, args);
        va_end(args);
}

void
cli_would(Cli *cli, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        if (cli->json) {
                g_ptr_array_add(cli->would, g_steal_pointer(&text));
                return;
        }
        g_autofree char *clean = output_clean(text);
        cli_print(cli, "%s\n", clean);
}

void
cli_note(Cli *cli, const char *format, ...)
{
        va_list args;

        if (cli->json)
                return;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        g_autofree char *clean = output_clean_lines(text);

        /* What was printed before stands before it, also where both go into one file. */
        fflush(cli->out);
        fputs(clean, cli->err);
}

bool
cli_follow_clock(const Cli *cli, GError **error)
{
        g_autofree char *path = g_strconcat(cli->root, LAB_CLOCK, NULL);

        return !g_file_test(path, G_FILE_TEST_EXISTS) || uk_clock_follow(path, error);
}

Admin *
cli_admin(Cli *cli, GError **error)
{
        const char *url = cli_option(cli, "provider");

        if (url == NULL)
                url = g_getenv("UPKEEP_PROVIDER");
        if (cli->admin != NULL)
                return cli->admin;
        if (!cli_follow_clock(cli, error))
                return NULL;
        cli->admin = admin_open(cli->root, url, error);
        return cli->admin;
}

/* The folder of the site: as told, else the machine's own site, else a lab that is up. */
static char *
choose_root(Cli *cli)
{
        const char *told = cli_option(cli, "root");
        g_autofree char *lab = lab_default_root();

        if (told == NULL)
                told = g_getenv("UPKEEP_ROOT");
        if (told == NULL)
                told = !g_file_test("/run/upkeep/provider.ready", G_FILE_TEST_EXISTS) &&
                                       lab_is_up(lab)
                               ? lab
                               : "/";
        g_autofree char *root = g_canonicalize_filename(told, NULL);
        return g_strdup(strcmp(root, "/") == 0 ? "" : root);
}

static bool
print_help(Cli *cli, GError **error)
{
        const char *noun = cli_word(cli, 0);
        g_autofree char *text = cli->verb != NULL ? help_verb(cli->verb)
                                : noun != NULL    ? help_noun(cli->verbs, noun)
                                                  : help_all(cli->verbs);

        if (text == NULL)
                return cli_usage(cli, error, "there is no \"%s\"; see: upkeep help", noun);
        cli_print(cli, "%s", text);
        return true;
}

/* Of words that could not be taken apart. */
static bool
wants_json(int argc, char **argv)
{
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
                if (strcmp(argv[i], "--json") == 0)
                        return true;
        }
        return false;
}

static bool
run_verb(Cli *cli, int argc, char **argv, GError **error)
{
        if (!args_parse(cli, argc, argv, error)) {
                cli->json = wants_json(argc, argv);
                return false;
        }
        cli->json = cli_flag(cli, "json");
        if (cli_flag(cli, "version")) {
                cli_print(cli, cli->json ? "{\"version\":\"%s\"}\n" : "upkeep %s\n",
                          UPKEEP_VERSION);
                return true;
        }
        if (cli->verb == NULL || cli_flag(cli, "help"))
                return print_help(cli, error);
        cli->root = choose_root(cli);
        if (!wire_global_init(error) || !net_global_init(error))
                return false;
        return cli->verb->run(cli, error);
}

void
cli_error_json(JsonWriter *w, const GError *why)
{
        json_object(w, "error");
        json_text(w, "code", why->domain == UK_ERROR ? uk_error_name(why->code) : "?");
        json_text(w, "message", why->message);
        json_end(w, '}');
}

static void
report(Cli *cli, const GError *error)
{
        g_autofree char *name = cli->verb != NULL ? cli_verb_name(cli->verb) : g_strdup("");
        g_autoptr(GString) out = g_string_new(NULL);
        JsonWriter w;

        if (!cli->json) {
                g_autofree char *clean = output_clean_lines(error->message);

                fprintf(cli->err, "upkeep%s%s: %s\n", *name ? " " : "", name, clean);
                return;
        }
        json_begin(&w, out);
        json_object(&w, NULL);
        cli_error_json(&w, error);
        json_end(&w, '}');
        cli_print(cli, "%s\n", out->str);
}

/* {"would": [texts]}, where no verb has put them into an answer of its own. */
static void
print_would(Cli *cli)
{
        g_autoptr(GString) out = g_string_new(NULL);
        JsonWriter w;

        if (cli->would->len == 0)
                return;
        json_begin(&w, out);
        json_object(&w, NULL);
        json_array(&w, "would");
        for (guint i = 0; i < cli->would->len; i++)
                json_text(&w, NULL, cli->would->pdata[i]);
        json_end(&w, ']');
        json_end(&w, '}');
        cli_print(cli, "%s\n", out->str);
}

static void
look_at_terminal(Cli *cli)
{
        struct winsize size = { 0 };
        int fd = fileno(cli->out);

        if (fd < 0 || !isatty(fd))
                return;
        cli->width = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
        cli->colour = g_getenv("NO_COLOR") == NULL && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

/* What was lost before, when the buffer was full or a remark followed, counts as well. */
static bool
finish_output(FILE *out, FILE *err)
{
        bool lost_before = ferror(out) != 0;

        errno = 0;
        if (fflush(out) == 0 && !lost_before)
                return true;
        fprintf(err, "upkeep: the output could not be written%s%s\n",
                errno != 0 ? ": " : ", at least not all of it",
                errno != 0 ? g_strerror(errno) : "");
        return false;
}

int
cli_run(const CliVerb *verbs, int argc, char **argv, FILE *out, FILE *err)
{
        g_autoptr(GHashTable) options =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) would = g_ptr_array_new_with_free_func(g_free);
        Cli cli = { .verbs = verbs,
                    .options = options,
                    .words = words,
                    .would = would,
                    .out = out,
                    .err = err };
        g_autoptr(GError) error = NULL;

        look_at_terminal(&cli);
        bool done = run_verb(&cli, argc, argv, &error);

        if (!done && !cli.told)
                report(&cli, error);
        if (done)
                print_would(&cli);
        if (!finish_output(out, err))
                done = false;
        admin_close(cli.admin);
        g_free(cli.root);
        if (cli.partly)
                return EXIT_PARTLY;
        return done ? EXIT_DONE : cli.usage ? EXIT_USAGE : EXIT_FAILED;
}

int
cli_main(const CliVerb *verbs, int argc, char **argv)
{
        return cli_run(verbs, argc, argv, stdout, stderr);
}
