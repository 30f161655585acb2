/* content_tool.c - what the content library's parts make of files, for judges in Python.
 *
 *   content_tool chunks FILE…      "<offset> <size> <hash>" of each chunk, a blank line a file
 *   content_tool tar FILE… >TAR    the tar of their signatures
 *   content_tool untar TAR         "<hash> <size> <chunks>" of each signature in it
 */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
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
        fprintf(stderr, "usage: content_tool chunks|tar FILE…, untar TAR\n");
        return 2;
}
