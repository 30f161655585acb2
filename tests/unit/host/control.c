/* Tests of src/host/control.c and host_main.c: a role as a program, seen from outside. The program
 * is this one, started again with the name of the role. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/host.h"
#include "unit/host/kit.h"

/* As many systems start programs, or fewer. */
#define FILES_AT_START 512

static bool
on_file(Component *c, const InboxFile *file, GError **error)
{
        uk_log("Pause is %d", (int)settings_int(host_settings(c->host), "toy.pause"));
        uk_verbose("Seen %s", file->name);
        return true;
}

static const ComponentDef def = {
        .name = "SMS_TOY",
        .log = "Toy.log",
        .log_form = UK_LOG_SERVER,
        .what = "Plays",
        .boxes = { { "main", "toy.box", ".SYN", on_file, .bare_name = true } },
        .tick = { "toy.pause", NULL },
};
static const ComponentDef *const components[] = { &def, NULL };
static const SettingDef settings[] = {
        { "toy.pause", SETTING_INT, "5", 0, 100, "minutes", "at once", "The pause" },
        { .name = NULL },
};
static const HostRole role = { .role = "toy", .components = components, .settings = settings };

typedef struct {
        char *root;
        pid_t pid;
        int output; /* of a run that ends by itself */
} Fixture;

static pid_t
run(const char *root, int *output_out, const char *option)
{
        int ends[2];

        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        pid_t pid = fork();
        if (pid == 0) {
                struct rlimit files;

                getrlimit(RLIMIT_NOFILE, &files);
                files.rlim_cur = FILES_AT_START;
                setrlimit(RLIMIT_NOFILE, &files);
                dup2(ends[1], 1);
                dup2(ends[1], 2);
                execl("/proc/self/exe", "upkeep-toy", "--root", root, option, NULL);
                _exit(99);
        }
        close(ends[1]);
        *output_out = ends[0];
        return pid;
}

static char *
read_all(int fd)
{
        GString *text = g_string_new(NULL);
        char buffer[1000];
        ssize_t size;

        while ((size = read(fd, buffer, sizeof buffer)) > 0)
                g_string_append_len(text, buffer, size);
        close(fd);
        return g_string_free(text, FALSE);
}

static int
wait_end(pid_t pid)
{
        int status = 0;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* Waits until a file below the root contains a text; at most 10 s. */
static void
wait_text(const Fixture *f, const char *path, const char *part)
{
        g_autofree char *whole = g_build_filename(f->root, path, NULL);
        gint64 end = uk_clock_mono() + 10 * UK_SECOND;

        while (uk_clock_mono() < end) {
                g_autofree char *text = NULL;

                if (g_file_get_contents(whole, &text, NULL, NULL) && strstr(text, part) != NULL)
                        return;
                kit_idle(2);
        }
        g_test_message("%s does not contain \"%s\"", whole, part);
        g_test_fail();
}

static void
drop(const Fixture *f, const char *name)
{
        g_autofree char *path =
                g_build_filename(f->root, "var/lib/upkeep/site/inboxes/toy.box", name, NULL);

        close(open(path, O_WRONLY | O_CREAT, 0644));
}

static void
set_up(Fixture *f, gconstpointer data)
{
        f->root = kit_root();
        f->pid = run(f->root, &f->output, NULL);
        wait_text(f, "run/upkeep/toy.ready", "pid=");
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        if (f->pid != 0) {
                kill(f->pid, SIGTERM);
                g_assert_cmpint(wait_end(f->pid), ==, 0);
        }
        close(f->output);
        kit_end(f->root);
}

static void
ready_file(Fixture *f, gconstpointer data)
{
        g_autofree char *path = g_build_filename(f->root, "run/upkeep/toy.ready", NULL);
        g_autofree char *pid = g_strdup_printf("pid=%d\n", (int)f->pid);
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, pid);
        kill(f->pid, SIGTERM);
        g_assert_cmpint(wait_end(f->pid), ==, 0);
        f->pid = 0;
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        wait_text(f, "var/log/upkeep/upkeep-toy.log", "upkeep-toy is ready");
        wait_text(f, "var/log/upkeep/upkeep-toy.log", "Stopping on signal 15");
        wait_text(f, "var/log/upkeep/upkeep-toy.log", "upkeep-toy ends");
}

/* Thousands of connections and hundreds of transfers need more than a program is started with. */
static void
files_enough(Fixture *f, gconstpointer data)
{
        struct rlimit files;

        g_assert_cmpint(prlimit(f->pid, RLIMIT_NOFILE, NULL, &files), ==, 0);
        g_assert_cmpuint(files.rlim_max, >, FILES_AT_START);
        g_assert_cmpuint(files.rlim_cur, ==, MIN(files.rlim_max, 65536));
}

static void
second_is_refused(Fixture *f, gconstpointer data)
{
        int output;
        pid_t pid = run(f->root, &output, NULL);
        g_autofree char *text = read_all(output);

        g_assert_cmpint(wait_end(pid), ==, 1);
        g_assert_nonnull(strstr(text, "another upkeep-toy runs below"));
        wait_text(f, "run/upkeep/toy.ready", "pid=");
        /* After a kill the lock is free. */
        kill(f->pid, SIGKILL);
        waitpid(f->pid, NULL, 0);
        close(f->output);
        f->pid = run(f->root, &f->output, NULL);
        g_autofree char *ready = g_strdup_printf("pid=%d\n", (int)f->pid);
        wait_text(f, "run/upkeep/toy.ready", ready);
}

static void
settings_take_effect(Fixture *f, gconstpointer data)
{
        drop(f, "1.SYN");
        wait_text(f, "var/log/upkeep/Toy.log", "Pause is 5");
        kit_settings(f->root, "toy", "[toy]\npause=7\n[log]\nverbose=SMS_TOY\n");
        wait_text(f, "var/log/upkeep/upkeep-toy.log", "The settings were read");
        drop(f, "2.SYN");
        wait_text(f, "var/log/upkeep/Toy.log", "Pause is 7");
        wait_text(f, "var/log/upkeep/Toy.log", "Seen 2.SYN");
        kit_settings(f->root, "toy", "[toy]\npause=700\n");
        wait_text(f, "var/log/upkeep/upkeep-toy.log", "STATMSG: ID=60004");
        drop(f, "3.SYN");
        wait_text(f, "var/log/upkeep/Toy.log", "Seen 3.SYN");
        kill(f->pid, SIGHUP);
        drop(f, "4.SYN");
        wait_text(f, "var/log/upkeep/Toy.log", "Seen 4.SYN");
}

static void
service_manager_is_told(Fixture *f, gconstpointer data)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        g_autofree char *path = g_build_filename(f->root, "notify", NULL);
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        char text[64];
        ssize_t size;

        g_strlcpy(address.sun_path, path, sizeof address.sun_path);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
        kill(f->pid, SIGTERM);
        g_assert_cmpint(wait_end(f->pid), ==, 0);
        close(f->output);
        g_setenv("NOTIFY_SOCKET", path, TRUE);
        f->pid = run(f->root, &f->output, NULL);
        g_unsetenv("NOTIFY_SOCKET");
        size = recv(fd, text, sizeof text, 0);
        g_assert_cmpmem(text, (gsize)size, "READY=1", 7);
        kill(f->pid, SIGHUP);
        size = recv(fd, text, sizeof text, 0);
        g_assert_cmpmem(text, (gsize)size, "RELOADING=1", 11);
        size = recv(fd, text, sizeof text, 0);
        g_assert_cmpmem(text, (gsize)size, "READY=1", 7);
        kill(f->pid, SIGINT);
        g_assert_cmpint(wait_end(f->pid), ==, 0);
        f->pid = 0;
        size = recv(fd, text, sizeof text, 0);
        g_assert_cmpmem(text, (gsize)size, "STOPPING=1", 10);
        close(fd);
}

static void
check_output(const char *root, const char *option, int status, const char *part)
{
        int output;
        pid_t pid = run(root, &output, option);
        g_autofree char *text = read_all(output);

        g_assert_cmpint(wait_end(pid), ==, status);
        if (strstr(text, part) == NULL)
                g_error("\"%s\" is not in the answer to %s: %s", part, option, text);
}

static void
options(void)
{
        char *root = kit_root();

        check_output(root, "--version", 0, "upkeep-toy " UPKEEP_VERSION "\n");
        check_output(root, "--help", 0, "--root=DIR");
        check_output(root, "--components", 0,
                     "Component\tLog\tWoken by\tTask\nSMS_TOY\tToy.log\ttoy.box .SYN\tPlays\n");
        check_output(root, "--nonsense", 1, "upkeep-toy: ");
        check_output(root, "nonsense", 1, "\"nonsense\" is no option of upkeep-toy; see");
        kit_settings(root, "toy", "[toy]\npause=much\n");
        check_output(root, NULL, 1, "toy.conf: toy.pause: \"much\" is not a whole number");
        kit_end(root);
}

#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        if (strcmp(argv[0], "upkeep-toy") == 0)
                return host_main(&role, argc, argv);
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        ADD("/host/control/ready-file", ready_file);
        ADD("/host/host_main/files-enough", files_enough);
        ADD("/host/control/second-is-refused", second_is_refused);
        ADD("/host/control/settings-take-effect", settings_take_effect);
        ADD("/host/control/service-manager-is-told", service_manager_is_told);
        g_test_add_func("/host/host_main/options", options);
        return g_test_run();
}
