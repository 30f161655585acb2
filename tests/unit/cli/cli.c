/* Tests of src/cli/cli.c, args.c and help.c, with a verb table of their own. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli/help.h"

/* Prints what it was given. */
static bool
show(Cli *cli, GError **error)
{
        cli_print(cli, "%s full=%d name=%s", cli->verb->noun, cli_flag(cli, "full"),
                  cli_option(cli, "name") ? cli_option(cli, "name") : "-");
        for (guint i = 0; i < cli->words->len; i++)
                cli_print(cli, " [%s]", cli_word(cli, i));
        return true;
}

static bool
count(Cli *cli, GError **error)
{
        gint64 n;

        if (!cli_option_int(cli, "top", 1, 7, &n, error))
                return false;
        cli_print(cli, "%d", (int)n);
        return true;
}

static bool
fail(Cli *cli, GError **error)
{
        return uk_fail(error, UK_ERROR_NOT_FOUND, "no \"such\" thing");
}

static bool
half(Cli *cli, GError **error)
{
        cli->partly = true;
        return uk_fail(error, UK_ERROR_BUSY, "one of two");
}

static const CliVerb verbs[] = {
        { "sync",
          "start",
          "",
          "Sync-CMSoftwareUpdate",
          "ask for it",
          show,
          { { "full", NULL, "FullSync", "all" }, { "name", "NAME", "Name", "of it" } } },
        { "sync", "show", "<ID> [MORE]", NULL, "show it", show },
        { "mark", "add", "<NAME>...", NULL, "add some", show },
        { "count", NULL, "", NULL, "count", count, { { "top", "N", NULL, "most" } } },
        { "fail", NULL, "", NULL, "fail", fail },
        { "half", NULL, "", NULL, "half", half },
        { .noun = NULL },
};

/* Runs "a|b|c"; the exit status, and both outputs. */
static int
run(const char *line, char **out_text, char **err_text)
{
        g_autofree char *whole = g_strconcat("upkeep|", line, NULL);
        g_auto(GStrv) argv = g_strsplit(*line != '\0' ? whole : "upkeep", "|", -1);
        size_t size;
        FILE *out = open_memstream(out_text, &size), *err = open_memstream(err_text, &size);
        int status = cli_run(verbs, (int)g_strv_length(argv), argv, out, err);

        fclose(out);
        fclose(err);
        return status;
}

static void
check(const char *line, int status, const char *out_part, const char *err_part)
{
        char *out = NULL, *err = NULL;

        g_test_message("%s", line);
        g_assert_cmpint(run(line, &out, &err), ==, status);
        if (out_part == NULL)
                g_assert_cmpstr(out, ==, "");
        else
                g_assert_nonnull(strstr(out, out_part));
        if (err_part == NULL)
                g_assert_cmpstr(err, ==, "");
        else
                g_assert_nonnull(strstr(err, err_part));
        free(out);
        free(err);
}

static void
words_and_options(void)
{
        check("sync|start", 0, "sync full=0 name=-", NULL);
        check("sync|start|--full|--name|a b", 0, "sync full=1 name=a b", NULL);
        check("sync|start|--name=a=b", 0, "name=a=b", NULL);
        check("sync|show|7", 0, "name=- [7]", NULL);
        check("sync|show|7|8", 0, "[7] [8]", NULL);
        check("sync|show|--|--full", 0, "[--full]", NULL);
        check("mark|add|a|b|c", 0, "[a] [b] [c]", NULL);
        check("count|--top|12", 0, "12", NULL);
        check("count", 0, "7", NULL);
        check("--json|--root|/x|sync|start|--full", 0, "full=1", NULL);
        check("--root|/x", 0, "Exit status:", NULL);
        check("--root|/x|--help", 0, "Exit status:", NULL);
        check("--full|sync|start", 2, NULL, "\"--full\" is no option of every command");
}

static void
cmdlet_names(void)
{
        check("Sync-CMSoftwareUpdate", 0, "full=0", NULL);
        check("sync-cmsoftwareupdate|-FullSync|$true", 0, "full=1 name=-", NULL);
        check("Sync-CMSoftwareUpdate|-fullsync:$false|-Name|x", 0, "full=0 name=x", NULL);
        check("Sync-CMSoftwareUpdate|-FullSync|-Name:x", 0, "full=1 name=x", NULL);
        check("Sync-CMSoftwareUpdate|-WaitMonth", 2, NULL, "is no option of upkeep sync start");
}

static void
usage_errors_name_the_next_command(void)
{
        check("snyc", 2, NULL, "there is no \"snyc\"; see: upkeep help");
        check("sync|strat", 2, NULL, "see: upkeep sync");
        check("sync|start|--ful", 2, NULL, "see: upkeep sync start --help");
        check("sync|start|--full=1", 2, NULL, "takes no value");
        check("sync|start|--name", 2, NULL, "needs a value: NAME");
        check("sync|start|x", 2, NULL, "one word too many");
        check("sync|show", 2, NULL, "usage: upkeep sync show <ID> [MORE]");
        check("sync|show|1|2|3", 2, NULL, "\"3\" is one word too many");
        check("mark|add", 2, NULL, "<NAME>...");
        check("count|--top|0", 2, NULL, "--top 0: a whole number from 1");
        check("count|--top|5x", 2, NULL, "--top 5x");
}

static void
exit_status_and_errors(void)
{
        check("fail", 1, NULL, "upkeep fail: no \"such\" thing\n");
        check("half", 3, NULL, "upkeep half: one of two\n");
        check("fail|--json", 1,
              "{\"error\":{\"code\":\"NOT_FOUND\",\"message\":\"no \\\"such\\\" thing\"}}\n", NULL);
}

static void
help_from_the_rows(void)
{
        check("", 0, "sync show <ID> [MORE]", NULL);
        check("help", 0, "Exit status: 0 done, 1 failed, 2 usage, 3 partly.", NULL);
        check("sync", 0, "ask for it", NULL);
        check("help|mark", 0, "add some", NULL);
        check("help|none", 2, NULL, "there is no \"none\"");
        check("sync|start|--help", 0, "Also known as: upkeep Sync-CMSoftwareUpdate", NULL);
        check("sync|start|--help", 0, "--name NAME", NULL);
        check("sync|show|--help", 0, "usage: upkeep sync show <ID> [MORE]", NULL);
}

/* bash itself judges the completion script. */
static void
completion_runs_in_bash(void)
{
        g_autofree char *script = help_completion(verbs);
        g_autofree char *whole =
                g_strconcat(script,
                            "COMP_WORDS=(upkeep sync st); COMP_CWORD=2; _upkeep; "
                            "echo \"${COMPREPLY[@]}\"\n"
                            "COMP_WORDS=(upkeep sync start --f); COMP_CWORD=3; _upkeep; "
                            "echo \"${COMPREPLY[@]}\"\n",
                            NULL);
        const char *argv[] = { "/bin/bash", "-c", whole, NULL };
        g_autofree char *out = NULL, *err = NULL;
        g_autoptr(GError) error = NULL;
        int status;

        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &out, &err, &status,
                                   &error));
        g_assert_cmpstr(err, ==, "");
        g_assert_cmpstr(out, ==, "start\n--full\n");
        g_assert_cmpint(status, ==, 0);
}

static void
man_page(void)
{
        g_autofree char *page = help_man(verbs);

        g_assert_true(g_str_has_prefix(page, ".TH UPKEEP 1 "));
        g_assert_nonnull(
                strstr(page, ".SS \"upkeep sync start [\\-\\-full] [\\-\\-name NAME]\"\n"));
        g_assert_nonnull(strstr(page, "Alias: Sync\\-CMSoftwareUpdate.\n"));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cli/args/words-and-options", words_and_options);
        g_test_add_func("/cli/args/cmdlet-names", cmdlet_names);
        g_test_add_func("/cli/args/usage-errors-name-the-next-command",
                        usage_errors_name_the_next_command);
        g_test_add_func("/cli/cli/exit-status-and-errors", exit_status_and_errors);
        g_test_add_func("/cli/help/from-the-rows", help_from_the_rows);
        g_test_add_func("/cli/help/completion-runs-in-bash", completion_runs_in_bash);
        g_test_add_func("/cli/help/man-page", man_page);
        return g_test_run();
}
