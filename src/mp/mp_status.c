/* mp_status.c - takes status messages of machines and distribution points (MP_StatusManager).
 *
 * In: a signed status message. Out: <inboxes>/statmgr.box/statmsgs/<name>.SVF, durable before the
 * answer. Whoever signed it is the machine in it, whatever it calls itself.
 */
#include <string.h>

#include "base/io.h"
#include "crypto/random.h"
#include "inbox/drop.h"
#include "mp/mp_private.h"
#include "wire/statusdoc.h"

#define BOX "statmgr.box/statmsgs"

bool
mp_status_on_message(MpMessage *message, GError **error)
{
        const Envelope *envelope = message->envelope;
        g_autofree char *folder = host_box_path(message->c->host, BOX);
        g_autofree char *random = crypto_random_hex(8);
        g_autofree char *name = g_strconcat(random, ".SVF", NULL);
        g_autofree char *text = NULL;
        g_autoptr(StatusDoc) doc = statusdoc_read(envelope->body, envelope->body_size, error);

        if (doc == NULL)
                return false;
        g_free(doc->machine);
        doc->machine = g_strdup(message->client->name);
        text = statusdoc_write(doc);
        if (!uk_io_mkdirs(folder, 0770, error) ||
            !inbox_drop(folder, name, text, strlen(text), error))
                return false;
        uk_log("Status message %d of %s has been taken as %s", doc->id, doc->machine, name);
        http_answer(g_steal_pointer(&message->request), 200, NULL, NULL, 0);
        return true;
}

/* The component is its log; its messages come through MP_Framework. */
static bool
start(Component *c, GError **error)
{
        c->state = uk_log_bound();
        return true;
}

const ComponentDef mp_status = {
        .name = "MP_StatusManager",
        .log = "MP_Status.log",
        .log_form = UK_LOG_CLIENT,
        .what = "makes files for the Status Manager of the status messages that others send",
        .start = start,
};
