/* agentpolicy.h - the policy of the scanning engine: which update server it is to ask (COMP-040).
 *
 * Two key files: the local one, which WUAHandler writes (var/lib/upkeep/client/wuagent.policy), and
 * one of higher authority, which an administrator may put there (etc/upkeep/wuagent.policy). Both
 * have the group [WindowsUpdate] with WUServer and WUStatusServer, and [AU] with UseWUServer.
 */
#pragma once

#include "host/host.h"

typedef struct {
        char *server;        /* WUServer: "http://PS1SITE.CONTOSO.COM:8530"; "" if none */
        char *status_server; /* WUStatusServer */
        bool use_server;     /* UseWUServer = 1 */
} AgentPolicy;

void agentpolicy_free(AgentPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AgentPolicy, agentpolicy_free)

/* The policy in force: each value from the higher authority if it sets it. Missing files set
 * nothing. The caller frees it. */
AgentPolicy *agentpolicy_read(Host *host, GError **error) UK_MUST_USE;
/* Writes the local policy so that this server is used; durable. */
bool agentpolicy_write(Host *host, const char *server, GError **error) UK_MUST_USE;
/* True when the policy lets the engine ask this server and report to it. */
bool agentpolicy_names(const AgentPolicy *policy, const char *server);
