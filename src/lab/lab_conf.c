/* lab_conf.c - the files that a lab keeps its settings in.
 *
 *   etc/upkeep/upkeep.conf   of each root: what its programs read
 *   etc/upkeep/lab.conf      of the lab's root: how many distribution points, and their links
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "lab/lab_private.h"

#define PLAN_GROUP       "lab"
#define SYSTEM_PORTS     "/proc/sys/net/ipv4/ip_local_port_range"
#define MAX_SYSTEM_PORTS 100
#define LAB_PORTS        10000
#define LAB_PORTS_END    20000
#define PORT_TRIES       100

static char *
conf_path(const char *root)
{
        return g_strconcat(root, "/etc/upkeep/upkeep.conf", NULL);
}

char *
lab_plan_path(const char *root)
{
        return g_strconcat(root, "/etc/upkeep/lab.conf", NULL);
}

/* A file of keys, empty where there is none. */
static GKeyFile *
read_keys(const char *path, GError **error)
{
        g_autoptr(GKeyFile) file = g_key_file_new();

        if (g_file_test(path, G_FILE_TEST_EXISTS) &&
            !g_key_file_load_from_file(file, path, G_KEY_FILE_KEEP_COMMENTS, error))
                return NULL;
        return g_steal_pointer(&file);
}

static bool
write_keys(const char *path, GKeyFile *file, GError **error)
{
        gsize size;
        g_autofree char *text = g_key_file_to_data(file, &size, NULL);

        return uk_io_replace(path, text, size, 0640, error);
}

bool
lab_conf_exists(const char *root)
{
        g_autofree char *path = conf_path(root);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* The file is written only if that changes it. */
bool
lab_conf_set(const char *root, const char *name, const char *value, GError **error)
{
        g_autofree char *path = conf_path(root);
        g_autoptr(GKeyFile) file = read_keys(path, error);
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
        return write_keys(path, file, error);
}

char *
lab_conf_get(const char *root, const char *name)
{
        g_autofree char *path = conf_path(root);
        g_autoptr(GKeyFile) file = read_keys(path, NULL);
        g_auto(GStrv) parts = g_strsplit(name, ".", 2);

        return file != NULL ? g_key_file_get_string(file, parts[0], parts[1], NULL) : NULL;
}

bool
lab_conf_give(const char *root, const char *const *settings, GError **error)
{
        for (; settings != NULL && *settings != NULL; settings++) {
                g_auto(GStrv) parts = g_strsplit(*settings, "=", 2);

                if (g_strv_length(parts) != 2)
                        return uk_fail(error, UK_ERROR_INVALID, "\"%s\": group.key=value is wanted",
                                       *settings);
                if (!lab_conf_set(root, parts[0], parts[1], error))
                        return false;
        }
        return true;
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

/* A port of its own, 0 if there is none: below those that the system gives away, which anybody's
 * connection could have while the role's program is down or begins anew. */
static guint16
choose_port(void)
{
        g_autofree char *text = NULL;
        gint64 end = uk_io_read(SYSTEM_PORTS, MAX_SYSTEM_PORTS, &text, NULL, NULL)
                             ? MIN(g_ascii_strtoll(text, NULL, 10), LAB_PORTS_END)
                             : 0;

        for (int n = 0; n < PORT_TRIES && end > LAB_PORTS; n++) {
                guint16 port = (guint16)g_random_int_range(LAB_PORTS, (gint32)end);

                if (is_free(port))
                        return port;
        }
        return 0;
}

bool
lab_conf_settle_port(const char *root, const char *listen, GError **error)
{
        g_autofree char *text = lab_conf_get(root, listen);
        gint64 port = text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;

        if (port > 0 && is_free((guint16)port))
                return true;
        g_autofree char *chosen = g_strdup_printf("%u", choose_port());
        return lab_conf_set(root, listen, chosen, error);
}

/* ---- the plan -------------------------------------------------------------------------------- */

GKeyFile *
lab_plan_read(const char *root, GError **error)
{
        g_autofree char *path = lab_plan_path(root);

        return read_keys(path, error);
}

bool
lab_plan_write(const char *root, GKeyFile *plan, GError **error)
{
        g_autofree char *path = lab_plan_path(root);

        return write_keys(path, plan, error);
}

int
lab_plan_count(GKeyFile *plan, const char *kind)
{
        return CLAMP(g_key_file_get_integer(plan, PLAN_GROUP, kind, NULL), 0, LAB_MAX_DPS);
}

bool
lab_plan_has_links(GKeyFile *plan)
{
        return g_key_file_get_boolean(plan, PLAN_GROUP, "links", NULL);
}

void
lab_plan_link(GKeyFile *plan, const char *name, LabLink *link_out)
{
        link_out->rate = MAX(0, g_key_file_get_int64(plan, name, "rate", NULL));
        link_out->delay_us = MAX(0, g_key_file_get_int64(plan, name, "delay_us", NULL));
        link_out->down = g_key_file_get_boolean(plan, name, "down", NULL);
        link_out->port =
                (guint16)CLAMP(g_key_file_get_integer(plan, name, "port", NULL), 0, G_MAXUINT16);
}
