/* library_tool.c - does to a content library what its arguments say, for judges in Python.
 *
 *   library_tool ROOT COMMAND…   one after the other, with one opened library; "," between them:
 *     snapshot ID SOURCE      takes the snapshot and adds it; prints "<new files> <hash>"
 *     receive OTHER ID        brings a content item from another library, file by file, in pieces
 *     ahead OTHER ID          writes what can be written of it before its files come
 *     set PACKAGE VERSION ID… | remove PACKAGE | keep ID | release ID | abandon ID
 *     list ID                 the tree: NUL-separated "<kind> <mode> <size> <hash> <time> <twin>",
 *                             path, target
 *     orphans AGE | clean AGE what does not belong there and is older (seconds); clean removes it
 *     check PACKAGE | mend PACKAGE   tells what is wrong with its definition: "<path> missing",
 *                             "<path> damaged"; and " mended" behind that,
 *                             NUL-separated
 *     hold                    waits until its input ends
 *
 * Ends with 0, or 1 and "<CODE>: <text>" on its error output.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "content/library_check.h"
#include "content/library_clean.h"
#include "content/libraryini.h"
#include "content/snapshot.h"

#define PIECE 100003

static bool
do_snapshot(Library *library, char **args, GError **error)
{
        bool library_fails = false;
        g_autoptr(Snapshot) s =
                snapshot_take(library, args[1], args[0], NULL, NULL, &library_fails, error);
        g_autofree char *hex = NULL;

        if (s == NULL && library_fails)
                fprintf(stderr, "The library fails.\n");
        if (s == NULL || !library_add_content(library, s->tree, s->signatures, error))
                return false;
        hex = libraryini_hex(tree_hash(s->tree));
        printf("%s\n", hex);
        return true;
}

static bool
receive_file(Library *library, Library *other, const char *id, const TreeEntry *e, GError **error)
{
        UK_AUTOFD fd = library_open_file(other, e->hash, NULL, error);
        g_autoptr(LibraryFile) file =
                fd >= 0 ? library_file_begin(library, e->hash, e->size, id, error) : NULL;
        g_autofree char *piece = g_malloc(PIECE);
        gssize n = 0;

        if (file == NULL)
                return false;
        while ((n = pread(fd, piece, PIECE, library_file_position(file))) > 0) {
                if (!library_file_write(file, piece, (gsize)n, error))
                        return false;
        }
        return library_file_end(file, error);
}

static bool
do_receive(Library *library, char **args, GError **error)
{
        g_autoptr(Library) other = library_open(args[0], false, error);
        const ContentTree *tree = other ? library_tree_ref(other, args[1], error) : NULL;
        g_autoptr(GArray) missing = NULL;
        const char *const ids[] = { args[1], NULL };
        bool ok = tree != NULL && library_publish(library, ids, error);

        if (tree == NULL)
                return false;
        missing = library_missing(library, tree);
        for (guint i = 0; ok && i < missing->len; i++) {
                ok = receive_file(library, other, args[1],
                                  tree_entry(tree, g_array_index(missing, guint, i)), error);
                if (ok && i % 3 == 0)
                        ok = library_publish(library, ids, error);
        }
        ok = ok && library_publish(library, ids, error) &&
             library_add_content(library, tree, NULL, error);
        library_tree_unref(other, tree);
        return ok;
}

static bool
do_ahead(Library *library, char **args, GError **error)
{
        g_autoptr(Library) other = library_open(args[0], false, error);
        const ContentTree *tree = other ? library_tree_ref(other, args[1], error) : NULL;
        bool ok = tree != NULL && library_add_ahead(library, tree, error);

        if (tree != NULL)
                library_tree_unref(other, tree);
        return ok;
}

static bool
do_list(Library *library, char **args, GError **error)
{
        const ContentTree *tree = library_tree_ref(library, args[0], error);

        for (guint i = 0; tree != NULL && i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);
                g_autofree char *hex = hash_hex(e->hash, sizeof e->hash);

                printf("%d %o %" G_GINT64_FORMAT " %s %" G_GINT64_FORMAT " %u%c%s%c%s%c", e->kind,
                       e->mode, e->size, hex, e->modified_us, e->twin, 0, e->path, 0,
                       e->target != NULL ? e->target : "", 0);
        }
        if (tree != NULL)
                library_tree_unref(library, tree);
        return tree != NULL;
}

static bool
do_clean(Library *library, const char *age, bool remove, GError **error)
{
        gint64 older = g_ascii_strtoll(age, NULL, 10) * G_USEC_PER_SEC;
        g_autoptr(GPtrArray) orphans = library_clean_find(library, older, NULL, error);

        for (guint i = 0; orphans != NULL && i < orphans->len; i++) {
                const LibraryOrphan *o = orphans->pdata[i];
                printf("%s: %s\n", o->path, o->why);
        }
        return orphans != NULL && (!remove || library_clean_remove(library, orphans, error));
}

static bool
go_on(gpointer user)
{
        return true;
}

static bool
do_check(Library *library, const char *id, bool mend, GError **error)
{
        g_autoptr(GPtrArray) flaws = library_flaws_new();
        g_autoptr(LibraryPackage) package = NULL;

        if (!library_check_package(library, id, mend, flaws, &package, error))
                return false;
        for (char **item = package != NULL ? package->content_ids : NULL; item && *item; item++) {
                gsize read;

                if (!library_check_content(library, *item, mend, flaws, error) ||
                    !library_check_signatures(library, *item, mend ? go_on : NULL, NULL, flaws,
                                              &read, error))
                        return false;
        }
        for (guint i = 0; i < flaws->len; i++) {
                const LibraryFlaw *flaw = flaws->pdata[i];
                printf("%s %s%s%c", flaw->path, flaw->missing ? "missing" : "damaged",
                       flaw->mended ? " mended" : "", 0);
        }
        return true;
}

static bool
do_set(Library *library, char **args, GError **error)
{
        return library_set_package(library, args[0], g_ascii_strtoll(args[1], NULL, 10),
                                   (const char *const *)args + 2, error);
}

static bool
do_hold(void)
{
        char byte;

        puts("holding");
        fflush(stdout);
        while (read(0, &byte, 1) > 0)
                continue;
        return true;
}

static bool
run(Library *library, char **args, GError **error)
{
        const char *verb = *args++;

        if (strcmp(verb, "snapshot") == 0)
                return do_snapshot(library, args, error);
        if (strcmp(verb, "receive") == 0)
                return do_receive(library, args, error);
        if (strcmp(verb, "ahead") == 0)
                return do_ahead(library, args, error);
        if (strcmp(verb, "set") == 0)
                return do_set(library, args, error);
        if (strcmp(verb, "remove") == 0)
                return library_remove_package(library, args[0], error);
        if (strcmp(verb, "keep") == 0)
                return library_keep_content(library, args[0], error);
        if (strcmp(verb, "release") == 0)
                return library_release_content(library, args[0], error);
        if (strcmp(verb, "abandon") == 0)
                return library_abandon_content(library, args[0], error);
        if (strcmp(verb, "orphans") == 0 || strcmp(verb, "clean") == 0)
                return do_clean(library, args[0], *verb == 'c', error);
        if (strcmp(verb, "check") == 0 || strcmp(verb, "mend") == 0)
                return do_check(library, args[0], *verb == 'm', error);
        if (strcmp(verb, "hold") == 0)
                return do_hold();
        return do_list(library, args, error);
}

static bool
run_all(const char *root, char **args, GError **error)
{
        bool writer = strcmp(args[0], "list") != 0 && strcmp(args[0], "orphans") != 0 &&
                      strcmp(args[0], "check") != 0;
        g_autoptr(Library) library = library_open(root, writer, error);
        bool ok = library != NULL;

        while (ok && *args != NULL) {
                char **end = args;
                while (*end != NULL && strcmp(*end, ",") != 0)
                        end++;
                bool more = *end != NULL;
                *end = NULL;
                ok = run(library, args, error);
                args = more ? end + 1 : end;
        }
        return ok;
}

int
main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        if (argc < 3 || run_all(argv[1], argv + 2, &error))
                return argc < 3;
        fprintf(stderr, "%s: %s\n", uk_error_name(error->code), error->message);
        return 1;
}
