/* help_verbs.c - the verbs that print what is made from the verb table.
 *
 * Comes in: the table. Goes out: a completion script, the man page.
 */
#include "cli/help_verbs.h"

#include "cli/help.h"

bool
help_verbs_completion(Cli *cli, GError **error)
{
        g_autofree char *text = help_completion(cli->verbs);

        cli_print(cli, "%s", text);
        return true;
}

bool
help_verbs_man(Cli *cli, GError **error)
{
        g_autofree char *text = help_man(cli->verbs);

        cli_print(cli, "%s", text);
        return true;
}
