/* statmgr.c - the Status Manager: .SVF files of other programs to rows of StatusMessages.
 *
 * In: statmgr.box/statmsgs, as MP_StatusManager left them; who sent them was proved there. Out: a
 * row with the sender's machine, as if its component had raised the message here. A file that comes
 * twice makes one row.
 */
#include "site/statmgr/statmgr.h"

#include "host/statusmsg.h"
#include "sitedb/statusmessage.h"
#include "wire/statusdoc.h"

static bool
store(Component *c, const StatusDoc *doc, GError **error)
{
        const char *const *strings = (const char *const *)doc->strings;
        g_autofree char *text = statusmsg_text(doc->id, strings);
        StatusMessage row = { .id = doc->id,
                              .severity = doc->severity,
                              .component = doc->component,
                              .machine = doc->machine,
                              .site = doc->site,
                              .time_us = doc->time_us,
                              .pid = doc->pid,
                              .tid = doc->tid,
                              .attribute_count = doc->attribute_count,
                              .text = text,
                              .trace = doc->trace };
        g_autoptr(DbTx) tx = NULL;
        bool known = false;

        for (int i = 0; i < STATUSMESSAGE_STRINGS; i++)
                row.strings[i] = doc->strings[i];
        for (int i = 0; i < doc->attribute_count; i++) {
                row.attribute_ids[i] = doc->attribute_ids[i];
                row.attribute_values[i] = doc->attribute_values[i];
        }
        tx = db_begin(c->db, error);
        if (tx == NULL || !statusmessage_known(c->db, &row, &known, error))
                return false;
        return known ||
               (statusmessage_add(tx, &row, error) && db_commit(g_steal_pointer(&tx), error));
}

static bool
on_message(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *data = NULL;
        g_autoptr(StatusDoc) doc = NULL;
        gsize size;

        if (!inbox_file_read(file, STATUSDOC_MAX_BYTES, &data, &size, error))
                return false;
        doc = statusdoc_read(data, size, error);
        if (doc == NULL)
                return false;
        uk_trace_set(doc->trace);
        bool ok = store(c, doc, error);
        uk_trace_set("");
        if (ok)
                uk_log("Status message %d of %s on %s has been stored.", doc->id, doc->component,
                       doc->machine);
        return ok;
}

const ComponentDef statmgr = {
        .name = "SMS_STATUS_MANAGER",
        .log = "statmgr.log",
        .what = "makes rows of the status messages of other programs",
        .boxes = {
                { .lane = "main",
                  .box = "statmgr.box/statmsgs",
                  .kind = ".SVF",
                  .on_file = on_message },
        },
};
