/* Feeds the readers of state message reports. Whatever the quick reader takes, the thorough one
 * must take too, and say the same, word for word. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/statereport_private.h"
#include "wire/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
hear_head(gpointer user, const StateReportHead *head, GError **error)
{
        g_string_append_printf(user, "%s|%s|%s|%d|%d|%s|%" G_GINT64_FORMAT "|%s\n", head->client_id,
                               head->client_version, head->name, head->client_installed,
                               head->priority, head->content, head->date_us, head->trace);
        return true;
}

static bool
hear_message(gpointer user, const StateReportMessage *m, GError **error)
{
        g_string_append_printf(user,
                               "%" G_GINT64_FORMAT "|%" G_GINT64_FORMAT "|%d|%d|%s|%s|%d|%u|%s",
                               m->time_us, m->serial, m->topic_type, m->id_type, m->topic_id,
                               m->user, m->state_id, m->param_count, m->details);
        for (guint i = 0; i < STATEREPORT_PARAMS; i++)
                g_string_append_printf(user, "|%s", m->params[i]);
        return true;
}

static void
hear_invalid(gpointer user, const char *why)
{
        g_string_append(user, why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        GString *quick = g_string_new(NULL);
        GString *thorough = g_string_new(NULL);
        const StateReportSink a = { hear_head, hear_message, hear_invalid, quick };
        const StateReportSink b = { hear_head, hear_message, hear_invalid, thorough };
        bool taken = statereport_read_quick(data, size, false, &a, NULL) == QUICK_READ;
        bool read = statereport_read_thorough(data, size, false, &b, NULL);
        StateReportHead *head = statereport_read_head(data, size, NULL);

        if (taken ? !read || !g_string_equal(quick, thorough) : quick->len > 0)
                abort();
        if (read && head == NULL)
                abort();
        statereport_head_free(head);
        g_string_free(quick, TRUE);
        g_string_free(thorough, TRUE);
        return 0;
}
