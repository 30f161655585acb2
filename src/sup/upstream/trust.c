/* trust.c - runs gpgv over an InRelease and judges its answer. */
#include "sup/upstream/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "sup/upstream/trust_private.h"

#define GPGV        "/usr/bin/gpgv"
#define RELEASE_MAX (10 * 1000 * 1000)
#define STATUS_MAX  (1024 * 1024)

struct TrustCheck {
        pid_t pid;
        int status_fd;
        char *output; /* where gpgv writes the signed part */
        char **allowed;
};

static void
check_free(TrustCheck *check)
{
        if (check->status_fd >= 0)
                close(check->status_fd);
        (void)!uk_io_unlink(check->output, NULL);
        g_free(check->output);
        g_strfreev(check->allowed);
        g_free(check);
}

/* One clear-signed text and nothing else: what lies before, between or behind could be taken for
 * signed by a careless reader. */
static bool
is_one_signed_text(const char *text, gsize size)
{
        static const char begin[] = "-----BEGIN PGP SIGNED MESSAGE-----";
        static const char signature[] = "-----BEGIN PGP SIGNATURE-----";
        static const char end[] = "-----END PGP SIGNATURE-----";
        const char *at;

        if (memchr(text, '\0', size) != NULL || !g_str_has_prefix(text, begin) ||
            strstr(text + 1, begin) != NULL)
                return false;
        at = strstr(text, signature);
        if (at == NULL || at[-1] != '\n' || strstr(at + 1, signature) != NULL)
                return false;
        at = strstr(at, end);
        if (at == NULL)
                return false;
        for (at += strlen(end); *at != '\0'; at++) {
                if (!g_ascii_isspace(*at))
                        return false;
        }
        return true;
}

/* Starts gpgv with its status channel as descriptor 3. */
static int
spawn(const char *keyring, const char *path, const char *output, int status_fd, pid_t *pid_out)
{
        char *const argv[] = { (char *)"gpgv",      (char *)"--status-fd", (char *)"3",
                               (char *)"--keyring", (char *)keyring,       (char *)"--output",
                               (char *)output,      (char *)path,          NULL };
        char *const environment[] = { (char *)"LC_ALL=C", (char *)"PATH=/usr/bin:/bin", NULL };
        posix_spawn_file_actions_t actions;
        int result = posix_spawn_file_actions_init(&actions);

        if (result != 0)
                return result;
        result = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (result == 0)
                result = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        if (result == 0)
                result = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        if (result == 0)
                result = posix_spawn_file_actions_adddup2(&actions, status_fd, 3);
        if (result == 0)
                result = posix_spawn(pid_out, GPGV, &actions, NULL, argv, environment);
        posix_spawn_file_actions_destroy(&actions);
        return result;
}

TrustCheck *
trust_begin(const TrustKeys *keys, const char *path, const char *text, gsize size, GError **error)
{
        int ends[2], result;
        TrustCheck *check;

        if (!is_one_signed_text(text, size)) {
                uk_fail(error, UK_ERROR_SIGNATURE,
                        "its InRelease is not one clear-signed text, as an archive that is signed "
                        "has it; look at it, or try another mirror");
                return NULL;
        }
        if (pipe2(ends, O_CLOEXEC) != 0) {
                uk_fail_errno(error, errno, "a pipe to gpgv");
                return NULL;
        }
        check = g_new0(TrustCheck, 1);
        check->output = g_strconcat(path, ".signed", NULL);
        check->allowed = g_strdupv(trust_keys_allowed(keys));
        check->status_fd = ends[0];
        /* gpgv refuses to write over a file, and one may be left of a run that was killed. */
        (void)!uk_io_unlink(check->output, NULL);
        result = spawn(trust_keys_path(keys), path, check->output, ends[1], &check->pid);
        close(ends[1]);
        if (result == 0)
                return check;
        check_free(check);
        uk_fail(error, UK_ERROR_KEY, "%s cannot be started: %s; install the package gpgv", GPGV,
                g_strerror(result));
        return NULL;
}

/* All that gpgv says, until it ends. */
static char *
read_status(int fd, gsize *size_out)
{
        GString *status = g_string_new(NULL);
        char buffer[4096];
        gssize got;

        do {
                got = read(fd, buffer, sizeof buffer);
                if (got > 0 && status->len < STATUS_MAX)
                        g_string_append_len(status, buffer, got);
        } while (got > 0 || (got < 0 && errno == EINTR));
        *size_out = status->len;
        return g_string_free(status, FALSE);
}

bool
trust_end(TrustCheck *check, char **text_out, gsize *size_out, GError **error)
{
        gsize status_size;
        g_autofree char *status = read_status(check->status_fd, &status_size);
        int exit_status = 0;
        bool good;

        while (waitpid(check->pid, &exit_status, 0) < 0 && errno == EINTR)
                continue;
        good = trust_status_read(status, status_size, (const char *const *)check->allowed, error);
        if (good && (!WIFEXITED(exit_status) || WEXITSTATUS(exit_status) > 2))
                good = uk_fail(error, UK_ERROR_SIGNATURE, "gpgv broke off (status %d)",
                               exit_status);
        if (good)
                good = uk_io_read(check->output, RELEASE_MAX, text_out, size_out, error);
        check_free(check);
        return good;
}
