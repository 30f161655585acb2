/* main.c - upkeep-sup: the software update point. */
#include "base/clock.h"
#include "base/io.h"
#include "crypto/hash.h"
#include "crypto/sitesig.h"
#include "host/host.h"
#include "sup/admin.h"
#include "sup/catalog/catalog.h"
#include "sup/catalog/schema.h"
#include "sup/soap_client/soap_client.h"
#include "sup/soap_report/soap_report.h"
#include "wire/xml.h"

#define MAX_CERTIFICATE (64 * 1024)

static const ComponentDef *const components[] = { &sup_engine, &sup_soap_client, &sup_soap_report,
                                                  NULL };

static const SettingDef settings[] = {
#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
#include "sup/settings.def"
#undef SETTING_DEF
        { NULL },
};

static const HostInit inits[] = { crypto_global_init, db_global_init, net_global_init,
                                  wire_global_init, NULL };

/* The certificate of the site that this update point belongs to; read each time, since the site
 * server may be installed after it. */
static SignCert *
site_certificate(Host *host, GError **error)
{
        g_autofree char *path = g_build_filename(host_etc_dir(host), "site.crt", NULL);
        g_autofree char *pem = NULL;
        gsize size;

        if (!uk_io_read(path, MAX_CERTIFICATE, &pem, &size, error)) {
                g_prefix_error(error, "the certificate of the site is needed: ");
                return NULL;
        }
        return sign_cert_read(pem, size, error);
}

/* The site server's requests are signed; everybody may use the services for clients. */
static bool
allow(Component *c, const ComponentRoute *route, HttpRequest *request, GError **error)
{
        if (route->caller != CALLER_SITE)
                return true;
        gsize size;
        const void *body = http_request_body(request, &size);
        const char *query = http_request_raw_query(request);
        g_autofree char *path =
                g_strconcat(http_request_raw_path(request), query != NULL ? "?" : "", query, NULL);
        g_autoptr(SignCert) cert = site_certificate(c->host, error);

        const SiteRequest signed_one = { http_request_method(request), path, body, size };

        /* Whatever name the site has for this machine: a site's update points all get the same. */
        return cert != NULL && sitesig_check(cert, http_request_header(request, SITESIG_HEADER),
                                             uk_clock_now(), &signed_one, NULL, error);
}

/* Cookies are sealed with a key that comes back with no backup: clients begin a conversation anew,
 * since what they were told after the backup is no longer so. */
static const char *const remade[] = { "cookie.key", "spool", NULL };

static const HostRole role = {
        .role = "sup",
        .components = components,
        .settings = settings,
        .database = "var/lib/upkeep/sup/catalog.db",
        .migrations = catalog_migrations,
        .migration_count = CATALOG_MIGRATIONS_COUNT,
        .migrates = true,
        .listens = { { "sup.port", "http", "sup-access.log" } },
        .remade = remade,
        .restored = catalog_renew,
        .inits = inits,
        .allow = allow,
};

int
main(int argc, char **argv)
{
        return host_main(&role, argc, argv);
}
