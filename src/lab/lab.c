/* lab.c - a whole site under one throw-away folder, on loopback, without privileges.
 *
 * Comes in: a root. Goes out: folders, settings, running programs, and what is known of them. What
 * the lab must remember of a program (its process) stands in run/upkeep/lab/<role>, written before
 * anything waits for it; all else is asked of the system anew each time.
 */
#include "lab/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "lab/process.h"
#include "lab/ready.h"

#define MARK       "/.upkeep-lab"
#define RUN        "/run/upkeep"
#define MEMORY     "/run/upkeep/lab"
#define LOGS       "/var/log/upkeep"
#define MAX_MEMORY 4096
#define MAX_CONF   (1024 * 1024)
#define LAST_LINES 12
#define READY_US   (30 * UK_SECOND)
#define GRACE_US   (20 * UK_SECOND)

/* A role of the lab, in the order of starting. */
typedef struct {
        const char *role;
        const char *listen; /* the setting of the port it listens on */
        const char *url;    /* the setting that tells the others where that is; NULL: nobody asks */
} Role;

static const Role roles[] = {
        { "sup", "sup.port", "sup.url" }, { "site", NULL, NULL },
        { "mp", "mp.port", "client.mp" }, { "provider", "provider.port", NULL },
        { "client", NULL, NULL },
};

static const char *const folders[] = { "/etc/upkeep", "/var/lib/upkeep", LOGS, MEMORY };

void
lab_role_free(LabRole *role)
{
        if (role == NULL)
                return;
        g_free(role->role);
        g_free(role->ports);
        g_free(role);
}

const char *
lab_state_name(LabState state)
{
        static const char *const names[] = { "stopped", "running", "starting", "died" };

        return names[state];
}

char *
lab_default_root(void)
{
        return g_strdup_printf("/var/tmp/upkeep-lab-%u", (unsigned)getuid());
}

static char *
memory_path(const char *root, const char *role)
{
        return g_strconcat(root, MEMORY "/", role, NULL);
}

static char *
output_path(const char *root, const char *role)
{
        return g_strconcat(root, LOGS "/", role, ".out", NULL);
}

/* What is remembered of a role's process; false when nothing is. */
static bool
recall(const char *root, const char *role, Process *process_out)
{
        g_autofree char *path = memory_path(root, role);
        g_autofree char *text = NULL;
        gsize size;

        return uk_io_read(path, MAX_MEMORY, &text, &size, NULL) &&
               process_read(text, process_out, NULL);
}

bool
lab_is_up(const char *root)
{
        Process process;

        for (guint i = 0; i < G_N_ELEMENTS(roles); i++) {
                if (recall(root, roles[i].role, &process) && process_runs(&process))
                        return true;
        }
        return false;
}

/* upkeep-<role> in a folder, or in the role's folder below it as the build has it; or NULL. */
static char *
program_in(const char *folder, const char *role)
{
        g_autofree char *name = g_strconcat("upkeep-", role, NULL);
        g_autofree char *flat = g_build_filename(folder, name, NULL);
        g_autofree char *deep = g_build_filename(folder, role, name, NULL);

        if (g_file_test(flat, G_FILE_TEST_IS_EXECUTABLE))
                return g_steal_pointer(&flat);
        return g_file_test(deep, G_FILE_TEST_IS_EXECUTABLE) ? g_steal_pointer(&deep) : NULL;
}

char *
lab_program(const char *programs, const char *role, GError **error)
{
        g_autofree char *self = g_file_read_link("/proc/self/exe", error);
        g_autofree char *here = self != NULL ? g_path_get_dirname(self) : NULL;
        g_autofree char *above = here != NULL ? g_path_get_dirname(here) : NULL;
        const char *told = programs != NULL ? programs : g_getenv("UPKEEP_PROGRAMS");
        const char *places[] = { here, above, "/usr/sbin", "/usr/bin" };
        char *found = told != NULL ? program_in(told, role) : NULL;

        if (self == NULL)
                return NULL;
        for (guint i = 0; told == NULL && found == NULL && i < G_N_ELEMENTS(places); i++)
                found = program_in(places[i], role);
        if (found == NULL)
                uk_fail(error, UK_ERROR_NOT_FOUND, "the program upkeep-%s is not in %s", role,
                        told != NULL ? told : above);
        return found;
}

static bool
is_empty(const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

        return dir == NULL || g_dir_read_name(dir) == NULL;
}

/* Makes the folders, or finds them made by an earlier lab. */
static bool
prepare_root(const char *root, GError **error)
{
        g_autofree char *mark = g_strconcat(root, MARK, NULL);

        if (!g_file_test(mark, G_FILE_TEST_EXISTS)) {
                if (!is_empty(root))
                        return uk_fail(
                                error, UK_ERROR_EXISTS,
                                "%s has something in it and is no lab; choose another --root",
                                root);
                if (!uk_io_mkdirs(root, 0700, error) ||
                    !uk_io_replace(mark, "A lab of Upkeep: upkeep lab down --purge removes it.\n",
                                   54, 0600, error))
                        return false;
        }
        for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *path = g_strconcat(root, folders[i], NULL);

                if (!uk_io_mkdirs(path, 0750, error))
                        return false;
        }
        return true;
}

static char *
clock_path(const char *root)
{
        return g_strconcat(root, LAB_CLOCK, NULL);
}

/* The programs look for the clock when they start, so it is there before them. */
static bool
prepare_clock(const char *root, GError **error)
{
        g_autofree char *path = clock_path(root);

        return g_file_test(path, G_FILE_TEST_EXISTS) || uk_clock_set_rate(path, 1, error);
}

/* One command at a time works on a lab; the lock goes with the descriptor. */
static bool
lock(const char *root, int *fd_out, GError **error)
{
        g_autofree char *mark = g_strconcat(root, MARK, NULL);
        UK_AUTOFD fd = open(mark, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "there is no lab at %s (upkeep lab up makes one)", root);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
                return uk_fail_errno(error, errno, "another upkeep lab command works on %s", root);
        *fd_out = fd;
        fd = -1;
        return true;
}

static char *
conf_path(const char *root)
{
        return g_strconcat(root, "/etc/upkeep/upkeep.conf", NULL);
}

/* upkeep.conf of the root, empty where there is none. */
static GKeyFile *
read_conf(const char *root, GError **error)
{
        g_autofree char *path = conf_path(root);
        g_autoptr(GKeyFile) file = g_key_file_new();

        if (g_file_test(path, G_FILE_TEST_EXISTS) &&
            !g_key_file_load_from_file(file, path, G_KEY_FILE_KEEP_COMMENTS, error))
                return NULL;
        return g_steal_pointer(&file);
}

/* Sets group.key in upkeep.conf of the root; the file is written only if that changes it. */
static bool
set_setting(const char *root, const char *name, const char *value, GError **error)
{
        g_autofree char *path = conf_path(root);
        g_autoptr(GKeyFile) file = read_conf(root, error);
        g_auto(GStrv) parts = g_strsplit(name, ".", 2);

        if (file == NULL)
                return false;
        if (g_strv_length(parts) != 2)
                return uk_fail(error, UK_ERROR_INVALID, "\"%s\" is no setting: group.key is wanted",
                               name);
        g_autofree char *old = g_key_file_get_string(file, parts[0], parts[1], NULL);

        if (g_strcmp0(old, value) == 0)
                return true;
        g_key_file_set_string(file, parts[0], parts[1], value);
        gsize size;
        g_autofree char *text = g_key_file_to_data(file, &size, NULL);

        return uk_io_replace(path, text, size, 0640, error);
}

/* A new lab has a site code of its own, and ports that the system chooses. */
static bool
set_defaults(const char *root, GError **error)
{
        g_autofree char *path = conf_path(root);

        if (g_file_test(path, G_FILE_TEST_EXISTS))
                return true;
        for (guint i = 0; i < G_N_ELEMENTS(roles); i++) {
                if (roles[i].listen != NULL && !set_setting(root, roles[i].listen, "0", error))
                        return false;
        }
        return set_setting(root, "site.code", "LAB", error) &&
               set_setting(root, "mp.approve_automatically", "true", error);
}

/* True when nobody listens on the port. */
static bool
is_free(guint16 port)
{
        UK_AUTOFD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons(port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int on = 1;

        return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
               bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

/* A role keeps the port it had, so that what others know stays true; unless it is taken now. */
static bool
settle_port(const char *root, const Role *role, GError **error)
{
        g_autoptr(GKeyFile) file = read_conf(root, error);

        if (file == NULL || role->listen == NULL)
                return file != NULL;
        g_auto(GStrv) parts = g_strsplit(role->listen, ".", 2);
        int port = g_key_file_get_integer(file, parts[0], parts[1], NULL);

        return port == 0 || is_free((guint16)port) || set_setting(root, role->listen, "0", error);
}

/* The settings a user gave to lab up: "group.key=value". */
static bool
set_given(const LabOptions *options, GError **error)
{
        for (guint i = 0; options->settings != NULL && options->settings[i] != NULL; i++) {
                g_auto(GStrv) parts = g_strsplit(options->settings[i], "=", 2);

                if (g_strv_length(parts) != 2)
                        return uk_fail(error, UK_ERROR_INVALID, "\"%s\": group.key=value is wanted",
                                       options->settings[i]);
                if (!set_setting(options->root, parts[0], parts[1], error))
                        return false;
        }
        return true;
}

char *
lab_last_words(const char *root, const char *role, guint lines)
{
        g_autofree char *path = output_path(root, role);
        g_autofree char *text = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return g_strdup("");
        g_strchomp(text);
        const char *start = text + strlen(text);

        while (start > text && lines > 0) {
                start--;
                if (*start == '\n' && --lines == 0)
                        start++;
        }
        return g_strdup(start);
}

/* The error of a role that did not become ready: what happened, and what it said. */
static bool
fail_start(const char *root, const char *role, const char *what, GError **error)
{
        g_autofree char *words = lab_last_words(root, role, LAST_LINES);
        g_autofree char *path = output_path(root, role);

        return uk_fail(error, UK_ERROR_NOT_YET, "%s %s; the end of %s:\n%s", role, what, path,
                       *words != '\0' ? words : "(it said nothing)");
}

static bool
watch(int epfd, int fd, GError **error)
{
        struct epoll_event wanted = { .events = EPOLLIN, .data.fd = fd };

        if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &wanted) != 0)
                return uk_fail_errno(error, errno, "watching a program start");
        return true;
}

static void
drain(int fd)
{
        char buffer[4096] __attribute__((aligned(8)));

        while (read(fd, buffer, sizeof buffer) > 0)
                ;
}

/* Waits for the ready file, woken by the folder or by the end of the process. */
static bool
wait_ready(const LabOptions *options, const char *role, const Process *process, GError **error)
{
        g_autofree char *run = g_strconcat(options->root, RUN, NULL);
        UK_AUTOFD folder = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        UK_AUTOFD epfd = epoll_create1(EPOLL_CLOEXEC);
        UK_AUTOFD end = process_open(process);
        gint64 deadline = uk_clock_now() + (options->deadline_us ? options->deadline_us : READY_US);
        struct epoll_event event;

        if (folder < 0 || epfd < 0 ||
            inotify_add_watch(folder, run, IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
                return uk_fail_errno(error, errno, "watching %s", run);
        if (!watch(epfd, folder, error) || (end >= 0 && !watch(epfd, end, error)))
                return false;
        while (!ready_exists(options->root, role)) {
                if (!process_runs(process)) {
                        g_autofree char *how = process_end_text(process);
                        g_autofree char *what = g_strdup_printf("ended before it was ready (%s)",
                                                                how ? how : "unknown how");
                        return fail_start(options->root, role, what, error);
                }
                if (uk_clock_epoll_wait(epfd, &event, 1, deadline) == 0)
                        return fail_start(options->root, role, "is not ready in time", error);
                drain(folder);
        }
        return true;
}

static void
tell(const LabOptions *options, const char *role, const char *what)
{
        g_autofree char *text = g_strdup_printf("%s: %s", role, what);

        if (options->tell != NULL)
                options->tell(options->user, text);
}

static bool
launch(const LabOptions *options, const Role *role, Process *process_out, GError **error)
{
        g_autofree char *program = lab_program(options->programs, role->role, error);
        g_autofree char *output = output_path(options->root, role->role);
        g_autofree char *memory = memory_path(options->root, role->role);
        const char *arguments[] = { program, "--root", options->root, NULL };

        if (program == NULL || !settle_port(options->root, role, error) ||
            !ready_remove(options->root, role->role, error) ||
            !process_start(program, arguments, output, process_out, error))
                return false;
        g_autofree char *text = process_write(process_out);

        return uk_io_replace(memory, text, strlen(text), 0640, error);
}

/* Writes down where the role listens, for its next start and for the other roles. */
static bool
publish(const LabOptions *options, const Role *role, GError **error)
{
        if (role->listen == NULL)
                return true;
        guint16 port = lab_ready_port(options->root, role->role, NULL, error);
        g_autofree char *number = g_strdup_printf("%u", port);
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", port);

        return port != 0 && set_setting(options->root, role->listen, number, error) &&
               (role->url == NULL || set_setting(options->root, role->url, url, error));
}

/* The client trusts the site by its certificate, which `upkeep-client join` would bring. */
static bool
introduce_client(const char *root, GError **error)
{
        UK_DOING(error, "introducing the client to its site");
        g_autofree char *path = g_strconcat(root, "/etc/upkeep/site.crt", NULL);
        g_autofree char *pem = NULL;
        gsize size;

        /* Without a certificate the client says itself what it lacks, and how to get it. */
        if (!g_file_test(path, G_FILE_TEST_EXISTS))
                return true;
        if (!uk_io_read(path, MAX_CONF, &pem, &size, error))
                return false;
        char *begin = strstr(pem, "-----\n"), *end = strstr(pem, "\n-----END");

        if (begin == NULL || end == NULL || end < begin)
                return uk_fail(error, UK_ERROR_PARSE, "%s is no certificate", path);
        *end = '\0';
        g_autofree guint8 *der = g_base64_decode(begin + strlen("-----\n"), &size);
        g_autoptr(GString) hex = g_string_new(NULL);

        for (gsize i = 0; i < size; i++)
                g_string_append_printf(hex, "%02X", der[i]);
        return set_setting(root, "client.site_certificate", hex->str, error);
}

static bool
start_role(const LabOptions *options, const Role *role, GError **error)
{
        UK_DOING(error, "starting %s", role->role);
        Process process;
        bool runs = recall(options->root, role->role, &process) && process_runs(&process);

        if (runs && ready_exists(options->root, role->role)) {
                tell(options, role->role, "runs already");
                return publish(options, role, error);
        }
        if (!runs && strcmp(role->role, "client") == 0 && !introduce_client(options->root, error))
                return false;
        if (!runs && !launch(options, role, &process, error))
                return false;
        if (!wait_ready(options, role->role, &process, error))
                return false;
        g_autofree char *ports = ready_ports(options->root, role->role);
        g_autofree char *text = g_strconcat("ready", *ports ? " on " : "", ports, NULL);

        tell(options, role->role, text);
        return publish(options, role, error);
}

bool
lab_up(const LabOptions *options, GError **error)
{
        UK_AUTOFD held = -1;

        if (!g_path_is_absolute(options->root))
                return uk_fail(error, UK_ERROR_INVALID, "the root %s is not absolute",
                               options->root);
        if (!prepare_root(options->root, error) || !lock(options->root, &held, error) ||
            !prepare_clock(options->root, error) || !set_defaults(options->root, error) ||
            !set_given(options, error))
                return false;
        for (guint i = 0; i < G_N_ELEMENTS(roles); i++) {
                if (!start_role(options, &roles[i], error))
                        return false;
        }
        return true;
}

static bool
stop_role(const char *root, const char *role, GError **error)
{
        UK_DOING(error, "stopping %s", role);
        g_autofree char *memory = memory_path(root, role);
        Process process;

        if (recall(root, role, &process) && !process_stop(&process, GRACE_US, error))
                return false;
        return ready_remove(root, role, error) && uk_io_unlink(memory, error);
}

bool
lab_down(const char *root, bool purge, GError **error)
{
        UK_AUTOFD held = -1;

        if (!lock(root, &held, error))
                return false;
        for (guint i = G_N_ELEMENTS(roles); i > 0; i--) {
                if (!stop_role(root, roles[i - 1].role, error))
                        return false;
        }
        return !purge || uk_io_remove_tree(root, error);
}

bool
lab_clock(const char *root, double rate, gint64 step_us, GError **error)
{
        UK_DOING(error, "setting the clock of the lab");
        g_autofree char *path = clock_path(root);
        UK_AUTOFD held = -1;

        return lock(root, &held, error) && prepare_clock(root, error) &&
               (rate == 0 || uk_clock_set_rate(path, rate, error)) &&
               (step_us == 0 || uk_clock_step(path, step_us, error));
}

static LabState
state_of(const char *root, const char *role, const Process *process, bool known)
{
        if (!known)
                return LAB_STOPPED;
        if (!process_runs(process))
                return LAB_DIED;
        return ready_exists(root, role) ? LAB_RUNNING : LAB_STARTING;
}

GPtrArray *
lab_status(const char *root, GError **error)
{
        g_autofree char *mark = g_strconcat(root, MARK, NULL);

        if (!g_file_test(mark, G_FILE_TEST_EXISTS)) {
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "there is no lab at %s (upkeep lab up makes one)", root);
                return NULL;
        }
        GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)lab_role_free);

        for (guint i = 0; i < G_N_ELEMENTS(roles); i++) {
                LabRole *role = g_new0(LabRole, 1);
                Process process = { 0 };
                bool known = recall(root, roles[i].role, &process);

                role->role = g_strdup(roles[i].role);
                role->state = state_of(root, roles[i].role, &process, known);
                role->pid =
                        role->state == LAB_RUNNING || role->state == LAB_STARTING ? process.pid : 0;
                role->ports = role->state == LAB_RUNNING ? ready_ports(root, roles[i].role)
                                                         : g_strdup("");
                g_ptr_array_add(all, role);
        }
        return all;
}

guint16
lab_ready_port(const char *root, const char *role, const char *name, GError **error)
{
        guint16 port = ready_port(root, role, name, error);

        if (port == 0)
                g_prefix_error(
                        error,
                        "%s%s%s of upkeep-%s is not known (upkeep lab up, or systemctl start "
                        "upkeep-%s): ",
                        "port", name ? " " : "", name ? name : "", role, role);
        return port;
}
