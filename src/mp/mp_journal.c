/* mp_journal.c - a journal with group commit, in numbered files of records.
 *
 * One thread writes and makes files; the caller of mp_journal_tick syncs files and drops
 * stretches. A record is a header of fixed size (magic, sizes, checksum, file name) and the body.
 * Does not know what an entry means.
 */
#include "mp/mp_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"

#define MAGIC         "UKR1"
#define STRETCH_KIND  ".jnl"
#define STRETCH_BYTES (32 * 1024 * 1024)  /* a stretch above this is ended at once */
#define GROUP_BYTES   (4 * 1024 * 1024)   /* no more goes into one write, unless one entry does */
#define STRETCH_MAX   (512 * 1024 * 1024) /* nothing larger is read again */

/* The head of a record as it is on disk; numbers in the machine's order, since a journal never
 * leaves its machine. The checksum covers all behind it, and the body. */
typedef struct {
        char magic[4];
        guint32 checksum;
        guint32 size;
        guint8 box;
        char name[MP_NAME_SIZE];
        guint8 unused[3];
} RecordHead;

typedef struct {
        char name[MP_NAME_SIZE];
        guint8 box;
} FileRef;

/* A file of the journal. */
typedef struct {
        guint64 number;
        char *path;
        int fd; /* -1 once it is ended */
        gsize size;
        GArray *files; /* FileRef: what was made, or will be, of its entries */
        guint unmade;  /* entries that are no files yet; guarded by the journal's lock */
} Stretch;

struct MpJournal {
        char *dir;
        gsize max_bytes;
        MpJournalUse use;
        UkLog *log;
        pthread_t thread;
        guint32 table[8][256]; /* of the checksum */

        /* Of the thread alone. */
        Stretch *stretch; /* being written; NULL: none */
        GQueue unmade;    /* Waiting * whose file could not be made */
        bool failing;     /* the last group could not be written; said once */
        bool stuck;       /* the last file could not be made; said once */

        pthread_mutex_t lock; /* guards all that follows, and Stretch.unmade */
        pthread_cond_t called;
        GQueue pending;   /* MpEntry * */
        gsize bytes;      /* of the entries in pending and unmade */
        guint waiting;    /* their number */
        GQueue left;      /* path, the caller's: stretches of an earlier run */
        GPtrArray *ended; /* Stretch *: to be synced and dropped */
        guint64 next;     /* number of the next stretch */
        bool again;       /* try again what failed */
        bool turn;        /* end the present stretch */
        bool ending;
};

/* An entry with the stretch that holds it. */
typedef struct {
        MpEntry *entry;
        Stretch *stretch;
} Waiting;

void
mp_entry_free(MpEntry *entry)
{
        if (entry == NULL)
                return;
        g_free(entry->body);
        g_free(entry);
}

static void
stretch_free(Stretch *stretch)
{
        if (stretch == NULL)
                return;
        uk_io_close(&stretch->fd);
        g_free(stretch->path);
        g_array_unref(stretch->files);
        g_free(stretch);
}

static Stretch *
stretch_new(const char *path, guint64 number)
{
        Stretch *stretch = g_new0(Stretch, 1);

        stretch->number = number;
        stretch->path = g_strdup(path);
        stretch->fd = -1;
        stretch->files = g_array_new(FALSE, FALSE, sizeof(FileRef));
        return stretch;
}

/* ---- checksum: CRC-32, eight bytes at a step ------------------------------------------------- */

static void
make_table(guint32 table[8][256])
{
        for (guint32 i = 0; i < 256; i++) {
                guint32 crc = i;

                for (int bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
                table[0][i] = crc;
        }
        for (guint32 i = 0; i < 256; i++) {
                for (int k = 1; k < 8; k++)
                        table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
        }
}

static guint32
checksum(guint32 table[8][256], guint32 crc, const guint8 *data, gsize size)
{
        for (; size >= 8; data += 8, size -= 8) {
                crc ^= (guint32)data[0] | (guint32)data[1] << 8 | (guint32)data[2] << 16 |
                       (guint32)data[3] << 24;
                crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^
                      table[5][crc >> 16 & 0xff] ^ table[4][crc >> 24] ^ table[3][data[4]] ^
                      table[2][data[5]] ^ table[1][data[6]] ^ table[0][data[7]];
        }
        for (; size > 0; data++, size--)
                crc = crc >> 8 ^ table[0][(crc ^ *data) & 0xff];
        return crc;
}

static guint32
checksum_of(MpJournal *journal, const RecordHead *head, const void *body)
{
        gsize skip = G_STRUCT_OFFSET(RecordHead, size);
        guint32 crc = checksum(journal->table, 0xffffffff, (const guint8 *)head + skip,
                               sizeof *head - skip);

        return ~checksum(journal->table, crc, body, head->size);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Ends the stretch being written: from now on it waits to be dropped. */
static void
end_stretch(MpJournal *journal)
{
        if (journal->stretch == NULL)
                return;
        uk_io_close(&journal->stretch->fd);
        pthread_mutex_lock(&journal->lock);
        g_ptr_array_add(journal->ended, g_steal_pointer(&journal->stretch));
        pthread_mutex_unlock(&journal->lock);
}

static bool
begin_stretch(MpJournal *journal, GError **error)
{
        g_autofree char *path = NULL;
        guint64 number;
        int fd;

        pthread_mutex_lock(&journal->lock);
        number = journal->next++;
        pthread_mutex_unlock(&journal->lock);
        path = g_strdup_printf("%s/%016" G_GINT64_MODIFIER "x" STRETCH_KIND, journal->dir, number);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
        if (fd < 0)
                return uk_fail_errno(error, errno, "making %s", path);
        journal->stretch = stretch_new(path, number);
        journal->stretch->fd = fd;
        return uk_io_sync_dir(journal->dir, error);
}

static void
add_record(MpJournal *journal, GByteArray *out, const MpEntry *entry)
{
        RecordHead head = { .magic = MAGIC, .size = (guint32)entry->size, .box = entry->box };

        memcpy(head.name, entry->name, sizeof head.name);
        head.checksum = checksum_of(journal, &head, entry->body);
        g_byte_array_append(out, (const guint8 *)&head, sizeof head);
        g_byte_array_append(out, (const guint8 *)entry->body, (guint)entry->size);
}

/* Puts the records of the group on disk; one write, one sync. */
static bool
write_group(MpJournal *journal, GPtrArray *group, GError **error)
{
        UK_DOING(error, "writing %u reports to the journal", group->len);
        g_autoptr(GByteArray) out = g_byte_array_new();
        Stretch *stretch;

        if (journal->stretch == NULL && !begin_stretch(journal, error))
                return false;
        stretch = journal->stretch;
        for (guint i = 0; i < group->len; i++)
                add_record(journal, out, g_ptr_array_index(group, i));
        if (!uk_io_write(stretch->fd, out->data, out->len, stretch->path, error) ||
            !uk_io_sync(stretch->fd, true, stretch->path, error))
                return false;
        stretch->size += out->len;
        return true;
}

static void
uncount(MpJournal *journal, const MpEntry *entry)
{
        journal->bytes -= entry->size;
        journal->waiting--;
}

/* The group was not kept. What is on disk of it may come to light after a crash, so the stretch is
 * not written to any more: a record behind a torn one would not be found. */
static void
refuse_group(MpJournal *journal, GPtrArray *group, const GError *error)
{
        if (!journal->failing)
                uk_error("%s; senders are told to try again", error->message);
        journal->failing = true;
        end_stretch(journal);
        for (guint i = 0; i < group->len; i++) {
                MpEntry *entry = g_ptr_array_index(group, i);

                journal->use.durable(journal->use.user, entry, error);
                pthread_mutex_lock(&journal->lock);
                uncount(journal, entry);
                pthread_mutex_unlock(&journal->lock);
                mp_entry_free(entry);
        }
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Makes one file; on failure the entry stays for the next try. */
static bool
make_file(MpJournal *journal, Waiting *waiting)
{
        g_autoptr(GError) error = NULL;

        if (!journal->use.make(journal->use.user, waiting->entry, &error)) {
                if (!journal->stuck)
                        uk_error("%s could not be made into a file and will be tried again: %s",
                                 waiting->entry->name, error->message);
                journal->stuck = true;
                return false;
        }
        if (journal->stuck)
                uk_log("Reports are made into files again");
        journal->stuck = false;
        pthread_mutex_lock(&journal->lock);
        uncount(journal, waiting->entry);
        waiting->stretch->unmade--;
        pthread_mutex_unlock(&journal->lock);
        mp_entry_free(waiting->entry);
        g_free(waiting);
        return true;
}

static void
note_file(Stretch *stretch, const char *name, guint8 box)
{
        FileRef ref = { .box = box };

        memcpy(ref.name, name, sizeof ref.name);
        g_array_append_val(stretch->files, ref);
}

/* The group is durable: answers first, since senders wait, then the files. */
static void
finish_group(MpJournal *journal, GPtrArray *group)
{
        UK_LOG_TOGETHER();

        if (journal->failing)
                uk_log("The journal takes reports again");
        journal->failing = false;
        for (guint i = 0; i < group->len; i++)
                journal->use.durable(journal->use.user, g_ptr_array_index(group, i), NULL);
        pthread_mutex_lock(&journal->lock);
        journal->stretch->unmade += group->len;
        pthread_mutex_unlock(&journal->lock);
        for (guint i = 0; i < group->len; i++) {
                MpEntry *entry = g_ptr_array_index(group, i);
                Waiting *waiting = g_new(Waiting, 1);

                *waiting = (Waiting){ entry, journal->stretch };
                note_file(journal->stretch, entry->name, entry->box);
                /* Behind one that failed the others would fail too. */
                if (!g_queue_is_empty(&journal->unmade) || !make_file(journal, waiting))
                        g_queue_push_tail(&journal->unmade, waiting);
        }
        if (journal->stretch->size >= STRETCH_BYTES)
                end_stretch(journal);
}

static void
make_unmade(MpJournal *journal)
{
        Waiting *waiting;

        while ((waiting = g_queue_peek_head(&journal->unmade)) != NULL) {
                if (!make_file(journal, waiting))
                        return;
                g_queue_pop_head(&journal->unmade);
        }
}

/* ---- what an earlier run left ---------------------------------------------------------------- */

/* The record at `at`; false when none that is whole and right stands there. */
static bool
record_at(MpJournal *journal, const char *data, gsize size, gsize at, RecordHead *head)
{
        if (size - at < sizeof *head)
                return false;
        memcpy(head, data + at, sizeof *head);
        return memcmp(head->magic, MAGIC, 4) == 0 && head->size <= size - at - sizeof *head &&
               memchr(head->name, '\0', sizeof head->name) != NULL && head->name[0] != '\0' &&
               strchr(head->name, '/') == NULL &&
               checksum_of(journal, head, data + at + sizeof *head) == head->checksum;
}

static bool
make_again(MpJournal *journal, Stretch *stretch, const RecordHead *head, const char *body,
           GError **error)
{
        g_autoptr(MpEntry) entry = g_new0(MpEntry, 1);

        memcpy(entry->name, head->name, sizeof entry->name);
        entry->box = head->box;
        entry->size = head->size;
        entry->body = g_malloc((gsize)head->size + 1);
        memcpy(entry->body, body, head->size);
        entry->body[head->size] = '\0';
        if (!journal->use.make(journal->use.user, entry, error))
                return false;
        note_file(stretch, entry->name, entry->box);
        return true;
}

/* Makes the files of all records of the stretch. Bytes that are no record end it (the write that a
 * crash cut short was not acknowledged), unless a whole record follows: then the disk damaged what
 * lies between, and that is said. */
static bool
read_records(MpJournal *journal, Stretch *stretch, const char *data, gsize size, GError **error)
{
        gsize at = 0;
        gsize lost_at = 0;
        bool lost = false;

        while (at < size) {
                RecordHead head;

                if (!record_at(journal, data, size, at, &head)) {
                        lost_at = lost ? lost_at : at;
                        lost = true;
                        at++;
                        continue;
                }
                if (lost)
                        uk_error("%s is damaged: %" G_GSIZE_FORMAT " bytes from %" G_GSIZE_FORMAT
                                 " on are no reports",
                                 stretch->path, at - lost_at, lost_at);
                lost = false;
                if (!make_again(journal, stretch, &head, data + at + sizeof head, error))
                        return false;
                at += sizeof head + head.size;
        }
        if (lost)
                uk_warn("%s ends in %" G_GSIZE_FORMAT " bytes that are no report: a write that was "
                        "cut short, and not acknowledged",
                        stretch->path, size - lost_at);
        return true;
}

static bool
replay(MpJournal *journal, const char *path, GError **error)
{
        g_autofree char *data = NULL;
        Stretch *stretch = stretch_new(path, 0);
        gsize size;

        if (!uk_io_read(path, STRETCH_MAX, &data, &size, error) ||
            !read_records(journal, stretch, data, size, error)) {
                stretch_free(stretch);
                return false;
        }
        uk_log("Made %u reports of %s into files again", stretch->files->len, path);
        pthread_mutex_lock(&journal->lock);
        g_ptr_array_add(journal->ended, stretch);
        pthread_mutex_unlock(&journal->lock);
        return true;
}

/* One stretch of an earlier run; true when it is done with. */
static bool
replay_next(MpJournal *journal)
{
        g_autoptr(GError) error = NULL;
        char *path;
        bool ok;

        pthread_mutex_lock(&journal->lock);
        path = g_queue_pop_head(&journal->left);
        pthread_mutex_unlock(&journal->lock);
        if (path == NULL)
                return false;
        ok = replay(journal, path, &error);
        if (ok) {
                g_free(path);
                return true;
        }
        uk_error("%s could not be read again and will be tried again: %s", path, error->message);
        pthread_mutex_lock(&journal->lock);
        g_queue_push_head(&journal->left, path);
        pthread_mutex_unlock(&journal->lock);
        return false;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* The next entries for one write, or NULL. The lock is held. */
static GPtrArray *
take_group(MpJournal *journal)
{
        GPtrArray *group = NULL;
        gsize bytes = 0;
        MpEntry *entry;

        while ((entry = g_queue_peek_head(&journal->pending)) != NULL) {
                bytes += entry->size;
                if (group != NULL && bytes > GROUP_BYTES)
                        break;
                if (group == NULL)
                        group = g_ptr_array_new();
                g_ptr_array_add(group, g_queue_pop_head(&journal->pending));
        }
        return group;
}

static void
serve_group(MpJournal *journal, GPtrArray *group)
{
        g_autoptr(GError) error = NULL;

        if (write_group(journal, group, &error))
                finish_group(journal, group);
        else
                refuse_group(journal, group, error);
}

/* Waits for something to do. False: all is done and the journal is being closed. */
static bool
next_work(MpJournal *journal, GPtrArray **group_out, bool *again_out, bool *turn_out)
{
        pthread_mutex_lock(&journal->lock);
        while (g_queue_is_empty(&journal->pending) && !journal->again && !journal->turn &&
               !journal->ending)
                pthread_cond_wait(&journal->called, &journal->lock);
        *group_out = take_group(journal);
        *again_out = journal->again;
        *turn_out = journal->turn;
        journal->again = false;
        journal->turn = false;
        bool more = *group_out != NULL || *again_out || *turn_out || !journal->ending;
        pthread_mutex_unlock(&journal->lock);
        return more;
}

static void *
run(void *arg)
{
        MpJournal *journal = arg;
        GPtrArray *group;
        bool again;
        bool turn;

        uk_log_bind(journal->log);
        while (next_work(journal, &group, &again, &turn)) {
                if (group != NULL) {
                        serve_group(journal, group);
                        g_ptr_array_unref(group);
                }
                if (again) {
                        make_unmade(journal);
                        /* The next one at the next turn of the loop, so that senders need not wait
                         * for all of them. */
                        if (replay_next(journal)) {
                                pthread_mutex_lock(&journal->lock);
                                journal->again = true;
                                pthread_mutex_unlock(&journal->lock);
                        }
                }
                if (turn)
                        end_stretch(journal);
        }
        end_stretch(journal);
        return NULL;
}

/* ---- dropping -------------------------------------------------------------------------------- */

/* Syncs what is still there of the stretch's files; taken ones need it no more. */
static bool
sync_files(MpJournal *journal, const Stretch *stretch, GError **error)
{
        bool seen[256] = { false };

        for (guint i = 0; i < stretch->files->len; i++) {
                const FileRef *ref = &g_array_index(stretch->files, FileRef, i);
                const char *folder = journal->use.folder(journal->use.user, ref->box);
                g_autofree char *path = g_build_filename(folder, ref->name, NULL);
                UK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

                seen[ref->box] = true;
                if (fd < 0 && errno != ENOENT)
                        return uk_fail_errno(error, errno, "opening %s", path);
                if (fd >= 0 && !uk_io_sync(fd, false, path, error))
                        return false;
        }
        for (guint box = 0; box < G_N_ELEMENTS(seen); box++) {
                if (seen[box] &&
                    !uk_io_sync_dir(journal->use.folder(journal->use.user, (guint8)box), error))
                        return false;
        }
        return true;
}

static bool
drop_stretch(MpJournal *journal, const Stretch *stretch, GError **error)
{
        UK_DOING(error, "dropping the journal's %s", stretch->path);

        return sync_files(journal, stretch, error) && uk_io_unlink(stretch->path, error);
}

/* A stretch that is ended and whose entries are all files, or NULL. */
static Stretch *
take_droppable(MpJournal *journal)
{
        Stretch *found = NULL;

        pthread_mutex_lock(&journal->lock);
        for (guint i = 0; found == NULL && i < journal->ended->len; i++) {
                Stretch *stretch = g_ptr_array_index(journal->ended, i);

                if (stretch->unmade == 0)
                        found = g_ptr_array_steal_index(journal->ended, i);
        }
        pthread_mutex_unlock(&journal->lock);
        return found;
}

static bool
drop_all(MpJournal *journal, GError **error)
{
        Stretch *stretch;

        while ((stretch = take_droppable(journal)) != NULL) {
                if (!drop_stretch(journal, stretch, error)) {
                        pthread_mutex_lock(&journal->lock);
                        g_ptr_array_add(journal->ended, stretch);
                        pthread_mutex_unlock(&journal->lock);
                        return false;
                }
                stretch_free(stretch);
        }
        return true;
}

bool
mp_journal_tick(MpJournal *journal, GError **error)
{
        /* What was ended at the last tick is dropped now: by then most of its files have been
         * taken, and the others written back, so that the syncs have little to do. */
        bool ok = drop_all(journal, error);

        pthread_mutex_lock(&journal->lock);
        journal->again = true;
        journal->turn = true;
        pthread_cond_signal(&journal->called);
        pthread_mutex_unlock(&journal->lock);
        return ok;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int
by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Finds the stretches of an earlier run; the next one gets a higher number than any of them. */
static bool
find_left(MpJournal *journal, GError **error)
{
        g_autoptr(GDir) dir = g_dir_open(journal->dir, 0, error);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const char *name;

        if (dir == NULL)
                return false;
        while ((name = g_dir_read_name(dir)) != NULL) {
                if (strlen(name) == 16 + strlen(STRETCH_KIND) &&
                    g_str_has_suffix(name, STRETCH_KIND))
                        g_ptr_array_add(names, g_strdup(name));
        }
        g_ptr_array_sort(names, by_name);
        for (guint i = 0; i < names->len; i++) {
                name = g_ptr_array_index(names, i);
                journal->next = MAX(journal->next, g_ascii_strtoull(name, NULL, 16) + 1);
                g_queue_push_tail(&journal->left, g_build_filename(journal->dir, name, NULL));
        }
        return true;
}

static void
journal_free(MpJournal *journal)
{
        Waiting *waiting;

        while ((waiting = g_queue_pop_head(&journal->unmade)) != NULL) {
                mp_entry_free(waiting->entry);
                g_free(waiting);
        }
        g_queue_clear_full(&journal->left, g_free);
        for (guint i = 0; i < journal->ended->len; i++)
                stretch_free(g_ptr_array_index(journal->ended, i));
        g_ptr_array_unref(journal->ended);
        pthread_cond_destroy(&journal->called);
        pthread_mutex_destroy(&journal->lock);
        g_free(journal->dir);
        g_free(journal);
}

MpJournal *
mp_journal_open(const char *dir, gsize max_bytes, const MpJournalUse *use, UkLog *log,
                GError **error)
{
        UK_DOING(error, "opening the journal in %s", dir);
        MpJournal *journal;
        int failed;

        if (!uk_io_mkdirs(dir, 0750, error))
                return NULL;
        journal = g_new0(MpJournal, 1);
        journal->dir = g_strdup(dir);
        journal->max_bytes = max_bytes;
        journal->use = *use;
        journal->log = log;
        journal->next = 1;
        journal->again = true;
        journal->ended = g_ptr_array_new();
        make_table(journal->table);
        pthread_mutex_init(&journal->lock, NULL);
        pthread_cond_init(&journal->called, NULL);
        if (!find_left(journal, error)) {
                journal_free(journal);
                return NULL;
        }
        failed = pthread_create(&journal->thread, NULL, run, journal);
        if (failed != 0) {
                uk_fail_errno(error, failed, "starting its thread");
                journal_free(journal);
                return NULL;
        }
        pthread_setname_np(journal->thread, "journal");
        return journal;
}

void
mp_journal_close(MpJournal *journal)
{
        g_autoptr(GError) error = NULL;

        if (journal == NULL)
                return;
        pthread_mutex_lock(&journal->lock);
        journal->ending = true;
        journal->again = true;
        pthread_cond_signal(&journal->called);
        pthread_mutex_unlock(&journal->lock);
        pthread_join(journal->thread, NULL);
        if (!drop_all(journal, &error))
                uk_error("%s; it will be read again at the next start", error->message);
        journal_free(journal);
}

bool
mp_journal_add(MpJournal *journal, MpEntry *entry, GError **error)
{
        bool taken;

        pthread_mutex_lock(&journal->lock);
        taken = !journal->ending && journal->bytes + entry->size <= journal->max_bytes &&
                entry->size <= G_MAXINT32;
        if (taken) {
                g_queue_push_tail(&journal->pending, entry);
                journal->bytes += entry->size;
                journal->waiting++;
                pthread_cond_signal(&journal->called);
        }
        pthread_mutex_unlock(&journal->lock);
        return taken || uk_fail(error, UK_ERROR_BUSY,
                                "reports arrive faster than they can be stored; try again later");
}

void
mp_journal_count(MpJournal *journal, guint *stretches_out, guint *waiting_out)
{
        pthread_mutex_lock(&journal->lock);
        *stretches_out = journal->ended->len + g_queue_get_length(&journal->left);
        *waiting_out = journal->waiting;
        pthread_mutex_unlock(&journal->lock);
}
