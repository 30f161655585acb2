/* dpplaces.h - where a package lies on a distribution point, as status rows and files tell it
 * (DIST-080, DIST-085).
 */
#pragma once

#include "sitedb/distpoint.h"

typedef struct {
        char *location;     /* MSWNET:["SMS_SITE=PS1"]\\PS1DP1.CONTOSO.COM\SMSPKGC$\PS100039\ */
        char *http_url;     /* http://PS1DP1.CONTOSO.COM/SMS_DP_SMSPKG$/PS100039 */
        char *sig_url;      /* http://PS1DP1.CONTOSO.COM/SMS_DP_SMSSIG$/PS100039 */
        char *sig_location; /* MSWNET:["SMS_SITE=PS1"]\\PS1DP1.CONTOSO.COM\SMSSIG$\PS100039.1.tar */
} DpPlaces;

void dpplaces_clear(DpPlaces *places);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DpPlaces, dpplaces_clear)

/* The caller clears it. */
DpPlaces dpplaces_of(const DistPoint *point, const char *pkg_id, gint64 version);
