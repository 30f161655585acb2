/* standstill.c - why nothing goes on while a command waits for the site.
 *
 * Comes in: the locks of the programs below the root. Goes out: a sentence with the next step. A
 * site on another machine is not looked at.
 */
#include "cli/standstill.h"

#include <string.h>

#include "lab/program.h"

char *
standstill_start_command(const char *root, const char *role)
{
        g_autofree char *mark = g_strconcat(root, "/.upkeep-lab", NULL);

        if (g_file_test(mark, G_FILE_TEST_EXISTS))
                return g_strdup_printf("upkeep lab up --root %s", root);
        return g_strdup_printf("systemctl restart upkeep-%s; why: upkeep log --component upkeep-%s",
                               role, role);
}

static bool
is_elsewhere(const Cli *cli)
{
        return cli_option(cli, "provider") != NULL || g_getenv("UPKEEP_PROVIDER") != NULL;
}

char *
standstill_why(const Cli *cli)
{
        g_autoptr(GPtrArray) programs =
                is_elsewhere(cli) ? NULL : program_list(*cli->root != '\0' ? cli->root : "/");

        for (guint i = 0; programs != NULL && i < programs->len; i++) {
                const Program *program = programs->pdata[i];

                if (strcmp(program->role, "site") != 0 || program->state == PROGRAM_RUNNING ||
                    program->state == PROGRAM_STARTING)
                        continue;
                g_autofree char *next = standstill_start_command(cli->root, "site");

                return g_strdup_printf("upkeep-site does not run, and until it does nothing goes "
                                       "on (%s)",
                                       next);
        }
        return NULL;
}
