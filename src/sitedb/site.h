/* site.h - the sites of the hierarchy, and which of them this database belongs to. */
#pragma once

#include "db/db.h"

typedef enum {
        SITE_SECONDARY = 1,
        SITE_PRIMARY = 2,
        SITE_CENTRAL = 4,
} SiteType;

typedef struct {
        char *code;    /* PS1: three letters A-Z or digits */
        gint64 number; /* 1 to 127, unique in the hierarchy */
        char *name;
        char *server;  /* FQDN of the site server */
        char *parent;  /* code of the parent site, "" for a top-level site */
        gint64 type;   /* SiteType */
        char *version; /* of the program that runs the site */
        char *install_dir;
        gint64 status; /* 1 active */
} Site;

void site_free(Site *site);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Site, site_free)

/* Makes this the database of that site, or brings the site's name, server, version and folder up to
 * date. INVALID for a bad code or number, CONFIG when the database belongs to another site. */
bool site_install(DbTx *tx, const Site *site, const char *cause, GError **error) UK_MUST_USE;
/* The site this database belongs to; NOT_YET before site_install. The caller frees it. */
Site *site_this(Db *db, GError **error) UK_MUST_USE;
/* All sites known, by code. The caller owns the array. */
GPtrArray *site_list(Db *db, GError **error) UK_MUST_USE;
