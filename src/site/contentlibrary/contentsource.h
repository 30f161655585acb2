/* contentsource.h - which folder of a package's source is which content item (DIST-122): a package
 * of updates has one for each folder, any other package is one.
 */
#pragma once

#include "sitedb/package.h"

typedef struct {
        char *content_id; /* "PS100039.2", "Content_<GUID>.2" */
        char *path;       /* of the folder */
} ContentSource;

/* The content items that the source would be at that version, by path: ContentSource, the caller's.
 * INVALID names what cannot be one. */
GPtrArray *contentsource_list(const Package *package, gint64 version, GError **error) UK_MUST_USE;
