/* tree_form.c - the compact form of a tree, as DataLib/<ContentID>.TREE and the bundle hold it.
 *
 *   "UKTREE1\n", number: size of the content ID, the ID, number of entries, entries, SHA-256 of
 *   all before.
 *   entry: byte: kind (0 file, 1 folder, 2 symbolic link), number: mode, number: bytes of the path
 *   shared with the entry before, number: size of the rest, the rest, number: time of change in
 *   microseconds (zigzag); a file: number: size, 32 bytes of hash, number: twin; a symbolic link:
 *   number: size of the target, the target.
 *
 * Numbers are seven bits a byte, the lowest first, the top bit set while more follow.
 */
#include <string.h>

#include "content/tree_private.h"

#define MAGIC "UKTREE1\n"

static void
put_number(GByteArray *out, guint64 number)
{
        guint8 bytes[10];
        guint count = 0;

        do {
                bytes[count] = (guint8)(number & 0x7f);
                number >>= 7;
                if (number != 0)
                        bytes[count] |= 0x80;
                count++;
        } while (number != 0);
        g_byte_array_append(out, bytes, count);
}

static void
put_text(GByteArray *out, const char *text, gsize size)
{
        put_number(out, size);
        g_byte_array_append(out, (const guint8 *)text, (guint)size);
}

static gsize
shared_start(const char *a, const char *b)
{
        gsize same = 0;

        while (a[same] != '\0' && a[same] == b[same])
                same++;
        return same;
}

static void
put_entry(GByteArray *out, const TreeEntry *e, const char *before)
{
        const guint8 kind = (guint8)e->kind;
        gsize same = shared_start(before, e->path);
        guint64 time = (guint64)e->modified_us;

        g_byte_array_append(out, &kind, 1);
        put_number(out, e->mode);
        put_number(out, same);
        put_text(out, e->path + same, strlen(e->path + same));
        put_number(out, time << 1 ^ (e->modified_us < 0 ? G_MAXUINT64 : 0));
        if (e->kind == TREE_FILE) {
                put_number(out, (guint64)e->size);
                g_byte_array_append(out, e->hash, sizeof e->hash);
                put_number(out, e->twin);
        } else if (e->kind == TREE_SYMLINK) {
                put_text(out, e->target, strlen(e->target));
        }
}

GBytes *
tree_write(const ContentTree *tree)
{
        g_autoptr(GByteArray) out = g_byte_array_sized_new(tree_count(tree) * 72 + 256);
        guint8 digest[HASH_SHA256_SIZE];
        const char *before = "";

        g_byte_array_append(out, (const guint8 *)MAGIC, strlen(MAGIC));
        put_text(out, tree->content_id, strlen(tree->content_id));
        put_number(out, tree_count(tree));
        for (guint i = 0; i < tree_count(tree); i++) {
                put_entry(out, tree_entry(tree, i), before);
                before = tree_entry(tree, i)->path;
        }
        hash_sha256(out->data, out->len, digest);
        g_byte_array_append(out, digest, sizeof digest);
        return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

/* The bytes that are left. Once something is missing everything is nothing, and bad is set. */
typedef struct {
        const guint8 *at, *end;
        bool bad;
} Reader;

static guint64
take_number(Reader *r)
{
        guint64 number = 0;

        for (guint shift = 0; shift < 64 && r->at < r->end; shift += 7) {
                guint8 byte = *r->at++;

                number |= (guint64)(byte & 0x7f) << shift;
                if ((byte & 0x80) == 0)
                        return number;
        }
        r->bad = true;
        return 0;
}

static const guint8 *
take_bytes(Reader *r, guint64 size)
{
        const guint8 *bytes = r->at;

        if (r->bad || size > (guint64)(r->end - r->at)) {
                r->bad = true;
                return NULL;
        }
        r->at += size;
        return bytes;
}

/* A text of at most max bytes behind what `text` keeps. */
static bool
take_text(Reader *r, GString *text, gsize kept, gsize max)
{
        guint64 size = take_number(r);
        const guint8 *bytes = size <= max - kept ? take_bytes(r, size) : NULL;

        if (bytes == NULL || memchr(bytes, '\0', size) != NULL) {
                r->bad = true;
                return false;
        }
        g_string_truncate(text, kept);
        g_string_append_len(text, (const char *)bytes, (gssize)size);
        return true;
}

static bool
take_path(Reader *r, GString *path)
{
        guint64 same = take_number(r);

        if (same > path->len)
                r->bad = true;
        return !r->bad && take_text(r, path, (gsize)same, TREE_MAX_PATH);
}

static void
take_file(Reader *r, TreeEntry *e)
{
        guint64 size = take_number(r);
        const guint8 *hash = take_bytes(r, HASH_SHA256_SIZE);
        guint64 twin = take_number(r);

        if (size > G_MAXINT64 || twin > G_MAXUINT32 || hash == NULL) {
                r->bad = true;
                return;
        }
        e->size = (gint64)size;
        e->twin = (guint32)twin;
        memcpy(e->hash, hash, HASH_SHA256_SIZE);
}

static bool
take_entry(Reader *r, ContentTree *tree, GString *path, GString *target, GError **error)
{
        const guint8 *kind = take_bytes(r, 1);
        guint64 mode = take_number(r), time;
        TreeEntry e = { .kind = kind != NULL ? *kind : 0, .mode = (guint32)MIN(mode, 010000) };

        if (!take_path(r, path))
                return uk_fail(error, UK_ERROR_PARSE, "an entry cannot be read");
        time = take_number(r);
        e.path = path->str;
        e.modified_us = (gint64)(time >> 1 ^ ((time & 1) != 0 ? G_MAXUINT64 : 0));
        if (e.kind == TREE_FILE)
                take_file(r, &e);
        else if (e.kind == TREE_SYMLINK && take_text(r, target, 0, TREE_MAX_PATH))
                e.target = target->str;
        if (r->bad)
                return uk_fail(error, UK_ERROR_PARSE, "an entry cannot be read");
        return tree_add(tree, &e, error);
}

static bool
check_digest(Reader *r, GError **error)
{
        guint8 digest[HASH_SHA256_SIZE];

        if ((gsize)(r->end - r->at) < strlen(MAGIC) + sizeof digest ||
            memcmp(r->at, MAGIC, strlen(MAGIC)) != 0)
                return uk_fail(error, UK_ERROR_PARSE, "this is no tree of a content item");
        r->end -= sizeof digest;
        hash_sha256(r->at, (gsize)(r->end - r->at), digest);
        if (memcmp(digest, r->end, sizeof digest) != 0)
                return uk_fail(error, UK_ERROR_PARSE, "the checksum does not match");
        r->at += strlen(MAGIC);
        return true;
}

ContentTree *
tree_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading the tree of a content item");
        Reader r = { .at = data, .end = (const guint8 *)data + size };
        g_autoptr(ContentTree) tree = NULL;
        g_autoptr(GString) path = g_string_new(NULL);
        g_autoptr(GString) target = g_string_new(NULL);
        guint64 count;

        if (!check_digest(&r, error))
                return NULL;
        if (!take_text(&r, path, 0, TREE_MAX_PATH)) {
                uk_fail(error, UK_ERROR_PARSE, "the ID cannot be read");
                return NULL;
        }
        tree = tree_new(path->str);
        g_string_truncate(path, 0);
        count = take_number(&r);
        for (guint64 i = 0; i < count; i++) {
                if (!take_entry(&r, tree, path, target, error))
                        return NULL;
        }
        if (r.bad || r.at != r.end) {
                uk_fail(error, UK_ERROR_PARSE, "it ends early or late");
                return NULL;
        }
        return tree_seal(tree, error) ? g_steal_pointer(&tree) : NULL;
}
