/* site.c - the verb `site status`: the site on one screen, also when half of it is down.
 *
 * Comes in: the locks and folders below the root, which need nobody's help, and what the provider
 * knows. Goes out: the bad news first, each with its next step, then everything else. Exit status
 * 3 when a program is down or could not be asked.
 */
#include "cli/site.h"

#include <string.h>

#include "base/clock.h"
#include "backup/place.h"
#include "cli/logline.h"
#include "cli/output.h"
#include "cli/site_private.h"
#include "cli/standstill.h"
#include "cli/tail.h"
#include "lab/lab.h"
#include "lab/program.h"

#define LATE_US         (10 * UK_MINUTE)
#define LOW_BYTES       (1024 * (gint64)1024 * 1024)
#define LOW_PERCENT     5
#define TAIL_BYTES      65536
#define SYNC_FAILED     6703
#define START_SECONDS   60
#define NAMED_ROWS      5
#define SOURCE_UNSTORED 3 /* vUPK_PackageSource.SourceState */
#define PATIENCE        5 /* seconds without a byte from the provider */

static const struct {
        const char *name, *filter;
} classes[SITE_ASKED] = {
        [SITE_SELF] = { "SMS_Site" },
        [SITE_SYNC] = { "SMS_SUPSyncStatus" },
        [SITE_CLIENTS] = { "SMS_UPK_ClientContacts" },
        [SITE_COMPONENTS] = { "SMS_ComponentSummarizer" },
        [SITE_POINTS] = { "SMS_DistributionPointInfo", "Failures gt 0 or NumberErrors gt 0" },
        [SITE_PACKAGES] = { "SMS_PackageBaseclass", "SourceState ge 2" },
};

const char *
site_class(SiteAsked asked)
{
        return classes[asked].name;
}

static void
trouble_free(gpointer data)
{
        SiteTrouble *trouble = data;

        g_free(trouble->what);
        g_free(trouble->next);
        g_free(trouble);
}

static void
status_clear(SiteStatus *status)
{
        g_clear_pointer(&status->programs, g_ptr_array_unref);
        g_clear_pointer(&status->last_words, g_hash_table_unref);
        g_clear_pointer(&status->folders, siteroot_free);
        g_clear_pointer(&status->troubles, g_ptr_array_unref);
        for (guint i = 0; i < SITE_ASKED; i++)
                g_clear_pointer(&status->answers[i], admin_rows_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SiteStatus, status_clear)

static void
add_trouble_take(SiteStatus *status, bool down, char *what_take, char *next_take)
{
        SiteTrouble *trouble = g_new0(SiteTrouble, 1);

        trouble->what = what_take;
        trouble->next = next_take;
        trouble->down = down;
        g_ptr_array_add(status->troubles, trouble);
}

gint64
site_last_words(const SiteStatus *status, const char *role)
{
        const gint64 *time = g_hash_table_lookup(status->last_words, role);

        return time != NULL ? *time : 0;
}

bool
site_volume_low(const SiteVolume *volume)
{
        return volume->free < LOW_BYTES || volume->free < volume->total / 100 * LOW_PERCENT;
}

bool
site_box_late(const SiteBox *box)
{
        return box->problem != NULL || box->oldest_us > LATE_US;
}

/* When a program that is down wrote its last record. */
static void
note_last_words(SiteStatus *status, const char *role)
{
        g_autofree char *path =
                g_strdup_printf("%s/var/log/upkeep/upkeep-%s.log", status->root, role);
        g_autoptr(Tail) tail = tail_open(path, TAIL_BYTES, NULL);
        gint64 last = 0;

        for (char *text; tail != NULL && (text = tail_next(tail)) != NULL; g_free(text)) {
                g_autoptr(LogLine) line = logline_read(text, role);

                last = MAX(last, line->time_us);
        }
        if (last > 0)
                g_hash_table_insert(status->last_words, g_strdup(role),
                                    g_memdup2(&last, sizeof last));
}

/* The command that starts a program again. */
static char *
start_command(const SiteStatus *status, const char *role)
{
        return standstill_start_command(status->root, role);
}

static void
judge_program(SiteStatus *status, const Program *program)
{
        if (program->state == PROGRAM_RUNNING ||
            (program->state == PROGRAM_STARTING && program->span_us < START_SECONDS * UK_SECOND))
                return;
        if (program->state == PROGRAM_STARTING) {
                add_trouble_take(
                        status, true,
                        g_strdup_printf("upkeep-%s has been starting for a long time",
                                        program->role),
                        g_strdup_printf("upkeep log --component upkeep-%s", program->role));
                return;
        }
        note_last_words(status, program->role);
        gint64 last = site_last_words(status, program->role);
        g_autofree char *age = output_age(MIN(last, status->now_us), status->now_us);

        add_trouble_take(status, true,
                         program->state == PROGRAM_DIED
                                 ? g_strdup_printf("upkeep-%s died; its log ends %s", program->role,
                                                   last > 0 ? age : "nowhere")
                                 : g_strdup_printf("upkeep-%s is stopped", program->role),
                         start_command(status, program->role));
}

static void
judge_box(SiteStatus *status, const SiteBox *box)
{
        g_autofree char *age = output_span(box->oldest_us);

        if (box->problem != NULL)
                add_trouble_take(status, true,
                                 g_strdup_printf("%s cannot be read: %s", box->name, box->problem),
                                 NULL);
        else if (site_box_late(box))
                add_trouble_take(status, false,
                                 g_strdup_printf("%s: %u file%s, the oldest for %s", box->name,
                                                 box->waiting,
                                                 box->waiting == 1 ? " waits" : "s wait", age),
                                 g_strdup("upkeep log --errors --since 1h"));
        if (box->refused > 0)
                add_trouble_take(status, false,
                                 g_strdup_printf("%s: %u file%s refused", box->name, box->refused,
                                                 box->refused == 1 ? " was" : "s were"),
                                 g_strdup_printf("read %s/corrupt/*.why", box->path));
}

static void
judge_volume(SiteStatus *status, const SiteVolume *volume)
{
        g_autofree char *room = output_size(volume->free), *all = output_size(volume->total);

        if (site_volume_low(volume))
                add_trouble_take(status, false,
                                 g_strdup_printf("the volume of %s (%s) has %s free of %s",
                                                 volume->path, volume->holds, room, all),
                                 g_strdup_printf("df -h %s", volume->path));
}

static void
judge_sync(SiteStatus *status)
{
        const AdminRows *rows = status->answers[SITE_SYNC];

        for (guint i = 0; rows != NULL && i < rows->rows->len; i++) {
                const JsonValue *row = rows->rows->pdata[i];

                const char *why = json_get_text(row, "LastSyncErrorText", "");
                bool failed = json_get_int(row, "LastSyncState", 0) == SYNC_FAILED;

                if (failed || *why != '\0')
                        add_trouble_take(status, false,
                                         g_strdup_printf("the last synchronization of %s %s: %s",
                                                         json_get_text(row, "WSUSServerName", "?"),
                                                         failed ? "failed" : "is not whole", why),
                                         g_strdup("upkeep sync start --wait"));
        }
}

static void
judge_point(SiteStatus *status, const JsonValue *row)
{
        const char *name = json_get_text(row, "ServerName", "?");
        gint64 failures = json_get_int(row, "Failures", 0);
        gint64 errors = json_get_int(row, "NumberErrors", 0);

        if (failures > 0)
                add_trouble_take(status, false,
                                 g_strdup_printf("distribution point %s: %" G_GINT64_FORMAT
                                                 " call%s failed: %s",
                                                 name, failures, failures == 1 ? "" : "s",
                                                 json_get_text(row, "LastError", "")),
                                 g_strdup_printf("upkeep dp show %s", name));
        if (errors > 0)
                add_trouble_take(status, false,
                                 g_strdup_printf("distribution point %s: %" G_GINT64_FORMAT
                                                 " package%s "
                                                 "failed or %s tried again",
                                                 name, errors, errors == 1 ? "" : "s",
                                                 errors == 1 ? "is" : "are"),
                                 g_strdup_printf("upkeep dp status %s", name));
}

static void
judge_package(SiteStatus *status, const JsonValue *row)
{
        const char *id = json_get_text(row, "PackageID", "?");

        add_trouble_take(status, false,
                         g_strdup_printf("package %s (%s): %s: %s", id,
                                         json_get_text(row, "Name", ""),
                                         json_get_int(row, "SourceState", 0) == SOURCE_UNSTORED
                                                 ? "the site server cannot store it"
                                                 : "its source cannot be read",
                                         json_get_text(row, "SourceError", "")),
                         g_strdup_printf("upkeep package update %s", id));
}

/* The first of the rows; of very many their number is what counts. */
static void
judge_rows(SiteStatus *status, SiteAsked asked, void (*judge)(SiteStatus *, const JsonValue *),
           const char *others, const char *next)
{
        const AdminRows *rows = status->answers[asked];
        guint count = rows != NULL ? rows->rows->len : 0;

        for (guint i = 0; i < MIN(count, NAMED_ROWS); i++)
                judge(status, rows->rows->pdata[i]);
        if (count > NAMED_ROWS)
                add_trouble_take(status, false,
                                 g_strdup_printf("%u more %s", count - NAMED_ROWS, others),
                                 g_strdup(next));
}

static const Program *
find_program(const SiteStatus *status, const char *role)
{
        for (guint i = 0; i < status->programs->len; i++) {
                const Program *program = status->programs->pdata[i];

                if (strcmp(program->role, role) == 0)
                        return program;
        }
        return NULL;
}

static bool
is_running(const SiteStatus *status, const char *role)
{
        const Program *program = find_program(status, role);

        return program != NULL && program->state == PROGRAM_RUNNING;
}

/* A machine with a distribution point or a client only has no provider that could be down. */
static bool
has_site(const SiteStatus *status)
{
        return find_program(status, "site") != NULL || find_program(status, "provider") != NULL;
}

/* Everything the provider knows; what it does not answer is one trouble, named. A provider that is
 * known to be down is not asked, and is a trouble already. */
static bool
ask(Cli *cli, SiteStatus *status, GError **error)
{
        bool told = cli_option(cli, "provider") != NULL || g_getenv("UPKEEP_PROVIDER") != NULL;
        g_autoptr(GError) why = NULL;
        Admin *admin = told || status->programs->len == 0 || is_running(status, "provider")
                               ? cli_admin(cli, &why)
                               : NULL;

        if (admin != NULL)
                admin_patience(admin, PATIENCE);
        for (guint i = 0; admin != NULL && why == NULL && i < SITE_ASKED; i++) {
                AdminQuery query = { .filter = classes[i].filter };

                status->answers[i] = admin_list(admin, classes[i].name, &query, &why);
        }
        if (why != NULL && status->programs->len == 0) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        status->elsewhere = why == NULL && admin == NULL && !has_site(status);
        if (!status->elsewhere && (why != NULL || admin == NULL))
                add_trouble_take(
                        status, true,
                        g_strconcat("not known: the last synchronization, the clients and "
                                    "the content, "
                                    "because ",
                                    why != NULL ? why->message : "upkeep-provider does not run",
                                    NULL),
                        start_command(status, "provider"));
        return true;
}

/* While folders change places programs are not down, but wait. */
static void
judge_restore(SiteStatus *status)
{
        if (backup_note_exists(*status->root != '\0' ? status->root : "/"))
                add_trouble_take(status, true,
                                 g_strdup("a restore is under way; it waits for the programs that "
                                          "run below, and those that are stopped wait for it"),
                                 g_strdup("stop what still runs; the restore then goes on"));
}

static bool
gather(Cli *cli, SiteStatus *status, GError **error)
{
        status->root = cli->root;
        status->now_us = uk_clock_now();
        status->last_words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        status->troubles = g_ptr_array_new_with_free_func(trouble_free);
        status->programs = program_list(cli->root);
        status->folders = siteroot_look(cli->root);
        judge_restore(status);
        for (guint i = 0; i < status->programs->len; i++)
                judge_program(status, status->programs->pdata[i]);
        if (!ask(cli, status, error))
                return false;
        for (guint i = 0; i < status->folders->volumes->len; i++)
                judge_volume(status, status->folders->volumes->pdata[i]);
        judge_sync(status);
        judge_rows(status, SITE_POINTS, judge_point, "distribution points like that",
                   "upkeep dp list");
        judge_rows(status, SITE_PACKAGES, judge_package, "packages like that",
                   "upkeep package status");
        for (guint i = 0; i < status->folders->boxes->len; i++)
                judge_box(status, status->folders->boxes->pdata[i]);
        return true;
}

bool
site_status(Cli *cli, GError **error)
{
        g_auto(SiteStatus) status = { 0 };

        if (!cli_follow_clock(cli, error) || !gather(cli, &status, error))
                return false;
        for (guint i = 0; i < status.troubles->len; i++) {
                const SiteTrouble *trouble = status.troubles->pdata[i];

                cli->partly |= trouble->down;
        }
        if (cli->json)
                site_show_json(cli, &status);
        else
                site_show(cli, &status);
        return true;
}
