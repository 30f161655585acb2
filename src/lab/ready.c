/* ready.c - run/upkeep/<role>.ready, in which a role says that it is ready and where it listens.
 *
 * Comes in: "name=port" lines, written by the host. Goes out: ports by name. Lines of other kinds
 * are passed over.
 */
#include "lab/ready.h"

#include <string.h>

#include "base/io.h"

#define MAX_READY 65536

static char *
path_of(const char *root, const char *role)
{
        return g_strconcat(root, "/run/upkeep/", role, ".ready", NULL);
}

bool
ready_exists(const char *root, const char *role)
{
        g_autofree char *path = path_of(root, role);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

bool
ready_remove(const char *root, const char *role, GError **error)
{
        g_autofree char *path = path_of(root, role);

        return uk_io_unlink(path, error);
}

/* "name=8530" into its parts; 0 when the line is something else. */
static guint16
port_of_line(const char *line, char **name_out)
{
        g_auto(GStrv) parts = g_strsplit(line, "=", 2);
        guint64 port;

        if (g_strv_length(parts) != 2 ||
            !g_ascii_string_to_unsigned(g_strstrip(parts[1]), 10, 1, G_MAXUINT16, &port, NULL) ||
            strcmp(parts[0], "pid") == 0)
                return 0;
        *name_out = g_strdup(g_strstrip(parts[0]));
        return (guint16)port;
}

static char **
read_lines(const char *root, const char *role, GError **error)
{
        g_autofree char *path = path_of(root, role);
        g_autofree char *text = NULL;
        gsize size;

        return uk_io_read(path, MAX_READY, &text, &size, error) ? g_strsplit(text, "\n", -1) : NULL;
}

gint64
ready_pid(const char *root, const char *role)
{
        g_auto(GStrv) lines = read_lines(root, role, NULL);

        for (char **line = lines; line != NULL && *line != NULL; line++) {
                if (g_str_has_prefix(*line, "pid="))
                        return g_ascii_strtoll(*line + strlen("pid="), NULL, 10);
        }
        return 0;
}

guint16
ready_port(const char *root, const char *role, const char *name, GError **error)
{
        g_auto(GStrv) lines = read_lines(root, role, error);

        if (lines == NULL)
                return 0;
        for (char **line = lines; *line != NULL; line++) {
                g_autofree char *found = NULL;
                guint16 port = port_of_line(*line, &found);

                if (port != 0 && (name == NULL || strcmp(found, name) == 0))
                        return port;
        }
        uk_fail(error, UK_ERROR_NOT_FOUND, "%s.ready names no such port", role);
        return 0;
}

char *
ready_ports(const char *root, const char *role)
{
        g_auto(GStrv) lines = read_lines(root, role, NULL);
        GString *out = g_string_new(NULL);

        for (char **line = lines; line != NULL && *line != NULL; line++) {
                g_autofree char *found = NULL;
                guint16 port = port_of_line(*line, &found);

                if (port != 0)
                        g_string_append_printf(out, "%s%s %u", out->len > 0 ? ", " : "", found,
                                               port);
        }
        return g_string_free(out, FALSE);
}
