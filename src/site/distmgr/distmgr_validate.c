/* distmgr_validate.c - having a package's files read where they are, and what comes of it: it is
 * right, or what is damaged is sent again; on the site server's own distribution point, mended.
 *
 * Reading takes as long as it takes. So a distribution point is asked for one package at a time,
 * which its disk likes best, and has one thread; who has a thousand to read keeps nobody waiting.
 */
#include "base/log.h"
#include "content/packageverify.h"
#include "host/statusmsg.h"
#include "site/contentlibrary/contentlibrary.h"
#include "site/distmgr/distmgr_private.h"
#include "site/dpcontact.h"
#include "sitedb/distjob.h"
#include "sitedb/pkgnotification.h"
#include "sitedb/pkgstatus.h"

/* What was asked for while the files were read goes first, and proves them anyway: also where that
 * is done already, or has become a job. What was read then is not what is there. */
static bool
is_overtaken(DbTx *tx, const PkgServer *server, bool *overtaken_out, GError **error)
{
        if (!pkgserver_is_overtaken(tx, server, overtaken_out, error))
                return false;
        if (*overtaken_out)
                uk_log("The validation of package %s on server %s is passed over: something else "
                       "was asked for meanwhile",
                       server->pkg_id, server->nal);
        return true;
}

/* What came of it, of which *first is one damaged file; "" with none. */
typedef struct {
        gint64 damaged;
        char *first;
        char *unmended; /* a definition of the site server's own that cannot be made again, or NULL
                         */
} Verdict;

static void
verdict_clear(Verdict *verdict)
{
        g_free(verdict->first);
        g_free(verdict->unmended);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verdict, verdict_clear)

/* Nothing is sent to the site server's own: it serves the site server's library, which is mended as
 * that is. contentlibrary says when it is. */
static bool
write_own_damaged(DbTx *tx, const PkgServer *server, const DistPoint *point, const Verdict *verdict,
                  GError **error)
{
        g_autofree char *why =
                verdict->unmended != NULL
                        ? g_strdup_printf("%s is missing or damaged and cannot be made again: "
                                          "update the package",
                                          verdict->unmended)
                        : g_strdup_printf("%" G_GINT64_FORMAT " damaged files are brought back",
                                          verdict->damaged);

        return pkgstatus_set_state(tx, server->pkg_id, PKGSTATUS_TYPE_DP, point->site, point->nal,
                                   verdict->unmended != NULL ? PKGSTATUS_FAILED : PKGSTATUS_RETRY,
                                   0, why, server->cause, error);
}

/* What was damaged is lacking now: a job sends just that. */
static bool
write_damaged(Component *c, DbTx *tx, const PkgServer *server, const DistPoint *point,
              const Verdict *verdict, GError **error)
{
        g_autofree char *count = g_strdup_printf("%" G_GINT64_FORMAT, verdict->damaged);
        g_autoptr(Package) package = package_load(db_tx_db(tx), server->pkg_id, error);

        if (package == NULL || !statusmsg_raise(c, tx, 2383, error, server->pkg_id, point->nal,
                                                count, verdict->first, NULL))
                return false;
        return point->is_colocated
                       ? write_own_damaged(tx, server, point, verdict, error)
                       : distjob_add(tx, point->id, server->pkg_id, package->stored_version,
                                     DISTJOB_SEND, "damaged files are sent again", NULL, error);
}

static bool
note_validated(Component *c, const PkgServer *server, const DistPoint *point,
               const Verdict *verdict, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        bool overtaken;

        if (tx == NULL || !is_overtaken(tx, server, &overtaken, error))
                return false;
        if (overtaken)
                return true;
        if (!pkgstatus_ensure(tx, server->pkg_id, PKGSTATUS_TYPE_DP, point->site, point->nal,
                              server->cause, error) ||
            !pkgstatus_validated(tx, server->pkg_id, point->site, point->nal, verdict->damaged,
                                 server->cause, error))
                return false;
        bool told = verdict->damaged == 0
                            ? statusmsg_raise(c, tx, 2384, error, server->pkg_id, point->nal, NULL)
                            : write_damaged(c, tx, server, point, verdict, error);
        return told && pkgserver_reset_action(tx, server, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* Whether it has a version that it neither is to have nor is known to have, be all its files right:
 * where this site was restored from a backup, one from after that. */
static bool
is_stray_version(Component *c, const PkgServer *server, const DistPoint *point, gint64 version,
                 bool *stray_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(Package) package = package_load(c->db, server->pkg_id, error);
        g_autoptr(PkgStatus) status =
                package != NULL ? pkgstatus_load(c->db, server->pkg_id, PKGSTATUS_TYPE_DP,
                                                 point->site, point->nal, &why)
                                : NULL;

        if (package == NULL)
                return false;
        if (why != NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        *stray_out = version != 0 && version != package->stored_version &&
                     (status == NULL || version != status->source_version);
        return true;
}

static bool
ask_point(Component *c, const PkgServer *server, const DistPoint *point, Verdict *verdict,
          GError **error)
{
        DpClient client = distmgr_client(c, point);
        g_auto(DpReading) answer = { 0 };
        bool stray;

        if (!dpclient_verify(&client, server->pkg_id, &answer, error) ||
            !is_stray_version(c, server, point, answer.version, &stray, error))
                return false;
        verdict->damaged = answer.damaged;
        verdict->first = g_steal_pointer(&answer.first);
        if (!stray)
                return true;
        uk_warn("Server %s has version %" G_GINT64_FORMAT
                " of package %s, which this site has not given to it",
                point->nal, answer.version, server->pkg_id);
        verdict->damaged++;
        g_free(verdict->first);
        verdict->first = g_strdup_printf("PkgLib/%s.INI", server->pkg_id);
        return true;
}

static bool
go_on(gpointer host)
{
        return !host_stopping(host);
}

/* The site server's own shares the library of this program, which reads it. */
static bool
read_own(Component *c, const PkgServer *server, Verdict *verdict, GError **error)
{
        Library *library = contentlibrary_of(c->host, error);
        g_auto(PackageVerdict) own = { 0 };

        if (library == NULL ||
            !packageverify_run(library, server->pkg_id, true, go_on, c->host, &own, error))
                return false;
        const PackageDamage *const *damaged = (const PackageDamage *const *)own.damaged->pdata;

        verdict->damaged = own.damaged->len;
        if (own.damaged->len > 0)
                verdict->first = g_strdup(damaged[0]->path);
        if (own.flaws > 0)
                verdict->unmended = g_strdup(damaged[own.damaged->len - 1]->path);
        return true;
}

static bool
validate(Component *c, const PkgServer *server, const DistPoint *point, GError **error)
{
        g_auto(Verdict) verdict = { 0 };
        g_autoptr(GError) failure = NULL;

        if (!(point->is_colocated ? read_own(c, server, &verdict, &failure)
                                  : ask_point(c, server, point, &verdict, &failure))) {
                if (!g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return false;
                }
                verdict.damaged = 1;
                verdict.first = g_strdup_printf("PkgLib/%s.INI", server->pkg_id);
                if (point->is_colocated)
                        verdict.unmended = g_strdup(verdict.first);
        }
        uk_log("Validated package %s on server %s: %" G_GINT64_FORMAT " damaged files",
               server->pkg_id, point->nal, verdict.damaged);
        return note_validated(c, server, point, &verdict, error) &&
               (verdict.damaged == 0 || !point->is_colocated ||
                contentlibrary_mend(c->host, error));
}

/* The distribution point says why it cannot read the package, which asking again does not change:
 * it is not known to be there, whatever was reported before. */
static bool
give_up(Component *c, const PkgServer *server, const DistPoint *point, const char *why,
        GError **error)
{
        g_autofree char *text = g_strdup_printf("it could not be verified: %s", why);
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        bool overtaken;

        if (tx == NULL || !is_overtaken(tx, server, &overtaken, error))
                return false;
        return overtaken ||
               (pkgstatus_ensure(tx, server->pkg_id, PKGSTATUS_TYPE_DP, point->site, point->nal,
                                 server->cause, error) &&
                pkgstatus_set_state(tx, server->pkg_id, PKGSTATUS_TYPE_DP, point->site, point->nal,
                                    PKGSTATUS_FAILED, 0, text, server->cause, error) &&
                pkgstatus_validated(tx, server->pkg_id, point->site, point->nal, 1, server->cause,
                                    error) &&
                pkgnotification_add(tx, server->pkg_id, PKGNOTIFICATION_SERVER, error) &&
                statusmsg_raise(c, tx, 2385, error, server->pkg_id, point->nal, why, NULL) &&
                pkgserver_reset_action(tx, server, error) &&
                db_commit(g_steal_pointer(&tx), error));
}

/* Whether the validation that failed is one that nobody wants any more. */
static bool
find_overtaken(Component *c, const PkgServer *server, bool *overtaken_out, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && is_overtaken(tx, server, overtaken_out, error);
}

/* What a distribution point could not do of all that it was asked for, for which it is let alone
 * once: the last of it. */
typedef struct {
        gint64 dp_id; /* 0: it could do all */
        char *why;
        bool silent; /* asking for more has no use */
} Trouble;

static void
trouble_clear(Trouble *trouble)
{
        g_free(trouble->why);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Trouble, trouble_clear)

/* What was answered, or read here, is of that package alone. */
static bool
is_answer(const GError *failure)
{
        return g_error_matches(failure, UK_ERROR, UK_ERROR_REMOTE) ||
               g_error_matches(failure, UK_ERROR, UK_ERROR_IO) ||
               g_error_matches(failure, UK_ERROR, UK_ERROR_BUSY) ||
               g_error_matches(failure, UK_ERROR, UK_ERROR_FULL) ||
               g_error_matches(failure, UK_ERROR, UK_ERROR_STALE) ||
               g_error_matches(failure, UK_ERROR, UK_ERROR_CHANGED);
}

/* One that is in trouble is asked again when it answers; that a package goes or changes while it is
 * read is none. */
static bool
note_trouble(Component *c, const PkgServer *server, const DistPoint *point, const GError *failure,
             Trouble *trouble, GError **error)
{
        const char *why = failure->message;
        bool overtaken;

        uk_error("~Failed to validate package %s on server %s: %s", server->pkg_id, point->nal,
                 why);
        if (uk_error_class(failure) == UK_CLASS_CORRUPT)
                return give_up(c, server, point, why, error);
        if (!find_overtaken(c, server, &overtaken, error))
                return false;
        if (overtaken)
                return true;
        trouble->dp_id = point->id;
        g_free(trouble->why);
        trouble->why = g_strdup(why);
        trouble->silent = !is_answer(failure);
        return true;
}

/* One of them, if it is still wanted: those before it may have taken long. */
static bool
validate_next(Component *c, const char *pkg_id, const char *nal, Trouble *trouble, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autoptr(GError) failure = NULL;
        g_autoptr(PkgServer) server = pkgserver_load(c->db, pkg_id, nal, mgr->site, &failure);
        g_autoptr(DistPoint) point = server != NULL ? distpoint_by_nal(c->db, nal, &failure) : NULL;

        if (point == NULL && g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        if (point != NULL) {
                if (server->action != PACKAGE_ACTION_VALIDATE)
                        return true;
                distmgr_take_trace(server->trace);
                if (validate(c, server, point, &failure))
                        return true;
                if (!host_stopping(c->host))
                        return note_trouble(c, server, point, failure, trouble, error);
        }
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
}

bool
distmgr_validate(Component *c, const char *nal, GError **error)
{
        g_autoptr(GPtrArray) servers = pkgserver_list_waiting(c->db, nal, error);
        g_auto(Trouble) trouble = { 0 };

        for (guint i = 0; servers != NULL && i < servers->len && !trouble.silent; i++) {
                const PkgServer *server = servers->pdata[i];

                if (server->action == PACKAGE_ACTION_VALIDATE &&
                    !validate_next(c, server->pkg_id, nal, &trouble, error))
                        return false;
        }
        return servers != NULL &&
               (trouble.dp_id == 0 || dpcontact_failed(c, trouble.dp_id, trouble.why, error));
}
