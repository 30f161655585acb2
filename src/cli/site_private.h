/* site_private.h - what `site status` gathers (site.c) and shows (site_show.c).
 */
#pragma once

#include "cli/admin.h"
#include "cli/cli.h"
#include "cli/siteroot.h"

/* What the provider is asked for. */
typedef enum {
        SITE_SELF,
        SITE_SYNC,
        SITE_CLIENTS,
        SITE_COMPONENTS,
        SITE_POINTS,   /* distribution points that do not answer, or on which a package failed */
        SITE_PACKAGES, /* packages whose source cannot be read or stored */
        SITE_ASKED,
} SiteAsked;

/* Something that an administrator should look at. */
typedef struct {
        char *what;
        char *next; /* a command, or NULL */
        bool down;  /* a part of the site does not work, or could not be asked */
} SiteTrouble;

typedef struct {
        const char *root;    /* "" for /; borrowed */
        GPtrArray *programs; /* of Program */
        GHashTable
                *last_words; /* role to time of its last log record (gint64 *), where it is down */
        SiteRoot *folders;
        AdminRows *answers[SITE_ASKED]; /* NULL: could not be asked */
        GPtrArray *troubles;            /* of SiteTrouble, the worst first */
        gint64 now_us;
        bool elsewhere; /* the site server is another machine, which was not asked */
} SiteStatus;

/* The name of the class of an answer; borrowed. */
const char *site_class(SiteAsked asked);
/* The time of a stopped program's last record, 0 when unknown. */
gint64 site_last_words(const SiteStatus *status, const char *role);
/* True when a volume is so full that writing is about to fail. */
bool site_volume_low(const SiteVolume *volume);
/* True when files wait longer than any handler needs. */
bool site_box_late(const SiteBox *box);

/* Prints what was found: text for people, or one JSON object. */
void site_show(Cli *cli, const SiteStatus *status);
void site_show_json(Cli *cli, const SiteStatus *status);
