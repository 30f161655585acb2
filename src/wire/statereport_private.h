/* statereport_private.h - the two readers of a state message report and what they share.
 *
 * The quick reader knows only the form that our own writer gives, in ASCII; whatever it does not
 * recognise it leaves to the thorough one. Both hand the same raw texts to the same functions, so
 * that they cannot disagree about values; a differential fuzz target holds them to it.
 */
#pragma once

#include "wire/statereport.h"

/* Texts of the head as they stand in the document; NULL where absent. */
typedef struct {
        const char *client_id;
        const char *client_version;
        const char *name;
        const char *installed;
        const char *priority;
        const char *content;
        const char *date;
        const char *trace;
} RawHead;

/* Texts of a message as they stand in the document; NULL where absent. */
typedef struct {
        const char *time;
        const char *serial;
        const char *topic_id;
        const char *topic_type;
        const char *id_type;
        const char *user;
        const char *state_id;
        const char *count;
        guint param_count; /* of Param elements, also above STATEREPORT_PARAMS */
        const char *params[STATEREPORT_PARAMS];
        const char *details;
} RawMessage;

/* The head from its texts; its members point into raw and id_out, which is for the client ID
 * without prefix and blanks. PARSE. */
bool statereport_head_from_raw(const RawHead *raw, char id_out[64], StateReportHead *head_out,
                               GError **error);
/* The message from its texts, pointing into raw. NULL, or why it cannot be read. */
const char *statereport_message_from_raw(const RawMessage *raw, StateReportMessage *message_out);

typedef enum {
        QUICK_READ,    /* the report was read and every callback called */
        QUICK_FAILED,  /* a callback failed; error is set */
        QUICK_UNKNOWN, /* not a form known here; nothing was called */
} QuickResult;

/* The quick reader. head_only: only the head, messages are not looked at. */
QuickResult statereport_read_quick(const void *data, gsize size, bool head_only,
                                   const StateReportSink *sink, GError **error);
/* The thorough reader, over xml_parse. */
bool statereport_read_thorough(const void *data, gsize size, bool head_only,
                               const StateReportSink *sink, GError **error);
