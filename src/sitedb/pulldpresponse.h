/* pulldpresponse.h - what a pull distribution point answers (90-tables 5.4; DIST-129, DIST-130),
 * and which distribution point a message is of.
 *
 *   PullDP --state message 902--> management point, StateSys --row--> SMSDBMON --.PUL--> DistMgr
 *
 * Distribution Manager reads and deletes the rows by sitedb/pkgstatus.h.
 */
#pragma once

#include "db/db.h"

/* A distribution point as the sender of messages. */
typedef struct {
        gint64 id; /* DPID */
        char *server, *nal, *site;
        char *certificate; /* PEM, that of which the site learned by configure */
} PullDPSender;

void pulldpresponse_sender_free(PullDPSender *sender);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PullDPSender, pulldpresponse_sender_free)
/* By the GUID that it gave itself, in any spelling, with or without "GUID:" and braces;
 * *sender_out is NULL when no distribution point of that GUID has a certificate. */
bool pulldpresponse_sender(Db *db, const char *guid, PullDPSender **sender_out,
                           GError **error) UK_MUST_USE;

typedef struct {
        const char *pkg_id;
        gint64 version;
        gint64 time_us; /* of the message */
        int state;      /* 1 success … 64 cancelled (92, 1.3) */
        const char
                *data; /* percentage ("30", "30 <bytes> <of bytes>"), or why it failed; "" none */
        const char *cause, *trace;
} PullDPResponse;

/* Keeps the answer in place of an older one that waits still. *newer_out is false, and nothing is
 * kept, when the sender has said something newer already, or speaks of a version of its own site's
 * package that the site has not made: then it was restored from a backup, and what it sends again
 * has a lower number. NOT_FOUND: the package is not given to this distribution point. */
bool pulldpresponse_put(DbTx *tx, const PullDPSender *sender, const PullDPResponse *response,
                        bool *newer_out, GError **error) UK_MUST_USE;
/* How the sender stands as the sender of state messages beside machines (SR_StateMessages). */
gint64 pulldpresponse_resource(const PullDPSender *sender);
