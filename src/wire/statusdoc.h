/* statusdoc.h - a status message on its way to the site: the content of an .SVF file.
 *
 *   program of another machine --POST--> MP_StatusManager --.SVF--> Status Manager (statmgr)
 */
#pragma once

#include "base/error.h"

#define STATUSDOC_MAX_BYTES  (64 * 1024)
#define STATUSDOC_STRINGS    10
#define STATUSDOC_ATTRIBUTES 4

typedef struct {
        int id;
        char severity; /* 'I', 'W', 'E' */
        char *component, *machine, *site;
        gint64 time_us;
        int pid, tid;
        char *strings[STATUSDOC_STRINGS]; /* never NULL after reading */
        int attribute_count;
        int attribute_ids[STATUSDOC_ATTRIBUTES];
        char *attribute_values[STATUSDOC_ATTRIBUTES];
        char *trace;
} StatusDoc;

void statusdoc_free(StatusDoc *doc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StatusDoc, statusdoc_free)
/* JSON. The caller's. */
char *statusdoc_write(const StatusDoc *doc);
/* Hostile bytes included; PARSE, LIMIT. The caller's. */
StatusDoc *statusdoc_read(const char *data, gsize size, GError **error) UK_MUST_USE;
