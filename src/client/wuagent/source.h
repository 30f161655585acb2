/* source.h - where the scanning engine gets the evaluation sets from: the update point.
 *
 *   WUAgent (client) --GetConfig, GetCookie, SyncUpdates with the numbers it holds--> client.asmx
 *   WUAgent (client) <--names of evaluation sets, then files or steps-------------- update point
 *
 * The sets are kept as files below the client's state folder, named by number and SHA-256, so that
 * a scan with nothing new moves one short exchange (DEB-042). Knows nothing of rules.
 */
#pragma once

#include "base/error.h"
#include "deb/machine.h"
#include "net/http_client.h"

/* Whom to ask and for whom. All borrowed. */
typedef struct {
        HttpClient *http;
        const char *server_url; /* "http://PS1SITE.CONTOSO.COM:8530" */
        const char *cache_dir;  /* folder of the kept sets and of the cookie; made where missing */
        const char *client_id;  /* GUID of the client */
        const char *name;       /* DNS name of the client */
        const char *trace;      /* "" if none */
        const DebMachine *machine; /* its architectures and products are what is asked for */
} SourceAsk;

/* One evaluation set that is here, whole and verified. */
typedef struct {
        char *product_id;
        char *architecture;
        gint64 number;
        char *sha256; /* lower-case hexadecimal, of the text */
        GBytes *text; /* as deb/evalset.h reads it */
} SourceSet;

void source_set_free(SourceSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SourceSet, source_set_free)

/* Brings the kept sets up to what the update point names, and returns those that are for this
 * machine; an empty array when it has nothing for it. A kept file that is damaged is fetched anew;
 * sets that are no longer named are removed. NETWORK, REMOTE, PARSE, SIGNATURE (a wrong SHA-256),
 * LIMIT. The caller owns the array. */
GPtrArray *source_refresh(const SourceAsk *ask, GError **error) UK_MUST_USE;
