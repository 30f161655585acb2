/* pullnotice.h - the notification that makes a pull distribution point fetch a package (92, 6.1).
 *
 *   PkgXferMgr (site) --PullDPNotification--> SMS DP Provider --row, wake-up--> PullDP
 *
 * What a reader gets is safe to be made into paths and addresses: IDs are of letters, digits, '.',
 * '_' and '-', an address is http or https, names no user, and is that of its content item.
 */
#pragma once

#include "base/error.h"

#define PULLNOTICE_MAX_BYTES    (16 * 1024 * 1024)
#define PULLNOTICE_MAX_CONTENTS 10000
#define PULLNOTICE_MAX_SOURCES  100 /* of one content item */
#define PULLNOTICE_SHA256       32780

/* Where a content item can be had (DPLocation). */
typedef struct {
        char *url;  /* "http://DP/SMS_DP_SMSPKG$/<ContentID>" */
        int rank;   /* 1 first */
        bool https; /* Protocol; it decides, whatever scheme the URL has (OQ-D35) */
} PullNoticeSource;

typedef struct {
        char *content_id;
        char *related_id;   /* earlier content item that a delta can be made from; "" none */
        GPtrArray *sources; /* PullNoticeSource, in the order of the document; never NULL */
} PullNoticeContent;

typedef struct {
        char *package_id;
        gint64 version;
        bool redistribute; /* Action: redist; else add */
        bool allow_fallback;
        int priority;       /* 1 high, 2 medium, 3 low */
        char *package_type; /* "content" */
        int package_type_id;
        gint64 package_flags;
        gint64 package_size; /* KB (OQ-X10) */
        char *sddl;          /* carried along, otherwise ignored */
        char *hash;          /* SHA-256 of the bundle <PkgID>.TZ, 64 upper-case digits */
        bool expand_share;
        char *share_name;
        int share_type;
        char *trace;         /* of our namespace; "" none */
        GPtrArray *contents; /* PullNoticeContent; never NULL */
} PullNotice;

/* An empty notification: add, priority 2, no fall-back; the caller sets the rest (texts with
 * g_strdup in place of the empty ones) and frees it. */
PullNotice *pullnotice_new(const char *package_id, gint64 version);
void pullnotice_free(PullNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PullNotice, pullnotice_free)
/* Adds a content item, and a source to it; what is returned is borrowed. related_id may be NULL. */
PullNoticeContent *
pullnotice_add_content(PullNotice *notice, const char *content_id, const char *related_id);
/* base is "http://DP:80", as DistributionPoints.Url has it; its scheme becomes the Protocol. */
void pullnotice_add_source(PullNoticeContent *content, const char *base, int rank);

/* The document, UTF-8 (DIST-103). The caller's. */
char *pullnotice_write(const PullNotice *notice);
/* Reads it, hostile bytes included; PARSE, LIMIT. The caller's. */
PullNotice *pullnotice_read(const void *data, gsize size, GError **error) UK_MUST_USE;

/* "https://DP:443" of a source: the scheme of its Protocol, and the port of that scheme where the
 * URL names none (OQ-D35). The caller's; NULL when the URL is none of the above. */
char *pullnotice_source_base(const PullNoticeSource *source);
/* True for 1 to 128 letters, digits, '.', '_' and '-' that do not begin with '.'. */
bool pullnotice_id_valid(const char *id);
