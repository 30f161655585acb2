/* mailbox.c - letters between components of one process.
 *
 * In: a box "@name", a name and a body. Out: a letter in the lane that serves the box. What must
 * survive a restart does not belong here but into an inbox or a row.
 */
#include "host/mailbox.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "host/host_private.h"

static InboxFile *
make_letter(Host *host, const char *box, const char *name, const void *body, gsize size)
{
        InboxFile *letter = g_new0(InboxFile, 1);
        const char *dot = strrchr(name, '.');

        letter->path = g_strdup_printf("%s/%s", box, name);
        letter->name = g_strdup(name);
        letter->stem = dot != NULL ? g_strndup(name, (gsize)(dot - name)) : g_strdup(name);
        letter->kind = dot != NULL ? g_ascii_strup(dot, -1) : g_strdup("");
        letter->size = (gint64)size;
        letter->mtime_us = uk_clock_now();
        letter->inode = atomic_fetch_add(&host->letters, 1) + 1;
        letter->letter = g_bytes_new(body, size);
        return letter;
}

bool
mailbox_post(Host *host, const char *box, const char *name, const void *body, gsize size,
             GError **error)
{
        const char *dot = strrchr(name, '.');
        LaneBox *found = lane_find_mailbox(host, box, dot != NULL ? dot : "");

        if (found == NULL)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "no component has a mailbox %s for %s",
                               box, name);
        lane_post_take(found, make_letter(host, box, name, body, size));
        return true;
}
