/* category.h - products and classifications: what there is, and what is subscribed (SYNC-006). The
 * rows themselves come from the engine (catalog.h); the subscription is the administrator's.
 */
#pragma once

#include "db/db.h"

typedef struct {
        gint64 id;
        char *unique_id; /* Product:<guid> */
        char *type;      /* Company, ProductFamily, Product, UpdateClassification */
        char *name;
        gint64 parent;     /* 0 none */
        char *parent_name; /* NULL without a parent */
        gint64 allow;      /* may be subscribed */
        gint64 subscribed;
        gint64 end_of_life_us; /* 0 unknown */
        char *cause, *trace;   /* of the last change */
} Category;

void category_free(Category *category);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Category, category_free)

/* The categories of a type (NULL: of any) that the engine still has, by name. The caller owns the
 * array. */
GPtrArray *category_list(Db *db, const char *type, GError **error) UK_MUST_USE;
/* The one category that text names: its unique ID, or its name without regard to case. NOT_FOUND,
 * or INVALID when two have the name. The caller frees it. */
Category *category_find(Db *db, const char *text, GError **error) UK_MUST_USE;
/* Subscribes or unsubscribes. INVALID for a category that cannot be subscribed; *changed_out (may
 * be NULL) says whether it was otherwise before. Takes effect with the next run. */
bool category_subscribe(DbTx *tx, const Category *category, bool subscribe, const char *cause,
                        bool *changed_out, GError **error) UK_MUST_USE;
