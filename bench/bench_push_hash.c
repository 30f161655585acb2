/* bench_push_hash.c - proves files by their SHA-256, as `sha256sum -c` does, with the fast hasher
 * that Upkeep itself has; for bench_push.py.
 *
 *     bench_push_hash LIST THREADS
 *
 * LIST has a line a file: 64 hexadecimal digits, two blanks, the path.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "crypto/hash.h"

static char **lines;
static guint count;
static atomic_uint next;

static void
check(const char *line)
{
        guint8 wanted[HASH_SHA256_SIZE], got[HASH_SHA256_SIZE];
        GError *error = NULL;

        if (strlen(line) < HASH_SHA256_HEX + 3 ||
            !hash_from_hex(line, HASH_SHA256_HEX, wanted, sizeof wanted))
                bench_fail("%s: not a digest and a path", line);
        bench_must(hash_file(line + HASH_SHA256_HEX + 2, got, &error), error);
        if (memcmp(wanted, got, sizeof got) != 0)
                bench_fail("%s: FAILED", line + HASH_SHA256_HEX + 2);
}

static void *
work(void *user)
{
        (void)user;
        for (guint i = atomic_fetch_add(&next, 1); i < count; i = atomic_fetch_add(&next, 1))
                check(lines[i]);
        return NULL;
}

int
main(int argc, char **argv)
{
        g_autofree char *text = NULL;
        GError *error = NULL;
        pthread_t threads[64];
        int many = argc == 3 ? atoi(argv[2]) : 0;

        if (many < 1 || many > 64)
                bench_fail("usage: bench_push_hash LIST THREADS");
        bench_must(crypto_global_init(&error), error);
        bench_must(g_file_get_contents(argv[1], &text, NULL, &error), error);
        lines = g_strsplit(g_strchomp(text), "\n", 0);
        count = g_strv_length(lines);
        for (int i = 0; i < many; i++)
                if (pthread_create(&threads[i], NULL, work, NULL) != 0)
                        bench_fail("no thread");
        for (int i = 0; i < many; i++)
                pthread_join(threads[i], NULL);
        g_strfreev(lines);
        return 0;
}
