/* why_dp.c - why a package is, or is not, on a distribution point.
 *
 * Comes in: the rows that Distribution Manager, Package Transfer Manager and the distribution point
 * keep up to date. Goes out: the chain, link by link. Decides nothing and asks nobody: what it says
 * is what the site knows.
 */
#include "provider/why_dp.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "host/host.h"
#include "provider/wmi_content.h"
#include "sitedb/distjob.h"
#include "sitedb/distpoint_window.h"
#include "sitedb/pkgcontent.h"
#include "sitedb/pkgserver.h"
#include "sitedb/pkgstatus.h"
#include "sitedb/pulldpmap.h"
#include "sitedb/wmiclass.sql.h"

#define NEVER_US (UK_DAY * 365) /* rows write "never" as a day of 1970 (DIST-006, DIST-031) */

/* vUPK_PackageSource.SourceState */
enum {
        SOURCE_FAILED = 2,
        SOURCE_UNSTORED = 3,
};

typedef enum {
        LINK_OPEN, /* nothing is known yet, or nothing to say */
        LINK_GOOD,
        LINK_BROKEN,
} LinkState;

typedef struct {
        LinkState state;
        gint64 time_us;
        char *cause;
        const char *words; /* of a broken one, half a sentence behind "because" */
        char *command;
        bool at_point; /* the command is typed on the distribution point */
} Link;

/* What is known; NULL where there is no row. */
typedef struct {
        Db *db;
        Package *package;
        DistPoint *point;
        PkgServer *server;
        PkgStatus *status;
        DistJob *job;
        GPtrArray *sources;  /* of PullDPSource, by rank; of a pull distribution point */
        gint64 source_state; /* of vUPK_PackageSource: 2 cannot be read, 3 cannot be stored */
        char *source_error;
        gint64 bytes; /* of the stored version */
        gint64 now_us;
        const char *lab; /* the root of the lab that all this is in, or NULL */
} Facts;

static void
facts_clear(Facts *facts)
{
        g_clear_pointer(&facts->package, package_free);
        g_clear_pointer(&facts->point, distpoint_free);
        g_clear_pointer(&facts->server, pkgserver_free);
        g_clear_pointer(&facts->status, pkgstatus_free);
        g_clear_pointer(&facts->job, distjob_free);
        g_clear_pointer(&facts->sources, g_ptr_array_unref);
        g_clear_pointer(&facts->source_error, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Facts, facts_clear)

static void
say(Link *link, LinkState state, gint64 time_us, const char *format, ...) G_GNUC_PRINTF(4, 5);

static void
say(Link *link, LinkState state, gint64 time_us, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        link->state = state;
        link->time_us = time_us;
        link->cause = g_strdup_vprintf(format, args);
        va_end(args);
}

static void breaks(Link *link, const char *words, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Marks the link, of which something was said, as broken; format is the command that helps. */
static void
breaks(Link *link, const char *words, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        link->state = LINK_BROKEN;
        link->words = words;
        link->command = g_strdup_vprintf(format, args);
        va_end(args);
}

/* ---- what was reported ----------------------------------------------------------------------- */

/* A pull distribution point that was told fetches by itself, whatever the job's state says. */
static bool
is_pulled(const Facts *f)
{
        return f->point->is_pull && f->job != NULL && f->job->send_action[0] != '\0';
}

/* A pull that was begun and is to be paused runs on until its distribution point has taken that. */
static bool
is_pausing(const Facts *f)
{
        return f->point->is_pull && f->job->state == DISTJOB_SUSPENDED && f->job->start_us != 0 &&
               f->job->last_error[0] != '\0';
}

/* Why the job does not go on; "" while it does. */
static const char *
job_error(const Facts *f)
{
        const DistJob *j = f->job;

        if (j == NULL || j->state == DISTJOB_STARTED ||
            (j->state == DISTJOB_IN_PROGRESS && !is_pulled(f)))
                return "";
        return j->last_error;
}

/* Why the package does not get on there, as the last report has it; "" when it does. */
static const char *
reported_error(const Facts *f)
{
        const PkgStatus *s = f->status;

        return s != NULL && (s->status == PKGSTATUS_RETRY || s->status == PKGSTATUS_FAILED)
                       ? s->error_text
                       : "";
}

static bool
says_full(const char *text)
{
        return strstr(text, UK_ERROR_MAKE_ROOM) != NULL;
}

/* The words by which it said last that it is full, wherever they were heard; NULL: it did not. */
static const char *
full_words(const Facts *f)
{
        const char *heard[] = { job_error(f), reported_error(f),
                                f->point->failures > 0 ? f->point->last_error : "" };
        bool sending = f->job != NULL && !is_pulled(f) && *job_error(f) == '\0';

        for (guint i = 0; i < G_N_ELEMENTS(heard); i++) {
                /* What was reported of the last try says nothing of one that is under way. */
                if (says_full(heard[i]) && !(i == 1 && sending))
                        return heard[i];
        }
        return NULL;
}

/* ---- the links ------------------------------------------------------------------------------- */

static void
look_package(const Facts *f, Link *link)
{
        say(link, LINK_GOOD, 0, "%s, %s, of site %s", f->package->id, f->package->name,
            f->package->source_site);
        if (f->package->action == PACKAGE_ACTION_DELETE)
                breaks(link, "the package is being deleted", "upkeep package show %s",
                       f->package->id);
}

/* The last try of a source that is to be read has failed. */
static void
look_failed_source(const Facts *f, Link *link)
{
        const Package *p = f->package;
        bool stored = p->stored_version > 0;

        say(link, LINK_BROKEN, p->refresh_us, "%s: %s: %s", p->source,
            f->source_state == SOURCE_UNSTORED ? "the site server cannot store it"
                                               : "it cannot be read",
            f->source_error);
        if (f->source_state == SOURCE_UNSTORED)
                breaks(link, "the site server cannot store what its source holds now",
                       "upkeep package status %s", p->id);
        else
                breaks(link,
                       stored ? "its source cannot be read, so the version before is served"
                              : "its source cannot be read",
                       "upkeep package update %s", p->id);
}

static void
look_source(const Facts *f, Link *link)
{
        const Package *p = f->package;

        if (p->action != PACKAGE_ACTION_ADD && p->action != PACKAGE_ACTION_UPDATE) {
                say(link, LINK_GOOD, p->source_us, "version %" G_GINT64_FORMAT " of %s",
                    p->source_version, p->source);
                return;
        }
        if (f->source_state >= SOURCE_FAILED) {
                look_failed_source(f, link);
                return;
        }
        say(link, LINK_OPEN, p->refresh_us, "%s is to be read: %s", p->source, p->cause);
        if (p->stored_version == 0)
                breaks(link, "its source has not been read yet",
                       "upkeep log --component distmgr --id %s", p->id);
}

static void
look_stored(const Facts *f, Link *link)
{
        g_autofree char *size = g_format_size((guint64)f->bytes);

        if (strstr(job_error(f), DISTJOB_LOST) != NULL) {
                say(link, LINK_BROKEN, f->job->update_us, "%s", job_error(f));
                breaks(link, "the site server's library has lost it", "upkeep package update %s",
                       f->package->id);
        } else if (f->package->stored_version > 0) {
                say(link, LINK_GOOD, f->package->refresh_us,
                    "version %" G_GINT64_FORMAT ", %s, is in the site server's library",
                    f->package->stored_version, size);
        } else {
                say(link, LINK_OPEN, 0, "nothing is in the site server's library yet");
        }
}

static void
look_given(const Facts *f, Link *link)
{
        const PkgServer *s = f->server;

        if (s == NULL) {
                say(link, LINK_BROKEN, 0, "nobody has distributed it there");
                breaks(link, "it was never distributed to it",
                       "upkeep package distribute %s --dp %s", f->package->id, f->point->server);
        } else if (s->action == PACKAGE_ACTION_DELETE) {
                say(link, LINK_BROKEN, 0, "%s", s->cause);
                breaks(link, "it is being removed from it", "upkeep package status %s",
                       f->package->id);
        } else {
                say(link, LINK_GOOD, s->refresh_us, "%s", s->cause);
        }
}

/* A job that was begun is told of its hours by its distribution point, or is under way. */
static bool
is_outside_window(const Facts *f)
{
        return f->job != NULL && !is_pulled(f) &&
               (f->job->state <= DISTJOB_READY || f->job->state == DISTJOB_PENDING_RESTART) &&
               !distpoint_window_open(f->point->schedule, f->job->priority, f->now_us);
}

static void
look_window(const Facts *f, Link *link)
{
        gint64 next = distpoint_window_next(f->point->schedule, f->job->priority, f->now_us);
        g_autofree char *until = next != UK_NEVER ? uk_clock_iso(next) : NULL;
        g_autofree char *before = g_steal_pointer(&link->cause);

        link->cause =
                g_strdup_printf("%s; jobs of priority %" G_GINT64_FORMAT " may %sbe sent to it%s%s",
                                before, f->job->priority, until != NULL ? "not " : "never ",
                                until != NULL ? " before " : "", until != NULL ? until : "");
        breaks(link, "its window is closed for such a job", "upkeep dp show %s", f->point->server);
}

static void
look_point(const Facts *f, Link *link)
{
        const DistPoint *p = f->point;

        say(link, LINK_GOOD, p->configured_us, "%s at %s%s",
            p->is_pull        ? "a pull distribution point"
            : p->is_colocated ? "on the site server"
                              : "a distribution point",
            p->url, p->configured_us != 0 ? "" : ", not configured yet");
        if (p->maintenance != 0)
                breaks(link, "it is in maintenance, and nothing is sent to it",
                       "upkeep dp set %s --maintenance off", p->server);
        else if (p->configured_us == 0 && !p->is_colocated && p->failures == 0)
                breaks(link, "it has not been configured yet",
                       "upkeep log --component distmgr --id %s", p->server);
        else if (is_outside_window(f))
                look_window(f, link);
}

static void
look_contact(const Facts *f, Link *link)
{
        const DistPoint *p = f->point;

        if (p->failures > 0 && says_full(p->last_error)) {
                say(link, LINK_GOOD, p->contact_us, "it answers that it is full");
                return;
        }
        if (p->failures == 0) {
                say(link, p->contact_us != 0 ? LINK_GOOD : LINK_OPEN, p->contact_us,
                    p->contact_us != 0 ? "it answers" : "it was not asked for anything yet");
                return;
        }
        g_autofree char *until =
                p->quarantine_us > f->now_us ? uk_clock_iso(p->quarantine_us) : NULL;

        say(link, LINK_BROKEN, p->contact_us, "%" G_GINT64_FORMAT " call%s failed: %s%s%s",
            p->failures, p->failures == 1 ? "" : "s", p->last_error,
            until != NULL ? "; it is let alone until " : "", until != NULL ? until : "");
        link->at_point = f->lab == NULL;
        if (f->lab != NULL)
                breaks(link, "it does not answer the site server", "upkeep lab up --root %s",
                       f->lab);
        else
                breaks(link, "it does not answer the site server", "systemctl status upkeep-dp");
}

/* Only what was tried and failed for want of room says that there is none: files that it has
 * already need none. */
static void
look_room(const Facts *f, Link *link)
{
        const DistPoint *p = f->point;
        const char *full = full_words(f);
        g_autofree char *left = g_format_size((guint64)p->bytes_free);
        g_autofree char *all = g_format_size((guint64)p->bytes_total);
        g_autofree char *known = p->bytes_total > 0
                                         ? g_strdup_printf("%s of %s are free", left, all)
                                         : g_strdup("how much room it has is not known");

        say(link, p->bytes_total > 0 ? LINK_GOOD : LINK_OPEN, p->contact_us, "%s%s%s", known,
            full != NULL ? ": " : "", full != NULL ? full : "");
        if (full != NULL)
                breaks(link, "its disk is full", "upkeep dp status %s", p->server);
}

/* Whether each content item of the stored version is on one of the sources (DIST-096). */
static bool
count_held(const Facts *f, guint *items_out, guint *held_out, GError **error)
{
        g_autoptr(GPtrArray) items =
                pkgcontent_list(f->db, f->package->id, f->package->stored_version, error);

        if (items == NULL)
                return false;
        *items_out = items->len;
        *held_out = 0;
        for (guint i = 0; i < items->len; i++) {
                const PkgContent *item = items->pdata[i];
                bool classic = f->package->type == PACKAGE_TYPE_REGULAR;
                g_autoptr(GPtrArray) holders = pulldpmap_holders(
                        f->db, f->point->server, classic ? f->package->id : item->content_id,
                        f->package->stored_version, false, error);

                if (holders == NULL)
                        return false;
                *held_out += holders->len > 0;
        }
        return true;
}

/* What helps a pull distribution point none of whose sources has the package: the first of them
 * that is to have it says why it has not; if none is to, the first by rank gets it. */
static bool
help_sources(const Facts *f, Link *link, GError **error)
{
        const PullDPSource *first = f->sources->pdata[0];

        for (guint i = 0; i < f->sources->len; i++) {
                const PullDPSource *source = f->sources->pdata[i];
                g_autoptr(GError) why = NULL;
                g_autoptr(DistPoint) point = distpoint_by_server(f->db, source->source, &why);
                g_autoptr(PkgServer) given = point != NULL
                                                     ? pkgserver_load(f->db, f->package->id,
                                                                      point->nal, point->site, &why)
                                                     : NULL;

                if (given == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                if (given == NULL || given->action == PACKAGE_ACTION_DELETE)
                        continue;
                breaks(link, "none of its sources has the package at this version yet",
                       "upkeep why dp %s package %s", source->source, f->package->id);
                return true;
        }
        breaks(link, "none of its sources has the package", "upkeep package distribute %s --dp %s",
               f->package->id, first->source);
        return true;
}

static bool
look_sources(const Facts *f, Link *link, GError **error)
{
        guint items = 0, held = 0;

        if (!f->point->is_pull) {
                say(link, LINK_OPEN, 0, "the site server sends it");
                return true;
        }
        if (!count_held(f, &items, &held, error))
                return false;
        say(link, LINK_GOOD, 0, "%u source%s; %u of %u content items are on one of them",
            f->sources->len, f->sources->len == 1 ? "" : "s", held, items);
        if (f->sources->len == 0)
                breaks(link, "it has no distribution point to fetch from",
                       "upkeep dp set %s --source DP", f->point->server);
        else if (held < items)
                return help_sources(f, link, error);
        return true;
}

static bool
is_there(const Facts *f)
{
        return f->status != NULL && f->status->status == PKGSTATUS_INSTALLED &&
               f->status->source_version >= f->package->stored_version &&
               f->package->stored_version > 0;
}

static void
look_job(const Facts *f, Link *link)
{
        const DistJob *j = f->job;

        if (j == NULL) {
                say(link, is_there(f) ? LINK_GOOD : LINK_OPEN, 0, "%s",
                    is_there(f) ? "done, and gone" : "there is none");
                return;
        }
        g_autofree char *next = j->restart_us > f->now_us ? uk_clock_iso(j->restart_us) : NULL;
        const char *when = next == NULL             ? ""
                           : f->point->failures > 0 ? ", next when it answers, else at "
                                                    : ", next at ";

        say(link, LINK_GOOD, j->update_us != 0 ? j->update_us : j->created_us,
            "job %" G_GINT64_FORMAT ", version %" G_GINT64_FORMAT ", try %" G_GINT64_FORMAT
            "%s%s%s%s",
            j->id, j->version, j->retry_count + 1, when, next != NULL ? next : "",
            *j->last_error != '\0' ? ": " : "", j->last_error);
        if (j->state == DISTJOB_SUSPENDED)
                breaks(link,
                       is_pausing(f) ? "its job is to be paused, which it has not taken yet"
                                     : "its job is paused",
                       "upkeep job resume %" G_GINT64_FORMAT, j->id);
        else if (j->state == DISTJOB_FAILED)
                breaks(link, "its job was given up", "upkeep job resume %" G_GINT64_FORMAT, j->id);
        else if (j->state == DISTJOB_PENDING_RESTART && j->send_action[0] == '\0')
                breaks(link, "its job failed and waits for its next try",
                       "upkeep job resume %" G_GINT64_FORMAT, j->id);
}

static void
look_arrival(const Facts *f, Link *link)
{
        const PkgStatus *s = f->status;

        if (s == NULL) {
                say(link, LINK_OPEN, 0, "nothing has been reported yet");
                return;
        }
        say(link, is_there(f) ? LINK_GOOD : LINK_OPEN, s->update_us,
            "version %" G_GINT64_FORMAT " is there%s%s", s->source_version,
            *s->error_text != '\0' ? ": " : "", s->error_text);
        if (s->status == PKGSTATUS_FAILED) {
                breaks(link, "it reported a failure", "upkeep package redistribute %s --dp %s",
                       f->package->id, f->point->server);
        } else if (s->status == PKGSTATUS_RETRY && is_pulled(f)) {
                breaks(link, "it reported that it cannot go on at present",
                       "upkeep log --component PullDP --since 1d");
                link->at_point = true;
        }
}

static void
look_files(const Facts *f, Link *link)
{
        const PkgStatus *s = f->status;

        if (s == NULL || (s->validated_us == 0 && s->damaged_files == 0)) {
                say(link, LINK_OPEN, 0, "they were proved when they arrived, not since");
                return;
        }
        if (s->damaged_files == 0) {
                say(link, LINK_GOOD, s->validated_us, "all were read and right");
                return;
        }
        say(link, LINK_BROKEN, 0, "%" G_GINT64_FORMAT " damaged at the last validation",
            s->damaged_files);
        breaks(link, "files of it are damaged there", "upkeep package redistribute %s --dp %s",
               f->package->id, f->point->server);
}

/* ---- the chain ------------------------------------------------------------------------------- */

static const struct {
        const char *name, *title;
} links[] = {
        { "package", "Package" },
        { "source", "Source" },
        { "stored", "Site's library" },
        { "given", "Distributed" },
        { "point", "Distribution point" },
        { "contact", "Contact" },
        { "room", "Room" },
        { "sources", "Sources" },
        { "job", "Job" },
        { "arrival", "Arrival" },
        { "files", "Files" },
};

static bool
look(const Facts *f, Link *chain, GError **error)
{
        Link *link = chain;

        look_package(f, link++);
        look_source(f, link++);
        look_stored(f, link++);
        look_given(f, link++);
        look_point(f, link++);
        look_contact(f, link++);
        look_room(f, link++);
        if (!look_sources(f, link++, error))
                return false;
        look_job(f, link++);
        look_arrival(f, link++);
        look_files(f, link++);
        /* What is there needs nobody to bring it, unless more was asked for. */
        bool settled =
                is_there(f) && f->job == NULL && (f->server == NULL || f->server->action == 0);
        for (guint i = 4; settled && i < 9; i++) {
                if (chain[i].state == LINK_BROKEN)
                        chain[i].state = LINK_OPEN;
        }
        return true;
}

static void
write_links(JsonWriter *w, const Link *chain, guint first)
{
        static const char *const states[] = { "unknown", "ok", "broken-too" };

        json_array(w, "Links");
        for (guint i = 0; i < G_N_ELEMENTS(links); i++) {
                g_autofree char *time =
                        chain[i].time_us > NEVER_US ? uk_clock_iso(chain[i].time_us) : NULL;

                json_object(w, NULL);
                json_text(w, "Link", links[i].name);
                json_text(w, "Title", links[i].title);
                json_text(w, "State", i == first ? "broken" : states[chain[i].state]);
                json_text(w, "Time", time);
                json_text(w, "Cause", chain[i].cause);
                json_end(w, '}');
        }
        json_end(w, ']');
}

static void
write_answer(GString *out, const Facts *f, const Link *chain)
{
        guint first = 0;
        JsonWriter w;

        while (first < G_N_ELEMENTS(links) && chain[first].state != LINK_BROKEN)
                first++;
        const Link *link = first < G_N_ELEMENTS(links) ? &chain[first] : NULL;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "PackageID", f->package->id);
        json_text(&w, "Name", f->package->name);
        json_text(&w, "Machine", f->point->server);
        json_text(&w, "Status", is_there(f) ? "there" : link != NULL ? "not there" : "under way");
        json_text(&w, "BrokenLink", link != NULL ? links[first].name : NULL);
        json_text(&w, "Because", link != NULL ? link->words : NULL);
        json_text(&w, "NextCommand", link != NULL ? link->command : NULL);
        json_text(&w, "NextMachine", link != NULL && link->at_point ? f->point->server : NULL);
        write_links(&w, chain, first);
        json_end(&w, '}');
}

/* The newest job of the package for the distribution point. */
static bool
find_job(Facts *f, GError **error)
{
        g_autoptr(GPtrArray) jobs = distjob_list(f->db, f->package->id, error);
        gint64 newest = 0;

        for (guint i = 0; jobs != NULL && i < jobs->len; i++) {
                const DistJob *job = jobs->pdata[i];

                if (job->dp_id == f->point->id && job->action != DISTJOB_CANCEL)
                        newest = MAX(newest, job->id);
        }
        if (jobs != NULL && newest > 0)
                f->job = distjob_load(f->db, newest, error);
        return jobs != NULL && (newest == 0 || f->job != NULL);
}

static bool
find_source_state(Facts *f, GError **error)
{
        static const DbField fields[] = { DB_FIELD(INT, Facts, source_state, "SourceState"),
                                          DB_FIELD(TEXT, Facts, source_error, "SourceError"),
                                          DB_FIELD_END };
        bool found;

        return db_one(f->db, &sql_wmiclass_package_source_state,
                      DB_ARGS(DB_TEXT("id", f->package->id)), fields, f, &found, error);
}

static bool
gather(WmiCall *call, Facts *f, GError **error)
{
        g_autoptr(GPtrArray) items = NULL;
        g_autoptr(GError) why = NULL;

        f->db = call->c->db;
        f->now_us = uk_clock_now();
        f->lab = host_is_lab(call->c->host) ? host_root(call->c->host) : NULL;
        f->package = package_load(f->db, json_get_text(call->body, "PackageID", ""), error);
        f->point = f->package != NULL
                           ? wmi_distpoint(f->db, json_get_text(call->body, "NALPath", ""), error)
                           : NULL;
        if (f->point == NULL || !find_source_state(f, error))
                return false;
        f->server = pkgserver_load(f->db, f->package->id, f->point->nal, f->point->site, &why);
        if (f->server == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        g_clear_error(&why);
        f->sources = pulldpmap_list(f->db, f->point->server, error);
        if (f->sources == NULL)
                return false;
        f->status = pkgstatus_load(f->db, f->package->id, PKGSTATUS_TYPE_DP, f->point->site,
                                   f->point->nal, &why);
        if (why != NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (f->package->stored_version > 0)
                items = pkgcontent_list(f->db, f->package->id, f->package->stored_version, error);
        if (f->package->stored_version > 0 && items == NULL)
                return false;
        for (guint i = 0; items != NULL && i < items->len; i++)
                f->bytes += ((const PkgContent *)items->pdata[i])->size;
        return find_job(f, error);
}

bool
why_dp_method(WmiCall *call, GError **error)
{
        g_auto(Facts) facts = { 0 };
        Link chain[G_N_ELEMENTS(links)] = { 0 };
        bool good = gather(call, &facts, error) && look(&facts, chain, error);

        if (good)
                write_answer(call->answer, &facts, chain);
        for (guint i = 0; i < G_N_ELEMENTS(links); i++) {
                g_free(chain[i].cause);
                g_free(chain[i].command);
        }
        return good;
}
