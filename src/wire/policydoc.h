/* policydoc.h - policies: bodies, assignments, and how a client asks for them.
 *
 *   Policy Provider --policy body--> row of Policy --> MP --/SMS_MP/.sms_pol--> PolicyAgent
 *   PolicyAgent (client) --RequestAssignments--> MP_PolicyManager
 *   PolicyAgent (client) <--ReplyAssignments---- MP_PolicyManager
 * (spec: client protocol, 8; state messages, 5.)
 */
#pragma once

#include "base/error.h"

#define POLICYDOC_MAX_BYTES (4 * 1024 * 1024)

typedef struct {
        char *name;
        int type; /* CIM type: 8 string, 11 boolean, 19 unsigned 32-bit */
        char *value;
} PolicyProperty;

/* A policy with the one instance that it creates on the client. */
typedef struct {
        char *policy_id;       /* with braces */
        char *version;         /* "40.00" */
        char *category;        /* "UpdateSource", "SoftwareUpdatesClientConfig" */
        char *source;          /* "SMS:PS1" */
        char *rule_id;         /* with braces; constant for the policy */
        char *class_name;      /* "CCM_UpdateSource" */
        GPtrArray *properties; /* of PolicyProperty; never NULL */
} PolicyBody;

PolicyBody *policydoc_body_new(const char *policy_id, const char *version, const char *category,
                               const char *source, const char *rule_id, const char *class_name);
void policydoc_body_add(PolicyBody *body, const char *name, int type, const char *value);
/* The value of a property, or NULL. Borrowed. */
const char *policydoc_body_get(const PolicyBody *body, const char *name);
/* UTF-8 text, byte for byte the same for the same policy. The caller's. */
char *policydoc_body_write(const PolicyBody *body);
PolicyBody *policydoc_body_read(const void *data, gsize size, GError **error) UK_MUST_USE;
void policydoc_body_free(PolicyBody *body);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicyBody, policydoc_body_free)

/* An assignment: which policy, where its body is, and the hash it must have. Its document is what
 * the site signs; a tombstone withdraws the policy. */
typedef struct {
        char *assignment_id; /* with braces */
        char *policy_id;
        char *version;
        char *category;
        char *hash; /* "SHA256:<64 hex>" of the policy body */
        bool tombstone;
        char *location;  /* "http://<mp>/SMS_MP/.sms_pol?{…}.40_00"; <mp> stands literally */
        char *signature; /* of the assignment document, upper-case hexadecimal; "" inside it */
        char *document;  /* the assignment as it was signed, verbatim */
        char *trace;     /* "" if none */
} PolicyAssignmentDoc;

void policydoc_assignment_free(PolicyAssignmentDoc *assignment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicyAssignmentDoc, policydoc_assignment_free)
/* The element <PolicyAssignment …>…</PolicyAssignment> without a signature: PolicyAssignment.Body
 * and what is signed. The caller's. */
char *policydoc_assignment_write(const PolicyAssignmentDoc *assignment);
/* Reads such an element (signature and document stay NULL). */
PolicyAssignmentDoc *
policydoc_assignment_read(const void *data, gsize size, GError **error) UK_MUST_USE;
/* The path and query of a body below the management point, "/SMS_MP/.sms_pol?{ID}.40_00". */
char *policydoc_body_path(const char *policy_id, const char *version);
/* Takes such a query ("{ID}.40_00") apart; both out-parameters are the caller's. */
bool policydoc_body_query(const char *query, char **policy_id_out, char **version_out,
                          GError **error) UK_MUST_USE;

typedef struct {
        char *site;        /* from PolicySource "SMS:PS1" */
        char *cookie;      /* of the last reply, "" at first */
        char *client_id;   /* GUID */
        char *name;        /* NetBIOS name */
        bool only_changes; /* RequestType OnUpdate: nothing new may be answered with no list */
} PolicyRequest;

char *policydoc_request_write(const PolicyRequest *request);
PolicyRequest *policydoc_request_read(const void *data, gsize size, GError **error) UK_MUST_USE;
void policydoc_request_free(PolicyRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicyRequest, policydoc_request_free)

typedef struct {
        char *site;
        char *cookie;
        bool unchanged; /* nothing since the request's cookie; the list is empty */
        GPtrArray
                *assignments; /* of PolicyAssignmentDoc, with signature and document; never NULL */
        GPtrArray *triggers;  /* of char *, schedule IDs of what the client is to do; never NULL */
} PolicyReply;

PolicyReply *policydoc_reply_new(const char *site, const char *cookie);
char *policydoc_reply_write(const PolicyReply *reply);
/* The same for one client: with this cookie, and with these triggers (of char *). */
char *
policydoc_reply_write_for(const PolicyReply *reply, const char *cookie, const GPtrArray *triggers);
PolicyReply *policydoc_reply_read(const void *data, gsize size, GError **error) UK_MUST_USE;
void policydoc_reply_free(PolicyReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicyReply, policydoc_reply_free)
