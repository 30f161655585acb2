/* ccmmessaging_private.h - what the queue and the sending share: a message, and what became of it.
 */
#pragma once

#include "client/ccmmessaging/ccmmessaging.h"
#include "crypto/sign.h"

typedef struct {
        gint64 seq;
        char *id; /* with braces */
        char *queue, *endpoint, *reply_to, *box, *key;
        GBytes *body;
        gint64 open; /* may go before the client is registered */
        gint64 created_us, expire_us, tries;
        char *cause, *trace;
} CcmOutgoing;

/* What became of an attempt. */
typedef enum {
        CCM_SENT,        /* acknowledged; reply is set if one was expected */
        CCM_UNREACHABLE, /* no management point could be asked, or none gave a usable answer */
        CCM_REFUSED,     /* it does not serve this client */
        CCM_BAD,         /* it cannot use this message, now or later */
        CCM_LARGE,       /* likewise, for its size */
} CcmOutcome;

typedef struct {
        CcmOutcome outcome;
        char *host;     /* that answered */
        char *reply_id; /* with braces */
        GBytes *reply;  /* body of the reply */
        char *why;      /* of every outcome but SENT */
} CcmResult;

/* Frees what the result holds. */
void ccmmessaging_result_clear(CcmResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcmResult, ccmmessaging_result_clear)

/* What sending needs and keeps; of one lane. */
typedef struct {
        Component *c;
        const SignKey *key;
        const char *smsid;
        guint *current; /* which management point of the list is asked first */
} CcmSender;

/* Sends a message to the current management point, and to the others if that one cannot be reached.
 * All that may happen is in the result. */
void ccmmessaging_send(const CcmSender *sender, const CcmOutgoing *message, CcmResult *result_out);
