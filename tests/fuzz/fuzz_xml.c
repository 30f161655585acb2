/* fuzz_xml.c - XML as tree and as events: both take or refuse the same documents. */
#include <stdint.h>

#include "wire/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
on_start(gpointer user, const char *name, const char *const *attributes, GError **error)
{
        for (; *attributes != NULL; attributes += 2)
                g_assert(attributes[1] != NULL);
        return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const XmlEvents events = { .start = on_start };
        g_autoptr(XmlDoc) doc = NULL;
        bool parsed;

        if (!wire_global_init(NULL))
                return 0;
        doc = xml_read(data, size, size, NULL);
        parsed = xml_parse(data, size, size, &events, NULL, NULL);
        g_assert(parsed == (doc != NULL));
        if (doc != NULL) {
                g_autoptr(XmlDoc) named =
                        xml_read_root(data, size, size, xml_name(xml_root(doc)), NULL);

                g_assert(named != NULL);
                g_autofree char *text = xml_text(xml_root(doc));
                g_autofree char *dump = xml_dump(xml_root(doc));
                g_autofree char *attr = xml_attr(xml_root(doc), "a");

                (void)xml_ns(xml_child(xml_root(doc), NULL) ? xml_child(xml_root(doc), NULL)
                                                            : xml_root(doc));
                g_assert(text != NULL && dump != NULL);
        }
        return 0;
}
