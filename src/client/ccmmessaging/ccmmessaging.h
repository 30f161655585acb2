/* ccmmessaging.h - CCM Messaging: the only component that talks to the management point.
 *
 * The outgoing queue is durable: a message is put into it in the transaction of its cause and goes
 * when the management point has taken it. What comes of it is a letter to the sender's box: the
 * reply (its kind is the local endpoint, as in "LS_ReplyLocations"), or, without a reply, one of
 * those below. (spec: client protocol, 3 and 11; COMP-031, COMP-036, COMP-058, COMP-059.)
 */
#pragma once

#include "client/work.h"

/* Receipt: the management point has acknowledged the message. The letter's key is the message's. */
#define CCM_DELIVERED "Delivered"
/* The message was discarded: too old, or the management point cannot read it. Body: why. */
#define CCM_UNDELIVERED "Undelivered"
/* The same of a message that expects no reply, where a smaller one may be taken. */
#define CCM_TOO_LARGE "TooLarge"
/* Letter to BOX_OUTGOING: try now, whatever pause is on. */
#define CCM_NOW "Now"

typedef struct {
        const char *queue;    /* as logged: "mp:[http]mp_locationmanager"; NULL: a plain GET */
        const char *endpoint; /* "MP_LocationManager" */
        const char *reply_to; /* local endpoint that gets the reply; NULL: none is expected */
        WorkBox box;          /* who gets the reply or receipt */
        const char *key;      /* by which that one knows it again; NULL: the message's ID */
        const void *body;     /* UTF-8; of a GET the path and query */
        gsize size;
        gint64 expire_us; /* discarded then; 0: never */
        bool open;        /* may go before the client is registered */
} CcmMessage;

/* Queues a message in the work. *id_out (may be NULL) is its ID with braces, the caller's. */
bool ccmmessaging_queue(Work *work, const CcmMessage *message, char **id_out,
                        GError **error) UK_MUST_USE;
/* Whether a message to that endpoint is still in the queue. */
bool
ccmmessaging_is_queued(Db *db, const char *endpoint, bool *queued_out, GError **error) UK_MUST_USE;

extern const ComponentDef ccmmessaging;
