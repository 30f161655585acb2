/* Feeds the readers of policy documents; what was read is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/policydoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
feed_body(const uint8_t *data, size_t size)
{
        g_autoptr(PolicyBody) body = policydoc_body_read(data, size, NULL);

        if (body == NULL)
                return;
        g_autofree char *text = policydoc_body_write(body);
        g_autoptr(PolicyBody) again = policydoc_body_read(text, strlen(text), NULL);

        if (again == NULL || again->properties->len != body->properties->len)
                abort();
}

static void
feed_query(const uint8_t *data, size_t size)
{
        g_autofree char *query = g_strndup((const char *)data, size);
        char *id;
        char *version;

        if (policydoc_body_query(query, &id, &version, NULL)) {
                g_free(policydoc_body_path(id, version));
                g_free(id);
                g_free(version);
        }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(PolicyAssignmentDoc) assignment = policydoc_assignment_read(data, size, NULL);
        g_autoptr(PolicyRequest) request = policydoc_request_read(data, size, NULL);
        g_autoptr(PolicyReply) reply = policydoc_reply_read(data, size, NULL);

        feed_body(data, size);
        feed_query(data, size);
        if (request != NULL)
                g_free(policydoc_request_write(request));
        if (assignment != NULL)
                g_free(policydoc_assignment_write(assignment));
        if (reply != NULL) {
                g_autofree char *text = policydoc_reply_write(reply);
                g_autoptr(PolicyReply) again = policydoc_reply_read(text, strlen(text), NULL);

                if (again == NULL || again->assignments->len != reply->assignments->len)
                        abort();
        }
        return 0;
}
