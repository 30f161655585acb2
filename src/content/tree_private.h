/* tree_private.h - the inside of a tree, for its hash and its compact form. */
#pragma once

#include "content/tree.h"

#include <pthread.h>

struct ContentTree {
        gint refs; /* atomic */
        char *content_id;
        GArray *entries;     /* TreeEntry; in order once sealed */
        GStringChunk *texts; /* paths and targets */
        gsize texts_size;
        bool sealed;
        guint32 *parents; /* of each entry; TREE_ROOT for those at the top */
        gint64 size;
        guint8 hash[HASH_SHA256_SIZE];
        char *windows_warning;
        pthread_mutex_t lock;
        guint32 *without_case; /* indexes by path without case, made when first asked for; lock */
};

#define TREE_ROOT G_MAXUINT32

/* Another owner of the tree; given back with tree_free. */
ContentTree *tree_ref(ContentTree *tree);

/* Computes hash and windows_warning of a tree whose entries are in order and have parents. */
void tree_hash_compute(ContentTree *tree);
