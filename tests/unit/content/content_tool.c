/* content_tool.c - what the content library's parts make of files, for judges in Python.
 *
 *   content_tool chunks FILE…      "<offset> <size> <hash>" of each chunk, a blank line a file
 *   content_tool tar FILE… >TAR    the tar of their signatures
 *   content_tool untar TAR         "<hash> <size> <chunks>" of each signature in it
 *   content_tool delta OLD NEW OUT      prints "<kind> <size>"
 *   content_tool apply OLD DELTA SIZE   the new file, of SIZE bytes, to standard output
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "content/delta.h"
#include "content/signature.h"

#define MAX_FILE ((gsize)1 << 32)
/* No divisor of any chunk's size, so that pieces end anywhere. */
#define PIECE 100003

static void
die(const GError *error)
{
        fprintf(stderr, "content_tool: %s: %s\n", uk_error_name(error->code), error->message);
        exit(1);
}

static void
read_file(const char *path, char **data_out, gsize *size_out)
{
        g_autoptr(GError) error = NULL;

        if (!uk_io_read(path, MAX_FILE, data_out, size_out, &error))
                die(error);
}

static Signature *
sign(SignatureMaker *maker, const char *path)
{
        g_autofree char *data = NULL;
        gsize size;
        guint8 hash[HASH_SHA256_SIZE];

        read_file(path, &data, &size);
        for (gsize at = 0; at < size; at += PIECE)
                signature_maker_add(maker, data + at, MIN(PIECE, size - at));
        hash_sha256(data, size, hash);
        return signature_maker_end(maker, hash);
}

static void
show_chunks(SignatureMaker *maker, const char *path)
{
        g_autoptr(Signature) signature = sign(maker, path);

        for (guint i = 0; i < signature->chunks->len; i++) {
                const SignatureChunk *c = &g_array_index(signature->chunks, SignatureChunk, i);
                g_autofree char *hex = hash_hex(c->hash, sizeof c->hash);

                printf("%" G_GINT64_FORMAT " %u %s\n", c->offset, c->size, hex);
        }
        printf("\n");
}

static int
write_tar(SignatureMaker *maker, char **paths)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)signature_free);
        g_autoptr(GError) error = NULL;

        for (; *paths != NULL; paths++)
                g_ptr_array_add(all, sign(maker, *paths));
        g_autoptr(GBytes) tar = signature_tar_write(all, &error);
        if (tar == NULL)
                die(error);
        return fwrite(g_bytes_get_data(tar, NULL), 1, g_bytes_get_size(tar), stdout) ==
                               g_bytes_get_size(tar)
                       ? 0
                       : 1;
}

static int
read_tar(const char *path)
{
        g_autofree char *data = NULL;
        g_autoptr(GError) error = NULL;
        gsize size;
        GHashTableIter iter;
        gpointer value;

        read_file(path, &data, &size);
        g_autoptr(GHashTable) found = signature_tar_read(data, size, &error);
        if (found == NULL)
                die(error);
        g_hash_table_iter_init(&iter, found);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const Signature *s = value;
                g_autofree char *hex = hash_hex(s->hash, sizeof s->hash);

                printf("%s %" G_GINT64_FORMAT " %u\n", hex, s->size, s->chunks->len);
        }
        return 0;
}

static int
open_or_die(const char *path, int flags, gint64 *size_out)
{
        int fd = open(path, flags | O_CLOEXEC, 0600);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) != 0) {
                perror(path);
                exit(1);
        }
        *size_out = st.st_size;
        return fd;
}

static int
make_delta(char **paths)
{
        DeltaHead head = { .kind = DELTA_PREFIX };
        gint64 size;
        UK_AUTOFD old = open_or_die(paths[0], O_RDONLY, &head.old_size);
        UK_AUTOFD new = open_or_die(paths[1], O_RDONLY, &head.new_size);
        UK_AUTOFD out = open_or_die(paths[2], O_RDWR | O_CREAT | O_TRUNC, &size);
        g_autoptr(GError) error = NULL;

        if (!delta_make(old, new, &head, out, &size, &error))
                die(error);
        printf("%s %" G_GINT64_FORMAT "\n", head.kind == DELTA_PREFIX ? "prefix" : "additive",
               size);
        return 0;
}

static bool
on_bytes(gpointer user, const void *data, gsize size, GError **error)
{
        return fwrite(data, 1, size, stdout) == size || uk_fail(error, UK_ERROR_IO, "writing");
}

static int
apply_delta(char **args)
{
        gint64 old_size, delta_size;
        UK_AUTOFD old = open_or_die(args[0], O_RDONLY, &old_size);
        UK_AUTOFD delta = open_or_die(args[1], O_RDONLY, &delta_size);
        g_autoptr(GError) error = NULL;

        if (!delta_apply(old, old_size, delta, g_ascii_strtoll(args[2], NULL, 10), on_bytes, NULL,
                         &error))
                die(error);
        return 0;
}

int
main(int argc, char **argv)
{
        g_autoptr(SignatureMaker) maker = signature_maker_new();

        if (argc > 2 && strcmp(argv[1], "chunks") == 0) {
                for (int i = 2; i < argc; i++)
                        show_chunks(maker, argv[i]);
                return 0;
        }
        if (argc > 2 && strcmp(argv[1], "tar") == 0)
                return write_tar(maker, argv + 2);
        if (argc == 3 && strcmp(argv[1], "untar") == 0)
                return read_tar(argv[2]);
        if (argc == 5 && strcmp(argv[1], "delta") == 0)
                return make_delta(argv + 2);
        if (argc == 5 && strcmp(argv[1], "apply") == 0)
                return apply_delta(argv + 2);
        fprintf(stderr, "usage: content_tool chunks|tar FILE…, untar TAR, delta OLD NEW OUT, apply "
                        "OLD DELTA SIZE\n");
        return 2;
}
