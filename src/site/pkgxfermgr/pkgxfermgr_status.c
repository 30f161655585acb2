/* pkgxfermgr_status.c - status files: what Distribution Manager is told of a transfer.
 *
 *   PkgXferMgr (site) --<8 characters>.STA in distmgr.box/incoming--> DistMgr (site)
 *
 * That something failed is on disk before the job's row changes. A success, of which there are
 * thousands, is a row in the transaction that ends the job, and its file is not synced: one that a
 * crash took is made again from the row, which goes when Distribution Manager has stored what the
 * file says (DIST-080, DIST-084).
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/random.h"
#include "host/timer.h"
#include "inbox/drop.h"
#include "site/dpplaces.h"
#include "site/pkgxfermgr/pkgxfermgr_private.h"
#include "sitedb/pkgstatusfile.h"
#include "wire/statusfile.h"

#define BOX        "distmgr.box/incoming"
#define NAME_BYTES 4 /* eight characters */

char *
pkgxfermgr_status_name(void)
{
        g_autofree char *random = crypto_random_hex(NAME_BYTES);
        g_autofree char *upper = g_ascii_strup(random, -1);

        return g_strconcat(upper, ".STA", NULL);
}

char *
pkgxfermgr_status_text(const DistJob *job, const DistPoint *point, PkgStatusState status,
                       const char *error_text)
{
        bool there = status == PKGSTATUS_INSTALLED;
        g_auto(DpPlaces) places =
                there ? dpplaces_of(point, job->pkg_id, job->version) : (DpPlaces){ NULL };
        StatusFile file = { .package_id = job->pkg_id,
                            .version = job->version,
                            .nal_path = point->nal,
                            .site = point->site,
                            .status = status,
                            .time_us = uk_clock_now(),
                            .error_code = error_text[0] != '\0' ? 1 : 0,
                            .error_text = (char *)error_text,
                            .location = places.location,
                            .http_url = places.http_url,
                            .sig_url = places.sig_url,
                            .sig_location = places.sig_location,
                            .trace = (char *)uk_trace_get() };

        return statusfile_write(&file);
}

void
pkgxfermgr_log_status(const DistJob *job, const DistPoint *point, PkgStatusState status)
{
        uk_log("Sent status to the distribution manager for pkg %s, version %" G_GINT64_FORMAT
               ", status %d and distribution point %s~",
               job->pkg_id, job->version, (int)status, point->nal);
}

bool
pkgxfermgr_drop_status(Component *c, const DistJob *job, const DistPoint *point,
                       PkgStatusState status, const char *error_text, GError **error)
{
        g_autofree char *box = host_box_path(c->host, BOX);
        g_autofree char *name = pkgxfermgr_status_name();
        g_autofree char *text = pkgxfermgr_status_text(job, point, status, error_text);
        /* A job that is cut off begins anew, and says so again: that need not outlast a crash. */
        bool dropped = status == PKGSTATUS_NONE
                               ? inbox_drop_unsynced(box, name, text, strlen(text), error)
                               : inbox_drop(box, name, text, strlen(text), error);

        if (dropped)
                pkgxfermgr_log_status(job, point, status);
        return dropped;
}

bool
pkgxfermgr_report(Send *send, PkgStatusState status, const char *error_text, GError **error)
{
        return pkgxfermgr_drop_status(send->c, send->job, send->point, status, error_text, error);
}

void
pkgxfermgr_drop_kept(Component *c, const char *name, const char *body)
{
        g_autofree char *box = host_box_path(c->host, BOX);
        g_autoptr(GError) why = NULL;

        if (inbox_drop_unsynced(box, name, body, strlen(body), &why))
                return;
        uk_warn("The status file %s is made again in a minute: %s", name, why->message);
        timer_set(c, "status", uk_clock_now() + UK_MINUTE);
}

bool
pkgxfermgr_on_status(Component *c, GError **error)
{
        UK_DOING(error, "making status files again");
        g_autofree char *box = host_box_path(c->host, BOX);
        g_autoptr(GPtrArray) files = pkgstatusfile_list(c->db, error);

        for (guint i = 0; files != NULL && i < files->len; i++) {
                const PkgStatusFile *file = files->pdata[i];
                g_autofree char *path = g_build_filename(box, file->name, NULL);

                if (access(path, F_OK) != 0 &&
                    !inbox_drop_unsynced(box, file->name, file->body, strlen(file->body), error))
                        return false;
        }
        return files != NULL;
}
