/* source_cache.h - the evaluation sets that the client keeps, each a file that is proved when read.
 *
 * A set's file is named <product>_<architecture>_<number>_<SHA-256 of its text>.set, so the folder
 * is its own index, and a file whose text has another digest is no set. Fetches nothing.
 */
#pragma once

#include "client/wuagent/source.h"

/* No evaluation set is larger, packed or plain. */
#define SOURCE_CACHE_MAX_BYTES (128 * 1024 * 1024)

/* The sets kept in dir; names that are none are passed over, and text is not read yet (NULL). A
 * missing folder keeps nothing. Array of SourceSet, the caller's. */
GPtrArray *source_cache_list(const char *dir, GError **error) UK_MUST_USE;
/* The one of a product and architecture in the list, or NULL. Borrowed. */
SourceSet *
source_cache_find(const GPtrArray *sets, const char *product_id, const char *architecture);
/* Maps the text of a kept set and proves it. SIGNATURE when it is damaged. */
bool source_cache_load(const char *dir, SourceSet *set, GError **error) UK_MUST_USE;
/* Proves the text of a set against its SHA-256 (SIGNATURE) and keeps it; durable. */
bool source_cache_store(const char *dir, const SourceSet *set, GError **error) UK_MUST_USE;
/* Removes every kept file that is none of these sets. */
bool source_cache_keep_only(const char *dir, const GPtrArray *sets, GError **error) UK_MUST_USE;

/* The plain bytes of a zstd frame. PARSE, LIMIT. The caller owns them. */
GBytes *source_cache_unpack(const void *frame, gsize size, GError **error) UK_MUST_USE;
