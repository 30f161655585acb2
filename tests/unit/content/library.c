/* Tests of src/content/library*.c that need a look inside of a program: positions, threads, holes.
 * Whole libraries are judged from outside by library_walk.py. */
#include "content/library.h"

#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "content/library_check.h"
#include "content/library_clean.h"
#include "content/libraryini.h"
#include "content/verify.h"
#include "unit/must.h"

#define ID         "PS100039.1"
#define TEXTS(...) ((const char *const[]){ __VA_ARGS__, NULL })
/* Those whose files are published here. */
#define ALL TEXTS(ID, "PS100039.3", "PS1000391.1", "PS100040.1")

typedef struct {
        char *root;
        Library *library;
} World;

static void
open_world(World *w)
{
        MUST((w->library = library_open(w->root, true, &failure)) != NULL);
}

static void
set_up(World *w, gconstpointer unused)
{
        g_autofree char *dir = g_dir_make_tmp("uk-library-XXXXXX", NULL);

        w->root = g_strdup(dir);
        open_world(w);
}

static void
tear_down(World *w, gconstpointer unused)
{
        library_free(w->library);
        MUST(uk_io_remove_tree(w->root, &failure));
        g_free(w->root);
}

static void
hash_of(const char *text, guint8 *hash_out)
{
        hash_sha256(text, strlen(text), hash_out);
}

static void
put(World *w, const char *text, const char *id)
{
        guint8 hash[HASH_SHA256_SIZE];

        hash_of(text, hash);
        MUST(library_put(w->library, hash, text, strlen(text), id, &failure));
}

/* A tree of files whose names are their texts. */
static ContentTree *
tree_of(const char *id, const char *const *texts)
{
        ContentTree *tree = tree_new(id);

        for (; *texts != NULL; texts++) {
                TreeEntry e = { .path = *texts, .mode = 0644, .size = (gint64)strlen(*texts) };

                hash_of(*texts, e.hash);
                MUST(tree_add(tree, &e, &failure));
        }
        MUST(tree_seal(tree, &failure));
        return tree;
}

static void
add(World *w, const char *id, const char *const *texts)
{
        g_autoptr(ContentTree) tree = tree_of(id, texts);

        for (guint i = 0; texts[i] != NULL; i++)
                put(w, texts[i], id);
        MUST(library_publish(w->library, ALL, &failure));
        MUST(library_add_content(w->library, tree, NULL, &failure));
}

static bool
has(World *w, const char *text)
{
        guint8 hash[HASH_SHA256_SIZE];
        gint64 size;

        hash_of(text, hash);
        if (!library_has(w->library, hash, &size))
                return false;
        g_assert_cmpint(size, ==, (gint64)strlen(text));
        return true;
}

/* Names in a folder of the library. */
static guint
count_names(World *w, const char *folder)
{
        g_autofree char *path = g_build_filename(w->root, folder, NULL);
        g_autoptr(GDir) names = g_dir_open(path, 0, NULL);
        guint count = 0;

        while (names != NULL && g_dir_read_name(names) != NULL)
                count++;
        return count;
}

static void
add_share_and_remove(World *w, gconstpointer unused)
{
        add(w, ID, TEXTS("a", "b"));
        add(w, "PS100040.1", TEXTS("b", "c"));
        MUST(library_set_package(w->library, "PS100039", 1, TEXTS(ID), &failure));
        MUST(library_set_package(w->library, "PS100040", 1, TEXTS("PS100040.1"), &failure));
        g_assert_true(has(w, "a") && has(w, "b") && has(w, "c"));

        add(w, "PS100039.2", TEXTS("d"));
        MUST(library_set_package(w->library, "PS100039", 2, TEXTS("PS100039.2"), &failure));
        g_assert_true(!has(w, "a") && has(w, "b") && has(w, "c") && has(w, "d"));
        g_assert_null(library_tree_ref(w->library, ID, NULL));

        MUST(library_remove_package(w->library, "PS100040", &failure));
        g_assert_true(!has(w, "b") && !has(w, "c") && has(w, "d"));
        MUST(library_remove_package(w->library, "PS100040", &failure));
        g_assert_cmpuint(count_names(w, "FileLib"), ==, 1); /* folders go with their last files */
        MUST(library_remove_package(w->library, "PS100039", &failure));
        g_assert_cmpuint(count_names(w, "FileLib"), ==, 0);
}

/* Points of the disk that setting the draft passes. */
static guint
set_draft(World *w, LibraryDraft *draft)
{
        uk_fault_set("count");
        MUST(library_set_draft(w->library, draft, &failure));
        guint count = uk_fault_count();
        uk_fault_set(NULL);
        library_draft_free(draft);
        g_assert_cmpuint(count_names(w, "PkgLib"), ==, 1);
        return count;
}

static LibraryDraft *
draft_of(World *w, gint64 version)
{
        LibraryDraft *draft;

        MUST((draft = library_draft_package(w->library, "PS100039", version, TEXTS(ID),
                                            &failure)) != NULL);
        return draft;
}

/* What it names is durable before it, and it before its name: by the sync of what it names, if that
 * began after it was written and no sync has failed since. */
static void
a_draft_is_synced_with_what_it_names(World *w, gconstpointer unused)
{
        const guint named = 2, written = 4; /* rename, folder; write, sync, rename, folder */
        g_autoptr(ContentTree) tree = tree_of(ID, TEXTS("a"));
        g_autoptr(GError) error = NULL;
        LibraryDraft *draft = draft_of(w, 1);

        add(w, ID, TEXTS("a"));
        g_assert_cmpuint(set_draft(w, draft), ==, named);
        g_assert_cmpuint(set_draft(w, draft_of(w, 2)), ==, written);
        draft = draft_of(w, 3);
        uk_fault_set("fail:1");
        g_assert_false(library_add_content(w->library, tree, NULL, &error));
        uk_fault_set(NULL);
        g_clear_error(&error);
        MUST(library_add_content(w->library, tree, NULL, &failure));
        g_assert_cmpuint(set_draft(w, draft), ==, written);
        library_draft_free(draft_of(w, 4));
        library_free(w->library);
        open_world(w);
        g_autoptr(LibraryPackage) package = NULL;
        MUST((package = library_package(w->library, "PS100039", &failure)) != NULL);
        g_assert_cmpint(package->version, ==, 3);
        g_assert_null(library_draft_package(w->library, "../x", 1, TEXTS(ID), &error));
        g_assert_cmpuint(count_names(w, "PkgLib"), ==, 1);
}

static void
users_are_named(World *w, gconstpointer unused)
{
        guint8 hash[HASH_SHA256_SIZE];
        g_auto(GStrv) users = NULL;

        add(w, ID, TEXTS("b"));
        add(w, "PS100040.1", TEXTS("b"));
        hash_of("b", hash);
        MUST((users = library_users(w->library, hash, &failure)) != NULL);
        g_assert_cmpuint(g_strv_length(users), ==, 2);
        g_assert_true(g_strv_contains((const char *const *)users, ID));
        g_assert_true(g_strv_contains((const char *const *)users, "PS100040.1"));
}

static void
nothing_without_its_files(World *w, gconstpointer unused)
{
        g_autoptr(ContentTree) tree = tree_of(ID, TEXTS("a", "b"));
        g_autoptr(GArray) missing = NULL;
        g_autoptr(GError) error = NULL;

        put(w, "a", ID);
        g_assert_false(has(w, "a")); /* not before it is synced */
        MUST(library_publish(w->library, ALL, &failure));
        missing = library_missing(w->library, tree);
        g_assert_cmpuint(missing->len, ==, 1);
        g_assert_cmpuint(g_array_index(missing, guint, 0), ==, 1);
        g_assert_false(library_add_content(w->library, tree, NULL, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_assert_nonnull(strstr(error->message, "\"b\""));
        g_assert_null(library_tree_ref(w->library, ID, NULL));
}

/* The path of a file on its way in; the caller's. */
static char *
path_of_temporary(World *w, const char *text, const char *id)
{
        guint8 hash[HASH_SHA256_SIZE];

        hash_of(text, hash);
        g_autofree char *hex = libraryini_hex(hash);
        return g_strdup_printf("%s/SMS_DP$/%s-%s.temp", w->root, hex, id);
}

/* Bytes that went from under the library before they were published come again; nobody else waits
 * for them. */
static void
one_lost_file_stops_no_other(World *w, gconstpointer unused)
{
        g_autofree char *lost = path_of_temporary(w, "lost", ID);
        g_autoptr(GError) error = NULL;

        put(w, "lost", ID);
        put(w, "other", "PS100040.1");
        g_assert_cmpint(g_unlink(lost), ==, 0);
        g_assert_false(library_publish(w->library, ALL, &error));
        g_assert_nonnull(strstr(error->message, "has to come again"));
        g_assert_true(!has(w, "lost") && has(w, "other"));
        put(w, "lost", ID);
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_true(has(w, "lost"));
}

/* One name that cannot be given (a folder is in its place) is an error, but the others get theirs,
 * and it gets its own when that can be. */
static void
one_failure_stops_no_other(World *w, gconstpointer unused)
{
        guint8 hash[HASH_SHA256_SIZE];
        g_autoptr(GError) error = NULL;

        hash_of("first", hash);
        g_autofree char *hex = libraryini_hex(hash);
        g_autofree char *place = g_strdup_printf("%s/FileLib/%.4s/%s", w->root, hex, hex);
        g_assert_cmpint(g_mkdir_with_parents(place, 0755), ==, 0);
        put(w, "first", ID);
        put(w, "second", ID);
        put(w, "third", "PS100040.1");
        g_assert_false(library_publish(w->library, TEXTS("PS100040.1", ID), &error));
        MUST(library_publish(w->library, TEXTS("PS100040.1"), &failure));
        MUST(library_publish(w->library, NULL, &failure));
        g_assert_true(!has(w, "first") && has(w, "second") && has(w, "third"));
        g_assert_cmpint(g_rmdir(place), ==, 0);
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_true(has(w, "first"));
}

/* The file system's number of the note of a file's users; kept: and a name that keeps it from being
 * given to another file. */
static ino_t
note_of(World *w, const char *text, bool kept)
{
        guint8 hash[HASH_SHA256_SIZE];
        struct stat st;

        hash_of(text, hash);
        g_autofree char *hex = libraryini_hex(hash);
        g_autofree char *path = g_strdup_printf("%s/FileLib/%.4s/%s.INI", w->root, hex, hex);
        g_autofree char *other = g_strconcat(w->root, "/", text, NULL);
        g_assert_cmpint(stat(path, &st), ==, 0);
        g_assert_true(!kept || link(path, other) == 0);
        return st.st_ino;
}

/* The system tells of bytes that the disk did not take by one failed sync, and then no more: when
 * that was another's, the bytes must not be published all the same. */
static void
a_failed_sync_is_everybodys(World *w, gconstpointer unused)
{
        g_autoptr(ContentTree) tree = tree_of("PS100040.1", TEXTS("a"));
        g_autoptr(LibraryFile) file = NULL;
        g_autoptr(GError) error = NULL;
        guint8 hash[HASH_SHA256_SIZE];

        add(w, "PS100040.1", TEXTS("a"));
        put(w, "waits", ID);
        hash_of("open", hash);
        MUST((file = library_file_begin(w->library, hash, 4, ID, &failure)) != NULL);
        MUST(library_file_write(file, "op", 2, &failure));
        uk_fault_set("fail:1");
        g_assert_false(library_add_content(w->library, tree, NULL, &error));
        uk_fault_set(NULL);
        g_assert_nonnull(strstr(error->message, "syncing the file system"));
        g_clear_error(&error);
        MUST(library_file_write(file, "en", 2, &failure));
        MUST(library_file_end(file, &failure));
        put(w, "after", ID);
        g_assert_false(library_publish(w->library, ALL, &error));
        g_assert_nonnull(strstr(error->message, "have to come again"));
        g_assert_true(!has(w, "waits") && !has(w, "open") && has(w, "after"));
        put(w, "waits", ID);
        put(w, "open", ID);
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_true(has(w, "waits") && has(w, "open"));
}

/* Notes are bytes, too: what is right of them in memory may not be on the disk. */
static void
a_failed_sync_is_the_notes(World *w, gconstpointer unused)
{
        g_autoptr(ContentTree) there = tree_of("PS100040.1", TEXTS("a"));
        g_autoptr(ContentTree) tree = tree_of(ID, TEXTS("a", "new"));
        g_autofree char *shared = g_build_filename(w->root, "SMS_DP$", ID ".users", NULL);
        g_autoptr(GError) error = NULL;
        struct stat before, after;

        add(w, "PS100040.1", TEXTS("a"));
        MUST(library_add_ahead(w->library, tree, &failure));
        ino_t of_old = note_of(w, "a", true), of_new = note_of(w, "new", true);
        g_assert_cmpint(stat(shared, &before), ==, 0);
        g_assert_cmpint(before.st_ino, ==, of_new);
        uk_fault_set("fail:1");
        g_assert_false(library_add_content(w->library, there, NULL, &error));
        uk_fault_set(NULL);
        put(w, "new", ID);
        put(w, "next", ID);
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_cmpint(stat(shared, &after), ==, 0);
        g_assert_cmpint(note_of(w, "new", false), !=, of_new);
        g_assert_true(after.st_ino != of_new && note_of(w, "next", false) == after.st_ino);
        MUST(library_add_content(w->library, tree, NULL, &failure));
        g_assert_cmpint(note_of(w, "a", false), !=, of_old);
}

/* What arrives for other versions of a package goes, whole or not; what another package has, what
 * is still wanted and what is being received stays. */
static void
what_arrives_is_dropped(World *w, gconstpointer unused)
{
        g_autoptr(GHashTable) keep = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
        g_autofree char *whole = path_of_temporary(w, "whole", ID);
        g_autofree char *half = path_of_temporary(w, "half", ID);
        g_autofree char *open = path_of_temporary(w, "open", ID);
        g_autoptr(LibraryFile) file = NULL;
        guint8 hash[HASH_SHA256_SIZE];

        put(w, "whole", ID);
        put(w, "wanted", "PS100039.3");
        put(w, "another", "PS1000391.1");
        put(w, "named", "Content_a.1");
        put(w, "older named", "Content_a.10");
        put(w, "kept named", "Content_b.2");
        put(w, "other", "Content_a1.1");
        g_hash_table_add(keep, (gpointer) "PS100039.3");
        g_hash_table_add(keep, (gpointer) "Content_b.2");
        g_hash_table_add(ids, (gpointer) "Content_a.1");
        g_hash_table_add(ids, (gpointer) "Content_b.2");
        hash_of("half", hash);
        MUST((file = library_file_begin(w->library, hash, 4, ID, &failure)) != NULL);
        MUST(library_file_write(file, "ha", 2, &failure));
        library_file_free(file);
        hash_of("open", hash);
        MUST((file = library_file_begin(w->library, hash, 4, ID, &failure)) != NULL);
        MUST(library_drop_arriving(w->library, "PS100039", ids, keep, &failure));
        g_assert_true(access(whole, F_OK) != 0 && access(half, F_OK) != 0);
        MUST(library_file_write(file, "open", 4, &failure));
        MUST(library_file_end(file, &failure));
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_true(!has(w, "whole") && has(w, "open") && has(w, "wanted") && has(w, "another"));
        g_assert_true(!has(w, "named") && !has(w, "older named"));
        g_assert_true(has(w, "kept named") && has(w, "other"));
}

static void
wrong_bytes_are_refused(World *w, gconstpointer unused)
{
        guint8 hash[HASH_SHA256_SIZE];
        g_autoptr(LibraryFile) file = NULL;
        g_autoptr(GError) error = NULL;

        hash_of("right", hash);
        MUST((file = library_file_begin(w->library, hash, 5, ID, &failure)) != NULL);
        g_assert_null(library_file_begin(w->library, hash, 5, ID, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_BUSY);
        g_clear_error(&error);
        MUST(library_file_write(file, "wrong", 5, &failure));
        g_assert_false(library_file_write(file, "!", 1, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
        g_clear_error(&error);
        g_assert_false(library_file_end(file, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_SIGNATURE);
        g_assert_cmpint(library_file_position(file), ==, 0);
        MUST(library_file_write(file, "right", 5, &failure));
        MUST(library_file_end(file, &failure));
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_true(has(w, "right"));
}

typedef struct {
        World *world;
        guint8 hash[HASH_SHA256_SIZE];
        bool is_free;
} Waiting;

static void *
wait_for_file(void *data)
{
        Waiting *waiting = data;

        waiting->is_free = library_file_wait(waiting->world->library, waiting->hash, ID,
                                             uk_clock_mono() + 60 * UK_SECOND);
        return NULL;
}

/* Whoever wants a file that somebody else receives gets it when that one gives it up, and not where
 * it is whole: then it waits for its name. */
static void
a_file_is_waited_for(World *w, gconstpointer unused)
{
        Waiting waiting = { .world = w };
        LibraryFile *file;
        pthread_t thread;

        hash_of("right", waiting.hash);
        MUST((file = library_file_begin(w->library, waiting.hash, 5, ID, &failure)) != NULL);
        g_assert_false(library_file_wait(w->library, waiting.hash, ID, uk_clock_mono() + 1000));
        pthread_create(&thread, NULL, wait_for_file, &waiting);
        library_file_free(file);
        pthread_join(thread, NULL);
        g_assert_true(waiting.is_free);

        MUST((file = library_file_begin(w->library, waiting.hash, 5, ID, &failure)) != NULL);
        pthread_create(&thread, NULL, wait_for_file, &waiting);
        MUST(library_file_write(file, "right", 5, &failure));
        MUST(library_file_end(file, &failure));
        library_file_free(file);
        pthread_join(thread, NULL);
        g_assert_false(waiting.is_free);
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_true(library_file_wait(w->library, waiting.hash, ID, uk_clock_mono()));
}

/* A file that others have fetched: proved like any, and never over one that is proved already. */
static void
adopted_files_are_proved(World *w, gconstpointer unused)
{
        g_autofree char *path = g_build_filename(w->root, "SMS_DP$", "fetched", NULL);
        guint8 hash[HASH_SHA256_SIZE];
        g_autoptr(GError) error = NULL;
        char bytes[6];
        UK_AUTOFD fd = -1;

        hash_of("right", hash);
        g_assert_false(library_file_adopt(w->library, hash, 5, ID, path, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_YET);
        g_clear_error(&error);
        MUST(uk_io_replace(path, "wrong", 5, 0600, &failure));
        g_assert_false(library_file_adopt(w->library, hash, 5, ID, path, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_SIGNATURE);
        MUST(uk_io_replace(path, "right", 5, 0600, &failure));
        MUST(library_file_adopt(w->library, hash, 5, ID, path, &failure));
        MUST(uk_io_replace(path, "wrong", 5, 0600, &failure));
        MUST(library_file_adopt(w->library, hash, 5, ID, path, &failure));
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        MUST(library_publish(w->library, ALL, &failure));
        MUST((fd = library_open_file(w->library, hash, NULL, &failure)) >= 0);
        g_assert_cmpint(read(fd, bytes, sizeof bytes), ==, 5);
        g_assert_cmpint(memcmp(bytes, "right", 5), ==, 0);
}

/* Another process, so to say: the library is closed and opened between the halves. */
static void
goes_on_where_it_was(World *w, gconstpointer unused)
{
        g_autofree char *text = g_strnfill(100000, 'x');
        guint8 hash[HASH_SHA256_SIZE];
        LibraryFile *file;

        hash_of(text, hash);
        MUST((file = library_file_begin(w->library, hash, 100000, ID, &failure)) != NULL);
        MUST(library_file_write(file, text, 60001, &failure));
        library_file_free(file);
        library_free(w->library);
        open_world(w);
        MUST((file = library_file_begin(w->library, hash, 100000, ID, &failure)) != NULL);
        g_assert_cmpint(library_file_position(file), ==, 60001);
        MUST(library_file_write(file, text, 39999, &failure));
        MUST(library_file_end(file, &failure));
        library_file_free(file);
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_true(has(w, text));
}

/* Zeros take no room, whatever the pieces are in which they come, and count as position. */
static void
zeros_are_holes(World *w, gconstpointer unused)
{
        const gint64 size = 64 * 1024 * 1024 + 5;
        g_autofree char *piece = g_malloc0(1000001);
        g_autoptr(HashStream) stream = hash_stream_new();
        guint8 hash[HASH_SHA256_SIZE];
        g_autoptr(LibraryFile) file = NULL;
        UK_AUTOFD fd = -1;
        struct stat st;

        for (gint64 at = 0; at < size; at += 1000001)
                hash_stream_add(stream, piece, (gsize)MIN(1000001, size - at));
        hash_stream_end(stream, hash);
        MUST((file = library_file_begin(w->library, hash, size, ID, &failure)) != NULL);
        for (gint64 at = 0; at < size / 2; at += 1000001)
                MUST(library_file_write(file, piece, 1000001, &failure));
        gint64 position = library_file_position(file);
        library_file_free(g_steal_pointer(&file));
        MUST((file = library_file_begin(w->library, hash, size, ID, &failure)) != NULL);
        g_assert_cmpint(library_file_position(file), ==, position);
        for (gint64 at = position; at < size; at += 1000001)
                MUST(library_file_write(file, piece, (gsize)MIN(1000001, size - at), &failure));
        MUST(library_file_end(file, &failure));
        MUST(library_publish(w->library, ALL, &failure));
        MUST((fd = library_open_file(w->library, hash, NULL, &failure)) >= 0);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, size);
        g_assert_cmpint(st.st_blocks * 512, <, 100 * 1024);
}

static void
one_writer_many_readers(World *w, gconstpointer unused)
{
        g_autoptr(Library) reader = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *nowhere = g_build_filename(w->root, "nowhere", NULL);
        const ContentTree *tree;

        MUST((reader = library_open(w->root, false, &failure)) != NULL);
        g_assert_null(library_open(w->root, true, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_BUSY);
        g_clear_error(&error);
        g_assert_null(library_open(nowhere, false, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_clear_error(&error);

        g_assert_null(library_tree_ref(reader, ID, NULL));
        add(w, ID, TEXTS("a"));
        MUST((tree = library_tree_ref(reader, ID, &failure)) != NULL);
        g_assert_cmpuint(tree_count(tree), ==, 1);
        library_tree_unref(reader, tree);
        add(w, ID, TEXTS("b", "c")); /* the same ID, another tree */
        MUST((tree = library_tree_ref(reader, ID, &failure)) != NULL);
        g_assert_cmpuint(tree_count(tree), ==, 2);
        g_assert_false(has(w, "a"));
        library_tree_unref(reader, tree);
        g_assert_false(library_remove_package(reader, "PS100039", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_DENIED);
}

static void
kept_until_released(World *w, gconstpointer unused)
{
        add(w, ID, TEXTS("a"));
        add(w, "PS100039.2", TEXTS("b"));
        MUST(library_set_package(w->library, "PS100039", 1, TEXTS(ID), &failure));
        MUST(library_keep_content(w->library, ID, &failure));
        MUST(library_set_package(w->library, "PS100039", 2, TEXTS("PS100039.2"), &failure));
        library_free(w->library);
        open_world(w);
        g_assert_true(has(w, "a"));
        MUST(library_release_content(w->library, ID, &failure));
        g_assert_true(!has(w, "a") && has(w, "b"));
        MUST(library_release_content(w->library, ID, &failure));

        MUST(library_keep_content(w->library, "PS100039.2", &failure));
        MUST(library_release_content(w->library, "PS100039.2", &failure));
        g_assert_true(has(w, "b")); /* a package holds it */
}

static void
abandoned_content_leaves_nothing(World *w, gconstpointer unused)
{
        guint8 hash[HASH_SHA256_SIZE];
        g_autoptr(LibraryFile) file = NULL;
        g_autofree char *staging = g_build_filename(w->root, "SMS_DP$", NULL);

        add(w, "PS100040.1", TEXTS("shared"));
        put(w, "shared", ID);
        put(w, "alone", ID);
        MUST(library_publish(w->library, ALL, &failure));
        hash_of("half", hash);
        MUST((file = library_file_begin(w->library, hash, 4, ID, &failure)) != NULL);
        MUST(library_file_write(file, "ha", 2, &failure));
        library_file_free(g_steal_pointer(&file));
        library_free(w->library);
        open_world(w);
        g_assert_true(has(w, "alone"));
        MUST(library_abandon_content(w->library, ID, &failure));
        g_assert_true(!has(w, "alone") && has(w, "shared"));
        g_assert_cmpint(g_rmdir(staging), ==, 0); /* it is empty */
}

/* An older version that was still coming in goes with the newer one; a newer one stays. */
static void
older_versions_stop_coming(World *w, gconstpointer unused)
{
        put(w, "one", "PS100039.1");
        put(w, "three", "PS100039.3");
        MUST(library_publish(w->library, ALL, &failure));
        add(w, "PS100039.2", TEXTS("two"));
        MUST(library_set_package(w->library, "PS100039", 2, TEXTS("PS100039.2"), &failure));
        g_assert_true(!has(w, "one") && has(w, "two") && has(w, "three"));
        put(w, "part one", "Content_a.1");
        put(w, "part three", "Content_a.3");
        put(w, "of another", "Content_b.1");
        MUST(library_publish(w->library, ALL, &failure));
        add(w, "Content_a.2", TEXTS("part two"));
        MUST(library_set_package(w->library, "PS100040", 7, TEXTS("Content_a.2"), &failure));
        g_assert_true(!has(w, "part one") && has(w, "part three") && has(w, "of another"));
        MUST(library_remove_package(w->library, "PS100039", &failure));
        g_assert_true(!has(w, "two") && !has(w, "three"));
}

static void
trees_come_back_from_the_inis(World *w, gconstpointer unused)
{
        g_autofree char *compact = g_build_filename(w->root, "DataLib", ID ".TREE", NULL);
        g_autoptr(ContentTree) tree = tree_new(ID);
        TreeEntry folder = { .path = "sccm?d",
                             .kind = TREE_FOLDER,
                             .mode = 02750,
                             .modified_us = 1600000000123456 };
        TreeEntry odd = { .path = "sccm?d/x.INI",
                          .mode = 0600,
                          .size = 1,
                          .twin = 4,
                          .modified_us = 1700000000000001 };
        TreeEntry link = {
                .path = "l\n=", .kind = TREE_SYMLINK, .mode = 0777, .target = "%41 \xff"
        };
        g_autoptr(GBytes) before = NULL;
        g_autoptr(GBytes) after = NULL;

        hash_of("1", odd.hash);
        MUST(tree_add(tree, &folder, &failure));
        MUST(tree_add(tree, &odd, &failure));
        odd.path = "~0000000000000000000000000000000000000000000000000000000000000000";
        MUST(tree_add(tree, &odd, &failure));
        MUST(tree_add(tree, &link, &failure));
        MUST(tree_seal(tree, &failure));
        put(w, "1", ID);
        MUST(library_publish(w->library, ALL, &failure));
        MUST(library_add_content(w->library, tree, NULL, &failure));
        before = tree_write(tree);

        g_assert_cmpint(g_unlink(compact), ==, 0);
        library_free(w->library);
        open_world(w);
        const ContentTree *again;
        MUST((again = library_tree_ref(w->library, ID, &failure)) != NULL);
        after = tree_write(again);
        g_assert_true(g_bytes_equal(before, after));
        library_tree_unref(w->library, again);
        g_assert_cmpint(access(compact, F_OK), ==, 0);
}

/* A note that is gone, or that the disk cannot give (a link that leads to itself), is made again
 * from the trees. */
static void
lost_notes_lose_no_file(World *w, gconstpointer unreadable)
{
        guint8 hash[HASH_SHA256_SIZE];

        add(w, ID, TEXTS("b"));
        add(w, "PS100040.1", TEXTS("b"));
        hash_of("b", hash);
        g_autofree char *hex = libraryini_hex(hash);
        g_autofree char *note = g_strdup_printf("%s/FileLib/%.4s/%s.INI", w->root, hex, hex);
        MUST(library_set_package(w->library, "PS100039", 1, TEXTS(ID), &failure));
        MUST(library_set_package(w->library, "PS100040", 1, TEXTS("PS100040.1"), &failure));
        g_assert_cmpint(g_unlink(note), ==, 0);
        if (unreadable != NULL)
                g_assert_cmpint(symlink(note, note), ==, 0);
        MUST(library_remove_package(w->library, "PS100039", &failure));
        g_assert_true(has(w, "b") && g_file_test(note, G_FILE_TEST_IS_REGULAR));
        MUST(library_remove_package(w->library, "PS100040", &failure));
        g_assert_false(has(w, "b"));
}

/* Descriptors of this process whose files have no name any more. */
static int
nameless(void)
{
        g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
        const char *name;
        int count = 0;

        while ((name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename("/proc/self/fd", name, NULL);
                g_autofree char *target = g_file_read_link(path, NULL);

                count += target != NULL && g_str_has_suffix(target, " (deleted)");
        }
        return count;
}

static void
check_shared(World *w, const char *named, const char *expected)
{
        guint8 hash[HASH_SHA256_SIZE];
        char text[64];
        gint64 size = -1;

        hash_of(named, hash);
        int fd;
        MUST((fd = library_open_shared(w->library, hash, &size, &failure)) >= 0);
        g_assert_cmpint(size, ==, (gint64)strlen(expected));
        g_assert_cmpmem(text, pread(fd, text, sizeof text, 0), expected, strlen(expected));
        uk_io_close(&fd);
}

/* What keeps one content item from going (a folder is where its signatures would be) keeps nobody
 * else from anything, also after a restart, and it goes when it can. */
static void
one_removal_stops_no_other(World *w, gconstpointer unused)
{
        g_autofree char *tar = g_build_filename(w->root, "SMSSIG$", ID ".tar", NULL);
        g_autofree char *marker = g_build_filename(w->root, "DataLib", ID ".GONE", NULL);
        guint8 hash[HASH_SHA256_SIZE];
        g_autoptr(GError) error = NULL;

        add(w, ID, TEXTS("a"));
        add(w, "PS100040.1", TEXTS("b"));
        MUST(library_set_package(w->library, "PS100039", 1, TEXTS(ID), &failure));
        MUST(library_set_package(w->library, "PS100040", 1, TEXTS("PS100040.1"), &failure));
        g_assert_cmpint(g_mkdir(tar, 0700), ==, 0);
        g_assert_false(library_remove_package(w->library, "PS100039", &error));
        for (int i = 0; i < 2; i++) {
                g_autofree char *id = g_strdup_printf("PS10004%d.1", i + 1);

                add(w, id, TEXTS("c"));
                MUST(library_abandon_content(w->library, id, &failure));
                library_free(w->library);
                open_world(w);
        }
        g_assert_cmpint(access(marker, F_OK), ==, 0);
        put(w, "d", "PS100050.1");
        hash_of("a", hash);
        g_clear_error(&error);
        g_assert_null(library_file_begin(w->library, hash, 1, ID, &error));
        g_assert_cmpint(g_rmdir(tar), ==, 0);
        MUST(library_remove_package(w->library, "PS100040", &failure));
        g_assert_true(!has(w, "a") && !has(w, "b") && access(marker, F_OK) != 0);
}

/* Files that come in for a content item that is there are no reason to leave its definition as it
 * is. */
static void
mended_while_files_come(World *w, gconstpointer unused)
{
        g_autofree char *compact = g_build_filename(w->root, "DataLib", ID ".TREE", NULL);
        g_autoptr(GPtrArray) flaws = library_flaws_new();

        add(w, ID, TEXTS("a", "b"));
        MUST(library_set_package(w->library, "PS100039", 1, TEXTS(ID), &failure));
        put(w, "b", ID);
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_true(g_file_set_contents(compact, "garbage", -1, NULL));
        MUST(library_check_content(w->library, ID, true, flaws, &failure));
        g_assert_cmpuint(flaws->len, ==, 1);
        g_assert_true(((const LibraryFlaw *)flaws->pdata[0])->mended);
}

/* How many things would go if the clock were set forward by that, were it not for those spared. */
static guint
count_unspared(World *w, gint64 forward_us, GHashTable *spared)
{
        g_autoptr(GPtrArray) orphans = NULL;

        MUST((orphans = library_clean_find(w->library, -forward_us, spared, &failure)) != NULL);
        return orphans->len;
}

static guint
count_orphans(World *w, gint64 forward_us)
{
        return count_unspared(w, forward_us, NULL);
}

static gint64
changed_at(const char *path)
{
        struct stat st;

        g_assert_cmpint(lstat(path, &st), ==, 0);
        return (gint64)st.st_ctim.tv_sec * G_USEC_PER_SEC + st.st_ctim.tv_nsec / 1000;
}

/* A transfer that takes long is none that nobody goes on with: neither while this program is at it,
 * however the clock is set, nor when something of it is young, nor while a file of it is open. */
static void
what_still_comes_is_no_orphan(World *w, gconstpointer unused)
{
        g_autoptr(ContentTree) tree = tree_of(ID, TEXTS("a", "b", "half"));
        g_autofree char *pend = g_build_filename(w->root, "DataLib", ID ".PEND", NULL);
        g_autofree char *half = path_of_temporary(w, "half", ID);
        g_autoptr(GPtrArray) orphans = NULL;
        guint8 hash[HASH_SHA256_SIZE];
        LibraryFile *file;

        MUST(library_add_ahead(w->library, tree, &failure)); /* notes all of them */
        gint64 first = changed_at(pend);
        while (changed_at(pend) == first) {
                g_assert_true(uk_clock_sleep(10000, -1)); /* the grain of the files' clock */
                put(w, "a", ID);
                MUST(library_publish(w->library, ALL, &failure));
        }
        g_assert_cmpint(changed_at(pend), >, first);
        g_assert_cmpuint(count_orphans(w, 30 * UK_DAY), ==, 0);
        library_free(w->library);
        open_world(w);
        g_assert_cmpuint(count_orphans(w, 30 * UK_DAY), ==, 1);

        hash_of("half", hash);
        g_assert_true(uk_clock_sleep(200000, -1));
        MUST((file = library_file_begin(w->library, hash, 4, ID, &failure)) != NULL);
        MUST(library_file_write(file, "ha", 2, &failure));
        gint64 between = (changed_at(pend) + changed_at(half)) / 2, begun;
        do {
                begun = uk_clock_files();
                g_assert_cmpuint(count_orphans(w, between - begun), ==, 0);
        } while (uk_clock_files() - begun > 90000); /* it looked for other times than these */

        MUST((orphans = library_clean_find(w->library, -UK_DAY, NULL, &failure)) != NULL);
        MUST(library_clean_remove(w->library, orphans, &failure));
        g_assert_true(has(w, "a"));
        library_file_free(file);
        MUST(library_clean_remove(w->library, orphans, &failure));
        g_assert_true(!has(w, "a") && access(pend, F_OK) != 0);
}

/* What was damaged and set aside goes when its file is here again. */
static void
set_aside_until_it_is_back(World *w, gconstpointer unused)
{
        g_autofree char *path = NULL, *other = NULL;
        g_autoptr(GPtrArray) orphans = NULL;
        guint8 hash[HASH_SHA256_SIZE];

        add(w, ID, TEXTS("a", "b"));
        MUST(library_set_package(w->library, "PS100039", 1, TEXTS(ID), &failure));
        hash_of("a", hash);
        path = verify_damaged_path(w->library, hash);
        g_assert_true(g_file_set_contents(path, "A", -1, NULL));
        put(w, "a", ID);
        MUST(library_publish(w->library, ALL, &failure));
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        /* the program was killed between the two; another one is still needed */
        g_assert_true(g_file_set_contents(path, "A", -1, NULL));
        hash_of("b", hash);
        other = verify_damaged_path(w->library, hash);
        g_assert_true(g_file_set_contents(other, "B", -1, NULL));
        g_autofree char *hex = libraryini_hex(hash);
        g_autofree char *bytes = g_strdup_printf("%s/FileLib/%.4s/%s", w->root, hex, hex);
        g_assert_cmpint(g_unlink(bytes), ==, 0);
        MUST((orphans = library_clean_find(w->library, -UK_DAY, NULL, &failure)) != NULL);
        MUST(library_clean_remove(w->library, orphans, &failure));
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        g_assert_true(g_file_test(other, G_FILE_TEST_EXISTS));
}

/* What has come whole, too, of a package whose rest is still to come. */
static void
what_is_spared_is_no_orphan(World *w, gconstpointer unused)
{
        g_autoptr(GHashTable) spared = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(LibraryFile) half = NULL;
        guint8 hash[HASH_SHA256_SIZE];

        add(w, ID, TEXTS("a"));
        put(w, "b", "Content_b.1");
        MUST(library_publish(w->library, ALL, &failure));
        hash_of("half", hash);
        MUST((half = library_file_begin(w->library, hash, 4, "Content_b.1", &failure)) != NULL);
        MUST(library_file_write(half, "ha", 2, &failure));
        library_file_free(g_steal_pointer(&half));
        library_free(w->library);
        open_world(w);
        g_assert_cmpuint(count_orphans(w, 30 * UK_DAY), ==, 3);
        g_hash_table_add(spared, (gpointer) "Content_b.1");
        g_assert_cmpuint(count_unspared(w, 30 * UK_DAY, spared), ==, 1);
        g_hash_table_add(spared, (gpointer)ID);
        g_assert_cmpuint(count_unspared(w, 30 * UK_DAY, spared), ==, 0);
}

/* A file that stays open for the next one is never an older one, and keeps no room when it is gone.
 */
static void
served_files_stay_open(World *w, gconstpointer unused)
{
        guint8 hash[HASH_SHA256_SIZE];
        g_autofree char *lower = NULL, *hex = NULL, *path = NULL;
        gint64 size;

        add(w, "PS100039.1", TEXTS("served"));
        MUST(library_set_package(w->library, "PS100039", 1, TEXTS("PS100039.1"), &failure));
        hash_of("served", hash);
        lower = hash_hex(hash, sizeof hash);
        hex = g_ascii_strup(lower, -1);
        path = g_strdup_printf("%s/FileLib/%.4s/%s", w->root, hex, hex);
        check_shared(w, "served", "served");
        check_shared(w, "served", "served");
        g_assert_true(g_file_set_contents(path, "longer than before", -1, NULL)); /* by others */
        check_shared(w, "served", "longer than before");
        g_assert_cmpint(g_unlink(path), ==, 0);
        g_assert_cmpint(library_open_shared(w->library, hash, &size, NULL), ==, -1);
        g_assert_cmpint(nameless(), ==, 0);
        g_assert_true(g_file_set_contents(path, "served", -1, NULL));
        check_shared(w, "served", "served");
        MUST(library_remove_package(w->library, "PS100039", &failure));
        g_assert_cmpint(nameless(), ==, 0);
        g_assert_cmpint(library_open_shared(w->library, hash, &size, NULL), ==, -1);
}

/* A thread that publishes, and what it calls its files. */
typedef struct {
        World *w;
        int number;
} Publisher;

static void *
publish_own(void *data)
{
        const Publisher *p = data;

        for (int i = 0; i < 40; i++) {
                g_autofree char *text = g_strdup_printf("%d of %d", i, p->number);
                guint8 hash[HASH_SHA256_SIZE];

                put(p->w, text, ID);
                MUST(library_publish(p->w->library, ALL, &failure));
                hash_of(text, hash);
                g_assert_true(library_has(p->w->library, hash, NULL));
        }
        return NULL;
}

/* Whichever thread takes a file along: when publishing has ended, it is there. */
static void
publishers_at_once(World *w, gconstpointer unused)
{
        pthread_t threads[4];
        Publisher publishers[4];

        for (int i = 0; i < 4; i++) {
                publishers[i] = (Publisher){ w, i };
                g_assert_cmpint(pthread_create(&threads[i], NULL, publish_own, &publishers[i]), ==,
                                0);
        }
        for (int i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
}

static void *
abandon_again_and_again(void *data)
{
        World *w = data;

        for (int i = 0; i < 300; i++)
                MUST(library_abandon_content(w->library, ID, &failure));
        return NULL;
}

/* Files of the library, and those of them that nobody is noted to use. */
static guint
count_files(World *w, guint *unnoted_out)
{
        g_autofree char *top = g_build_filename(w->root, "FileLib", NULL);
        g_autoptr(GDir) folders = g_dir_open(top, 0, NULL);
        const char *folder, *name;
        guint count = 0;

        *unnoted_out = 0;
        while ((folder = g_dir_read_name(folders)) != NULL) {
                g_autofree char *path = g_build_filename(top, folder, NULL);
                g_autoptr(GDir) names = g_dir_open(path, 0, NULL);

                while ((name = g_dir_read_name(names)) != NULL) {
                        g_autofree char *note = g_strconcat(path, "/", name, ".INI", NULL);

                        if (strchr(name, '.') != NULL)
                                continue;
                        count++;
                        *unnoted_out += access(note, F_OK) != 0;
                }
        }
        return count;
}

/* A content item that is given up while its files are synced: what gets its name all the same is
 * noted (DIST-017). */
static void
abandoned_while_published(World *w, gconstpointer unused)
{
        Publisher own = { w, 9 };
        pthread_t thread;
        guint unnoted;

        g_assert_cmpint(pthread_create(&thread, NULL, abandon_again_and_again, w), ==, 0);
        for (int i = 0; i < 100; i++) {
                g_autofree char *text = g_strdup_printf("%d of many", i);

                put(w, text, ID);
                MUST(library_publish(w->library, ALL, &failure));
        }
        pthread_join(thread, NULL);
        MUST(library_publish(w->library, ALL, &failure));
        count_files(w, &unnoted);
        g_assert_cmpuint(unnoted, ==, 0);
        publish_own(&own);
        g_assert_cmpuint(count_files(w, &unnoted), >=, 40);
        g_assert_cmpuint(unnoted, ==, 0);
        MUST(library_abandon_content(w->library, ID, &failure));
        g_assert_cmpuint(count_files(w, &unnoted), ==, 0);
        g_assert_cmpuint(count_names(w, "FileLib"), ==, 0);
}

static void
add_case(const char *path, void (*run)(World *, gconstpointer))
{
        g_test_add(path, World, NULL, set_up, run, tear_down);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        add_case("/content/library/add-share-and-remove-DIST-016-DIST-017-DIST-148",
                 add_share_and_remove);
        add_case("/content/library/a-draft-is-synced-with-what-it-names-DIST-016",
                 a_draft_is_synced_with_what_it_names);
        add_case("/content/library/users-are-named-DIST-017", users_are_named);
        add_case("/content/library/nothing-without-its-files-DIST-016", nothing_without_its_files);
        add_case("/content/library/one-lost-file-stops-no-other", one_lost_file_stops_no_other);
        add_case("/content/library/one-failure-stops-no-other", one_failure_stops_no_other);
        add_case("/content/library/a-failed-sync-is-everybodys-DIST-016",
                 a_failed_sync_is_everybodys);
        add_case("/content/library/a-failed-sync-is-the-notes-DIST-016-DIST-017",
                 a_failed_sync_is_the_notes);
        add_case("/content/library/what-arrives-is-dropped", what_arrives_is_dropped);
        add_case("/content/library/wrong-bytes-are-refused-DIST-083", wrong_bytes_are_refused);
        add_case("/content/library/a-file-is-waited-for", a_file_is_waited_for);
        add_case("/content/library/adopted-files-are-proved-DIST-121", adopted_files_are_proved);
        add_case("/content/library/goes-on-where-it-was", goes_on_where_it_was);
        add_case("/content/library/zeros-are-holes", zeros_are_holes);
        add_case("/content/library/one-writer-many-readers-DIST-091", one_writer_many_readers);
        add_case("/content/library/kept-until-released", kept_until_released);
        add_case("/content/library/abandoned-content-leaves-nothing",
                 abandoned_content_leaves_nothing);
        add_case("/content/library/older-versions-stop-coming-DIST-148",
                 older_versions_stop_coming);
        add_case("/content/library/trees-come-back-from-the-inis-DIST-016",
                 trees_come_back_from_the_inis);
        add_case("/content/library/lost-notes-lose-no-file-DIST-017", lost_notes_lose_no_file);
        g_test_add("/content/library/unreadable-notes-lose-no-file-DIST-017", World, "unreadable",
                   set_up, lost_notes_lose_no_file, tear_down);
        add_case("/content/library/one-removal-stops-no-other", one_removal_stops_no_other);
        add_case("/content/library/mended-while-files-come", mended_while_files_come);
        add_case("/content/library/what-still-comes-is-no-orphan", what_still_comes_is_no_orphan);
        add_case("/content/library/set-aside-until-it-is-back", set_aside_until_it_is_back);
        add_case("/content/library/what-is-spared-is-no-orphan", what_is_spared_is_no_orphan);
        add_case("/content/library/served-files-stay-open", served_files_stay_open);
        add_case("/content/library/publishers-at-once-DIST-016", publishers_at_once);
        add_case("/content/library/abandoned-while-published-DIST-017", abandoned_while_published);
        return g_test_run();
}
