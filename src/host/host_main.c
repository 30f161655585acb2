/* host_main.c - the whole of a role's main(): options, libraries, and a life from start to signal.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "host/backup.h"
#include "host/control.h"
#include "host/host.h"
#include "host/restore.h"
#include "host/state_lock.h"

/* How long a restore waits for programs to end, which may have long work to leave off. */
#define FINISH_US (60 * UK_SECOND)
/* How many files a role may have open, where the system permits it. */
#define MOST_FILES 65536

typedef struct {
        char *root, *backup, *stage;
        gboolean components, version, finish;
} Options;

static bool
read_options(const HostRole *role, int argc, char **argv, Options *options, GError **error)
{
        const GOptionEntry entries[] = {
                { "root", 0, 0, G_OPTION_ARG_FILENAME, &options->root,
                  "Work below this folder (default /)", "DIR" },
                { "components", 0, 0, G_OPTION_ARG_NONE, &options->components,
                  "Print the components of this role and what wakes them", NULL },
                { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version",
                  NULL },
                { "backup", 0, 0, G_OPTION_ARG_FILENAME, &options->backup,
                  "Write this role's part of a backup (upkeep site backup does it for all)",
                  "DIR" },
                { "stage", 0, 0, G_OPTION_ARG_FILENAME, &options->stage,
                  "Verify this role's part of a backup and lay it ready (upkeep site restore)",
                  "DIR" },
                { "finish-restore", 0, 0, G_OPTION_ARG_NONE, &options->finish,
                  "Wait until all programs let go, and put in place what was laid ready", NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);

        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, error))
                return false;
        if (argc > 1)
                return uk_fail(error, UK_ERROR_INVALID,
                               "\"%s\" is no option of upkeep-%s; see upkeep-%s --help", argv[1],
                               role->role, role->role);
        return true;
}

static void append_word(GString *text, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
append_word(GString *text, const char *format, ...)
{
        va_list args;

        if (text->len > 0)
                g_string_append(text, ", ");
        va_start(args, format);
        g_string_append_vprintf(text, format, args);
        va_end(args);
}

/* What wakes a component, in words: the fields of its descriptor. */
static char *
woken_by(const ComponentDef *def)
{
        GString *text = g_string_new(NULL);

        for (const ComponentBox *row = def->boxes; row->box != NULL; row++)
                append_word(text, "%s %s", row->box, row->kind);
        for (const ComponentRoute *row = def->routes; row->path != NULL; row++)
                append_word(text, "%s %s", row->method, row->path);
        for (const ComponentSchedule *row = def->schedules; row->setting != NULL; row++)
                append_word(text, "schedule %s", row->setting);
        for (const ComponentTimer *row = def->timers; row->name != NULL; row++)
                append_word(text, "timer %s", row->name);
        if (def->on_commit != NULL)
                append_word(text, "change log");
        if (def->tick.fn != NULL)
                append_word(text, "tick %s", def->tick.setting);
        for (const ComponentPool *row = def->pools; row->name != NULL; row++)
                append_word(text, "pool %s", row->name);
        return g_string_free(text, FALSE);
}

static void
print_components(const HostRole *role)
{
        printf("Component\tLog\tWoken by\tTask\n");
        for (const ComponentDef *const *def = role->components; *def != NULL; def++) {
                g_autofree char *woken = woken_by(*def);

                printf("%s\t%s\t%s\t%s\n", (*def)->name, (*def)->log, woken, (*def)->what);
        }
}

/* In a lab all programs under one root share a clock. */
static bool
follow_lab_clock(const char *root, GError **error)
{
        g_autofree char *path = g_build_filename(root, "run/upkeep/clock", NULL);

        return !g_file_test(path, G_FILE_TEST_EXISTS) || uk_clock_follow(path, error);
}

static bool
init_libraries(const HostRole *role, GError **error)
{
        for (bool (*const *init)(GError **) = role->inits; init != NULL && *init != NULL; init++) {
                if (!(*init)(error))
                        return false;
        }
        return true;
}

/* One life, from the files as they are to letting go of them all. *again_out: a restore asked for
 * another. */
static bool
live(const HostRole *role, const char *root, bool *again_out, GError **error)
{
        UK_AUTOFD state = state_lock_take(root, error); /* the last to be let go */
        /* Before the database, which a second process must not bring to another schema. */
        UK_AUTOFD mine = state >= 0 ? state_lock_role(root, role->role, error) : -1;
        g_autoptr(Host) host = mine >= 0 ? host_new(role, root, error) : NULL;

        if (host == NULL)
                return false;
        Control *control = control_start(host, error);
        if (control == NULL)
                return false;
        uk_log("upkeep-%s " UPKEEP_VERSION " starts below %s", role->role, host_root(host));
        bool ok = host_start(host, error) && control_ready(host, error);
        if (!ok)
                host_stop(host);
        else
                uk_log("upkeep-%s is ready", role->role);
        bool asked =
                host_stopping(host) && !ok && g_error_matches(*error, UK_ERROR, UK_ERROR_NOT_YET);
        control_wait(control);
        control_not_ready(host);
        *again_out = atomic_load(&host->again);
        uk_log("upkeep-%s %s", role->role, *again_out ? "begins anew" : "ends");
        if (asked || *again_out)
                g_clear_error(error);
        return ok || asked || *again_out;
}

/* Programs are started with 1,024, which is too few for one whose clients are many, and kept so low
 * for the sake of those that use select(). */
static void
raise_file_limit(void)
{
        struct rlimit files;

        if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= MOST_FILES)
                return;
        files.rlim_cur = MIN(files.rlim_max, MOST_FILES);
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
                uk_warn("No more files can be opened at the same time: %s", g_strerror(errno));
}

static bool
serve(const HostRole *role, const char *root, GError **error)
{
        bool again = true;

        control_block_signals();
        /* What a role writes is for its own group, whoever started it. */
        umask(0007);
        raise_file_limit();
        if (!follow_lab_clock(root, error) || !init_libraries(role, error))
                return false;
        while (again) {
                again = false;
                if (!live(role, root, &again, error)) {
                        bool ended = g_error_matches(*error, UK_ERROR, UK_ERROR_CANCELLED);

                        if (ended)
                                g_clear_error(error);
                        return ended;
                }
        }
        return true;
}

/* What is asked of the program beside its life: its part of a backup or of a restore. */
static bool
work_on_backup(const HostRole *role, const Options *options, const char *root, GError **error)
{
        g_autofree char *full = g_canonicalize_filename(root, NULL);

        umask(0007);
        control_block_signals();
        if (!follow_lab_clock(root, error) || !init_libraries(role, error))
                return false;
        if (options->backup != NULL)
                return backup_make(role, full, options->backup, error);
        if (options->stage != NULL)
                return restore_stage(role, full, options->stage, error);
        return state_lock_finish(full, FINISH_US, error);
}

static bool
run(const HostRole *role, const Options *options, GError **error)
{
        const char *root = options->root != NULL ? options->root : "/";

        if (options->backup != NULL || options->stage != NULL || options->finish)
                return work_on_backup(role, options, root, error);
        return serve(role, root, error);
}

int
host_main(const HostRole *role, int argc, char **argv)
{
        Options options = { 0 };
        g_autoptr(GError) error = NULL;
        bool ok = read_options(role, argc, argv, &options, &error);

        if (ok && options.version)
                printf("upkeep-%s " UPKEEP_VERSION "\n", role->role);
        else if (ok && options.components)
                print_components(role);
        else if (ok)
                ok = run(role, &options, &error);
        if (!ok)
                fprintf(stderr, "upkeep-%s: %s\n", role->role, error->message);
        g_free(options.root);
        g_free(options.backup);
        g_free(options.stage);
        return ok ? 0 : 1;
}
