/* source_cache.c - the folder of kept evaluation sets. */
#include "client/wuagent/source_cache.h"

#include <string.h>
#include <zstd.h>

#include "base/guid.h"
#include "base/io.h"
#include "crypto/hash.h"

#define SUFFIX ".set"

void
source_set_free(SourceSet *set)
{
        if (set == NULL)
                return;
        g_free(set->product_id);
        g_free(set->architecture);
        g_free(set->sha256);
        g_clear_pointer(&set->text, g_bytes_unref);
        g_free(set);
}

static char *
file_name(const SourceSet *set)
{
        return g_strdup_printf("%s_%s_%" G_GINT64_FORMAT "_%s" SUFFIX, set->product_id,
                               set->architecture, set->number, set->sha256);
}

/* The set that a file name stands for, NULL if it is none. */
static SourceSet *
read_name(const char *name)
{
        g_auto(GStrv) parts = g_strsplit(name, "_", 4);
        guint8 digest[HASH_SHA256_SIZE];
        guint64 number = 0;

        if (!g_str_has_suffix(name, SUFFIX) || g_strv_length(parts) != 4 ||
            !uk_guid_valid(parts[0]) ||
            !g_ascii_string_to_unsigned(parts[2], 10, 0, G_MAXINT64, &number, NULL))
                return NULL;
        parts[3][strlen(parts[3]) - strlen(SUFFIX)] = '\0';
        if (!hash_from_hex(parts[3], strlen(parts[3]), digest, sizeof digest))
                return NULL;
        SourceSet *set = g_new0(SourceSet, 1);
        set->product_id = g_strdup(parts[0]);
        set->architecture = g_strdup(parts[1]);
        set->number = (gint64)number;
        set->sha256 = g_strdup(parts[3]);
        return set;
}

GPtrArray *
source_cache_list(const char *dir, GError **error)
{
        g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func((GDestroyNotify)source_set_free);
        g_autoptr(GError) why = NULL;
        g_autoptr(GDir) open = g_dir_open(dir, 0, &why);
        const char *name;

        if (open == NULL && !g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
                uk_fail(error, UK_ERROR_IO, "%s", why->message);
                return NULL;
        }
        while (open != NULL && (name = g_dir_read_name(open)) != NULL) {
                SourceSet *set = read_name(name);

                if (set != NULL)
                        g_ptr_array_add(sets, set);
        }
        return g_steal_pointer(&sets);
}

SourceSet *
source_cache_find(const GPtrArray *sets, const char *product_id, const char *architecture)
{
        for (guint i = 0; i < sets->len; i++) {
                SourceSet *set = g_ptr_array_index(sets, i);

                if (g_ascii_strcasecmp(set->product_id, product_id) == 0 &&
                    strcmp(set->architecture, architecture) == 0)
                        return set;
        }
        return NULL;
}

static bool
prove(const SourceSet *set, GBytes *text, GError **error)
{
        gsize size;
        const void *data = g_bytes_get_data(text, &size);
        g_autofree char *digest = hash_sha256_hex(data, size);

        return g_ascii_strcasecmp(digest, set->sha256) == 0 ||
               uk_fail(error, UK_ERROR_SIGNATURE,
                       "evaluation set %" G_GINT64_FORMAT " of product %s has digest %s and not %s",
                       set->number, set->product_id, digest, set->sha256);
}

bool
source_cache_load(const char *dir, SourceSet *set, GError **error)
{
        g_autofree char *name = file_name(set);
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_autoptr(GError) why = NULL;
        g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &why);

        if (file == NULL)
                return uk_fail(error, UK_ERROR_IO, "%s", why->message);
        g_autoptr(GBytes) text = g_mapped_file_get_bytes(file);
        if (!prove(set, text, error))
                return false;
        set->text = g_steal_pointer(&text);
        return true;
}

bool
source_cache_store(const char *dir, const SourceSet *set, GError **error)
{
        g_autofree char *name = file_name(set);
        g_autofree char *path = g_build_filename(dir, name, NULL);
        gsize size;
        const void *data = g_bytes_get_data(set->text, &size);

        return prove(set, set->text, error) && uk_io_mkdirs(dir, 0750, error) &&
               uk_io_replace(path, data, size, 0640, error);
}

static bool
is_one_of(const char *name, const GPtrArray *sets)
{
        for (guint i = 0; i < sets->len; i++) {
                g_autofree char *kept = file_name(g_ptr_array_index(sets, i));

                if (strcmp(kept, name) == 0)
                        return true;
        }
        return false;
}

bool
source_cache_keep_only(const char *dir, const GPtrArray *sets, GError **error)
{
        g_autoptr(GPtrArray) all = source_cache_list(dir, error);

        if (all == NULL)
                return false;
        for (guint i = 0; i < all->len; i++) {
                g_autofree char *name = file_name(g_ptr_array_index(all, i));
                g_autofree char *path = g_build_filename(dir, name, NULL);

                if (!is_one_of(name, sets) && !uk_io_unlink(path, error))
                        return false;
        }
        return true;
}

/* Unpacks piece by piece, so that a small frame cannot ask for much memory at once. */
static bool
unpack(ZSTD_DStream *stream, ZSTD_inBuffer *in, GByteArray *out, GError **error)
{
        g_autofree guint8 *piece = g_malloc(ZSTD_DStreamOutSize());
        gsize left = 1;

        while (left != 0) {
                ZSTD_outBuffer to = { piece, ZSTD_DStreamOutSize(), 0 };
                gsize before = in->pos;

                left = ZSTD_decompressStream(stream, &to, in);
                if (ZSTD_isError(left))
                        return uk_fail(error, UK_ERROR_PARSE, "unpacking: %s",
                                       ZSTD_getErrorName(left));
                if (out->len + to.pos > SOURCE_CACHE_MAX_BYTES)
                        return uk_fail(error, UK_ERROR_LIMIT, "unpacking: more than %d bytes",
                                       SOURCE_CACHE_MAX_BYTES);
                g_byte_array_append(out, piece, (guint)to.pos);
                if (left != 0 && to.pos == 0 && in->pos == before)
                        return uk_fail(error, UK_ERROR_PARSE, "unpacking: the frame ends too soon");
        }
        return in->pos == in->size ||
               uk_fail(error, UK_ERROR_PARSE, "unpacking: there is more behind the frame");
}

GBytes *
source_cache_unpack(const void *frame, gsize size, GError **error)
{
        g_autoptr(GByteArray) out = g_byte_array_new();
        ZSTD_DStream *stream = ZSTD_createDStream();
        ZSTD_inBuffer in = { frame, size, 0 };

        /* A window no larger than what is allowed in all. */
        ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 27);
        bool done = unpack(stream, &in, out, error);
        ZSTD_freeDStream(stream);
        return done ? g_byte_array_free_to_bytes(g_steal_pointer(&out)) : NULL;
}
