/* index.c - Packages: decoded, checked, parsed and packed in one go. */
#include "sup/upstream/index.h"

#include <string.h>

#include "deb/deb822.h"
#include "deb/marks.h"
#include "deb/source.h"
#include "deb/version.h"
#include "sup/catalog/stanzas.h"

#define REFUSALS_KEPT 20
/* A package of 64 GiB is beyond sense. */
#define SIZE_MAX_SENSE (G_GUINT64_CONSTANT(64) << 30)
#define TEXT_MAX       500
/* Plain bytes of an index. The largest known have 100 MB and pack to a fifth; hashes alone, which
 * each package has, do not pack to a fiftieth. */
#define PLAIN_MAX       (512 * 1024 * 1024)
#define PLAIN_OF_PACKED 100
#define PLAIN_OF_FEW    (16 * 1024 * 1024)
#define PATH_MAX_SENSE  1000

enum {
        F_PACKAGE,
        F_VERSION,
        F_ARCHITECTURE,
        F_SOURCE,
        F_FILENAME,
        F_SIZE,
        F_SHA256,
        F_DESCRIPTION,
        F_HOMEPAGE,
        F_URGENCY,
        F_MARKS
};
#define F_COUNT (F_MARKS + MARKS_FIELDS)

struct Index {
        IndexAsk ask;
        Deb822Names names;
        const char *all_names[F_COUNT];
        Deb822Parser *parser;
        Decode *decode;
        HashStream *packed_hash, *plain_hash;
        guint64 packed_size, plain_size, plain_max;
        GByteArray *stanzas;
        guint32 *seen; /* open hash: position of a stanza + 1 */
        guint32 seen_mask;
        guint count, refused, passed_over;
        GPtrArray *refusals;
};

static bool on_stanza(gpointer user, const Deb822Stanza *stanza, GError **error);

bool
index_check(const IndexAsk *ask, GError **error)
{
        guint64 size = MAX(ask->packed->size, ask->plain != NULL ? ask->plain->size : 0);

        return size <= PLAIN_MAX || uk_fail(error, UK_ERROR_LIMIT,
                                            "the index %s has %" G_GUINT64_FORMAT
                                            " bytes, as its Release promises; at most %d are read",
                                            ask->name, size, PLAIN_MAX);
}

Index *
index_new(const IndexAsk *ask, GError **error)
{
        static const char *const own[] = { "Package",  "Version", "Architecture", "Source",
                                           "Filename", "Size",    "SHA256",       "Description",
                                           "Homepage", "Urgency" };
        g_autoptr(Index) index = g_new0(Index, 1);

        index->ask = *ask;
        index->decode = decode_new(ask->kind, error);
        if (index->decode == NULL)
                return NULL;
        index->plain_max =
                MIN(PLAIN_MAX, PLAIN_OF_FEW + MIN(ask->packed->size, PLAIN_MAX) * PLAIN_OF_PACKED);
        memcpy(index->all_names, own, sizeof own);
        memcpy(index->all_names + F_MARKS, marks_fields, sizeof *marks_fields * MARKS_FIELDS);
        deb822_names_init(&index->names, index->all_names, F_COUNT);
        index->parser = deb822_parser_new(ask->name, NULL, on_stanza, index);
        index->packed_hash = hash_stream_new();
        index->plain_hash = hash_stream_new();
        index->stanzas = g_byte_array_new();
        index->seen_mask = 1023;
        index->seen = g_new0(guint32, index->seen_mask + 1);
        index->refusals = g_ptr_array_new_with_free_func(g_free);
        return g_steal_pointer(&index);
}

void
index_free(Index *index)
{
        if (index == NULL)
                return;
        deb822_parser_free(index->parser);
        decode_free(index->decode);
        g_clear_pointer(&index->packed_hash, hash_stream_free);
        g_clear_pointer(&index->plain_hash, hash_stream_free);
        g_clear_pointer(&index->stanzas, g_byte_array_unref);
        g_clear_pointer(&index->refusals, g_ptr_array_unref);
        g_free(index->seen);
        g_free(index);
}

guint
index_count(const Index *index)
{
        return index->count + index->refused + index->passed_over;
}

/* ---- stanzas ---- */

static bool
path_is_safe(Slice path)
{
        gsize start = 0;
        guchar any = 0;

        if (path.size == 0 || path.size > PATH_MAX_SENSE)
                return false;
        for (gsize i = 0; i <= path.size; i++) {
                if (i < path.size && (guchar)path.text[i] < 0x21)
                        return false;
                any |= i < path.size ? (guchar)path.text[i] : 0;
                if (i < path.size && path.text[i] != '/')
                        continue;
                /* Neither empty parts, hence no absolute path, nor "..". */
                if (i == start || (i - start == 2 && memcmp(path.text + start, "..", 2) == 0))
                        return false;
                start = i + 1;
        }
        return any < 0x80 || g_utf8_validate_len(path.text, path.size, NULL);
}

static bool
arch_is_name(Slice arch)
{
        for (gsize i = 0; i < arch.size; i++) {
                if (!g_ascii_isalnum(arch.text[i]) && arch.text[i] != '-')
                        return false;
        }
        return arch.size > 0 && arch.size <= 40;
}

/* The first line, without control characters, of bounded length and cut between characters. */
static Slice
tidy(Slice value, char *buffer)
{
        gsize size;

        value = slice_line(value);
        size = MIN(value.size, TEXT_MAX);
        while (size < value.size && size > 0 && ((guchar)value.text[size] & 0xc0) == 0x80)
                size--;
        for (gsize i = 0; i < size; i++)
                buffer[i] = (guchar)value.text[i] < 0x20 ? ' ' : value.text[i];
        if (!g_utf8_validate_len(buffer, size, NULL)) {
                for (gsize i = 0; i < size; i++)
                        buffer[i] = (guchar)buffer[i] < 0x80 ? buffer[i] : '?';
        }
        return (Slice){ buffer, size };
}

/* NULL, or what is wrong with the stanza (DEB-013). */
static const char *
fault_of(const Slice *v, Stanza *s, guint8 *digest)
{
        static const guint needed[] = { F_PACKAGE,  F_VERSION, F_ARCHITECTURE,
                                        F_FILENAME, F_SIZE,    F_SHA256 };
        const char *fault;

        for (guint i = 0; i < G_N_ELEMENTS(needed); i++) {
                if (v[needed[i]].size == 0)
                        return "a field that is needed is missing";
        }
        if (!source_name_valid(v[F_PACKAGE]))
                return "its name is not allowed";
        fault = version_fault(v[F_VERSION].text, v[F_VERSION].size);
        if (fault != NULL)
                return fault;
        if (!arch_is_name(v[F_ARCHITECTURE]))
                return "its architecture is not a name";
        if (!source_split(v[F_SOURCE], v[F_PACKAGE], v[F_VERSION], &s->source,
                          &s->source_version) ||
            !source_name_valid(s->source))
                return "its Source is not of the form \"name (version)\"";
        fault = version_fault(s->source_version.text, s->source_version.size);
        if (fault != NULL)
                return fault;
        if (!path_is_safe(s->path))
                return "its Filename leaves the archive or is no path";
        if (!slice_number(v[F_SIZE], SIZE_MAX_SENSE, &s->size) || s->size == 0)
                return "its Size is no number or beyond sense";
        if (!hash_from_hex(v[F_SHA256].text, v[F_SHA256].size, digest, HASH_SHA256_SIZE))
                return "its SHA256 is no digest";
        return NULL;
}

static guint32
hash_identity(const Stanza *s)
{
        const Slice parts[] = { s->package, s->version, s->arch };
        guint32 hash = 2166136261u;

        for (guint p = 0; p < G_N_ELEMENTS(parts); p++) {
                for (gsize i = 0; i < parts[p].size; i++)
                        hash = (hash ^ (guchar)parts[p].text[i]) * 16777619u;
                hash = (hash ^ 0xff) * 16777619u;
        }
        return hash ^ hash >> 16;
}

static bool
same_identity(const Stanza *a, const Stanza *b)
{
        return slice_compare(a->package, b->package) == 0 &&
               slice_compare(a->version, b->version) == 0 && slice_compare(a->arch, b->arch) == 0;
}

static void
stanza_at(const Index *index, guint32 position, Stanza *stanza_out)
{
        gsize at = position;

        g_assert(stanzas_next(index->stanzas->data, index->stanzas->len, &at, stanza_out));
}

static void
grow_seen(Index *index)
{
        gsize at = 0;
        Stanza s;

        g_free(index->seen);
        index->seen_mask = index->seen_mask * 4 + 3;
        index->seen = g_new0(guint32, index->seen_mask + 1);
        for (gsize start = 0; stanzas_next(index->stanzas->data, index->stanzas->len, &at, &s);
             start = at) {
                guint32 slot = hash_identity(&s) & index->seen_mask;

                while (index->seen[slot] != 0)
                        slot = (slot + 1) & index->seen_mask;
                index->seen[slot] = (guint32)start + 1;
        }
}

typedef enum {
        NEW,
        SAME,
        OTHER
} Known;

/* Whether the package was there already, and if so with the same file. */
static Known
remember(Index *index, const Stanza *s)
{
        guint32 slot;

        if (index->count > index->seen_mask / 2)
                grow_seen(index);
        slot = hash_identity(s) & index->seen_mask;
        for (; index->seen[slot] != 0; slot = (slot + 1) & index->seen_mask) {
                Stanza other;

                stanza_at(index, index->seen[slot] - 1, &other);
                if (same_identity(s, &other))
                        return memcmp(s->sha256, other.sha256, HASH_SHA256_SIZE) == 0 ? SAME
                                                                                      : OTHER;
        }
        index->seen[slot] = index->stanzas->len + 1;
        return NEW;
}

static void
refuse(Index *index, const Deb822Stanza *stanza, const Slice *v, const char *why)
{
        Slice package = slice_line(v[F_PACKAGE]), version = slice_line(v[F_VERSION]);

        index->refused++;
        if (index->refusals->len >= REFUSALS_KEPT)
                return;
        g_autofree char *words =
                g_strdup_printf("%s: line %" G_GUINT64_FORMAT ": %.*s %.*s is refused: %s",
                                index->ask.name, stanza->line, (int)MIN(package.size, 100),
                                package.text, (int)MIN(version.size, 100), version.text, why);

        g_ptr_array_add(index->refusals, g_utf8_make_valid(words, -1));
}

static bool
is_wanted(const Index *index, Slice arch)
{
        if (index->ask.arches == NULL || slice_equal(arch, "all"))
                return true;
        for (guint i = 0; index->ask.arches[i] != NULL; i++) {
                if (slice_equal(arch, index->ask.arches[i]))
                        return true;
        }
        return false;
}

static void
take(Index *index, const Deb822Stanza *stanza, const Slice *v, Stanza *s)
{
        char mark[MARKS_SIZE], description[TEXT_MAX], homepage[TEXT_MAX], urgency[TEXT_MAX];

        switch (remember(index, s)) {
        case OTHER:
                refuse(index, stanza, v, "the index has it twice, with different files");
                return;
        case SAME:
                index->passed_over++;
                return;
        case NEW:
                break;
        }
        s->marks = (Slice){ mark, marks_make(v + F_MARKS, mark) };
        s->description = tidy(v[F_DESCRIPTION], description);
        s->homepage = tidy(v[F_HOMEPAGE], homepage);
        s->urgency = tidy(v[F_URGENCY], urgency);
        stanzas_add(index->stanzas, s);
        index->count++;
}

static bool
on_stanza(gpointer user, const Deb822Stanza *stanza, GError **error)
{
        Index *index = user;
        Slice v[F_COUNT];
        guint8 digest[HASH_SHA256_SIZE];
        Stanza s = { .sha256 = digest };
        const char *twice = deb822_pick(stanza, &index->names, v);
        const char *fault;

        s.package = v[F_PACKAGE];
        s.version = v[F_VERSION];
        s.arch = v[F_ARCHITECTURE];
        s.path = v[F_FILENAME];
        while (s.path.size > 2 && memcmp(s.path.text, "./", 2) == 0) {
                s.path.text += 2;
                s.path.size -= 2;
        }
        fault = twice != NULL ? "it has a field twice" : fault_of(v, &s, digest);
        if (fault != NULL)
                refuse(index, stanza, v, fault);
        else if (!is_wanted(index, s.arch))
                index->passed_over++;
        else
                take(index, stanza, v, &s);
        if (index->stanzas->len > G_MAXUINT32 / 2)
                return uk_fail(error, UK_ERROR_LIMIT, "%s has more than can be read",
                               index->ask.name);
        return true;
}

/* ---- bytes ---- */

static bool
too_long(const Index *index, const ReleaseFile *promised, const char *what, GError **error)
{
        return uk_fail(error, UK_ERROR_SIGNATURE,
                       "the index %s is longer than its Release promises (%" G_GUINT64_FORMAT
                       " bytes%s); the mirror is being changed or damaged: try later, or another",
                       index->ask.name, promised->size, what);
}

/* Decodes into the parser's own buffer until the input is used up. What is still being decoded then
 * comes with the next input or at the end: to wait for it would keep the decoder's threads, of
 * which each has a block of its own, from working side by side. */
static bool
decode_all(Index *index, const guint8 *in, gsize in_size, bool last, GError **error)
{
        gsize got, room;

        do {
                char *out = deb822_parser_space(index->parser, &room);
                gsize before = in_size;

                room = MIN(room, 256 * 1024);
                if (!decode_some(index->decode, &in, &in_size, last, out, room, &got, error)) {
                        g_prefix_error(error, "the index %s cannot be unpacked: ", index->ask.name);
                        return false;
                }
                if (got == 0 && in_size > 0 && in_size == before)
                        return uk_fail(
                                error, UK_ERROR_PARSE,
                                "the index %s cannot be unpacked: there is more behind its end",
                                index->ask.name);
                hash_stream_add(index->plain_hash, out, got);
                index->plain_size += got;
                if (index->ask.plain != NULL && index->plain_size > index->ask.plain->size)
                        return too_long(index, index->ask.plain, " unpacked", error);
                if (index->plain_size > index->plain_max)
                        return uk_fail(error, UK_ERROR_LIMIT,
                                       "the index %s unpacks to more than %" G_GUINT64_FORMAT
                                       " bytes, which no list of packages of its size does",
                                       index->ask.name, index->plain_max);
                if (!deb822_parser_filled(index->parser, got, error) ||
                    (index->ask.tell != NULL &&
                     !index->ask.tell(index->ask.user, index_count(index), error)))
                        return false;
        } while (in_size > 0 || got == room || (last && got > 0));
        return true;
}

bool
index_feed(Index *index, const void *data, gsize size, GError **error)
{
        index->packed_size += size;
        if (index->packed_size > index->ask.packed->size)
                return too_long(index, index->ask.packed, "", error);
        hash_stream_add(index->packed_hash, data, size);
        return decode_all(index, data, size, false, error);
}

static bool
check_promise(const Index *index, HashStream *hash, guint64 size, const ReleaseFile *promised,
              const char *what, GError **error)
{
        guint8 digest[HASH_SHA256_SIZE];
        g_autofree char *got = NULL, *expected = NULL;

        hash_stream_end(hash, digest);
        if (size < promised->size)
                return uk_fail(
                        error, UK_ERROR_NETWORK,
                        "the index %s ends after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                        " bytes%s: the transfer or the mirror's file is cut short; try again",
                        index->ask.name, size, promised->size, what);
        if (memcmp(digest, promised->sha256, sizeof digest) == 0)
                return true;
        got = hash_hex(digest, sizeof digest);
        expected = hash_hex(promised->sha256, sizeof digest);
        return uk_fail(error, UK_ERROR_SIGNATURE,
                       "the index %s has the SHA-256 %s%s, but its Release promises %s; the mirror "
                       "is being changed or damaged: try later, or another",
                       index->ask.name, got, what, expected);
}

static bool
check_share(const Index *index, GError **error)
{
        guint all = index->count + index->refused;

        if (index->refused == 0 || index->refused <= all * index->ask.refused_share)
                return true;
        return uk_fail(error, UK_ERROR_INVALID,
                       "%u of the %u packages of the index %s are refused, more than the %g %% "
                       "allowed (the first: %s); the archive is broken or hostile: tell its owners",
                       index->refused, all, index->ask.name, index->ask.refused_share * 100,
                       (const char *)g_ptr_array_index(index->refusals, 0));
}

bool
index_end(Index *index, IndexResult *result_out, GError **error)
{
        if (!check_promise(index, index->packed_hash, index->packed_size, index->ask.packed, "",
                           error) ||
            !decode_all(index, (const guint8 *)"", 0, true, error))
                return false;
        if (!decode_ended(index->decode))
                return uk_fail(error, UK_ERROR_PARSE,
                               "the index %s is packed wrongly: it ends within its data; tell the "
                               "archive's owners",
                               index->ask.name);
        if (index->ask.plain != NULL && !check_promise(index, index->plain_hash, index->plain_size,
                                                       index->ask.plain, " unpacked", error))
                return false;
        if (!deb822_parser_end(index->parser, error) || !check_share(index, error))
                return false;
        *result_out = (IndexResult){ .stanzas = g_steal_pointer(&index->stanzas),
                                     .count = index->count,
                                     .refused = index->refused,
                                     .passed_over = index->passed_over,
                                     .refusals = g_steal_pointer(&index->refusals) };
        return true;
}

void
index_result_clear(IndexResult *result)
{
        g_clear_pointer(&result->stanzas, g_byte_array_unref);
        g_clear_pointer(&result->refusals, g_ptr_array_unref);
}
