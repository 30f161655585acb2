/* dpplaces.c - where a package lies on a distribution point, in the product's words. */
#include "site/dpplaces.h"

void
dpplaces_clear(DpPlaces *places)
{
        g_free(places->location);
        g_free(places->http_url);
        g_free(places->sig_url);
        g_free(places->sig_location);
}

DpPlaces
dpplaces_of(const DistPoint *point, const char *pkg_id, gint64 version)
{
        const char *site = point->site, *server = point->server;

        return (DpPlaces){
                .location = g_strdup_printf("MSWNET:[\"SMS_SITE=%s\"]\\\\%s\\SMSPKGC$\\%s\\", site,
                                            server, pkg_id),
                .http_url = g_strdup_printf("http://%s/SMS_DP_SMSPKG$/%s", server, pkg_id),
                .sig_url = g_strdup_printf("http://%s/SMS_DP_SMSSIG$/%s", server, pkg_id),
                .sig_location = g_strdup_printf("MSWNET:[\"SMS_SITE=%s\"]\\\\%s\\SMSSIG$\\%s."
                                                "%" G_GINT64_FORMAT ".tar",
                                                site, server, pkg_id, version),
        };
}
