/* sitesystem.h - site systems and their roles: which server of a site is a software update point, a
 * management point or a distribution point, in the order of installation (the SCF of the product).
 */
#pragma once

#include "db/db.h"

typedef enum {
        SITESYSTEM_MP = 2,
        SITESYSTEM_DP = 3,
        SITESYSTEM_SERVER = 6,
        SITESYSTEM_SUP = 8,
} SiteSystemRole;

typedef struct {
        char *site;   /* site code */
        gint64 role;  /* SiteSystemRole */
        char *server; /* FQDN */
        char *nal_path;
        gint64 install_order; /* 1 for the first of its role in the site */
        gint64 is_default;    /* the one that comes first, whatever the order (SYNC-024) */
        char *scheme;         /* http, https */
        gint64 port;
        char *admin_url; /* where the site server reaches it; "" if the role has none */
        gint64 intranet; /* accepts intranet clients */
        gint64 internet; /* accepts Internet clients */
        char *forest;
} SiteSystem;

void sitesystem_free(SiteSystem *system);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SiteSystem, sitesystem_free)

/* Adds a server in a role, or brings its properties up to date; nal_path, install_order and
 * is_default of the argument are not read. The first one of a site becomes the default. INVALID for
 * a bad server name, scheme or port. *changed_out (may be NULL) says whether anything was. */
bool sitesystem_put(DbTx *tx, const SiteSystem *system, const char *cause, bool *changed_out,
                    GError **error) UK_MUST_USE;
/* Gives the server of a role another name, all else stays. INVALID for a bad one. */
bool sitesystem_rename(DbTx *tx, const char *site, SiteSystemRole role, const char *before,
                       const char *server, const char *cause, GError **error) UK_MUST_USE;
/* Takes the role from the server; another one does not become the default by that (OQ-S08).
 * NOT_FOUND when it had not the role. */
bool sitesystem_remove(DbTx *tx, const char *site, SiteSystemRole role, const char *server,
                       GError **error) UK_MUST_USE;
/* Makes the server the default of its role and site. NOT_FOUND when it has not the role. */
bool sitesystem_set_default(DbTx *tx, const char *site, SiteSystemRole role, const char *server,
                            const char *cause, GError **error) UK_MUST_USE;
/* The servers of a role: the default first, then in the order of installation. Where the first has
 * not is_default, the default was removed and nobody named another. The caller owns the array. */
GPtrArray *
sitesystem_list(Db *db, const char *site, SiteSystemRole role, GError **error) UK_MUST_USE;
/* "http://PS1SITE.CONTOSO.COM:8530". The caller frees it. */
char *sitesystem_url(const SiteSystem *system);
