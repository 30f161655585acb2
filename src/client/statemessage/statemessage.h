/* statemessage.h - state messages: what is to be told to the site, until it is told and after.
 *
 *   ScanAgent, UpdatesStore --row of CCM_StateMsg--> StateMessage --Report--> CcmMessaging
 * (COMP-053 to COMP-058; state messages, 2.)
 */
#pragma once

#include "client/work.h"

#define STATE_TOPIC_DETECTION 500 /* of an update */
#define STATE_TOPIC_SCAN      501 /* of an update source */
#define STATE_TOPIC_RESYNC    700 /* what follows is all there is */
#define STATE_MAX_PARAMS      5

/* Letters to BOX_STATE: send what is not sent, now; send everything once more. */
#define STATE_SEND_NOW "SendNow"
#define STATE_RESEND   "Resend"

typedef struct {
        int topic_type;
        const char *topic_id;
        int id_type; /* 3: unique ID of an update, 0: other */
        int state_id;
        guint param_count;
        const char *params[STATE_MAX_PARAMS];
        const char *details; /* StateDetails; NULL: none */
        gint64 time_us;      /* of the change of state */
} StateMsg;

/* Records a state in the transaction that found it; a state of the same topic that was there is
 * replaced, sent or not. It goes with the next report. */
bool statemessage_raise(Work *work, const StateMsg *msg, GError **error) UK_MUST_USE;

extern const ComponentDef statemessage;
