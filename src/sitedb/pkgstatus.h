/* pkgstatus.h - how far each package is at each site and on each distribution point (90-tables 4.4;
 * DIST-084, DIST-085, DIST-131, DIST-132).
 */
#pragma once

#include "db/db.h"

typedef enum {
        PKGSTATUS_TYPE_SITE = 1, /* server: the FQDN of the site server */
        PKGSTATUS_TYPE_DP = 2,   /* server: the NALPath */
} PkgStatusType;

/* Also what STA files say (90-tables 7.4). */
typedef enum {
        PKGSTATUS_NONE = 0,
        PKGSTATUS_SENT = 1,
        PKGSTATUS_RECEIVED = 2,
        PKGSTATUS_INSTALLED = 3,
        PKGSTATUS_RETRY = 4,
        PKGSTATUS_FAILED = 5,
        PKGSTATUS_REMOVED = 6,
        PKGSTATUS_REMOVE_FAILED = 8,
        PKGSTATUS_RETRY_REMOVE = 9,
} PkgStatusState;

typedef struct {
        gint64 key; /* PKID */
        char *pkg_id;
        gint64 type; /* PkgStatusType */
        char *site, *server;
        gint64 status; /* PkgStatusState */
        gint64 update_us;
        char *location, *http_url, *sig_url, *sig_location;
        gint64 source_version; /* what is there */
        gint64 percent;        /* of what is under way */
        char *error_text;      /* "" when nothing is wrong */
        gint64 validated_us;   /* all files were read and right; 0 never */
        gint64 damaged_files;
        char *cause, *trace;
} PkgStatus;

void pkgstatus_free(PkgStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PkgStatus, pkgstatus_free)

/* Makes the row where it is missing (OQ-T03); status 0. */
bool pkgstatus_ensure(DbTx *tx, const char *pkg_id, PkgStatusType type, const char *site,
                      const char *server, const char *cause, GError **error) UK_MUST_USE;
/* One row; NULL without error: there is none. The caller frees it. */
PkgStatus *pkgstatus_load(Db *db, const char *pkg_id, PkgStatusType type, const char *site,
                          const char *server, GError **error) UK_MUST_USE;
/* The package's rows of one type, by server; the caller owns the array. */
GPtrArray *
pkgstatus_list(Db *db, const char *pkg_id, PkgStatusType type, GError **error) UK_MUST_USE;
/* What is there now: version and places (DIST-085), status, and that nothing is wrong. Read of the
 * argument are pkg_id, type, site, server, status, location, http_url, sig_url, sig_location and
 * source_version. */
bool pkgstatus_set_present(DbTx *tx, const PkgStatus *status, const char *cause,
                           GError **error) UK_MUST_USE;
/* The version that the site server has, or is about to have, with that status (Type 1); where it
 * lies stays. */
bool pkgstatus_set_available(DbTx *tx, const char *pkg_id, const char *site, const char *server,
                             PkgStatusState status, gint64 version, const char *cause,
                             GError **error) UK_MUST_USE;
/* What is going on: status, percent and error; the version that is there stays. */
bool pkgstatus_set_state(DbTx *tx, const char *pkg_id, PkgStatusType type, const char *site,
                         const char *server, PkgStatusState state, gint64 percent,
                         const char *error_text, const char *cause, GError **error) UK_MUST_USE;
/* Why a package's source does not become a version of the package. */
typedef struct {
        const char *error_text;
        bool at_site;   /* it can be read, and the site's own library fails */
        gint64 next_us; /* it is tried again then at the latest */
} PkgStatusSource;
/* The row must be there (pkgstatus_ensure). */
bool pkgstatus_source_failed(DbTx *tx, const char *pkg_id, const char *site, const char *server,
                             const PkgStatusSource *failure, const char *cause,
                             GError **error) UK_MUST_USE;
/* The source is read anew: a failure that stands there is none of this try. */
bool pkgstatus_source_begun(DbTx *tx, const char *pkg_id, const char *site, const char *server,
                            GError **error) UK_MUST_USE;
/* The package's files there were read: so many were damaged. */
bool pkgstatus_validated(DbTx *tx, const char *pkg_id, const char *site, const char *server,
                         gint64 damaged, const char *cause, GError **error) UK_MUST_USE;
/* What a validation found damaged on the site server's own distribution point, which serves the
 * site server's library, and that is being mended; the caller owns the array. */
GPtrArray *pkgstatus_list_own_damaged(Db *db, GError **error) UK_MUST_USE;
/* Of that package the library lacks nothing any more; unless a validation has found other damage
 * since the row was read. */
bool pkgstatus_own_mended(DbTx *tx, const PkgStatus *damaged, GError **error) UK_MUST_USE;

/* What a pull distribution point answered, with what belongs to it (DIST-131). */
typedef struct {
        char *pkg_id, *server, *site;
        gint64 stored_version, status, version, action_state;
        char *action_data;
        gint64 pkg_flags, share_type;
        char *message_time; /* as stored, for pkgstatus_delete_response */
        gint64 message_us;
        char *trace;
} PkgStatusResponse;

void pkgstatus_response_free(PkgStatusResponse *response);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PkgStatusResponse, pkgstatus_response_free)
/* The oldest answer that waits for the row `key`; NULL without error: there is none. The caller
 * frees it. */
PkgStatusResponse *pkgstatus_response(Db *db, gint64 key, GError **error) UK_MUST_USE;
/* Deletes that answer and no newer one (DIST-132). */
bool pkgstatus_delete_response(DbTx *tx, gint64 key, const char *message_time,
                               GError **error) UK_MUST_USE;
