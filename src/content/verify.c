/* verify.c - reads files of the library and compares them with their hashes. */
#include "content/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "content/library_private.h"
#include "content/libraryini.h"

#define PIECE (256 * 1024)

struct Verify {
        Library *library;
        guint8 hash[HASH_SHA256_SIZE];
        gint64 size, at;
        int fd; /* -1: not opened */
        HashStream *stream;
        guint8 *piece;
};

char *
verify_damaged_path(const Library *library, const guint8 *hash)
{
        g_autofree char *hex = libraryini_hex(hash);

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

/* ---- damage ---------------------------------------------------------------------------------- */

/* A repair has put another file in its place meanwhile. */
static bool
is_another(const Verify *verify, const struct stat *there)
{
        struct stat read;

        return verify->fd >= 0 && fstat(verify->fd, &read) == 0 &&
               (read.st_dev != there->st_dev || read.st_ino != there->st_ino);
}

static void
begin_anew(Verify *verify)
{
        uk_io_close(&verify->fd);
        hash_stream_free(verify->stream);
        verify->stream = hash_stream_new();
        verify->at = 0;
}

/* change is held, so that nothing gets its name in between. */
static bool
move_aside(Verify *verify, const char *path, VerifyState *state_out, GError **error)
{
        g_autofree char *aside = verify_damaged_path(verify->library, verify->hash);
        struct stat there;

        *state_out = VERIFY_MISSING;
        if (lstat(path, &there) != 0 && errno == ENOENT)
                return true;
        if (is_another(verify, &there)) {
                begin_anew(verify);
                *state_out = VERIFY_MORE;
                return true;
        }
        *state_out = VERIFY_DAMAGED;
        return uk_io_rename(path, aside, error);
}

/* A link that was planted in its place is no file of ours, and goes the same way. Somebody else may
 * have found the damage at the same time, in this program or in another. */
static bool
set_aside(Verify *verify, VerifyState *state_out, GError **error)
{
        g_autofree char *path = library_file_path(verify->library, verify->hash, "");
        g_autoptr(GError) why = NULL;

        pthread_mutex_lock(&verify->library->change);
        bool ok = move_aside(verify, path, state_out, &why);
        if (!ok && access(path, F_OK) != 0 && errno == ENOENT) {
                *state_out = VERIFY_MISSING;
                ok = true;
        }
        pthread_mutex_unlock(&verify->library->change);
        if (!ok)
                g_propagate_error(error, g_steal_pointer(&why));
        return ok;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* One that the disk cannot open is damaged like one that it cannot read. */
static bool
begin_reading(Verify *verify, VerifyState *state_out, GError **error)
{
        g_autofree char *path = library_file_path(verify->library, verify->hash, "");
        struct stat st;

        verify->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (verify->fd < 0 && library_is_shortage(errno))
                return uk_fail_errno(error, errno, "opening %s", path);
        if (verify->fd < 0 && errno == ENOENT) {
                *state_out = VERIFY_MISSING;
                return true;
        }
        if (verify->fd >= 0 && fstat(verify->fd, &st) == 0 && S_ISREG(st.st_mode) &&
            st.st_size == verify->size)
                return true;
        return set_aside(verify, state_out, error);
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
        return set_aside(verify, state_out, error);
}

/* A sector that the disk cannot read is damage like any other. */
static bool
read_piece(Verify *verify, gsize max, gsize *read_out, VerifyState *state_out, GError **error)
{
        ssize_t got;

        posix_fadvise(verify->fd, verify->at, (off_t)max, POSIX_FADV_DONTNEED);
        got = TEMP_FAILURE_RETRY(pread(verify->fd, verify->piece, max, verify->at));
        if (got < 0 && library_is_shortage(errno))
                return uk_fail_errno(error, errno, "reading a file of the content library");
        if (got <= 0)
                return set_aside(verify, state_out, error);
        hash_stream_add(verify->stream, verify->piece, (gsize)got);
        verify->at += got;
        *read_out += (gsize)got;
        return true;
}

bool
verify_step(Verify *verify, gsize max, gsize *read_out, VerifyState *state_out, GError **error)
{
        UK_DOING(error, "verifying a file of the content library");

        *state_out = VERIFY_MORE;
        *read_out = 0;
        if (verify->fd < 0 && !begin_reading(verify, state_out, error))
                return false;
        while (*state_out == VERIFY_MORE && verify->fd >= 0 && verify->at < verify->size &&
               *read_out < max) {
                if (!read_piece(verify, MIN(max - *read_out, PIECE), read_out, state_out, error))
                        return false;
        }
        return *state_out != VERIFY_MORE || verify->fd < 0 || verify->at < verify->size ||
               judge(verify, state_out, error);
}
