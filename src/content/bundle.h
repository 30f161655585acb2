/* bundle.h - the definition of a whole package: its content items' trees, and no file's bytes.
 *
 *   PkgXferMgr (site) --order to a standard DP--> SMS DP Provider
 *   PkgXferMgr (site) --<PkgID>.TZ to a pull DP--> SMS DP Provider, PullDP
 *
 * The file is a tar archive, compressed with zstd, that holds PkgLib/<PkgID>.INI, and for each
 * content item DataLib/<ContentID>.INI and DataLib/<ContentID>.TREE, the compact form of its mirror
 * tree (DIST-101).
 */
#pragma once

#include "base/error.h"
#include "content/tree.h"

#define BUNDLE_MAX_BYTES (256 * 1024 * 1024) /* compressed; unpacked at most eight times that */

typedef struct {
        char *package_id;
        gint64 version;   /* source version */
        GPtrArray *trees; /* ContentTree, owned, at least one */
} Bundle;

Bundle *bundle_new(const char *package_id, gint64 version);
void bundle_free(Bundle *bundle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bundle, bundle_free)
/* The file's bytes; the caller's. The same bundle gives the same bytes. */
GBytes *bundle_write(const Bundle *bundle, GError **error) UK_MUST_USE;
/* Reads the file, hostile bytes included. PARSE, LIMIT. The caller's. */
Bundle *bundle_read(const void *data, gsize size, GError **error) UK_MUST_USE;
