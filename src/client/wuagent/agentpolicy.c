/* agentpolicy.c - the two policy files of the scanning engine. */
#include "client/wuagent/agentpolicy.h"

#include <string.h>

#include "base/io.h"

#define FILE_NAME "wuagent.policy"
#define MAX_BYTES (64 * 1024)

void
agentpolicy_free(AgentPolicy *policy)
{
        if (policy == NULL)
                return;
        g_free(policy->server);
        g_free(policy->status_server);
        g_free(policy);
}

static void
take_text(GKeyFile *file, const char *key, char **member)
{
        char *value = g_key_file_get_string(file, "WindowsUpdate", key, NULL);

        if (value == NULL)
                return;
        g_free(*member);
        *member = value;
}

/* Takes over what a file sets. */
static bool
take_file(const char *dir, AgentPolicy *policy, GError **error)
{
        g_autofree char *path = g_build_filename(dir, FILE_NAME, NULL);
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *data = NULL;
        g_autoptr(GError) why = NULL;
        gsize size = 0;

        if (!uk_io_read(path, MAX_BYTES, &data, &size, &why)) {
                if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                        return true;
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (size > 0 && !g_key_file_load_from_data(file, data, size, G_KEY_FILE_NONE, &why))
                return uk_fail(error, UK_ERROR_CONFIG, "%s: %s", path, why->message);
        take_text(file, "WUServer", &policy->server);
        take_text(file, "WUStatusServer", &policy->status_server);
        if (g_key_file_has_key(file, "AU", "UseWUServer", NULL))
                policy->use_server = g_key_file_get_integer(file, "AU", "UseWUServer", NULL) == 1;
        return true;
}

AgentPolicy *
agentpolicy_read(Host *host, GError **error)
{
        g_autoptr(AgentPolicy) policy = g_new0(AgentPolicy, 1);

        policy->server = g_strdup("");
        policy->status_server = g_strdup("");
        if (!take_file(host_state_dir(host), policy, error) ||
            !take_file(host_etc_dir(host), policy, error))
                return NULL;
        return g_steal_pointer(&policy);
}

bool
agentpolicy_write(Host *host, const char *server, GError **error) /* COMP-040 */
{
        g_autofree char *path = g_build_filename(host_state_dir(host), FILE_NAME, NULL);
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *data = NULL;
        gsize size = 0;

        g_key_file_set_string(file, "WindowsUpdate", "WUServer", server);
        g_key_file_set_string(file, "WindowsUpdate", "WUStatusServer", server);
        g_key_file_set_integer(file, "AU", "UseWUServer", 1);
        data = g_key_file_to_data(file, &size, NULL);
        return uk_io_replace(path, data, size, 0644, error);
}

bool
agentpolicy_names(const AgentPolicy *policy, const char *server)
{
        return policy->use_server && strcmp(policy->server, server) == 0 &&
               strcmp(policy->status_server, server) == 0;
}
