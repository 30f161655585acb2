/* fuzz_delta.c - deltas as they come from elsewhere: never more bytes than allowed, never a read
 * outside the old file. The first half of the head is made to fit, so that what is behind it is
 * reached; deltas that we make are applied to what they were made from. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "content/delta.h"

#define OLD_SIZE 5000
#define NEW_SIZE 70000
#define HEAD     96

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
file_of(const void *data, gsize size)
{
        int fd = memfd_create("fuzz", MFD_CLOEXEC);

        g_assert(fd >= 0 && uk_io_write(fd, data, size, "fuzz", NULL));
        return fd;
}

static bool
on_bytes(gpointer user, const void *data, gsize size, GError **error)
{
        g_byte_array_append(user, data, (guint)size);
        return true;
}

static void
apply(int old, gint64 old_size, int delta, gint64 new_size, GByteArray *out)
{
        bool done = delta_apply(old, old_size, delta, new_size, on_bytes, out, NULL);

        g_assert(out->len <= new_size && (!done || out->len == new_size));
}

/* data is a delta's kind and what follows the head. */
static void
foreign(const uint8_t *data, size_t size)
{
        g_autoptr(GByteArray) out = g_byte_array_new();
        guint8 old[OLD_SIZE];
        guint8 head[HEAD] = "UKDLT1\r\n";
        guint64 sizes[] = { GUINT64_TO_LE(OLD_SIZE), GUINT64_TO_LE(NEW_SIZE) };

        for (int i = 0; i < OLD_SIZE; i++)
                old[i] = (guint8)(i * i / 7);
        head[8] = data[0] & 1;
        memcpy(head + 16, sizes, sizeof sizes);
        UK_AUTOFD old_fd = file_of(old, sizeof old);
        UK_AUTOFD delta_fd = file_of(head, sizeof head);
        g_assert(uk_io_write(delta_fd, data + 1, size - 1, "fuzz", NULL));
        apply(old_fd, OLD_SIZE, delta_fd, NEW_SIZE, out);
}

/* data is an old file and a new one. */
static void
own(const uint8_t *data, size_t size)
{
        g_autoptr(GByteArray) out = g_byte_array_new();
        gsize border = size * data[0] / 256;
        UK_AUTOFD old = file_of(data, border);
        UK_AUTOFD new = file_of(data + border, size - border);
        UK_AUTOFD delta = memfd_create("delta", MFD_CLOEXEC);
        DeltaHead head = { .old_size = (gint64)border, .new_size = (gint64)(size - border) };
        gint64 delta_size;

        g_assert(delta_make(old, new, &head, delta, &delta_size, NULL));
        apply(old, (gint64)border, delta, (gint64)(size - border), out);
        g_assert(out->len == size - border && memcmp(out->data, data + border, out->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GByteArray) out = g_byte_array_new();
        UK_AUTOFD delta = file_of(data, size);
        UK_AUTOFD none = file_of("", 0);

        apply(none, 0, delta, NEW_SIZE, out);
        if (size > 0) {
                foreign(data, size);
                own(data, size);
        }
        return 0;
}
