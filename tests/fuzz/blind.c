/* Feeds a fuzz target without the fuzzer's coverage hooks: each input of its corpus once, then
 * changed ones until the time is over. Needs no build of the libraries but the one that the tests
 * use; script/test --full has the fuzzer.
 *
 * blind SECONDS SEED KEPT CORPUS...: KEPT holds, after a crash, the input that did it. */
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
        ONE_TAKES_AT_MOST_S = 20,
        LARGEST = 1024 * 1024,
        MOST_CHANGES = 4,
        LONGEST_RANGE = 64
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What readers of text and of binary forms look for. */
static const char *const telling[] = { "\0",
                                       "\xff",
                                       "\xff\xff\xff\xff",
                                       "\x7f",
                                       "\x80",
                                       "\xc3",
                                       "\xed\xa0\x80",
                                       "\n",
                                       "\r\n",
                                       "\n\n",
                                       " ",
                                       "\t",
                                       "\"",
                                       "'",
                                       "<",
                                       "</",
                                       ">",
                                       "&#0;",
                                       "<![CDATA[",
                                       "{",
                                       "}",
                                       "[",
                                       "]",
                                       ":",
                                       ",",
                                       "=",
                                       "%",
                                       "%00",
                                       "..",
                                       "/",
                                       "-",
                                       "-1",
                                       "0",
                                       "9223372036854775808",
                                       "18446744073709551616",
                                       "1e999" };

typedef struct {
        GRand *rand;
        GPtrArray *corpus; /* GBytes */
        uint8_t *kept;     /* the input at work, in a file that outlives the process */
        int kept_fd;
        guint64 count;
} Feeder;

static void
feed(Feeder *f, const uint8_t *data, size_t size)
{
        size = MIN(size, LARGEST - sizeof size);
        g_autofree uint8_t *exact =
                g_malloc(MAX(size, 1)); /* so that a read past the end is seen */

        memcpy(f->kept, &size, sizeof size);
        memcpy(f->kept + sizeof size, data, size);
        memcpy(exact, data, size);
        alarm(ONE_TAKES_AT_MOST_S);
        (void)LLVMFuzzerTestOneInput(exact, size);
        f->count++;
}

static size_t
place(Feeder *f, const GByteArray *input)
{
        return input->len == 0 ? 0 : (size_t)g_rand_int_range(f->rand, 0, (gint32)input->len);
}

static void
insert(GByteArray *input, size_t at, const uint8_t *bytes, size_t count)
{
        size_t behind = input->len - at;

        g_byte_array_set_size(input, (guint)(input->len + count));
        memmove(input->data + at + count, input->data + at, behind);
        memcpy(input->data + at, bytes, count);
}

static void
change_byte(Feeder *f, GByteArray *input)
{
        if (input->len == 0)
                return;
        if (g_rand_boolean(f->rand))
                input->data[place(f, input)] ^= (uint8_t)(1u << g_rand_int_range(f->rand, 0, 8));
        else
                input->data[place(f, input)] = (uint8_t)g_rand_int_range(f->rand, 0, 256);
}

static void
take_away(Feeder *f, GByteArray *input)
{
        size_t at = place(f, input);
        size_t most = g_rand_int_range(f->rand, 0, 8) == 0 ? LARGEST : LONGEST_RANGE;

        most = MIN(input->len - at, most);
        if (most != 0)
                g_byte_array_remove_range(input, (guint)at,
                                          (guint)g_rand_int_range(f->rand, 1, (gint32)most + 1));
}

static void
put_telling(Feeder *f, GByteArray *input)
{
        const char *text = telling[g_rand_int_range(f->rand, 0, G_N_ELEMENTS(telling))];

        insert(input, place(f, input), (const uint8_t *)text, MAX(strlen(text), 1));
}

/* A range of another input, or of the same one. */
static void
splice(Feeder *f, GByteArray *input)
{
        GBytes *other = f->corpus->pdata[g_rand_int_range(f->rand, 0, (gint32)f->corpus->len)];
        size_t size;
        const uint8_t *data = g_bytes_get_data(other, &size);

        if (size == 0)
                return;
        size_t from = (size_t)g_rand_int_range(f->rand, 0, (gint32)size);
        size_t most = MIN(size - from, (size_t)LONGEST_RANGE);

        insert(input, place(f, input), data + from,
               (size_t)g_rand_int_range(f->rand, 1, (gint32)most + 1));
}

static void
feed_changed(Feeder *f)
{
        static void (*const changes[])(Feeder *, GByteArray *) = { change_byte, take_away,
                                                                   put_telling, splice };
        GBytes *from = f->corpus->pdata[g_rand_int_range(f->rand, 0, (gint32)f->corpus->len)];
        g_autoptr(GByteArray) input = g_byte_array_new();
        int count = g_rand_int_range(f->rand, 1, MOST_CHANGES + 1);

        g_byte_array_append(input, g_bytes_get_data(from, NULL), (guint)g_bytes_get_size(from));
        while (count-- > 0)
                changes[g_rand_int_range(f->rand, 0, G_N_ELEMENTS(changes))](f, input);
        feed(f, input->len == 0 ? (const uint8_t *)"" : input->data, input->len);
}

static void
read_corpus(Feeder *f, const char *folder)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);

        for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
                g_autofree char *path = g_build_filename(folder, name, NULL);
                char *data;
                size_t size;

                if (!g_file_get_contents(path, &data, &size, &error))
                        break;
                g_ptr_array_add(f->corpus, g_bytes_new_take(data, size));
        }
        if (error != NULL)
                g_error("%s", error->message);
}

static gint
by_bytes(gconstpointer a, gconstpointer b)
{
        return g_bytes_compare(*(GBytes *const *)a, *(GBytes *const *)b);
}

static bool
open_kept(Feeder *f, const char *path)
{
        FILE *file = fopen(path, "w+");

        if (file == NULL || ftruncate(fileno(file), LARGEST) != 0)
                return false;
        f->kept_fd = fileno(file);
        f->kept = mmap(NULL, LARGEST, PROT_READ | PROT_WRITE, MAP_SHARED, f->kept_fd, 0);
        return f->kept != MAP_FAILED;
}

int
main(int argc, char **argv)
{
        Feeder f = { .corpus = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref) };

        if (argc < 5 || !open_kept(&f, argv[3])) {
                fprintf(stderr, "usage: %s SECONDS SEED KEPT CORPUS...; KEPT must be writable\n",
                        argv[0]);
                return 2;
        }
        gint64 end =
                g_get_monotonic_time() + (gint64)(g_ascii_strtod(argv[1], NULL) * G_USEC_PER_SEC);

        f.rand = g_rand_new_with_seed((guint32)g_ascii_strtoull(argv[2], NULL, 10));
        for (int i = 4; i < argc; i++)
                read_corpus(&f, argv[i]);
        if (f.corpus->len == 0)
                g_error("there is no input in %s", argv[4]);
        g_ptr_array_sort(f.corpus, by_bytes); /* a seed means the same wherever the folder lies */
        for (guint i = 0; i < f.corpus->len; i++)
                feed(&f, g_bytes_get_data(f.corpus->pdata[i], NULL),
                     g_bytes_get_size(f.corpus->pdata[i]));
        while (g_get_monotonic_time() < end)
                feed_changed(&f);
        printf("%" G_GUINT64_FORMAT " inputs\n", f.count);
        (void)unlink(argv[3]);
        g_ptr_array_unref(f.corpus);
        g_rand_free(f.rand);
        return 0;
}
