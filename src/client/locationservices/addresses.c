/* addresses.c - the machine's network addresses, from the kernel's list of interfaces. */
#include "client/locationservices/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static char *
text_of(const guint8 *address, gsize size)
{
        char text[INET6_ADDRSTRLEN] = "";

        inet_ntop(size == 4 ? AF_INET : AF_INET6, address, text, sizeof text);
        return g_strdup(text);
}

char *
addresses_subnet(const guint8 *address, const guint8 *mask, gsize size)
{
        guint8 net[16] = { 0 };

        for (gsize i = 0; i < size; i++)
                net[i] = address[i] & mask[i];
        return text_of(net, size);
}

/* The bytes of an address, NULL for a family that is none of ours. */
static const guint8 *
bytes_of(const struct sockaddr *address, gsize *size_out)
{
        if (address->sa_family == AF_INET) {
                *size_out = 4;
                return (gconstpointer) &
                       ((const struct sockaddr_in *)(gconstpointer)address)->sin_addr;
        }
        if (address->sa_family == AF_INET6) {
                *size_out = 16;
                return (gconstpointer) &
                       ((const struct sockaddr_in6 *)(gconstpointer)address)->sin6_addr;
        }
        return NULL;
}

static bool
is_wanted(const struct ifaddrs *one)
{
        if (one->ifa_addr == NULL || one->ifa_netmask == NULL || (one->ifa_flags & IFF_UP) == 0 ||
            (one->ifa_flags & IFF_LOOPBACK) != 0)
                return false;
        if (one->ifa_addr->sa_family != AF_INET6)
                return true;
        return !IN6_IS_ADDR_LINKLOCAL(
                &((const struct sockaddr_in6 *)(gconstpointer)one->ifa_addr)->sin6_addr);
}

bool
addresses_list(char ***addresses_out, char ***subnets_out, GError **error)
{
        g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) subnets = g_ptr_array_new_with_free_func(g_free);
        struct ifaddrs *all = NULL;

        if (getifaddrs(&all) != 0)
                return uk_fail_errno(error, errno, "listing the machine's addresses");
        for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
                gsize size = 0, mask_size = 0;

                if (!is_wanted(one))
                        continue;
                const guint8 *address = bytes_of(one->ifa_addr, &size);
                const guint8 *mask =
                        address != NULL ? bytes_of(one->ifa_netmask, &mask_size) : NULL;
                if (mask == NULL || mask_size != size)
                        continue;
                g_ptr_array_add(addresses, text_of(address, size));
                g_ptr_array_add(subnets, addresses_subnet(address, mask, size));
        }
        freeifaddrs(all);
        g_ptr_array_add(addresses, NULL);
        g_ptr_array_add(subnets, NULL);
        *addresses_out = (char **)g_ptr_array_free(g_steal_pointer(&addresses), FALSE);
        *subnets_out = (char **)g_ptr_array_free(g_steal_pointer(&subnets), FALSE);
        return true;
}
