/* siteroot.h - what the folders of a site tell by themselves, whichever of its programs run: files
 * that wait in inboxes, room on the volumes, sizes of the databases.
 */
#pragma once

#include "base/error.h"

/* An inbox: a folder whose files some program handles. */
typedef struct {
        char *name; /* "auth/statesys.box/incoming", "client: client.box" */
        char *path;
        guint waiting;    /* files, of any kind */
        gint64 oldest_us; /* age of the oldest, 0 if none; never negative */
        guint refused;    /* files in its corrupt/ */
        char *problem;    /* why it cannot be read, or NULL */
} SiteBox;

/* A file system that something of the site is on. */
typedef struct {
        char *holds; /* "databases, inboxes" */
        char *path;  /* one of the folders on it */
        guint64 device;
        gint64 free, total; /* bytes; free is what this user may use */
} SiteVolume;

typedef struct {
        char *name;  /* "site/site.db" */
        gint64 size; /* bytes, with what stands in its write-ahead log */
} SiteDatabase;

typedef struct {
        GPtrArray *boxes;     /* of SiteBox, by name */
        GPtrArray *volumes;   /* of SiteVolume */
        GPtrArray *databases; /* of SiteDatabase, by name */
} SiteRoot;

/* Looks at the folders below root ("" for /). What cannot be read is said in its place. */
SiteRoot *siteroot_look(const char *root);
void siteroot_free(SiteRoot *site);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SiteRoot, siteroot_free)
