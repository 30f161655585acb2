/* scope.h - what is deployed to clients that list their revisions, and which of it a
 * client lacks (40-2, section 9).
 *
 *   catalogue --on the first question after a change--> Scope --lists of a client--> ScopeAnswer
 *
 * All clients have the same scope: every update that owns a binary, to be evaluated and reported,
 * with the detectoids and categories that these have as prerequisites. A scope is never changed,
 * so it is read without a lock. An update that owns nothing is in nobody's scope: its rules could
 * not hold (DEB-032), as in evaluation sets.
 */
#pragma once

#include "sup/catalog/catalog.h"

typedef enum {
        SCOPE_DETECTOID,
        SCOPE_CATEGORY,
        SCOPE_UPDATE,
} ScopeType;

typedef struct {
        guint8 guid[16];
        guint32 id; /* revision ID */
        guint32 revision;
        guint32 deployment_id;
        guint16 kind;
        guint8 type;   /* a ScopeType; only updates are leaves */
        gint64 change; /* with which its deployment was made anew; 0: it came with the revision */
        gint64 time;   /* of its deployment */
} ScopeItem;

/* What items have in common: their prerequisites. */
typedef struct {
        char *relationships;            /* ready for Core fragments; "" if there are none */
        char *product, *classification; /* GUIDs, of updates; "" of others */
        GPtrArray *clauses;             /* of GArray of guint: numbers of prerequisites, one of each
                                           must be installed */
} ScopeKind;

/* A prerequisite: a category or detectoid, with its texts. */
typedef struct {
        char *guid;
        char *type; /* "Detectoid", or that of the category: "Product" */
        char *title;
        char *rules; /* what is below IsInstalled in the Core fragment */
        bool in_scope;
} ScopePrerequisite;

typedef struct Scope Scope;

/* Reads the scope of what the catalogue has now. BUSY when it changes again and again meanwhile. */
Scope *scope_load(Db *db, GError **error) UK_MUST_USE;
Scope *scope_ref(Scope *scope);
void scope_unref(Scope *scope);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scope, scope_unref)

/* Whether it is that of this catalogue (GUID and change number). */
bool scope_is_of(const Scope *scope, const char *epoch, gint64 change);
gint64 scope_change(const Scope *scope);
guint scope_count(const Scope *scope);
/* In the order in which items are given out: none before its prerequisites. */
const ScopeItem *scope_item(const Scope *scope, guint index);
const ScopeKind *scope_kind(const Scope *scope, const ScopeItem *item);
/* Of an item that is no update. */
const ScopePrerequisite *scope_prerequisite(const Scope *scope, const ScopeItem *item);
/* By number of the present revision, or by GUID; NULL if it is not in scope. */
const ScopeItem *scope_find(const Scope *scope, gint64 revision_id);
const ScopeItem *scope_find_guid(const Scope *scope, const char *guid);
/* The GUID of an item as text. */
void scope_guid_text(const ScopeItem *item, char out[37]);
/* URI of a suite, borrowed; NULL if there is no such suite. */
const char *scope_suite_uri(const Scope *scope, gint64 suite);
/* Whether the catalogue has a category of that GUID, and of which type (borrowed). */
const char *scope_category_type(const Scope *scope, const char *guid);

/* What a client says of itself. */
typedef struct {
        const GArray *installed; /* of gint64: prerequisites it has and that hold */
        const GArray *cached;    /* of gint64: all else it has */
        const GPtrArray *filter; /* of char *: GUIDs of categories; empty: no filter */
        bool drivers;            /* asks for drivers, not for software; cached are drivers then */
        gint64 mark;             /* the highest change number it has seen */
        guint max;               /* how many new items it is given at once */
} ScopeQuestion;

typedef struct {
        GArray *added;    /* of guint: items */
        GArray *changed;  /* of guint: items it has whose deployment is another now */
        GArray *gone;     /* of gint64: what it has and nobody is to have any more */
        GArray *filtered; /* of gint64: what it has, still deployed, but outside of the filter */
        bool truncated;   /* there are more new ones */
        gint64 mark;      /* to be kept for the next question */
} ScopeAnswer;

/* NULL with INVALID when an ID was never given out by this catalogue. The caller frees it. */
ScopeAnswer *
scope_answer(const Scope *scope, const ScopeQuestion *question, GError **error) UK_MUST_USE;
void scope_answer_free(ScopeAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScopeAnswer, scope_answer_free)
