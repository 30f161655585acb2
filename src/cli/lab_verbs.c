/* lab_verbs.c - the verbs of `lab`.
 *
 * Comes in: a root. Goes out: what src/lab does there, told line by line.
 */
#include "cli/lab_verbs.h"

#include <string.h>

#include "base/clock.h"
#include "cli/lab_points.h"
#include "cli/output.h"
#include "lab/lab.h"
#include "wire/json.h"

/* A lab lives where it is told to, or in the place of this user's own; never at /. */
static char *
lab_root(Cli *cli)
{
        const char *told = cli_option(cli, "root");

        if (told == NULL)
                told = g_getenv("UPKEEP_ROOT");
        return told != NULL ? g_canonicalize_filename(told, NULL) : lab_default_root();
}

static void
tell(gpointer user, const char *text)
{
        cli_note(user, "%s\n", text);
}

static void
print_roles(Cli *cli, GPtrArray *roles)
{
        static const OutputColumn columns[] = { { .head = "ROLE" },
                                                { .head = "STATE" },
                                                { .head = "PID", .right = true },
                                                { .head = "LISTENS ON", .shrink = true } };
        g_autoptr(OutputTable) table = output_table_new(columns, G_N_ELEMENTS(columns));

        for (guint i = 0; i < roles->len; i++) {
                const LabRole *role = roles->pdata[i];

                output_table_add_take(table,
                                      g_strdup_printf("upkeep-%s%s%s", role->role,
                                                      *role->name != '\0' ? " " : "", role->name));
                output_table_add_take(table, g_strdup(lab_state_name(role->state)));
                output_table_add_take(
                        table, role->pid ? g_strdup_printf("%" G_GINT64_FORMAT, role->pid) : NULL);
                output_table_add_take(table, g_strdup(role->ports));
        }
        g_autofree char *text = output_table_text(table, cli->width);
        cli_print(cli, "%s", text);
}

static void
print_roles_json(Cli *cli, GPtrArray *roles, const char *root)
{
        g_autoptr(GString) out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "root", root);
        json_array(&w, "roles");
        for (guint i = 0; i < roles->len; i++) {
                const LabRole *role = roles->pdata[i];

                json_object(&w, NULL);
                json_text(&w, "role", role->role);
                json_text(&w, "name", role->name);
                json_text(&w, "state", lab_state_name(role->state));
                json_int(&w, "pid", role->pid);
                json_text(&w, "ports", role->ports);
                json_end(&w, '}');
        }
        json_end(&w, ']');
        json_end(&w, '}');
        cli_print(cli, "%s\n", out->str);
}

static bool
show(Cli *cli, const char *root, GError **error)
{
        g_autoptr(GPtrArray) roles = lab_status(root, error);

        if (roles == NULL)
                return false;
        if (cli->json)
                print_roles_json(cli, roles, root);
        else
                print_roles(cli, roles);
        return true;
}

/* The last words of what died, so that nobody has to look for them. */
static void
show_dead(Cli *cli, const char *root)
{
        g_autoptr(GPtrArray) roles = lab_status(root, NULL);

        for (guint i = 0; roles != NULL && i < roles->len; i++) {
                const LabRole *role = roles->pdata[i];

                if (role->state != LAB_DIED)
                        continue;
                g_autofree char *words = lab_last_words(role->root, role->role, 12);

                cli_note(cli,
                         "\nupkeep-%s%s%s died; its last words:\n%s\nupkeep lab up starts it "
                         "again.\n",
                         role->role, *role->name != '\0' ? " of " : "", role->name,
                         *words != '\0' ? words : "(none)");
                cli->partly = true;
        }
}

/* The settings that the options stand for, "group.key=value" each. */
static GPtrArray *
settings_of(const Cli *cli)
{
        GPtrArray *settings = g_ptr_array_new_with_free_func(g_free);
        const char *given = cli_option(cli, "set"), *sources = cli_option(cli, "sources");
        g_auto(GStrv) parts = g_strsplit(given != NULL ? given : "", ",", -1);

        if (sources != NULL) {
                g_autofree char *path = g_canonicalize_filename(sources, NULL);
                g_ptr_array_add(settings, g_strconcat("upstream.root=", path, NULL));
        }
        if (cli_flag(cli, "no-first-sync"))
                g_ptr_array_add(settings, g_strdup("wsyncmgr.sync_on_install=false"));
        for (char **part = parts; *part != NULL; part++)
                g_ptr_array_add(settings, g_strdup(*part));
        g_ptr_array_add(settings, NULL);
        return settings;
}

/* ---- links ----------------------------------------------------------------------------------- */

/* "5M" (bytes a second, in steps of 1000), "50ms": a number and its unit; else a usage error. */
static bool
measure(Cli *cli, const char *option, const char *const *units, const gint64 *factors,
        gint64 *value_out, GError **error)
{
        const char *text = cli_option(cli, option);
        char *end = NULL;
        double number = text != NULL ? g_ascii_strtod(text, &end) : 0;

        for (guint i = 0; text != NULL && end != text && units[i] != NULL; i++) {
                if (g_ascii_strcasecmp(end, units[i]) != 0 || !(number >= 0) || number > 1e9)
                        continue;
                *value_out = (gint64)(number * (double)factors[i]);
                return true;
        }
        return text == NULL ||
               cli_usage(cli, error, "--%s %s: a number is wanted, with %s behind it", option, text,
                         units[1]);
}

static bool
read_rate(Cli *cli, const char *option, gint64 *rate_out, GError **error)
{
        static const char *const units[] = { "", "M", "k", "G", NULL };
        static const gint64 factors[] = { 1, 1000000, 1000, 1000000000 };

        return measure(cli, option, units, factors, rate_out, error);
}

static bool
read_delay(Cli *cli, const char *option, gint64 *delay_out, GError **error)
{
        static const char *const units[] = { "ms", "ms", "s", "us", NULL };
        static const gint64 factors[] = { 1000, 1000, UK_SECOND, 1 };

        return measure(cli, option, units, factors, delay_out, error);
}

typedef struct {
        const Cli *cli;
        gint64 rate, delay_us;
} LinkWish;

static void
apply_wish(gpointer user, LabLink *link)
{
        const LinkWish *wish = user;

        if (cli_option(wish->cli, "rate") != NULL)
                link->rate = wish->rate;
        if (cli_option(wish->cli, "delay") != NULL)
                link->delay_us = wish->delay_us;
        if (cli_flag(wish->cli, "down") || cli_flag(wish->cli, "up"))
                link->down = cli_flag(wish->cli, "down");
}

static void
print_link(Cli *cli, const char *name, const LabLink *link)
{
        g_autofree char *rate = output_size(link->rate);

        if (cli->json) {
                cli_print(cli,
                          "{\"name\":\"%s\",\"rate\":%" G_GINT64_FORMAT
                          ",\"delay_us\":%" G_GINT64_FORMAT ",\"down\":%s}\n",
                          name, link->rate, link->delay_us, link->down ? "true" : "false");
                return;
        }
        cli_print(cli, "%s: %s%s, delay %g ms%s\n", name, link->rate > 0 ? rate : "no limit",
                  link->rate > 0 ? "/s" : "", (double)link->delay_us / 1000,
                  link->down ? ", CUT (--up mends it)" : "");
}

bool
lab_verbs_link(Cli *cli, GError **error)
{
        g_autofree char *root = lab_root(cli), *name = g_ascii_strup(cli_word(cli, 0), -1);
        LabOptions options = { .root = root, .programs = cli_option(cli, "bin") };
        LinkWish wish = { .cli = cli };
        LabLink link;

        if (cli_flag(cli, "down") && cli_flag(cli, "up"))
                return cli_usage(cli, error, "--down and --up: one of them");
        if (!read_rate(cli, "rate", &wish.rate, error) ||
            !read_delay(cli, "delay", &wish.delay_us, error) ||
            !lab_link(&options, name, apply_wish, &wish, &link, error) ||
            !lab_points_register(cli, root, error))
                return false;
        print_link(cli, name, &link);
        return true;
}

/* What --dps, --pull-dps and the links ask for; *link is where the wish for links is kept. */
static bool
read_points(Cli *cli, LabOptions *options, LabLink *link, GError **error)
{
        gint64 dps, pull_dps;

        if (!cli_option_int(cli, "dps", 0, 0, &dps, error) ||
            !cli_option_int(cli, "pull-dps", 0, 0, &pull_dps, error) ||
            !read_rate(cli, "link-rate", &link->rate, error) ||
            !read_delay(cli, "link-delay", &link->delay_us, error))
                return false;
        if (dps > LAB_MAX_DPS || pull_dps > LAB_MAX_DPS)
                return cli_usage(cli, error, "a lab has at most %d distribution points of a kind",
                                 LAB_MAX_DPS);
        options->dps = (guint)dps;
        options->pull_dps = (guint)pull_dps;
        if (cli_option(cli, "link-rate") != NULL || cli_option(cli, "link-delay") != NULL)
                options->link = link;
        return true;
}

/* ---- the lab --------------------------------------------------------------------------------- */

bool
lab_verbs_up(Cli *cli, GError **error)
{
        LabLink link = { 0 };
        g_autofree char *root = lab_root(cli);
        g_autoptr(GPtrArray) settings = settings_of(cli);
        const char *sources = cli_option(cli, "sources");

        if (sources != NULL && !g_file_test(sources, G_FILE_TEST_IS_DIR))
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "--sources %s: there is no such folder; one is wanted that has "
                               "etc/apt/ in it",
                               sources);
        LabOptions options = { .root = root,
                               .programs = cli_option(cli, "bin"),
                               .settings = (const char *const *)settings->pdata,
                               .tell = tell,
                               .user = cli };

        if (!read_points(cli, &options, &link, error) || !lab_up(&options, error) ||
            !lab_points_register(cli, root, error) || !show(cli, root, error))
                return false;
        g_autofree char *usual = lab_default_root();

        cli_note(
                cli,
                "\nThe lab is up at %s. Next: %s%s%supkeep site status, upkeep sync start --wait\n",
                root, strcmp(root, usual) == 0 ? "" : "export UPKEEP_ROOT=",
                strcmp(root, usual) == 0 ? "" : root, strcmp(root, usual) == 0 ? "" : ", ");
        return true;
}

bool
lab_verbs_down(Cli *cli, GError **error)
{
        g_autofree char *root = lab_root(cli);
        bool purge = cli_flag(cli, "purge");

        if (!lab_down(root, purge, error))
                return false;
        if (cli->json)
                cli_print(cli, "{\"done\":true}\n");
        cli_note(cli,
                 purge ? "The lab at %s is down and gone.\n"
                       : "The lab at %s is down; --purge removes it, lab up goes on with it.\n",
                 root);
        return true;
}

bool
lab_verbs_status(Cli *cli, GError **error)
{
        g_autofree char *root = lab_root(cli);

        if (!show(cli, root, error))
                return false;
        show_dead(cli, root);
        return true;
}

bool
lab_verbs_clock(Cli *cli, GError **error)
{
        g_autofree char *root = lab_root(cli), *clock = g_strconcat(root, LAB_CLOCK, NULL);
        gint64 rate, step = 0;
        const char *text = cli_option(cli, "step");

        if (!cli_option_int(cli, "rate", 1, 0, &rate, error) ||
            (text != NULL && !cli_span(cli, text, &step, error)))
                return false;
        if ((rate != 0 || step != 0) && !lab_clock(root, (double)rate, step, error))
                return false;
        g_autoptr(GPtrArray) roles = lab_status(root, error);

        if (roles == NULL || !uk_clock_follow(clock, error))
                return false;
        g_autofree char *now = uk_clock_iso(uk_clock_now());

        cli_print(cli, cli->json ? "{\"now\":\"%s\"}\n" : "It is %s in the lab.\n", now);
        return true;
}
