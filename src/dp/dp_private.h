/* dp_private.h - what the parts of the SMS DP Provider share. */
#pragma once

#include <pthread.h>

#include "dp/dp.h"

typedef struct DpCaller DpCaller;

struct Dp {
        Host *host;
        SignKey *key;
        DpCaller *caller;
        bool colocated;
};

/* ---- dpprov_caller: who may ask -------------------------------------------------------------- */

/* Takes up which requests were seen before a restart. */
DpCaller *dpprov_caller_new(Host *host, GError **error) UK_MUST_USE;
void dpprov_caller_free(DpCaller *caller);
/* The role's rule of who may use a route. DENIED says what is wrong. */
bool dpprov_allow(Component *c, const ComponentRoute *route, HttpRequest *request, GError **error);
/* The certificate of the site, from etc/upkeep/site.crt; the caller's. */
SignCert *dpprov_site_certificate(Host *host, GError **error) UK_MUST_USE;

/* ---- dpprov_configure ------------------------------------------------------------------------ */

/* POST /SMS_DP$/configure. */
bool dpprov_on_configure(Component *c, HttpRequest *request, GError **error);

extern const ComponentDef dpprov;
