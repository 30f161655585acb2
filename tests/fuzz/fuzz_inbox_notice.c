/* Feeds inbox_notice_read; what it accepts must come out the same when written and read again. */
#include <stdint.h>
#include <string.h>

#include "inbox/drop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(InboxNotice) notice = inbox_notice_read((const char *)data, size, NULL);

        if (notice == NULL)
                return 0;
        g_autofree char *body = inbox_notice_write(notice);
        g_autoptr(InboxNotice) again = inbox_notice_read(body, strlen(body), NULL);
        g_assert_true(again != NULL && again->seq == notice->seq);
        g_assert_cmpstr(again->value, ==, notice->value);
        g_assert_true(g_strv_equal((const char *const *)again->traces,
                                   (const char *const *)notice->traces));
        return 0;
}
