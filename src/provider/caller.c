/* caller.c - who calls: the user of the process at the other end of the connection, as the kernel
 * knows it, asked once for each connection.
 *
 * In: a request. Out: whether its user may administer the site, and the user's name, which stays
 * with the connection.
 */
#include "provider/caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"

/* The group of data/upkeep.sysusers, in which the units run. */
#define ADMIN_GROUP "upkeep"
/* Room for an entry of the databases of users and groups: a group may have thousands of members. */
#define FIRST_ROOM (16 * 1024)
#define MOST_ROOM  (4 * 1024 * 1024)

typedef struct {
        char *name;  /* "anna", or "uid 1001" of one without an entry */
        gid_t group; /* the primary one; 0 without an entry */
        bool known;
} Person;

static Person
find_person(uid_t uid)
{
        for (gsize room = FIRST_ROOM; room <= MOST_ROOM; room *= 4) {
                g_autofree char *buffer = g_malloc(room);
                struct passwd entry, *found = NULL;
                int failed = getpwuid_r(uid, &entry, buffer, room, &found);

                if (found != NULL)
                        return (Person){ g_strdup(entry.pw_name), entry.pw_gid, true };
                if (failed != ERANGE)
                        break;
        }
        return (Person){ g_strdup_printf("uid %u", uid), 0, false };
}

/* Whether this program runs in the group of administrators. Where it does not, as in a lab, its
 * files are another's, and the group has no right to what it can read. */
static bool
runs_in_group(gid_t *group_out)
{
        for (gsize room = FIRST_ROOM; room <= MOST_ROOM; room *= 4) {
                g_autofree char *buffer = g_malloc(room);
                struct group entry, *found = NULL;
                int failed = getgrnam_r(ADMIN_GROUP, &entry, buffer, room, &found);

                if (found != NULL) {
                        *group_out = entry.gr_gid;
                        return entry.gr_gid == getegid();
                }
                if (failed != ERANGE)
                        break;
        }
        return false;
}

static bool
is_member(const Person *person, gid_t group)
{
        int count = 256;
        g_autofree gid_t *groups = g_new(gid_t, count);

        if (!person->known)
                return false;
        if (getgrouplist(person->name, person->group, groups, &count) < 0) {
                g_free(groups);
                groups = g_new(gid_t, count);
                if (getgrouplist(person->name, person->group, groups, &count) < 0)
                        return false;
        }
        for (int i = 0; i < count; i++) {
                if (groups[i] == group)
                        return true;
        }
        return false;
}

static bool
refuse(const Person *person, bool by_group, GError **error)
{
        g_autofree char *group_way =
                by_group ? g_strdup_printf(", or become a member of the group " ADMIN_GROUP
                                           " (as root: usermod -aG " ADMIN_GROUP " %s)",
                                           person->name)
                         : g_strdup("");
        Person own = find_person(geteuid());
        g_autofree char *own_name = own.name;

        return uk_fail(error, UK_ERROR_DENIED,
                       "%s may not administer this site: run it as root (sudo) or as %s%s",
                       person->name, own_name, group_way);
}

/* Whether a Host header, which may have a port, names this machine as one who is on it does. */
static bool
is_this_machine(const Host *host, const char *name)
{
        gsize length = name[0] == '[' ? strcspn(name, "]") + 1 : strcspn(name, ":");
        g_autofree char *bare = g_strndup(name, length);
        struct in_addr address;

        if (inet_pton(AF_INET, bare, &address) == 1)
                return ntohl(address.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
        return g_ascii_strcasecmp(bare, "localhost") == 0 || strcmp(bare, "[::1]") == 0 ||
               g_ascii_strcasecmp(bare, host_machine(host)) == 0;
}

/* A browser is a process of the administrator, whosever page it shows. It says whose page it is
 * with all that changes something, and by which name it came: one that a stranger's name server
 * gave out for this machine's address is none of its own. */
static bool
refuse_pages(const Component *c, const HttpRequest *request, GError **error)
{
        const char *origin = http_request_header(request, "Origin");
        const char *site = http_request_header(request, "Sec-Fetch-Site");
        const char *name = http_request_header(request, "Host");

        if (origin != NULL || (site != NULL && strcmp(site, "none") != 0))
                return uk_fail(error, UK_ERROR_DENIED,
                               "a page of %.200s may not administer this site",
                               origin != NULL ? origin : "another server");
        return name == NULL || is_this_machine(c->host, name) ||
               uk_fail(error, UK_ERROR_DENIED,
                       "%.200s is no name of this machine for who administers this site; write "
                       "127.0.0.1",
                       name);
}

bool
caller_allow(Component *c, const ComponentRoute *route, HttpRequest *request, GError **error)
{
        gid_t group;
        guint32 uid;

        if (!refuse_pages(c, request, error))
                return false;
        if (http_request_kept(request) != NULL)
                return true;
        if (!http_request_peer_user(request, &uid, error))
                return false;
        Person person = find_person(uid);
        g_autofree char *name = person.name;
        bool is_own = uid == 0 || uid == geteuid();
        bool by_group = !is_own && runs_in_group(&group);

        if (!is_own && !(by_group && is_member(&person, group)))
                return refuse(&person, by_group, error);
        http_request_keep(request, g_steal_pointer(&name), g_free);
        return true;
}

const char *
caller_name(const HttpRequest *request)
{
        return http_request_kept(request);
}
