/* statesys.c - State System: takes the state messages of clients into the site database, and runs
 * the summarization tasks.
 *
 * In: .SMX files from the management point, the urgent ones from the folder High, those that can
 * wait from Low. Out: the newest state of each topic of each machine, and a summary of updates that
 * is right at every commit. Files go when their states are on disk.
 */
#include "site/statesys/statesys.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "inbox/inbox.h"
#include "site/statesys/statesys_private.h"

#define BOX_HIGH   "auth/statesys.box/incoming/High"
#define BOX_NORMAL "auth/statesys.box/incoming"
#define BOX_LOW    "auth/statesys.box/incoming/Low"

/* So many files of a more urgent box are taken before a less urgent chunk goes on. */
#define URGENT_MAX 4096

/* ---- what an administrator reads (COMP-066) -------------------------------------------------- */

static void
say_begin(void)
{
        uk_log("Found new state messages to process, starting processing thread");
        uk_log("Thread \"State Message Processing Thread #0\" id:%ld started", syscall(SYS_gettid));
}

static void
say_end(void)
{
        uk_log("total chucks loaded (0)");
        uk_log("Thread \"State Message Processing Thread #0\" id:%ld terminated normally",
               syscall(SYS_gettid));
}

/* ---- more urgent files first ----------------------------------------------------------------- */

static bool
settle(Component *c, const BatchItem *item, GError **error)
{
        switch (item->verdict) {
        case BATCH_DONE:
                return inbox_file_done(item->file, error);
        case BATCH_CORRUPT:
                uk_error("%s cannot be used and was moved to corrupt/: %s", item->file->path,
                         item->why);
                return inbox_file_corrupt(item->file, item->why, error) &&
                       statusmsg_raise(c, NULL, 60001, error, item->file->path, item->why, NULL);
        case BATCH_LATER:
                break; /* its own box comes to it */
        }
        return true;
}

static bool
take_files(Component *c, const GPtrArray *files, GError **error)
{
        g_autofree BatchItem *items = g_new0(BatchItem, files->len);
        bool done;

        for (guint i = 0; i < files->len; i++) {
                items[i].file = files->pdata[i];
                items[i].verdict = BATCH_LATER;
        }
        uk_log("total chucks loaded (1)");
        done = statesys_chunk(c, items, files->len, error);
        for (guint i = 0; i < files->len; i++) {
                done = done && settle(c, &items[i], error);
                g_free(items[i].why);
        }
        return done;
}

/* What is in a more urgent box goes first, however long the others have waited. The host serves
 * boxes by age; so a chunk of a less urgent box looks there before it begins. */
static bool
take_urgent(Component *c, const char *box, GError **error)
{
        const char *const kinds[] = { ".SMX", NULL };
        g_autofree char *path = host_box_path(c->host, box);
        g_autoptr(GPtrArray) files = inbox_scan(path, kinds, URGENT_MAX, error);
        guint chunk = (guint)settings_int(host_settings(c->host), "statesys.chunk_files");

        for (guint at = 0; files != NULL && at < files->len; at += chunk) {
                g_autoptr(GPtrArray) part = g_ptr_array_new();

                if (host_stopping(c->host))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the site server stops");
                for (guint i = at; i < MIN(at + chunk, files->len); i++)
                        g_ptr_array_add(part, files->pdata[i]);
                if (!take_files(c, part, error))
                        return false;
        }
        return files != NULL;
}

/* ---- the boxes ------------------------------------------------------------------------------- */

static bool
take_chunk(Component *c, BatchItem *items, guint count, GError **error)
{
        uk_log("total chucks loaded (1)");
        return statesys_chunk(c, items, count, error);
}

static bool
on_high(Component *c, BatchItem *items, guint count, GError **error)
{
        say_begin();
        if (!take_chunk(c, items, count, error))
                return false;
        say_end();
        return true;
}

/* The pause itself is the host's; a full chunk does not wait for more. */
static void
say_pause(Component *c, guint count)
{
        gint64 seconds = settings_int(host_settings(c->host), "statesys.pause_seconds");

        if (seconds > 0 && count < settings_int(host_settings(c->host), "statesys.chunk_files"))
                uk_verbose("Inbox notification triggered, pause for %" G_GINT64_FORMAT
                           " seconds......",
                           seconds);
}

static bool
on_normal(Component *c, BatchItem *items, guint count, GError **error)
{
        say_pause(c, count);
        say_begin();
        if (!take_urgent(c, BOX_HIGH, error) || !take_chunk(c, items, count, error))
                return false;
        say_end();
        return true;
}

static bool
on_low(Component *c, BatchItem *items, guint count, GError **error)
{
        say_pause(c, count);
        say_begin();
        if (!take_urgent(c, BOX_HIGH, error) || !take_urgent(c, BOX_NORMAL, error) ||
            !take_chunk(c, items, count, error))
                return false;
        say_end();
        return true;
}

static bool
start(Component *c, GError **error)
{
        StateSys *ss = g_new0(StateSys, 1);

        ss->site = g_strdup(host_site_code(c->host));
        ss->updates = statesys_updates_new();
        c->state = ss;
        return true;
}

static void
stop(Component *c)
{
        StateSys *ss = c->state;

        statesys_updates_free(ss->updates);
        g_free(ss->site);
        g_free(ss);
}

const ComponentDef statesys = {
        .name = "SMS_STATE_SYSTEM",
        .log = "StateSys.log",
        .log_form = UK_LOG_SERVER,
        .what = "Takes state messages into the site database and keeps the summaries",
        .boxes = {
                { .lane = "main",
                  .box = BOX_HIGH,
                  .kind = ".SMX",
                  .on_batch = on_high,
                  .batch = "statesys.chunk_files" },
                { .lane = "main",
                  .box = BOX_NORMAL,
                  .kind = ".SMX",
                  .on_batch = on_normal,
                  .settle = "statesys.pause_seconds",
                  .batch = "statesys.chunk_files" },
                { .lane = "main",
                  .box = BOX_LOW,
                  .kind = ".SMX",
                  .on_batch = on_low,
                  .settle = "statesys.pause_seconds",
                  .batch = "statesys.chunk_files" },
        },
        .timers = { { "tasks", "tasks", statesys_tasks_run, true } },
        .on_commit = statesys_tasks_asked,
        .start = start,
        .stop = stop,
};
