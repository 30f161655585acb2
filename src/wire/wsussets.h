/* wsussets.h - the extension of SyncUpdates by which our clients are told of evaluation sets.
 *
 *   client --SyncUpdates/parameters/EvaluationSets: what it is, what it holds--> update point
 *   client <--SyncUpdatesResult/EvaluationSets: the sets that are for it-------- update point
 *
 * Both elements are of our namespace, and others pass them over. The sets themselves are fetched
 * from the URLs named (deb/evalset.h, as zstd frames): a whole one, or the step from the one held.
 * Where the sets held are the right ones the answer says only so (DEB-042).
 */
#pragma once

#include "wire/soap.h"

#define WSUSSETS_ELEMENT "EvaluationSets"
/* The path below which sets are: <path><sha256> whole, <path><from sha256>.<to sha256> a step. */
#define WSUSSETS_PATH "/EvaluationSets/"

typedef struct {
        char *name, *codename; /* of its Release file; may be "" */
        char *place;           /* as deb/machine.h has it */
} SetsOrigin;

/* An evaluation set, held or to be held. */
typedef struct {
        char *product; /* GUID, lower case */
        char *arch;
        gint64 number;
        char *sha256; /* lower-case hexadecimal, of the plain text */
        char *url;    /* of the whole set; "" in an announcement */
        char *step;   /* URL of the step from the one held; "" if there is none */
} SetsName;

SetsName *
wsussets_name_new(const char *product, const char *arch, gint64 number, const char *sha256);
void wsussets_name_free(SetsName *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SetsName, wsussets_name_free)
/* Whether both are the same set. */
bool wsussets_name_equal(const SetsName *a, const SetsName *b);

/* What a machine is, as far as rules of products ask (deb/machine.h), and what it holds. */
typedef struct {
        char *os_id, *os_codename, *os_version; /* "" where os-release is silent */
        char **arches;                          /* the native one first */
        GPtrArray *origins;                     /* of SetsOrigin */
        GPtrArray *held;                        /* of SetsName */
} SetsAnnouncement;

/* One without origins and sets. The caller frees it. */
SetsAnnouncement *wsussets_announcement_new(const char *os_id, const char *os_codename,
                                            const char *os_version, const char *const *arches);
void wsussets_announcement_free(SetsAnnouncement *announcement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SetsAnnouncement, wsussets_announcement_free)
void wsussets_announcement_origin(SetsAnnouncement *announcement, const char *name,
                                  const char *codename, const char *place);
/* Writes the element into the one that is open. */
void wsussets_announcement_write(XmlWriter *w, const SetsAnnouncement *announcement);
/* Reads the element. INVALID, LIMIT (more of anything than a machine has). */
SetsAnnouncement *wsussets_announcement_read(const XmlNode *node, GError **error) UK_MUST_USE;
/* A text that two announcements have in common only if they say the same; the caller's. */
char *wsussets_announcement_key(const SetsAnnouncement *announcement);

/* The whole of a SyncUpdates that announces; cookie is base64 text. The caller's. */
char *wsussets_request_write(const char *cookie, const SetsAnnouncement *announcement);
/* The whole of the answer to one; element is from wsussets_answer_write(). The caller's. */
char *wsussets_reply_write(const char *cookie, gint64 expires_us, const char *element);

/* The element of the answer that names sets (of SetsName), as text, the caller's. unchanged: those
 * announced are the ones, in this order. */
char *wsussets_answer_write(const GPtrArray *sets, bool unchanged);
/* Reads it; *sets_out is NULL for unchanged. INVALID, LIMIT. */
bool wsussets_answer_read(const XmlNode *node, GPtrArray **sets_out, GError **error) UK_MUST_USE;
/* The child of node that is the extension's element, NULL if there is none. */
const XmlNode *wsussets_find(const XmlNode *node);
