/* dp_private.h - what the parts of the SMS DP Provider share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "dp/dp.h"
#include "dp/incoming.h"
#include "wire/json.h"

/* A body of a PUT: as large as a bundle, or the signatures of content of some 500 GB; blocks are
 * smaller. */
#define DPPROV_MAX_PUT BUNDLE_MAX_BYTES
/* The last small files, with the end of an order. */
#define DPPROV_MAX_END (64 * 1024 * 1024)

#define DP_SETTLE_LOCKS 16

typedef struct DpCaller DpCaller;

struct Dp {
        Host *host;
        UkLog *log;
        SignKey *key;
        DpCaller *caller;
        IncomingSet *incoming;
        atomic_uint waiting;        /* files that were proved and wait for their sync */
        atomic_llong waiting_bytes; /* of these */
        bool colocated;
        pthread_mutex_t bundles; /* a notification is stored, or its bundle goes, never both */
        pthread_mutex_t settling[DP_SETTLE_LOCKS]; /* dp_settle_begin; by the package's ID */
        pthread_mutex_t lock;                      /* guards the making of library */
        Library *library;                          /* NULL: not yet opened */
};

/* ---- dpprov_caller: who may ask -------------------------------------------------------------- */

/* Takes up which requests were seen before a restart. */
DpCaller *dpprov_caller_new(Host *host, GError **error) UK_MUST_USE;
void dpprov_caller_free(DpCaller *caller);
/* The role's rule of who may use a route. DENIED says what is wrong. */
bool dpprov_allow(Component *c, const ComponentRoute *route, HttpRequest *request, GError **error);
/* The certificate of the site, from etc/upkeep/site.crt; the caller's. */
SignCert *dpprov_site_certificate(Host *host, GError **error) UK_MUST_USE;
/* The order that a request is of, by its path or query, or NULL; the caller's. */
char *dpprov_order_id(const HttpRequest *request);

/* ---- dpprov_configure ------------------------------------------------------------------------ */

/* Reads what configure brings, hostile bytes included; PARSE, INVALID, LIMIT. The caller's. */
DistributionPoint *
dpprov_read_configuration(const char *data, gsize size, GError **error) UK_MUST_USE;
/* POST /SMS_DP$/configure. */
bool dpprov_on_configure(Component *c, HttpRequest *request, GError **error);

/* ---- dpprov_order ---------------------------------------------------------------------------- */

/* POST /SMS_DP$/order and /SMS_DP$/order/<id>/commit. */
bool dpprov_on_order(Component *c, HttpRequest *request, GError **error);
bool dpprov_on_commit(Component *c, HttpRequest *request, GError **error);
/* The old content items of an order that are in the library, ContentTree; given back with
 * dpprov_related_free. */
GPtrArray *dpprov_related(Library *library, const DpOrder *order);
void dpprov_related_free(Library *library, GPtrArray *trees);

/* ---- dpprov_put ------------------------------------------------------------------------------ */

/* PUT /SMS_DP$/... */
bool dpprov_on_put(Component *c, HttpRequest *request, GError **error);
/* Whether the request carries the token of an order in place of a signature. */
bool dpprov_takes_token(const HttpRequest *request);
/* Answers 507 and clears the error if it is FULL; else false, and nothing was answered. */
bool dpprov_answer_full(HttpRequest *request, Library *library, GError **error);
/* The signatures that came for a content item of the order, NULL if none did. */
bool dpprov_signatures(const Dp *dp, const Incoming *incoming, const char *content_id,
                       GBytes **bytes_out, GError **error) UK_MUST_USE;

/* ---- dpprov_package -------------------------------------------------------------------------- */

/* POST /SMS_DP$/remove, GET /SMS_DP$/package, GET /SMS_DP$/packages. */
bool dpprov_on_remove(Component *c, HttpRequest *request, GError **error);
bool dpprov_on_package(Component *c, HttpRequest *request, GError **error);
bool dpprov_on_packages(Component *c, HttpRequest *request, GError **error);

/* Reads {PackageID[, Version]}; the ID is the caller's. version_out may be NULL. */
bool dpprov_read_package(HttpRequest *request, char **package_id_out, gint64 *version_out,
                         GError **error) UK_MUST_USE;
/* Writes the member "Packages". */
bool dpprov_list_packages(JsonWriter *w, Library *library, bool with_contents,
                          GError **error) UK_MUST_USE;

/* Ends a request's use of an order. What the request brought of one that was taken back meanwhile
 * goes again, since nobody else looks for it any more (DIST-148). */
void dpprov_let_go(Component *c, Incoming *incoming_take);

/* ---- dpprov_notify --------------------------------------------------------------------------- */

/* POST /SMS_DP$/notify, /SMS_DP$/pause and /SMS_DP$/cancel. */
bool dpprov_on_notify(Component *c, HttpRequest *request, GError **error);
bool dpprov_on_pause(Component *c, HttpRequest *request, GError **error);
bool dpprov_on_cancel(Component *c, HttpRequest *request, GError **error);

extern const ComponentDef dpprov;
extern const ComponentDef dpmon;
