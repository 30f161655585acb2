/* summarize.c - the verb `summarize run`: summarization tasks, started by hand (COMP-077).
 *
 * Comes in: SMS_SoftwareUpdate.RunSummarization. Goes out: the wish.
 */
#include "cli/summarize.h"

#include "cli/admin.h"

bool
summarize_run(Cli *cli, GError **error)
{
        const char *word = cli_word(cli, 0);
        const char *task = word != NULL ? word : "updates";
        g_autoptr(GString) body = g_string_new(NULL);
        Admin *admin = cli_admin(cli, error);
        JsonWriter w;

        if (admin == NULL)
                return false;
        if (cli_flag(cli, "what-if")) {
                cli_would(cli, "The states of %s would be counted anew.", task);
                return true;
        }
        json_begin(&w, body);
        json_object(&w, NULL);
        json_text(&w, "TaskCommand", task);
        json_end(&w, '}');
        g_autoptr(JsonDoc) answer =
                admin_call(admin, "SMS_SoftwareUpdate", NULL, "RunSummarization", body->str, error);

        if (answer == NULL)
                return false;
        if (cli->json)
                cli_print(cli, "{\"done\":true}\n");
        cli_note(cli, "The states of %s are being counted anew: upkeep log --component StateSys\n",
                 task);
        return true;
}
