/* Fuzzes the extension of SyncUpdates: announcement and answer, each written again as it was read.
 */
#include <stdint.h>
#include <string.h>

#include "wire/wsussets.h"

static void
announcement(const XmlNode *node)
{
        g_autoptr(SetsAnnouncement) a = wsussets_announcement_read(node, NULL);

        if (a != NULL) {
                g_autofree char *document = wsussets_request_write("eA==", a);
                g_autofree char *key = wsussets_announcement_key(a);
                g_autoptr(SoapMessage) again =
                        soap_read(document, strlen(document), 1 << 24, NULL, NULL, NULL);

                g_assert_nonnull(again);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(XmlDoc) doc = xml_read(data, size, 1 << 20, NULL);
        g_autoptr(GPtrArray) sets = NULL;
        const XmlNode *node = doc != NULL ? wsussets_find(xml_root(doc)) : NULL;

        if (node == NULL)
                return 0;
        announcement(node);
        if (wsussets_answer_read(node, &sets, NULL) && sets != NULL)
                g_free(wsussets_answer_write(sets, false));
        return 0;
}
