/* update.h - the updates of the site database, for those who look: pages of a list, and one update
 * with its files, categories and supersedence. They are written through catalog.h.
 */
#pragma once

#include "db/db.h"

/* What a list is to hold; zero and NULL mean any. */
typedef struct {
        const char *text;    /* part of the title, without regard to case */
        const char *article; /* exact */
        gint64 category;     /* CategoryInstanceID of a product or classification */
        bool missing_only;   /* at least one machine lacks it */
        bool with_superseded;
        bool with_expired;
        gint64 after; /* CI_ID of the last row of the page before */
        guint limit;  /* 0: 1000 */
} UpdateFilter;

/* Rows of a page, by CI_ID, with the columns of SMS_SoftwareUpdate that are the same for all
 * locales, and Product and Classification by name. The caller frees them. */
DbRows *update_rows(Db *db, const UpdateFilter *filter, GError **error) UK_MUST_USE;
/* The same columns for one update; no row if there is none. */
DbRows *update_row(Db *db, gint64 ci_id, GError **error) UK_MUST_USE;

typedef struct {
        char *name;
        gint64 size;
        GBytes *sha256;
        char *url;
        char *package, *architecture, *version; /* "" for a file that is no package */
        gint64 owned;
} UpdateFile;

typedef struct {
        gint64 id;
        char *unique_id;
        char *title;
} UpdateRef;

typedef struct {
        gint64 id;
        char *unique_id;
        gint64 revision;
        char *title, *description, *article, *bulletin, *info_url, *references;
        gint64 severity;
        gint64 size; /* bytes of all files */
        gint64 superseded, expired;
        gint64 posted_us, revised_us, created_us, modified_us;
        gint64 min_version; /* content version that brought it or its rules */
        char *cause, *trace;
        GPtrArray *files;         /* of UpdateFile */
        GPtrArray *categories;    /* of char *: "Product: Debian 12 (bookworm)" */
        GPtrArray *superseded_by; /* of UpdateRef */
        GPtrArray *supersedes;    /* of UpdateRef */
} Update;

void update_free(Update *update);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Update, update_free)

/* One update with all that belongs to it; NOT_FOUND. The caller frees it. */
Update *update_load(Db *db, gint64 ci_id, GError **error) UK_MUST_USE;
/* The updates that text names: a CI_ID, a GUID, or an article ID, of which there may be several,
 * newest first; superseded ones after those that are not. NOT_FOUND when there is none. The caller
 * owns the array of gint64. */
GArray *update_find(Db *db, const char *text, GError **error) UK_MUST_USE;
/* How many there are: all that are neither superseded nor expired, and all. */
bool update_count(Db *db, gint64 *valid_out, gint64 *all_out, GError **error) UK_MUST_USE;
