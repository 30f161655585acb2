/* scope_private.h - between the files of a scope. */
#pragma once

#include "sup/soap_client/scope.h"

struct Scope {
        _Atomic int refs;
        char *epoch;
        gint64 change;
        gint64 high;                 /* the last number given out */
        GArray *items;               /* of ScopeItem, by depth, then by number */
        guint32 *by_id;              /* by number: place in items + 1; 0: none */
        guint32 *by_guid;            /* places, in the order of GUIDs */
        GPtrArray *kinds;            /* of ScopeKind */
        GPtrArray *prerequisites;    /* of ScopePrerequisite */
        GHashTable *prerequisite_of; /* number, present or former, to number of prerequisite + 1 */
        GPtrArray *categories;       /* of CatalogCategory */
        GPtrArray *suites;           /* of CatalogSuite */
};

bool scope_read_guid(const char *text, guint8 guid_out[16]);
