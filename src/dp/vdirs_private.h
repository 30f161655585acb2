/* vdirs_private.h - what the parts of the public interface share. */
#pragma once

#include "content/library.h"
#include "dp/dp.h"

/* What a request asks for, found through the tree of a content item only. */
typedef struct {
        Library *library;
        const ContentTree *tree; /* a reference */
        const TreeEntry *entry;  /* NULL: the content item itself */
        char *base;              /* "/SMS_DP_SMSPKG$/PS100039.2", as it was asked for */
        char *package,
                *held; /* where its package was asked for: its ID, and this item's; else NULL */
} VdirsFound;

/* ---- vdirs_list: pages and manifests --------------------------------------------------------- */

/* Answers with a page of links, one for each file below what was found. Takes found's reference. */
void vdirs_answer_page(HttpRequest *request, VdirsFound *found_take);
/* Answers PROPFIND by its Depth: 0, 1, or all. Takes found's reference. */
void vdirs_answer_manifest(HttpRequest *request, VdirsFound *found_take);
/* Lets go of what was found. */
void vdirs_found_clear(VdirsFound *found);

/* ---- vdirs_cache: small files in memory ------------------------------------------------------ */

typedef struct VdirsCache VdirsCache;

/* Files above this size are sent from the disk. */
#define VDIRS_SMALL (64 * 1024)

/* A cache of at most max_bytes. */
VdirsCache *vdirs_cache_new(gsize max_bytes);
void vdirs_cache_free(VdirsCache *cache);
/* The bytes of a small file, ready to be sent; read and proved by their hash when they are not in
 * memory. NOT_FOUND, SIGNATURE when the bytes on the disk are others. A reference. */
HttpCached *vdirs_cache_get(VdirsCache *cache, Library *library, const TreeEntry *entry,
                            GError **error) UK_MUST_USE;

extern const ComponentDef vdirs;
