/* lab.c - a whole site under one throw-away folder, on loopback, without privileges.
 *
 * Comes in: a root. Goes out: folders, settings, running programs, and what is known of them. What
 * the lab must remember of a program (its process) stands in run/upkeep/lab/<role>, written before
 * anything waits for it; all else is asked of the system anew each time.
 */
#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "lab/lab_private.h"
#include "lab/process.h"
#include "lab/ready.h"

#define MARK       ".upkeep-lab"
#define MAX_MEMORY 4096
#define LAST_LINES 12
#define READY_US   (30 * UK_SECOND)
#define GRACE_US   (20 * UK_SECOND)

void
lab_role_free(LabRole *role)
{
        if (role == NULL)
                return;
        g_free(role->role);
        g_free(role->name);
        g_free(role->root);
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
        return g_strconcat(root, LAB_MEMORY "/", role, NULL);
}

static char *
output_path(const char *root, const char *role)
{
        return g_strconcat(root, LAB_LOGS "/", role, ".out", NULL);
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
        g_autoptr(GPtrArray) members = lab_members(root);
        Process process;

        for (guint i = 0; i < members->len; i++) {
                const LabMember *member = members->pdata[i];

                if (recall(member->root, member->kind->role, &process) && process_runs(&process))
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

/* Made once, and never replaced: the lock is this file. Two that make it write the same words. */
static bool
make_mark(const char *root, const char *mark, GError **error)
{
        static const char words[] = "A lab of Upkeep: upkeep lab down --purge removes it.\n";

        if (!uk_io_mkdirs(root, 0700, error))
                return false;
        UK_AUTOFD fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0)
                return uk_fail_errno(error, errno, "making %s", mark);
        return uk_io_write(fd, words, sizeof words - 1, mark, error);
}

/* The folder is a lab's, or becomes one. */
static bool
prepare_root(const char *root, GError **error)
{
        g_autofree char *mark = g_strconcat(root, "/" MARK, NULL);

        /* Empty is looked for first: what another command makes meanwhile has the mark before all.
         */
        if (!is_empty(root) && !g_file_test(mark, G_FILE_TEST_EXISTS))
                return uk_fail(error, UK_ERROR_EXISTS,
                               "%s has something in it and is no lab; choose another --root", root);
        return make_mark(root, mark, error);
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

static bool
same_file(int fd, const char *path)
{
        struct stat held, named;

        return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
               held.st_dev == named.st_dev;
}

/* Why the mark of a lab could not be read: what may not be looked at is not missing. */
static bool
fail_mark(const char *root, int errno_value, GError **error)
{
        if (errno_value != ENOENT && errno_value != ENOTDIR)
                return uk_fail_errno(error, errno_value, "the lab at %s cannot be looked at", root);
        return uk_fail(error, UK_ERROR_NOT_FOUND, "there is no lab at %s (upkeep lab up makes one)",
                       root);
}

/* One command at a time works on a lab; the lock goes with the descriptor. */
bool
lab_lock(const char *root, int *fd_out, GError **error)
{
        g_autofree char *mark = g_strconcat(root, "/" MARK, NULL);
        UK_AUTOFD fd = open(mark, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return fail_mark(root, errno, error);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
                return uk_fail_errno(error, errno, "another upkeep lab command works on %s", root);
        if (!same_file(fd, mark))
                return uk_fail(error, UK_ERROR_NOT_FOUND, "the lab at %s was removed just now",
                               root);
        *fd_out = fd;
        fd = -1;
        return true;
}

/* A new lab has a site code of its own, ports that are chosen for it, and keys that are soon made:
 * nobody trusts it for long. */
static bool
set_defaults(const char *root, GPtrArray *members, GError **error)
{
        if (lab_conf_exists(root))
                return true;
        for (guint i = 0; i < members->len; i++) {
                const LabMember *member = members->pdata[i];

                if (*member->name == '\0' && member->kind->listen != NULL &&
                    !lab_conf_set(root, member->kind->listen, "0", error))
                        return false;
        }
        return lab_conf_set(root, "site.code", "LAB", error) &&
               lab_conf_set(root, "host.key_bits", LAB_KEY_BITS, error) &&
               lab_conf_set(root, "mp.approve_automatically", "true", error);
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
fail_start(const LabMember *member, const char *what, GError **error)
{
        g_autofree char *words = lab_last_words(member->root, member->kind->role, LAST_LINES);
        g_autofree char *path = output_path(member->root, member->kind->role);

        return uk_fail(error, UK_ERROR_NOT_YET, "%s %s; the end of %s:\n%s",
                       lab_member_word(member), what, path,
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
wait_ready(const LabOptions *options, const LabMember *member, const Process *process,
           GError **error)
{
        g_autofree char *run = g_strconcat(member->root, LAB_RUN, NULL);
        UK_AUTOFD folder = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        UK_AUTOFD epfd = epoll_create1(EPOLL_CLOEXEC);
        UK_AUTOFD end = process_open(process);
        gint64 span = options->deadline_us ? options->deadline_us : READY_US;
        gint64 deadline = uk_clock_now() + span;
        struct epoll_event event;

        if (folder < 0 || epfd < 0 ||
            inotify_add_watch(folder, run, IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
                return uk_fail_errno(error, errno, "watching %s", run);
        if (!watch(epfd, folder, error) || (end >= 0 && !watch(epfd, end, error)))
                return false;
        while (!ready_exists(member->root, member->kind->role)) {
                if (!process_runs(process)) {
                        g_autofree char *how = process_end_text(process);
                        g_autofree char *what = g_strdup_printf("ended before it was ready (%s)",
                                                                how ? how : "unknown how");
                        return fail_start(member, what, error);
                }
                if (uk_clock_epoll_wait(epfd, &event, 1, deadline) == 0 &&
                    uk_clock_now() >= deadline)
                        return fail_start(member, "is not ready in time", error);
                drain(folder);
                deadline = MIN(deadline, uk_clock_now() + span); /* the clock may be set back */
        }
        return true;
}

static void
tell(const LabOptions *options, const LabMember *member, const char *what)
{
        g_autofree char *text = g_strdup_printf("%s: %s", lab_member_word(member), what);

        if (options->tell != NULL)
                options->tell(options->user, text);
}

static bool
launch(const LabOptions *options, const LabMember *member, Process *process_out, GError **error)
{
        const LabKind *kind = member->kind;
        g_autofree char *program = lab_program(options->programs, kind->role, error);
        g_autofree char *output = output_path(member->root, kind->role);
        g_autofree char *memory = memory_path(member->root, kind->role);
        const char *arguments[] = { program, "--root", member->root, NULL };

        if (program == NULL ||
            (kind->listen != NULL && !lab_conf_settle_port(member->root, kind->listen, error)) ||
            !ready_remove(member->root, kind->role, error) ||
            !process_start(program, arguments, output, process_out, error))
                return false;
        g_autofree char *text = process_write(process_out);

        return uk_io_replace(memory, text, strlen(text), 0640, error);
}

/* Writes down where the role listens, for its next start and for the other roles. */
static bool
publish(const LabOptions *options, const LabMember *member, GError **error)
{
        const LabKind *kind = member->kind;

        if (kind->listen == NULL)
                return true;
        guint16 port = lab_ready_port(member->root, kind->role, NULL, error);
        g_autofree char *number = g_strdup_printf("%u", port);
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", port);

        return port != 0 && lab_conf_set(member->root, kind->listen, number, error) &&
               (kind->url == NULL || lab_conf_set(options->root, kind->url, url, error)) &&
               (kind->site_url == NULL || lab_conf_set(options->root, kind->site_url, url, error));
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
        if (!uk_io_read(path, LAB_MAX, &pem, &size, error))
                return false;
        char *begin = strstr(pem, "-----\n"), *end = strstr(pem, "\n-----END");

        if (begin == NULL || end == NULL || end < begin)
                return uk_fail(error, UK_ERROR_PARSE, "%s is no certificate", path);
        *end = '\0';
        g_autofree guint8 *der = g_base64_decode(begin + strlen("-----\n"), &size);
        g_autoptr(GString) hex = g_string_new(NULL);

        for (gsize i = 0; i < size; i++)
                g_string_append_printf(hex, "%02X", der[i]);
        return lab_conf_set(root, "client.site_certificate", hex->str, error);
}

/* What must be there before the program starts. */
static bool
prepare(const LabOptions *options, const LabMember *member, GError **error)
{
        if (strcmp(member->kind->role, "client") == 0 && !introduce_client(options->root, error))
                return false;
        return lab_member_prepare(options->root, member, error) &&
               (*member->name == '\0' || lab_conf_give(member->root, options->settings, error));
}

static bool
start_member(const LabOptions *options, const LabMember *member, GError **error)
{
        UK_DOING(error, "starting %s", lab_member_word(member));
        const char *role = member->kind->role;
        Process process;
        bool runs = recall(member->root, role, &process) && process_runs(&process);

        if (runs && ready_exists(member->root, role)) {
                tell(options, member, "runs already");
                return publish(options, member, error);
        }
        if (!runs &&
            (!prepare(options, member, error) || !launch(options, member, &process, error)))
                return false;
        if (!wait_ready(options, member, &process, error))
                return false;
        g_autofree char *ports = ready_ports(member->root, role);
        g_autofree char *text = g_strconcat("ready", *ports ? " on " : "", ports, NULL);

        tell(options, member, text);
        return publish(options, member, error);
}

static bool
stop_member(const LabMember *member, GError **error)
{
        UK_DOING(error, "stopping %s", lab_member_word(member));
        g_autofree char *memory = memory_path(member->root, member->kind->role);
        Process process;

        if (recall(member->root, member->kind->role, &process) &&
            !process_stop(&process, GRACE_US, error))
                return false;
        return ready_remove(member->root, member->kind->role, error) && uk_io_unlink(memory, error);
}

/* The relay opens its ports when it starts: one that lacks a link starts anew. */
static bool
renew_relay(const LabOptions *options, GPtrArray *members, const LabMember *relay, GError **error)
{
        bool whole = true;

        for (guint i = 0; i < members->len; i++) {
                const LabMember *member = members->pdata[i];

                if (*member->name != '\0')
                        whole = whole && ready_port(options->root, LAB_LINKS, member->name, NULL);
        }
        return whole || stop_member(relay, error);
}

static bool
start_members(const LabOptions *options, GPtrArray *members, GError **error)
{
        for (guint i = 0; i < members->len; i++) {
                const LabMember *member = members->pdata[i];
                bool relay = strcmp(member->kind->role, LAB_LINKS) == 0;

                if ((relay && !renew_relay(options, members, member, error)) ||
                    !start_member(options, member, error) ||
                    (relay && !lab_link_keep_ports(options->root, members, error)))
                        return false;
        }
        return true;
}

bool
lab_up(const LabOptions *options, GError **error)
{
        UK_AUTOFD held = -1;

        if (!g_path_is_absolute(options->root))
                return uk_fail(error, UK_ERROR_INVALID, "the root %s is not absolute",
                               options->root);
        if (!prepare_root(options->root, error) || !lab_lock(options->root, &held, error) ||
            !lab_folders(options->root, error) || !prepare_clock(options->root, error) ||
            !lab_link_plan(options, error))
                return false;
        g_autoptr(GPtrArray) members = lab_members(options->root);

        return set_defaults(options->root, members, error) &&
               lab_conf_give(options->root, options->settings, error) &&
               start_members(options, members, error);
}

bool
lab_start_links(const LabOptions *options, GError **error)
{
        g_autoptr(GPtrArray) members = lab_members(options->root);

        for (guint i = 0; i < members->len; i++) {
                const LabMember *member = members->pdata[i];

                if (strcmp(member->kind->role, LAB_LINKS) == 0)
                        return start_member(options, member, error) &&
                               lab_link_keep_ports(options->root, members, error);
        }
        return true;
}

bool
lab_down(const char *root, bool purge, GError **error)
{
        UK_AUTOFD held = -1;

        if (!lab_lock(root, &held, error))
                return false;
        g_autoptr(GPtrArray) members = lab_members(root);

        for (guint i = members->len; i > 0; i--) {
                if (!stop_member(members->pdata[i - 1], error))
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

        return lab_lock(root, &held, error) && prepare_clock(root, error) &&
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

static LabRole *
look(const LabMember *member)
{
        LabRole *role = g_new0(LabRole, 1);
        Process process = { 0 };
        bool known = recall(member->root, member->kind->role, &process);

        role->role = g_strdup(member->kind->role);
        role->name = g_strdup(member->name);
        role->root = g_strdup(member->root);
        role->state = state_of(member->root, member->kind->role, &process, known);
        role->pid = role->state == LAB_RUNNING || role->state == LAB_STARTING ? process.pid : 0;
        role->ports = role->state == LAB_RUNNING ? ready_ports(member->root, member->kind->role)
                                                 : g_strdup("");
        return role;
}

GPtrArray *
lab_status(const char *root, GError **error)
{
        g_autofree char *mark = g_strconcat(root, "/" MARK, NULL);

        if (access(mark, R_OK) != 0) {
                fail_mark(root, errno, error);
                return NULL;
        }
        GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)lab_role_free);
        g_autoptr(GPtrArray) members = lab_members(root);

        for (guint i = 0; i < members->len; i++)
                g_ptr_array_add(all, look(members->pdata[i]));
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
