/* main.c - upkeep-client: the client role, and the few verbs that speak to it.
 *
 * Without a verb it is the service. Nothing here does work of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/client.h"
#include "client/command.h"
#include "client/join.h"
#include "crypto/hash.h"
#include "net/http_server.h"
#include "wire/xml.h"

static const char usage[] =
        "Usage: upkeep-client [--root DIR]                     runs the client\n"
        "       upkeep-client join URL --fingerprint F [--site CODE]\n"
        "       upkeep-client scan [--content-version N] [--wait SECONDS]\n"
        "       upkeep-client policy | send | resend [--wait SECONDS]\n"
        "join: belong to the site of the management point at URL. scan: look for what "
        "this machine\n"
        "lacks. policy: ask for policy. send: send what is to be told to the site. resend: "
        "tell it\n"
        "all states again.\n";

/* The command line of a verb. */
typedef struct {
        char *root, *fingerprint, *site, *version;
        int wait; /* seconds; 0: does not wait */
        char **words;
} Options;

static void
options_clear(Options *options)
{
        g_free(options->root);
        g_free(options->fingerprint);
        g_free(options->site);
        g_free(options->version);
        g_strfreev(options->words);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool
read_options(int argc, char **argv, Options *options, GError **error)
{
        const GOptionEntry entries[] = {
                { "root", 0, 0, G_OPTION_ARG_FILENAME, &options->root, "Folder of the system",
                  "DIR" },
                { "fingerprint", 0, 0, G_OPTION_ARG_STRING, &options->fingerprint,
                  "SHA-256 of the site's certificate", "F" },
                { "site", 0, 0, G_OPTION_ARG_STRING, &options->site, "Site code", "CODE" },
                { "content-version", 0, 0, G_OPTION_ARG_STRING, &options->version,
                  "Content version that is required", "N" },
                { "wait", 0, 0, G_OPTION_ARG_INT, &options->wait, "Wait for the end", "SECONDS" },
                { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->words, NULL,
                  NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new("VERB [URL]");

        g_option_context_set_description(context, usage);
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, error))
                return false;
        if (options->root == NULL)
                options->root = g_strdup("/");
        return true;
}

/* In a lab the verbs keep the time of its programs. */
static bool
follow_clock(const char *root, GError **error)
{
        g_autofree char *path = g_build_filename(root, "run", "upkeep", "clock", NULL);

        return !g_file_test(path, G_FILE_TEST_EXISTS) || uk_clock_follow(path, error);
}

static bool
run_join(const Options *options, GError **error)
{
        g_autoptr(HttpClient) http = http_client_new();
        g_autofree char *site = NULL;
        JoinRequest request = { options->root, options->words[1], options->fingerprint,
                                options->site };

        if (request.url == NULL || request.fingerprint == NULL)
                return uk_fail(error, UK_ERROR_INVALID,
                               "join needs the URL of a management point and --fingerprint");
        if (!crypto_global_init(error) || !db_global_init(error) || !net_global_init(error) ||
            !wire_global_init(error) || !join_site(http, &request, &site, error))
                return false;
        printf("This machine belongs to site %s now. It must be approved there: upkeep client list "
               "--state pending, upkeep client approve NAME\n",
               site);
        return true;
}

static bool
run_command(const Options *options, GError **error)
{
        const char *verb = options->words[0];
        bool versioned = options->version != NULL && strcmp(verb, "scan") == 0;
        g_autofree char *command =
                versioned ? g_strdup_printf("%s %s", verb, options->version) : g_strdup(verb);
        g_auto(CommandResult) result = { 0 };

        if (options->wait <= 0) {
                if (!command_drop(options->root, command, NULL, error))
                        return false;
                printf("Asked for. With --wait SECONDS the end is waited for.\n");
                return true;
        }
        if (!command_wait(options->root, command, (unsigned)options->wait, &result, error))
                return false;
        if (!result.done)
                return uk_fail(error, UK_ERROR_NOT_YET,
                               "not done within %d seconds; the client goes on, if it runs: "
                               "systemctl status upkeep-client",
                               options->wait);
        if (!result.good)
                return uk_fail(error, UK_ERROR_REMOTE, "%s", result.text);
        printf("%s\n", result.text);
        return true;
}

static bool
run_verb(const Options *options, GError **error)
{
        static const char *const commands[] = { "scan", "policy", "send", "resend", NULL };
        const char *verb = options->words[0];

        if (!follow_clock(options->root, error))
                return false;
        if (strcmp(verb, "join") == 0)
                return run_join(options, error);
        if (g_strv_contains(commands, verb))
                return run_command(options, error);
        return uk_fail(error, UK_ERROR_INVALID, "'%s' is no verb\n%s", verb, usage);
}

static bool
wants_help(int argc, char **argv)
{
        return argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

/* Whether there is a word among the arguments that is neither an option nor its value. */
static bool
has_verb(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--root") == 0)
                        i++;
                else if (argv[i][0] != '-')
                        return true;
        }
        return false;
}

int
main(int argc, char **argv)
{
        g_auto(Options) options = { 0 };
        g_autoptr(GError) error = NULL;

        if (wants_help(argc, argv))
                printf("%s\nAs a service:\n", usage);
        if (!has_verb(argc, argv))
                return host_main(&client_role, argc, argv);
        if (read_options(argc, argv, &options, &error) && run_verb(&options, &error))
                return EXIT_SUCCESS;
        fprintf(stderr, "upkeep-client: %s\n", error->message);
        return EXIT_FAILURE;
}
