/* lane_box.c - the boxes of a lane: folders and mailboxes in memory, served oldest first.
 *
 * In: what inotify announces, letters, and a look at the folder. Out: calls of the handlers, one
 * file or a batch at a time, and what becomes of each input: done (removed), later (left, with a
 * pause of its own), corrupt (set aside with the reason). An input goes only after its handler has
 * said that the effect is durable.
 */
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "host/lane_private.h"
#include "host/schedule.h"

/* So many files are taken from a folder at a look; what waits for another try comes on top. */
#define LOOK_MAX      4096
#define BATCH_DEFAULT 256
#define WATCH_MASK    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)
/* A folder that cannot be read is tried again after this. */
#define FOLDER_PAUSE_US UK_MINUTE

static void
wait_free(gpointer data)
{
        LaneWait *wait = data;

        inbox_file_free(wait->letter);
        g_free(wait);
}

LaneBox *
lane_box_new(Lane *lane, const ComponentBox *row)
{
        LaneBox *box = g_new0(LaneBox, 1);

        box->row = row;
        box->lane = lane;
        box->path = *row->box != '@' ? host_box_path(lane->owner->host, row->box) : NULL;
        box->dirty = true;
        box->look_us = UK_NEVER;
        g_queue_init(&box->found);
        g_queue_init(&box->posted);
        box->waits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, wait_free);
        box->writing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return box;
}

static void
clear_queue(GQueue *queue)
{
        g_queue_clear_full(queue, (GDestroyNotify)inbox_file_free);
}

void
lane_box_free(LaneBox *box)
{
        clear_queue(&box->found);
        clear_queue(&box->posted);
        g_hash_table_unref(box->waits);
        g_hash_table_unref(box->writing);
        g_free(box->path);
        g_free(box);
}

bool
lane_box_watch(LaneBox *box, GError **error)
{
        UK_DOING(error, "noticing new files at once, not by the rescan only");
        Watcher *watcher = box->lane->owner->host->watcher;

        box->watched = watcher != NULL &&
                       watcher_add(watcher, box->path, WATCH_MASK, lane_box_told, box, error);
        return watcher == NULL || box->watched;
}

bool
lane_box_fits(const LaneBox *box, const char *name)
{
        const char *kind = strrchr(name, '.');

        return *name != '.' && (strcmp(box->row->kind, "*") == 0 ||
                                g_ascii_strcasecmp(box->row->kind, kind != NULL ? kind : "") == 0);
}

void
lane_box_event(LaneBox *box, guint32 mask, const char *name)
{
        if ((mask & IN_IGNORED) != 0)
                box->watched = false;
        if (name != NULL && !lane_box_fits(box, name))
                return;
        /* Made in place, as by cp: not whole before it is closed. */
        if (name != NULL && (mask & IN_CREATE) != 0) {
                g_hash_table_replace(box->writing, g_strdup(name), GUINT_TO_POINTER(0));
                return;
        }
        if (name != NULL)
                g_hash_table_remove(box->writing, name);
        box->dirty = true;
}

/* A name that was made without ever being closed (a hard link) counts as whole after two looks. */
static gboolean
written_long(gpointer key, gpointer value, gpointer user)
{
        return GPOINTER_TO_UINT(value) >= 2;
}

/* Tidies the folder and bounds what was set aside: at the start, daily, and after each refusal. */
static void
tidy(LaneBox *box)
{
        Settings *settings = box->lane->owner->host->settings;
        g_autoptr(GError) error = NULL;

        box->tidy_us = uk_clock_now() + UK_DAY;
        if (!inbox_trim_corrupt(box->path, (guint)settings_int(settings, "host.corrupt_max_files"),
                                UK_DAY * settings_int(settings, "host.corrupt_max_days"), &error))
                uk_warn("%s", error->message);
}

void
lane_box_look(LaneBox *box)
{
        GHashTableIter iter;
        gpointer looks;

        g_hash_table_iter_init(&iter, box->writing);
        while (g_hash_table_iter_next(&iter, NULL, &looks))
                g_hash_table_iter_replace(&iter, GUINT_TO_POINTER(GPOINTER_TO_UINT(looks) + 1));
        g_hash_table_foreach_remove(box->writing, written_long, NULL);
        box->dirty = true;
        gint64 now = uk_clock_now();
        if (box->path != NULL && (now >= box->tidy_us || box->tidy_us > now + UK_DAY))
                tidy(box);
}

/* Two letters may have one name; two files of a folder have not. */
static char *
wait_key(const LaneBox *box, const InboxFile *file)
{
        return box->path != NULL ? g_strdup(file->name)
                                 : g_strdup_printf("%" G_GUINT64_FORMAT, file->inode);
}

static LaneWait *
find_wait(LaneBox *box, const InboxFile *file)
{
        g_autofree char *key = wait_key(box, file);

        return g_hash_table_lookup(box->waits, key);
}

/* Another file of the same name, or one that was written anew, is another piece of news. */
static bool
is_same(const LaneWait *wait, const InboxFile *file)
{
        return wait->inode == file->inode && wait->mtime_us == file->mtime_us &&
               wait->size == file->size;
}

static LaneWait *
make_wait(LaneBox *box, const InboxFile *file)
{
        LaneWait *wait = find_wait(box, file);

        if (wait == NULL) {
                wait = g_new0(LaneWait, 1);
                g_hash_table_replace(box->waits, wait_key(box, file), wait);
        }
        if (!is_same(wait, file))
                wait->tries = 0;
        wait->inode = file->inode;
        wait->mtime_us = file->mtime_us;
        wait->size = file->size;
        return wait;
}

static void
wait_until(LaneBox *box, LaneWait *wait, gint64 now, gint64 span)
{
        wait->due_us = now + span;
        wait->span_us = span;
        box->look_us = MIN(box->look_us, wait->due_us);
}

static void
forget_wait(LaneBox *box, const InboxFile *file)
{
        g_autofree char *key = wait_key(box, file);

        g_hash_table_remove(box->waits, key);
}

/* An empty file that may still be written by hand is left alone for a while. */
static bool
may_be_unfinished(LaneBox *box, const InboxFile *file, gint64 now)
{
        gint64 patience = UK_SECOND *
                          settings_int(box->lane->owner->host->settings, "host.empty_file_seconds");

        if (g_hash_table_contains(box->writing, file->name))
                return true;
        if (file->size > 0 || box->row->bare_name || patience == 0)
                return false;
        LaneWait *wait = find_wait(box, file);
        if (wait != NULL && is_same(wait, file))
                return false;
        wait_until(box, make_wait(box, file), now, patience);
        return true;
}

/* Whether a file that was seen is to be served now; notes when it will be, if not. */
static bool
is_due(LaneBox *box, const InboxFile *file, gint64 now)
{
        LaneWait *wait = find_wait(box, file);

        if (may_be_unfinished(box, file, now)) {
                wait = find_wait(box, file);
                if (wait != NULL)
                        wait->seen = true;
                return false;
        }
        if (wait == NULL || !is_same(wait, file))
                return true;
        wait->seen = true;
        /* A clock that was set back must not make the pause longer. */
        wait->due_us = MIN(wait->due_us, now + wait->span_us);
        if (wait->due_us <= now)
                return true;
        box->look_us = MIN(box->look_us, wait->due_us);
        return false;
}

static gboolean
was_not_seen(gpointer key, gpointer value, gpointer user)
{
        LaneWait *wait = value;
        bool seen = wait->seen;

        wait->seen = false;
        return !seen;
}

static void
look_at_folder(LaneBox *box, gint64 now)
{
        const char *kinds[] = { box->row->kind, NULL };
        guint max = LOOK_MAX + g_hash_table_size(box->waits);
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) files = inbox_scan(box->path, kinds, max, &error);

        if (files == NULL) {
                uk_error("Cannot look into %s, trying again in a minute: %s", box->path,
                         error->message);
                box->look_us = now + FOLDER_PAUSE_US;
                return;
        }
        /* A file that was made before the look has been announced as such by now; so none that is
         * being written by hand is taken for whole. */
        lane_read_events(box->lane);
        for (guint i = 0; i < files->len; i++) {
                InboxFile **file = (InboxFile **)&g_ptr_array_index(files, i);

                if (is_due(box, *file, now))
                        g_queue_push_tail(&box->found, g_steal_pointer(file));
        }
        if (files->len == max)
                box->dirty = true;
        else
                g_hash_table_foreach_remove(box->waits, was_not_seen, NULL);
}

static void
look_at_letters(LaneBox *box, gint64 now)
{
        GHashTableIter iter;
        gpointer value;

        pthread_mutex_lock(&box->lane->lock);
        for (InboxFile *letter; (letter = g_queue_pop_head(&box->posted)) != NULL;)
                g_queue_push_tail(&box->found, letter);
        pthread_mutex_unlock(&box->lane->lock);
        g_hash_table_iter_init(&iter, box->waits);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                LaneWait *wait = value;

                if (wait->letter == NULL)
                        continue;
                wait->due_us = MIN(wait->due_us, now + wait->span_us);
                if (wait->due_us <= now)
                        g_queue_push_tail(&box->found, g_steal_pointer(&wait->letter));
                else
                        box->look_us = MIN(box->look_us, wait->due_us);
        }
}

static bool
has_posted(LaneBox *box)
{
        pthread_mutex_lock(&box->lane->lock);
        bool posted = !g_queue_is_empty(&box->posted);
        pthread_mutex_unlock(&box->lane->lock);
        return posted;
}

static void
look(LaneBox *box, gint64 now)
{
        bool settling = box->ready_us > now;

        if (box->path == NULL)
                box->dirty |= has_posted(box);
        if (box->look_us <= now)
                box->dirty = true;
        if (!box->dirty || (!g_queue_is_empty(&box->found) && !settling))
                return;
        box->dirty = false;
        box->look_us = UK_NEVER;
        if (box->path == NULL) {
                look_at_letters(box, now);
                return;
        }
        clear_queue(&box->found);
        look_at_folder(box, now);
}

static guint
batch_size(const LaneBox *box)
{
        if (box->row->on_batch == NULL)
                return 1;
        if (box->row->batch == NULL)
                return BATCH_DEFAULT;
        return (guint)MAX(settings_int(box->lane->owner->host->settings, box->row->batch), 1);
}

/* The pause after the first file, so that others may join it. */
static bool
has_settled(LaneBox *box, gint64 now, gint64 *due_out)
{
        bool full = box->row->on_batch != NULL && box->found.length >= batch_size(box);

        if (box->row->settle == NULL || full)
                return true;
        gint64 span = UK_SECOND * settings_int(box->lane->owner->host->settings, box->row->settle);
        if (box->ready_us == 0 || box->ready_us > now + span)
                box->ready_us = now + span;
        if (box->ready_us <= now)
                return true;
        *due_out = MIN(*due_out, box->ready_us);
        return false;
}

/* The box whose oldest ready input is oldest. */
static LaneBox *
choose(Lane *lane, bool mailboxes, gint64 *due_out)
{
        gint64 now = uk_clock_now();
        LaneBox *best = NULL;

        for (guint i = 0; i < lane->boxes->len; i++) {
                LaneBox *box = g_ptr_array_index(lane->boxes, i);

                if ((box->path == NULL) != mailboxes)
                        continue;
                look(box, now);
                const InboxFile *head = g_queue_peek_head(&box->found);
                if (head == NULL) {
                        box->ready_us = 0;
                        *due_out = MIN(*due_out, box->look_us);
                        continue;
                }
                if (!has_settled(box, now, due_out))
                        continue;
                const InboxFile *other = best != NULL ? g_queue_peek_head(&best->found) : NULL;
                if (other == NULL || head->mtime_us < other->mtime_us)
                        best = box;
        }
        return best;
}

/* The pause before the next try: what the box's setting says (minutes; of a list the last one
 * repeats), else 1, 2, 4 … 60 minutes. */
static gint64
retry_pause(const LaneBox *box, guint tries)
{
        gint64 minutes = 0;
        guint place = 0;

        if (box->row->retry == NULL)
                return component_pause(tries, UK_MINUTE);
        g_autofree char *text = settings_text(box->lane->owner->host->settings, box->row->retry);
        g_auto(GStrv) steps = g_strsplit_set(text, " ,", -1);
        for (char **step = steps; *step != NULL && place <= tries; step++) {
                if (**step == '\0')
                        continue;
                minutes = g_ascii_strtoll(*step, NULL, 10);
                place++;
        }
        return MAX(minutes, 1) * UK_MINUTE;
}

static void
put_off(LaneBox *box, InboxFile *file, const char *why)
{
        LaneWait *wait = make_wait(box, file);
        gint64 span = retry_pause(box, wait->tries++);
        g_autofree char *pause = component_span_text(span);

        if (!host_stopping(box->lane->owner->host))
                uk_warn("%s cannot be processed now and is tried again in %s: %s", file->path,
                        pause, why);
        wait_until(box, wait, uk_clock_now(), span);
        if (box->path == NULL)
                wait->letter = file;
        else
                inbox_file_free(file);
}

/* The input can never be used: set aside with the reason, which an administrator is told too. */
static void
refuse(LaneBox *box, InboxFile *file, const char *why)
{
        g_autoptr(GError) error = NULL;

        if (box->path != NULL && !inbox_file_corrupt(file, why, &error)) {
                put_off(box, file, error->message);
                return;
        }
        uk_error("%s cannot be used%s: %s", file->path,
                 box->path != NULL ? " and was moved to corrupt/" : "", why);
        if (!statusmsg_raise(&box->lane->context->c, NULL, 60001, &error, file->path, why, NULL))
                uk_error("%s", error->message);
        forget_wait(box, file);
        inbox_file_free(file);
        if (box->path != NULL)
                tidy(box);
}

static void
finish(LaneBox *box, InboxFile *file)
{
        g_autoptr(GError) error = NULL;

        if (box->path != NULL && !inbox_file_done(file, &error)) {
                put_off(box, file, error->message);
                return;
        }
        forget_wait(box, file);
        inbox_file_free(file);
}

/* The component stops; its input is served again when it runs. */
static void
keep(LaneBox *box, InboxFile *file)
{
        g_queue_push_head(&box->found, file);
}

static void
settle_failure(LaneBox *box, InboxFile *file, GError *error)
{
        const char *why = error != NULL ? error->message : "the handler failed without saying why";

        switch (error != NULL ? uk_error_class(error) : UK_CLASS_LATER) {
        case UK_CLASS_LATER:
                put_off(box, file, why);
                break;
        case UK_CLASS_CORRUPT:
                refuse(box, file, why);
                break;
        case UK_CLASS_HALT:
                component_halt(box->lane->context, error);
                keep(box, file);
                break;
        }
}

static void
serve_file(LaneBox *box, InboxFile *file)
{
        g_autoptr(GError) error = NULL;

        uk_trace_set("");
        if (box->row->on_file(&box->lane->context->c, file, &error))
                finish(box, file);
        else
                settle_failure(box, file, error);
}

static void
settle_item(LaneBox *box, BatchItem *item)
{
        switch (item->verdict) {
        case BATCH_DONE:
                finish(box, item->file);
                break;
        case BATCH_LATER:
                put_off(box, item->file, item->why != NULL ? item->why : "it was left for later");
                break;
        case BATCH_CORRUPT:
                refuse(box, item->file, item->why != NULL ? item->why : "no reason was given");
                break;
        }
        g_free(item->why);
}

static void
serve_batch(LaneBox *box, GPtrArray *files)
{
        g_autoptr(GError) error = NULL;
        g_autofree BatchItem *items = g_new0(BatchItem, files->len);

        for (guint i = 0; i < files->len; i++) {
                items[i].file = g_ptr_array_index(files, i);
                items[i].verdict = BATCH_LATER;
        }
        uk_trace_set("");
        bool ok = box->row->on_batch(&box->lane->context->c, items, files->len, &error);
        bool halt = !ok && error != NULL && uk_error_class(error) == UK_CLASS_HALT;
        if (halt)
                component_halt(box->lane->context, error);
        for (guint i = files->len; i-- > 0;) {
                if (halt) {
                        g_free(items[i].why);
                        keep(box, items[i].file);
                        continue;
                }
                if (!ok) {
                        items[i].verdict = BATCH_LATER;
                        g_free(items[i].why);
                        items[i].why = g_strdup(error != NULL ? error->message : NULL);
                }
                settle_item(box, &items[i]);
        }
}

static bool
is_unchanged(const InboxFile *file)
{
        struct stat st;

        return lstat(file->path, &st) == 0 && (guint64)st.st_ino == file->inode &&
               st.st_size == file->size &&
               st.st_mtim.tv_sec * UK_SECOND + st.st_mtim.tv_nsec / 1000 == file->mtime_us;
}

/* The next input, if it is still what was seen: somebody may have replaced or removed it. */
static InboxFile *
take(LaneBox *box)
{
        for (InboxFile *file; (file = g_queue_pop_head(&box->found)) != NULL;) {
                if (box->path == NULL || is_unchanged(file))
                        return file;
                box->dirty = true;
                inbox_file_free(file);
        }
        return NULL;
}

bool
lane_box_serve(Lane *lane, bool mailboxes, gint64 *due_out)
{
        LaneBox *box = choose(lane, mailboxes, due_out);

        if (box == NULL)
                return false;
        if (box->row->on_batch == NULL) {
                InboxFile *file = take(box);

                if (file != NULL)
                        serve_file(box, file);
                return true;
        }
        g_autoptr(GPtrArray) files = g_ptr_array_new();
        for (guint max = batch_size(box); files->len < max;) {
                InboxFile *file = take(box);

                if (file == NULL)
                        break;
                g_ptr_array_add(files, file);
        }
        if (files->len > 0)
                serve_batch(box, files);
        return true;
}

LaneBox *
lane_find_mailbox(Host *host, const char *name, const char *kind)
{
        for (guint i = 0; i < host->components->len; i++) {
                HostComponent *component = g_ptr_array_index(host->components, i);

                for (guint l = 0; l < component->lanes->len; l++) {
                        Lane *lane = g_ptr_array_index(component->lanes, l);

                        for (guint b = 0; b < lane->boxes->len; b++) {
                                LaneBox *box = g_ptr_array_index(lane->boxes, b);

                                if (g_ascii_strcasecmp(box->row->box, name) == 0 &&
                                    (strcmp(box->row->kind, "*") == 0 ||
                                     g_ascii_strcasecmp(box->row->kind, kind) == 0))
                                        return box;
                        }
                }
        }
        return NULL;
}

void
lane_post_take(LaneBox *box, InboxFile *letter)
{
        pthread_mutex_lock(&box->lane->lock);
        g_queue_push_tail(&box->posted, letter);
        pthread_mutex_unlock(&box->lane->lock);
        lane_wake(box->lane);
}
