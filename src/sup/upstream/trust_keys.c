/* trust_keys.c - the keys of a source, put together into one file that gpgv can read. */
#include <string.h>

#include "base/io.h"
#include "crypto/hash.h"
#include "deb/aptfiles.h"
#include "deb/slice.h"
#include "sup/upstream/trust_private.h"

#define KEYS_MAX (16 * 1024 * 1024)

static const char armour_begin[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
static const char armour_end[] = "-----END PGP PUBLIC KEY BLOCK-----";

struct TrustKeys {
        char *path;
        char **allowed;
};

const char *
trust_keys_path(const TrustKeys *keys)
{
        return keys->path;
}

char **
trust_keys_allowed(const TrustKeys *keys)
{
        return keys->allowed;
}

void
trust_keys_free(TrustKeys *keys)
{
        if (keys == NULL)
                return;
        g_free(keys->path);
        g_strfreev(keys->allowed);
        g_free(keys);
}

/* ---- armour ---- */

/* Decodes the lines of one block, up to its checksum, into out. */
static bool
decode_block(Slice block, GByteArray *out)
{
        g_autoptr(GString) digits = g_string_new(NULL);
        bool in_body = false;

        while (block.size > 0) {
                const char *newline = memchr(block.text, '\n', block.size);
                gsize size = newline != NULL ? (gsize)(newline - block.text) : block.size;
                Slice line = slice_line((Slice){ block.text, size });

                block.text += MIN(size + 1, block.size);
                block.size -= MIN(size + 1, block.size);
                if (!in_body)
                        in_body = line.size == 0;
                else if (line.size > 0 && *line.text == '=')
                        break;
                else
                        g_string_append_len(digits, line.text, (gssize)line.size);
        }
        if (digits->len == 0 || digits->len % 4 != 0)
                return false;
        gsize size;
        g_autofree guchar *bytes = g_base64_decode(digits->str, &size);

        g_byte_array_append(out, bytes, (guint)size);
        return size > 0;
}

GBytes *
trust_armour_read(const char *text, gsize size, GError **error)
{
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_autofree char *copy = g_strndup(text, size);
        const char *at = strstr(copy, armour_begin);

        if (at == NULL)
                return g_bytes_new(text, size);
        for (; at != NULL; at = strstr(at, armour_begin)) {
                const char *end = strstr(at, armour_end);
                const char *body = strchr(at, '\n');

                if (end == NULL || body == NULL || body > end ||
                    !decode_block((Slice){ body + 1, (gsize)(end - body - 1) }, out)) {
                        uk_fail(error, UK_ERROR_PARSE, "the armour of a key is damaged");
                        return NULL;
                }
                at = end;
        }
        return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

/* A key within apt's sources: each line behind a blank, an empty one as ".". */
static char *
unfold(const char *value)
{
        g_auto(GStrv) lines = g_strsplit(value, "\n", -1);

        for (guint i = 0; lines[i] != NULL; i++) {
                g_strstrip(lines[i]);
                if (strcmp(lines[i], ".") == 0)
                        *lines[i] = '\0';
        }
        return g_strjoinv("\n", lines);
}

/* ---- which keys ---- */

static bool
add_text(GByteArray *all, const char *text, gsize size, const char *name, GError **error)
{
        UK_DOING(error, "reading the keys of %s", name);
        g_autoptr(GBytes) keys = trust_armour_read(text, size, error);

        if (keys == NULL)
                return false;
        /* A keybox, which neither apt nor gpgv can join to other keys; apt passes it over too. */
        if (size > 12 && memcmp(text + 8, "KBXf", 4) == 0)
                return true;
        g_byte_array_append(all, g_bytes_get_data(keys, NULL), (guint)g_bytes_get_size(keys));
        return true;
}

static bool
add_file(GByteArray *all, const char *path, GError **error)
{
        g_autofree char *text = NULL;
        gsize size;

        return uk_io_read(path, KEYS_MAX, &text, &size, error) &&
               add_text(all, text, size, path, error);
}

/* Files that are not there are passed over; others that cannot be read are not. */
static bool
add_if_there(GByteArray *all, const char *path, GError **error)
{
        return !g_file_test(path, G_FILE_TEST_EXISTS) || add_file(all, path, error);
}

static bool
add_machine_keys(GByteArray *all, const char *root, GError **error)
{
        static const char *const archives[] = { "debian-archive-keyring.gpg",
                                                "ubuntu-archive-keyring.gpg" };
        g_autofree char *trusted = g_build_filename(root, "etc/apt/trusted.gpg", NULL);
        g_autofree char *folder = g_build_filename(root, "etc/apt/trusted.gpg.d", NULL);
        g_autoptr(GPtrArray) paths = aptfiles_list(folder, ".gpg", false);
        g_autoptr(GPtrArray) armoured = aptfiles_list(folder, ".asc", false);

        if (!add_if_there(all, trusted, error))
                return false;
        g_ptr_array_extend_and_steal(paths, g_steal_pointer(&armoured));
        for (guint i = 0; i < paths->len; i++) {
                if (!add_file(all, g_ptr_array_index(paths, i), error))
                        return false;
        }
        for (guint i = 0; all->len == 0 && i < G_N_ELEMENTS(archives); i++) {
                g_autofree char *path =
                        g_build_filename(root, "usr/share/keyrings", archives[i], NULL);

                if (!add_if_there(all, path, error))
                        return false;
        }
        return true;
}

/* Paths and fingerprints, as Signed-By mixes them. */
static bool
add_named(GByteArray *all, const char *root, const char *signed_by, GPtrArray *allowed,
          GError **error)
{
        Slice rest = slice_of(signed_by), word;
        bool any_path = false;

        while (slice_word(&rest, &word)) {
                g_autofree char *text = slice_dup(word);

                if (*text != '/') {
                        g_ptr_array_add(allowed, g_steal_pointer(&text));
                        continue;
                }
                /* Below the root, or, as apt has it whatever its root, where it says. */
                g_autofree char *path = g_build_filename(root, text, NULL);
                bool below = g_file_test(path, G_FILE_TEST_EXISTS);

                if (!add_file(all, below ? path : text, error))
                        return false;
                any_path = true;
        }
        return any_path || add_machine_keys(all, root, error);
}

static bool
gather(GByteArray *all, const char *root, const char *signed_by, GPtrArray *allowed, GError **error)
{
        if (signed_by == NULL)
                return add_machine_keys(all, root, error);
        if (strstr(signed_by, armour_begin) != NULL) {
                g_autofree char *key = unfold(signed_by);

                return add_text(all, key, strlen(key), "the source", error);
        }
        return add_named(all, root, signed_by, allowed, error);
}

TrustKeys *
trust_keys_load(const char *root, const char *signed_by, const char *work_dir, GError **error)
{
        g_autoptr(GByteArray) all = g_byte_array_new();
        g_autoptr(GPtrArray) allowed = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) failure = NULL;
        g_autoptr(TrustKeys) keys = g_new0(TrustKeys, 1);
        g_autofree char *name = NULL;

        if (!gather(all, root, signed_by, allowed, &failure) || all->len == 0) {
                uk_fail(error, UK_ERROR_KEY,
                        "the keys it must be signed with cannot be read (%s); name a keyring with "
                        "Signed-By in the source, or install the archive's keyring",
                        failure != NULL ? failure->message : "there are none");
                return NULL;
        }
        name = hash_sha256_hex(all->data, all->len);
        keys->path = g_strdup_printf("%s/%s.keys", work_dir, name);
        g_ptr_array_add(allowed, NULL);
        keys->allowed = (char **)g_ptr_array_steal(allowed, NULL);
        if (!g_file_test(keys->path, G_FILE_TEST_EXISTS) &&
            !uk_io_replace(keys->path, all->data, all->len, 0644, error))
                return NULL;
        return g_steal_pointer(&keys);
}
