/* wuasource.h - the update sources that WUAHandler has added.
 */
#pragma once

#include "client/work.h"

typedef struct {
        char *id; /* with braces */
        gint64 version;
        char *server; /* URL */
} WuaSource;

void wuasource_free(WuaSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WuaSource, wuasource_free)
/* NULL without error: it was never added. */
WuaSource *wuasource_load(Db *db, const char *id, GError **error) UK_MUST_USE;
bool wuasource_put(Work *work, const char *id, gint64 version, const char *server,
                   GError **error) UK_MUST_USE;
