/* statmgr.c - the Status Manager: .SVF files of other programs to rows of StatusMessages.
 *
 * In: statmgr.box/statmsgs, as MP_StatusManager left them; who sent them was proved there. Out: a
 * row with the sender's machine, as if its component had raised the message here. A file that comes
 * twice makes one row. A distribution point that says that it cannot mend a package by itself has
 * it validated, so that what is damaged is sent again.
 */
#include "site/statmgr/statmgr.h"

#include "host/statusmsg.h"
#include "sitedb/distpoint.h"
#include "sitedb/package.h"
#include "sitedb/pkgcontent.h"
#include "sitedb/pkgserver.h"
#include "sitedb/statusmessage.h"
#include "wire/statusdoc.h"

#define NOT_MENDED 60031 /* string 1: the content item, or the package */

/* NULL with an error other than NOT_FOUND: it could not be looked up. The caller's. */
static char *
package_of(Db *db, const char *id, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(PkgContent) content = pkgcontent_load(db, id, &why);

        if (content == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return NULL;
        }
        g_autoptr(Package) package =
                package_load(db, content != NULL ? content->pkg_id : id, error);

        return package != NULL ? g_strdup(package->id) : NULL;
}

/* Of a machine that is no distribution point, or a package that is not there, nothing is wanted. */
static bool
have_validated(DbTx *tx, const StatusDoc *doc, GError **error)
{
        Db *db = db_tx_db(tx);
        g_autoptr(GError) why = NULL;
        g_autofree char *id = package_of(db, doc->strings[0], &why);
        g_autoptr(DistPoint) point =
                id != NULL ? distpoint_by_server(db, doc->machine, &why) : NULL;
        g_autoptr(PkgServer) server =
                point != NULL ? pkgserver_load(db, id, point->nal, point->site, &why) : NULL;

        if (server != NULL)
                return pkgserver_validate(tx, id, point->nal, point->site,
                                          "the distribution point reported damage", error);
        if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

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
        return known || (statusmessage_add(tx, &row, error) &&
                         (doc->id != NOT_MENDED || have_validated(tx, doc, error)) &&
                         db_commit(g_steal_pointer(&tx), error));
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
