/* mp_journal.h - what clients sent is durable here before they are answered.
 *
 * Entries that arrive while the disk is busy share the next sync. Once durable, an entry is made
 * into a file, unsynced; a stretch of the journal is dropped after one sync of its files and their
 * folders, and read again after a crash: then files are made again under the same names, and those
 * that were taken meanwhile come a second time (which StateSys does not mind, COMP-071).
 */
#pragma once

#include "base/error.h"
#include "base/log.h"

typedef struct MpJournal MpJournal;

#define MP_NAME_SIZE 16

typedef struct {
        char name[MP_NAME_SIZE]; /* of the file, with its extension; NUL-terminated */
        guint8 box;              /* which folder; its meaning is the user's */
        char *body;              /* owned */
        gsize size;
        gpointer request; /* what waits for the answer; NULL in an entry read after a crash */
} MpEntry;

void mp_entry_free(MpEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MpEntry, mp_entry_free)

/* What the journal asks of its user, all of it on the journal's own thread, with its log bound. */
typedef struct {
        /* The entry is durable (error NULL), or it was not kept and the sender must try again. */
        void (*durable)(gpointer user, MpEntry *entry, const GError *error);
        /* Makes the file. What fails is tried again at the next tick. */
        bool (*make)(gpointer user, const MpEntry *entry, GError **error);
        /* The folder of a box; borrowed. */
        const char *(*folder)(gpointer user, guint8 box);
        gpointer user;
} MpJournalUse;

/* Opens the journal in folder dir (made where missing) and starts its thread, which first makes
 * the files of what an earlier run left. Entries of at most max_bytes together are kept in memory.
 * The caller closes it. */
MpJournal *mp_journal_open(const char *dir, gsize max_bytes, const MpJournalUse *use, UkLog *log,
                           GError **error) UK_MUST_USE;
/* Makes files of all that is durable, drops every stretch that can be dropped, and frees. */
void mp_journal_close(MpJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MpJournal, mp_journal_close)

/* Hands an entry over; durable() will be called for it, once. BUSY: too much is waiting already,
 * the entry is the caller's as before. From any thread. */
bool mp_journal_add(MpJournal *journal, MpEntry *entry, GError **error) UK_MUST_USE;

/* To be called now and then: tries again what failed, begins a new stretch, and drops the earlier
 * ones whose files are synced. From one thread; waits for the disk. */
bool mp_journal_tick(MpJournal *journal, GError **error) UK_MUST_USE;

/* Stretches on disk, and entries that are not yet files. */
void mp_journal_count(MpJournal *journal, guint *stretches_out, guint *waiting_out);
