/* program.c - the programs that work below a root, however they were started, and whether they run.
 *
 * Comes in: a root. Goes out: each role's state, process and age. A number in a ready file is not
 * believed: it may be another program's by now. What is believed is a lock that the kernel lists
 * (/proc/locks) on the role's lock file, by a process of the role's name.
 */
#include "lab/program.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "lab/process.h"
#include "lab/ready.h"

#define MAX_LOCKS  (64 * 1024 * 1024)
#define MAX_COMM   64
#define COMM_CHARS 15 /* what the kernel keeps of a program's name */

/* The kernel gives its list of locks out a page at a time and counts where it was: where others end
 * in between, one that is held all the while is not told of. Not found is therefore looked for
 * again; on a busy machine one list in some hundred lacks one. */
#define LOOKS 4

static const char *const roles[] = { "sup", "site", "mp", "dp", "provider", "client" };

void
program_free(Program *program)
{
        if (program == NULL)
                return;
        g_free(program->role);
        g_free(program->ports);
        g_free(program);
}

const char *
program_state_name(ProgramState state)
{
        static const char *const names[] = { "running", "starting", "stopped", "died" };

        return names[state];
}

/* Whether the process is upkeep-<role> by name. */
static bool
is_named(gint64 pid, const char *role)
{
        g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/comm", pid);
        g_autofree char *name = g_strconcat("upkeep-", role, NULL);
        g_autofree char *text = NULL;
        gsize size;

        return uk_io_read(path, MAX_COMM, &text, &size, NULL) &&
               strncmp(g_strchomp(text), name, COMM_CHARS) == 0;
}

/* The process that a line of /proc/locks ("1: FLOCK ADVISORY WRITE 4711 fe:00:1234 0 EOF") says has
 * locked the file with that inode, or 0. The device is not compared: some file systems show
 * another one here than stat does. */
static gint64
holder_of_line(const char *line, guint64 inode)
{
        gint64 pid;
        guint64 found;
        unsigned major, minor;

        return sscanf(line,
                      "%*d: FLOCK ADVISORY WRITE %" G_GINT64_FORMAT " %x:%x:%" G_GUINT64_FORMAT,
                      &pid, &major, &minor, &found) == 4 &&
                               found == inode
                       ? pid
                       : 0;
}

/* The process of the role that the kernel lists as the holder of the lock on that inode, or 0. */
static gint64
find_in_list(const char *role, guint64 inode)
{
        g_autofree char *text = NULL;
        gsize size;
        g_auto(GStrv) lines = uk_io_read("/proc/locks", MAX_LOCKS, &text, &size, NULL)
                                      ? g_strsplit(text, "\n", -1)
                                      : NULL;

        for (char **line = lines; line != NULL && *line != NULL; line++) {
                gint64 pid = holder_of_line(*line, inode);

                if (pid > 0 && is_named(pid, role))
                        return pid;
        }
        return 0;
}

/* The process of the role that holds its lock, or 0. */
static gint64
find_holder(const char *root, const char *role)
{
        g_autofree char *path = g_strconcat(root, "/run/upkeep/", role, ".lock", NULL);
        struct stat st;
        gint64 pid = 0;

        if (stat(path, &st) != 0)
                return 0;
        for (int i = 0; i < LOOKS && pid == 0; i++)
                pid = find_in_list(role, st.st_ino);
        return pid;
}

static Program *
look(const char *root, const char *role)
{
        Program *program = g_new0(Program, 1);
        gint64 holder = find_holder(root, role), said = ready_pid(root, role);

        program->role = g_strdup(role);
        program->pid = holder;
        program->span_us = holder != 0 ? process_span(holder) : -1;
        if (holder != 0)
                program->state = holder == said ? PROGRAM_RUNNING : PROGRAM_STARTING;
        else
                program->state = said != 0 ? PROGRAM_DIED : PROGRAM_STOPPED;
        program->ports = program->state == PROGRAM_RUNNING ? ready_ports(root, role) : g_strdup("");
        return program;
}

GPtrArray *
program_list(const char *root)
{
        GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)program_free);

        for (guint i = 0; i < G_N_ELEMENTS(roles); i++) {
                g_autofree char *folder = g_strconcat(root, "/var/lib/upkeep/", roles[i], NULL);

                if (g_file_test(folder, G_FILE_TEST_IS_DIR))
                        g_ptr_array_add(all, look(root, roles[i]));
        }
        return all;
}
