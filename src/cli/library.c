/* library.c - the verbs of `library`: looks into the content library of the machine it runs on.
 *
 * Comes in: the library below the root, read-only, whatever runs or does not. Goes out: packages,
 * the files of one, what is damaged, or what does not belong there. Changes nothing, but that
 * `clean --delete` removes the last: repairing is the distribution point's own affair, or a
 * redistribution's.
 */
#include "cli/library.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/dp.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "content/library.h"
#include "content/library_check.h"
#include "content/library_clean.h"

#define BLOCK (1024 * 1024)

static Library *
open_library_as(Cli *cli, bool writer, GError **error)
{
        g_autofree char *root =
                g_build_filename(*cli->root != '\0' ? cli->root : "/", LIBRARY_FOLDER, NULL);
        g_autoptr(Library) there = writer ? library_open(root, false, error) : NULL;
        Library *library = writer && there == NULL ? NULL : library_open(root, writer, error);

        if (library == NULL)
                g_prefix_error(error,
                               "there is no content library to read at %s (--root names another "
                               "machine's, in a lab its folder below dp/): ",
                               root);
        return library;
}

static Library *
open_library(Cli *cli, GError **error)
{
        return open_library_as(cli, false, error);
}

/* What a package, or all, amounts to. */
typedef struct {
        gint64 files, bytes;
} Sum;

static bool
add_content(Library *library, const char *content_id, Sum *sum, GError **error)
{
        const ContentTree *tree = library_tree_ref(library, content_id, error);

        if (tree == NULL)
                return false;
        for (guint i = 0; i < tree_count(tree); i++)
                sum->files += tree_entry(tree, i)->kind == TREE_FILE;
        sum->bytes += tree_size(tree);
        library_tree_unref(library, tree);
        return true;
}

static bool
sum_package(Library *library, const LibraryPackage *package, Sum *sum, GError **error)
{
        for (char **id = package->content_ids; *id != NULL; id++) {
                if (!add_content(library, *id, sum, error))
                        return false;
        }
        return true;
}

/* ---- browse ---------------------------------------------------------------------------------- */

static void
print_package_json(JsonWriter *w, const LibraryPackage *package, const Sum *sum)
{
        json_object(w, NULL);
        json_text(w, "PackageID", package->package_id);
        json_int(w, "Version", package->version);
        json_int(w, "Files", sum->files);
        json_int(w, "Bytes", sum->bytes);
        json_array(w, "ContentIDs");
        for (char **id = package->content_ids; *id != NULL; id++)
                json_text(w, NULL, *id);
        json_end(w, ']');
        json_end(w, '}');
}

static bool
browse_all(Cli *cli, Library *library, GError **error)
{
        static const OutputColumn heads[] = { { .head = "PACKAGE" },
                                              { .head = "VERSION", .right = true },
                                              { .head = "FILES", .right = true },
                                              { .head = "SIZE", .right = true },
                                              { .head = "CONTENT", .shrink = true } };
        g_autoptr(GPtrArray) packages = library_packages(library, error);
        g_autoptr(OutputTable) table = output_table_new(heads, G_N_ELEMENTS(heads));
        g_autoptr(GString) json = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, json);
        json_array(&w, NULL);
        for (guint i = 0; packages != NULL && i < packages->len; i++) {
                const LibraryPackage *package = packages->pdata[i];
                g_autoptr(GError) why = NULL;
                Sum sum = { 0 };

                if (!sum_package(library, package, &sum, &why))
                        cli_note(cli, "%s: %s (upkeep library verify tells more)\n",
                                 package->package_id, why->message);
                print_package_json(&w, package, &sum);
                output_table_add_take(table, g_strdup(package->package_id));
                output_table_add_take(table,
                                      g_strdup_printf("%" G_GINT64_FORMAT, package->version));
                output_table_add_take(table, output_count(sum.files));
                output_table_add_take(table, output_size(sum.bytes));
                output_table_add_take(table, g_strjoinv(" ", package->content_ids));
        }
        json_end(&w, ']');
        if (packages == NULL)
                return false;
        g_autofree char *text = output_table_text(table, cli->width);

        cli_print(cli, "%s%s",
                  cli->json            ? json->str
                  : packages->len == 0 ? "The library holds no package."
                                       : text,
                  cli->json || packages->len == 0 ? "\n" : "");
        return true;
}

static void
print_entry(Cli *cli, const TreeEntry *entry)
{
        g_autofree char *path = output_clean(entry->path);
        g_autofree char *size = entry->kind == TREE_FILE ? output_size(entry->size) : g_strdup("");
        g_autofree char *hash =
                entry->kind == TREE_FILE ? hash_hex(entry->hash, HASH_SHA256_SIZE) : g_strdup("");
        g_autofree char *target = entry->kind == TREE_SYMLINK ? output_clean(entry->target) : NULL;

        cli_print(cli, "%c%04o %10s %.16s  %s%s%s\n",
                  entry->kind == TREE_FILE     ? '-'
                  : entry->kind == TREE_FOLDER ? 'd'
                                               : 'l',
                  entry->mode, size, *hash != '\0' ? hash : "                ", path,
                  target != NULL ? " -> " : "", target != NULL ? target : "");
}

static void
print_entry_json(JsonWriter *w, const char *content_id, const TreeEntry *entry)
{
        static const char *const kinds[] = { "file", "folder", "symlink" };
        g_autofree char *path = output_clean(entry->path);
        g_autofree char *hash = hash_hex(entry->hash, HASH_SHA256_SIZE);

        json_object(w, NULL);
        json_text(w, "ContentID", content_id);
        json_text(w, "Kind", kinds[entry->kind]);
        json_text(w, "Path", path);
        json_int(w, "Mode", entry->mode);
        json_int(w, "Size", entry->size);
        json_text(w, "Hash", entry->kind == TREE_FILE ? hash : NULL);
        json_text(w, "Target", entry->target);
        json_end(w, '}');
}

static bool
browse_one(Cli *cli, Library *library, const char *id, GError **error)
{
        g_autofree char *upper = g_ascii_strup(id, -1);
        g_autoptr(LibraryPackage) package = library_package(library, upper, error);
        g_autoptr(GString) json = g_string_new(NULL);
        JsonWriter w;

        if (package == NULL) {
                g_prefix_error(error, "package %s (upkeep library browse shows all): ", upper);
                return false;
        }
        json_begin(&w, json);
        json_array(&w, NULL);
        for (char **content = package->content_ids; *content != NULL; content++) {
                const ContentTree *tree = library_tree_ref(library, *content, error);

                if (tree == NULL)
                        return false;
                if (!cli->json)
                        cli_print(cli, "%s\n", *content);
                for (guint i = 0; i < tree_count(tree); i++) {
                        print_entry_json(&w, *content, tree_entry(tree, i));
                        if (!cli->json)
                                print_entry(cli, tree_entry(tree, i));
                }
                library_tree_unref(library, tree);
        }
        json_end(&w, ']');
        if (cli->json)
                cli_print(cli, "%s\n", json->str);
        return true;
}

bool
library_browse(Cli *cli, GError **error)
{
        g_autoptr(Library) library = open_library(cli, error);

        if (library == NULL)
                return false;
        return cli_word(cli, 0) == NULL ? browse_all(cli, library, error)
                                        : browse_one(cli, library, cli_word(cli, 0), error);
}

/* ---- verify ---------------------------------------------------------------------------------- */

typedef struct {
        Cli *cli;
        Library *library;
        Progress *progress;
        GHashTable *seen; /* hashes that were read, each once whatever holds it */
        gint64 files, bytes, damaged, all_bytes;
} Verify;

/* Reads a file from the disk, not from what the kernel keeps of it; *right_out says whether its
 * bytes have the hash. */
static bool
read_file(Verify *v, int fd, const TreeEntry *entry, bool *right_out, GError **error)
{
        g_autoptr(HashStream) hash = hash_stream_new();
        g_autofree guint8 *block = g_malloc(BLOCK);
        guint8 digest[HASH_SHA256_SIZE];
        ssize_t got;

        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        while ((got = read(fd, block, BLOCK)) > 0) {
                hash_stream_add(hash, block, (gsize)got);
                v->bytes += got;
                progress_show(v->progress, "reading", v->bytes, v->all_bytes, true,
                              uk_clock_mono());
        }
        if (got < 0)
                return uk_fail_errno(error, errno, "reading %s", entry->path);
        hash_stream_end(hash, digest);
        *right_out = memcmp(digest, entry->hash, sizeof digest) == 0;
        return true;
}

static void
tell_damage(Verify *v, const char *content_id, const TreeEntry *entry, const char *what)
{
        g_autofree char *path = output_clean(entry->path);

        v->damaged++;
        if (!v->cli->json)
                cli_print(v->cli, "%s: %s %s\n", content_id, path, what);
}

static bool
verify_entry(Verify *v, const char *content_id, const TreeEntry *entry, GError **error)
{
        g_autofree char *key = hash_hex(entry->hash, HASH_SHA256_SIZE);
        g_autoptr(GError) why = NULL;
        bool right = false;
        gint64 size = 0;

        if (entry->kind != TREE_FILE || !g_hash_table_add(v->seen, g_steal_pointer(&key)))
                return true;
        UK_AUTOFD fd = library_open_file(v->library, entry->hash, &size, &why);

        v->files++;
        if (fd < 0) {
                tell_damage(v, content_id, entry, "is missing");
                return true;
        }
        if (!read_file(v, fd, entry, &right, error))
                return false;
        if (!right)
                tell_damage(v, content_id, entry, "is damaged");
        return true;
}

static void
tell_flaws(Verify *v, const GPtrArray *flaws)
{
        for (guint i = 0; i < flaws->len; i++) {
                const LibraryFlaw *flaw = flaws->pdata[i];
                g_autofree char *path = output_clean(flaw->path);

                v->damaged++;
                if (!v->cli->json)
                        cli_print(v->cli, "%s: %s %s\n", flaw->id, path,
                                  flaw->missing ? "is missing" : "is damaged");
        }
}

/* Files of content items whose definitions can be read; those of the others are not known. */
static bool
verify_files(Verify *v, const LibraryPackage *package, GError **error)
{
        for (char **id = package->content_ids; *id != NULL; id++) {
                const ContentTree *tree = library_tree_ref(v->library, *id, NULL);
                bool good = true;

                for (guint i = 0; good && tree != NULL && i < tree_count(tree); i++)
                        good = verify_entry(v, *id, tree_entry(tree, i), error);
                if (tree != NULL)
                        library_tree_unref(v->library, tree);
                if (!good)
                        return false;
        }
        return true;
}

/* The definition of a package, and how much there is to be read of it. */
static bool
verify_definition(Verify *v, const char *id, GPtrArray *packages, GError **error)
{
        g_autoptr(GPtrArray) flaws = library_flaws_new();
        LibraryPackage *package = NULL;

        if (!library_check_package(v->library, id, false, flaws, &package, error)) {
                g_prefix_error(error, "package %s (upkeep library browse shows all): ", id);
                return false;
        }
        if (package != NULL)
                g_ptr_array_add(packages, package);
        for (char **item = package != NULL ? package->content_ids : NULL;
             item != NULL && *item != NULL; item++) {
                Sum sum = { 0 };
                gsize read;

                if (!library_check_content(v->library, *item, false, flaws, error) ||
                    !library_check_signatures(v->library, *item, NULL, NULL, flaws, &read, error))
                        return false;
                if (add_content(v->library, *item, &sum, NULL))
                        v->all_bytes += sum.bytes;
        }
        tell_flaws(v, flaws);
        return true;
}

/* The IDs of the packages that a word names, or all. */
static char **
ids_of(Cli *cli, Library *library, GError **error)
{
        char **one;

        if (cli_word(cli, 0) == NULL)
                return library_package_ids(library, error);
        one = g_new0(char *, 2);
        one[0] = g_ascii_strup(cli_word(cli, 0), -1);
        return one;
}

static bool
say_result(const Verify *v, GError **error)
{
        g_autofree char *bytes = output_size(v->bytes);

        if (v->cli->json)
                cli_print(v->cli,
                          "{\"Files\":%" G_GINT64_FORMAT ",\"Bytes\":%" G_GINT64_FORMAT
                          ",\"Damaged\":%" G_GINT64_FORMAT "}\n",
                          v->files, v->bytes, v->damaged);
        else
                cli_print(v->cli, "%" G_GINT64_FORMAT " files, %s: %s\n", v->files, bytes,
                          v->damaged == 0 ? "all are right" : "see above");
        v->cli->told = v->cli->json && v->damaged > 0;
        return v->damaged == 0 ||
               uk_fail(error, UK_ERROR_SIGNATURE,
                       "%" G_GINT64_FORMAT " files are missing or damaged; upkeep package validate "
                       "has them found and repaired, upkeep package redistribute sends everything "
                       "again; signatures are also made again in idle time",
                       v->damaged);
}

bool
library_verify(Cli *cli, GError **error)
{
        g_autoptr(Library) library = open_library(cli, error);
        g_auto(GStrv) ids = library != NULL ? ids_of(cli, library, error) : NULL;
        g_autoptr(GPtrArray) packages =
                g_ptr_array_new_with_free_func((GDestroyNotify)library_package_free);
        g_autoptr(Progress) progress = progress_new(cli->err, cli->json);
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        Verify verify = { .cli = cli, .library = library, .progress = progress, .seen = seen };

        for (char **id = ids; id != NULL && *id != NULL; id++) {
                if (!verify_definition(&verify, *id, packages, error))
                        return false;
        }
        for (guint i = 0; i < packages->len; i++) {
                if (!verify_files(&verify, packages->pdata[i], error))
                        return false;
        }
        return ids != NULL && say_result(&verify, error);
}

/* ---- clean ----------------------------------------------------------------------------------- */

static bool
read_age(Cli *cli, gint64 *age_out, GError **error)
{
        const char *text = cli_option(cli, "older-than");

        *age_out = UK_DAY;
        return text == NULL || cli_span(cli, text, age_out, error);
}

static void
print_orphans(Cli *cli, const GPtrArray *orphans)
{
        g_autoptr(GString) json = g_string_new(NULL);
        gint64 bytes = 0;
        JsonWriter w;

        json_begin(&w, json);
        json_array(&w, NULL);
        for (guint i = 0; i < orphans->len; i++) {
                const LibraryOrphan *o = orphans->pdata[i];
                g_autofree char *shown = output_clean(o->path);

                bytes += o->bytes;
                json_object(&w, NULL);
                json_text(&w, "Path", shown);
                json_text(&w, "Why", o->why);
                json_int(&w, "Bytes", o->bytes);
                json_end(&w, '}');
                if (!cli->json)
                        cli_print(cli, "%s: %s\n", shown, o->why);
        }
        json_end(&w, ']');
        g_autofree char *size = output_size(bytes);
        if (cli->json)
                cli_print(cli, "%s\n", json->str);
        else if (orphans->len == 0)
                cli_print(cli, "nothing is there that does not belong there\n");
        else
                cli_print(cli, "%u things, %s%s\n", orphans->len, size,
                          cli_flag(cli, "delete") ? "; removed" : "; --delete removes them");
}

bool
library_clean(Cli *cli, GError **error)
{
        bool remove = cli_flag(cli, "delete");
        gint64 age;

        if (cli_option(cli, "dp") != NULL)
                return dp_stray_clean(cli, cli_option(cli, "dp"), error);
        if (!read_age(cli, &age, error))
                return false;
        g_autoptr(Library) library = open_library_as(cli, remove, error);
        if (library == NULL && remove && error != NULL &&
            g_error_matches(*error, UK_ERROR, UK_ERROR_BUSY))
                g_prefix_error(error, "the program that keeps this library runs and removes such "
                                      "things by itself after a week; without --delete they are "
                                      "listed: ");
        g_autoptr(GPtrArray) orphans =
                library != NULL ? library_clean_find(library, age, NULL, error) : NULL;
        if (orphans == NULL || (remove && !library_clean_remove(library, orphans, error)))
                return false;
        print_orphans(cli, orphans);
        return true;
}
