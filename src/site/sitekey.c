/* sitekey.c - loads or makes the key of the site and lets the other roles have the certificate. */
#include "site/sitekey.h"

#include <string.h>

#include "base/io.h"

/* The other roles of this machine read the certificate from the configuration folder; on another
 * machine an administrator (or the lab) puts it there. */
static bool
publish(Host *host, const char *pem, GError **error)
{
        g_autofree char *path = g_build_filename(host_etc_dir(host), "site.crt", NULL);
        g_autofree char *there = NULL;
        gsize size;

        if (uk_io_read(path, 64 * 1024, &there, &size, NULL) && g_str_equal(there, pem))
                return true;
        return uk_io_mkdirs(host_etc_dir(host), 0755, error) &&
               uk_io_replace(path, pem, strlen(pem), 0644, error);
}

SignKey *
sitekey_load(Host *host, const char *site, GError **error)
{
        UK_DOING(error, "loading the key of site %s", site);
        g_autofree char *dir = g_build_filename(host_state_dir(host), "keys", NULL);
        g_autofree char *path = g_build_filename(dir, "site", NULL);

        if (!uk_io_mkdirs(dir, 0700, error))
                return NULL;
        g_autoptr(SignKey) key = sign_key_load_or_make(
                path, site, (unsigned)settings_int(host_settings(host), "host.key_bits"), error);

        if (key == NULL || !publish(host, sign_key_cert_pem(key), error))
                return NULL;
        return g_steal_pointer(&key);
}
