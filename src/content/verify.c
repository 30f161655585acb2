/* verify.c - reads files of the library and compares them with their hashes. */
#include "content/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define PIECE (256 * 1024)

struct Verify {
        Library *library;
        guint8 hash[HASH_SHA256_SIZE];
        gint64 size, at;
        int fd; /* -1: not opened */
        HashStream *stream;
        guint8 *piece;
};

static char *
upper_hex(const guint8 *hash)
{
        g_autofree char *lower = hash_hex(hash, HASH_SHA256_SIZE);

        return g_ascii_strup(lower, -1);
}

char *
verify_damaged_path(const Library *library, const guint8 *hash)
{
        g_autofree char *hex = upper_hex(hash);

        return g_strdup_printf("%s/SMS_DP$/%s.damaged", library_root(library), hex);
}

Verify *
verify_begin(Library *library, const guint8 *hash, gint64 size)
{
        Verify *verify = g_new0(Verify, 1);

        verify->library = library;
        memcpy(verify->hash, hash, sizeof verify->hash);
        verify->size = size;
        verify->fd = -1;
        verify->stream = hash_stream_new();
        verify->piece = g_malloc(PIECE);
        return verify;
}

void
verify_free(Verify *verify)
{
        if (verify == NULL)
                return;
        uk_io_close(&verify->fd);
        hash_stream_free(verify->stream);
        g_free(verify->piece);
        g_free(verify);
}

/* A link that was planted in its place is no file of ours, and goes the same way. Somebody else may
 * have found the damage at the same time. */
static bool
set_aside(Verify *verify, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autofree char *hex = upper_hex(verify->hash);
        g_autofree char *path =
                g_strdup_printf("%s/FileLib/%.4s/%s", library_root(verify->library), hex, hex);
        g_autofree char *aside = verify_damaged_path(verify->library, verify->hash);

        if (uk_io_rename(path, aside, &why) || g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
begin_reading(Verify *verify, VerifyState *state_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        gint64 size;

        verify->fd = library_open_file(verify->library, verify->hash, &size, &why);
        if (verify->fd < 0 && g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                *state_out = VERIFY_MISSING;
                return true;
        }
        if (verify->fd < 0) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (size == verify->size)
                return true;
        *state_out = VERIFY_DAMAGED;
        return set_aside(verify, error);
}

static bool
judge(Verify *verify, VerifyState *state_out, GError **error)
{
        guint8 digest[HASH_SHA256_SIZE];

        hash_stream_end(verify->stream, digest);
        if (memcmp(digest, verify->hash, sizeof digest) == 0) {
                *state_out = VERIFY_GOOD;
                return true;
        }
        *state_out = VERIFY_DAMAGED;
        return set_aside(verify, error);
}

/* A sector that the disk cannot read is damage like any other. */
static bool
read_piece(Verify *verify, gsize max, gsize *read_out)
{
        ssize_t got;

        posix_fadvise(verify->fd, verify->at, (off_t)max, POSIX_FADV_DONTNEED);
        got = TEMP_FAILURE_RETRY(pread(verify->fd, verify->piece, max, verify->at));
        if (got <= 0)
                return false;
        hash_stream_add(verify->stream, verify->piece, (gsize)got);
        verify->at += got;
        *read_out += (gsize)got;
        return true;
}

bool
verify_step(Verify *verify, gsize max, gsize *read_out, VerifyState *state_out, GError **error)
{
        *state_out = VERIFY_MORE;
        *read_out = 0;
        if (verify->fd < 0 && (!begin_reading(verify, state_out, error)))
                return false;
        while (*state_out == VERIFY_MORE && verify->at < verify->size && *read_out < max) {
                if (read_piece(verify, MIN(max - *read_out, PIECE), read_out))
                        continue;
                *state_out = VERIFY_DAMAGED;
                return set_aside(verify, error);
        }
        return *state_out != VERIFY_MORE || verify->at < verify->size ||
               judge(verify, state_out, error);
}
