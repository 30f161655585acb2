/* stanzas.c - packing: a fixed head of lengths, then the texts one behind the other. */
#include "sup/catalog/stanzas.h"

#include <string.h>
#include <zstd.h>

/* Speed is what counts: the bytes are written in a first synchronization, among much else. */
#define LEVEL 1

enum {
        T_PACKAGE,
        T_VERSION,
        T_ARCH,
        T_SOURCE,         /* empty: the package's */
        T_SOURCE_VERSION, /* empty: the version */
        T_PATH,
        T_DESCRIPTION,
        T_HOMEPAGE,
        T_MARKS,
        T_URGENCY,
        T_COUNT
};

typedef struct {
        guint64 size;
        guint8 sha256[HASH_SHA256_SIZE];
        guint16 lengths[T_COUNT];
        guint8 path_is_usual;
        guint8 unused[3];
} Head;

/* "<package>_<version without epoch>_<arch>.deb" in scratch. */
static Slice
usual_name(const Stanza *stanza, GString *scratch)
{
        const char *colon = stanza->version.size > 0
                                    ? memchr(stanza->version.text, ':', stanza->version.size)
                                    : NULL;
        const char *version = colon != NULL ? colon + 1 : stanza->version.text;

        g_string_append_len(scratch, stanza->package.text, (gssize)stanza->package.size);
        g_string_append_c(scratch, '_');
        g_string_append_len(scratch, version,
                            stanza->version.text + stanza->version.size - version);
        g_string_append_c(scratch, '_');
        g_string_append_len(scratch, stanza->arch.text, (gssize)stanza->arch.size);
        g_string_append(scratch, ".deb");
        return (Slice){ scratch->str, scratch->len };
}

static Slice
cut(Slice slice)
{
        slice.size = MIN(slice.size, G_MAXUINT16);
        return slice;
}

static Slice
unless_same(Slice slice, Slice other)
{
        return slice_compare(slice, other) == 0 ? (Slice){ NULL, 0 } : cut(slice);
}

/* The folder alone where the file's name follows from the rest. */
static Slice
short_path(const Stanza *stanza, bool *usual_out)
{
        char buffer[256];
        GString scratch = { buffer, 0, sizeof buffer };
        Slice path = cut(stanza->path), name;

        *usual_out = false;
        if (stanza->package.size + stanza->version.size + stanza->arch.size + 8 > sizeof buffer)
                return path;
        name = usual_name(stanza, &scratch);
        *usual_out = path.size > name.size && path.text[path.size - name.size - 1] == '/' &&
                     memcmp(path.text + path.size - name.size, name.text, name.size) == 0;
        if (*usual_out)
                path.size -= name.size + 1;
        return path;
}

void
stanzas_add(GByteArray *packed, const Stanza *stanza)
{
        Head head = { .size = stanza->size };
        bool usual;
        Slice texts[T_COUNT] = {
                [T_PACKAGE] = cut(stanza->package),
                [T_VERSION] = cut(stanza->version),
                [T_ARCH] = cut(stanza->arch),
                [T_SOURCE] = unless_same(stanza->source, stanza->package),
                [T_SOURCE_VERSION] = unless_same(stanza->source_version, stanza->version),
                [T_PATH] = short_path(stanza, &usual),
                [T_DESCRIPTION] = cut(stanza->description),
                [T_HOMEPAGE] = cut(stanza->homepage),
                [T_MARKS] = cut(stanza->marks),
                [T_URGENCY] = cut(stanza->urgency),
        };

        memcpy(head.sha256, stanza->sha256, sizeof head.sha256);
        head.path_is_usual = usual;
        for (guint i = 0; i < T_COUNT; i++)
                head.lengths[i] = (guint16)texts[i].size;
        g_byte_array_append(packed, (const guint8 *)&head, sizeof head);
        for (guint i = 0; i < T_COUNT; i++) {
                if (texts[i].size > 0)
                        g_byte_array_append(packed, (const guint8 *)texts[i].text,
                                            (guint)texts[i].size);
        }
}

bool
stanzas_next(const guint8 *packed, gsize size, gsize *position, Stanza *stanza_out)
{
        gsize at = *position, total = 0;
        Slice texts[T_COUNT];
        Head head;

        if (size - at < sizeof head)
                return false;
        memcpy(&head, packed + at, sizeof head);
        for (guint i = 0; i < T_COUNT; i++)
                total += head.lengths[i];
        if (total > size - at - sizeof head || head.lengths[T_PACKAGE] == 0)
                return false;
        stanza_out->sha256 = packed + at + offsetof(Head, sha256);
        at += sizeof head;
        for (guint i = 0; i < T_COUNT; i++) {
                texts[i] = (Slice){ (const char *)packed + at, head.lengths[i] };
                at += head.lengths[i];
        }
        stanza_out->package = texts[T_PACKAGE];
        stanza_out->version = texts[T_VERSION];
        stanza_out->arch = texts[T_ARCH];
        stanza_out->source = texts[texts[T_SOURCE].size > 0 ? T_SOURCE : T_PACKAGE];
        stanza_out->source_version =
                texts[texts[T_SOURCE_VERSION].size > 0 ? T_SOURCE_VERSION : T_VERSION];
        stanza_out->path = texts[T_PATH];
        stanza_out->path_is_usual = head.path_is_usual != 0;
        stanza_out->description = texts[T_DESCRIPTION];
        stanza_out->homepage = texts[T_HOMEPAGE];
        stanza_out->marks = texts[T_MARKS];
        stanza_out->urgency = texts[T_URGENCY];
        stanza_out->size = head.size;
        *position = at;
        return true;
}

Slice
stanzas_path(const Stanza *stanza, GString *scratch)
{
        if (!stanza->path_is_usual)
                return stanza->path;
        g_string_truncate(scratch, 0);
        g_string_append_len(scratch, stanza->path.text, (gssize)stanza->path.size);
        g_string_append_c(scratch, '/');
        return usual_name(stanza, scratch);
}

GBytes *
stanzas_compress(const guint8 *packed, gsize size)
{
        gsize bound = ZSTD_compressBound(size);
        guint8 *out = g_malloc(bound);
        ZSTD_CCtx *context = ZSTD_createCCtx();
        size_t written;

        g_assert(context != NULL);
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
        written = ZSTD_compress2(context, out, bound, packed, size);
        ZSTD_freeCCtx(context);
        g_assert(!ZSTD_isError(written));
        return g_bytes_new_take(g_realloc(out, written), written);
}

GByteArray *
stanzas_expand(const void *data, gsize size, gsize max, GError **error)
{
        guint64 plain = ZSTD_getFrameContentSize(data, size);
        g_autoptr(GByteArray) out = NULL;
        size_t written;

        if (plain == ZSTD_CONTENTSIZE_UNKNOWN || plain == ZSTD_CONTENTSIZE_ERROR) {
                uk_fail(error, UK_ERROR_PARSE, "the kept content of an index is damaged");
                return NULL;
        }
        if (plain > max || plain > G_MAXUINT32) {
                uk_fail(error, UK_ERROR_LIMIT, "the kept content of an index is too large");
                return NULL;
        }
        out = g_byte_array_sized_new((guint)plain);
        g_byte_array_set_size(out, (guint)plain);
        written = ZSTD_decompress(out->data, plain, data, size);
        if (ZSTD_isError(written) || written != plain) {
                uk_fail(error, UK_ERROR_PARSE, "the kept content of an index is damaged");
                return NULL;
        }
        return g_steal_pointer(&out);
}
