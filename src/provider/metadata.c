/* metadata.c - writes what classes and methods there are, in CSDL. */
#include "provider/metadata.h"

#include "provider/wmi.h"
#include "wire/xml.h"

static void
write_class(XmlWriter *w, const WmiClass *class)
{
        xml_open(w, "EntityType");
        xml_attribute(w, "Name", class->name);
        xml_attribute(w, "OpenType", "true");
        xml_open(w, "Key");
        xml_open(w, "PropertyRef");
        xml_attribute(w, "Name", class->key);
        xml_close(w);
        xml_close(w);
        xml_open(w, "Property");
        xml_attribute(w, "Name", class->key);
        xml_attribute(w, "Type", class->key_is_text ? "Edm.String" : "Edm.Int64");
        xml_close(w);
        xml_close(w);
        for (const WmiMethod *method = class->methods; method->name != NULL; method++) {
                xml_open(w, "Action");
                xml_attribute(w, "Name", method->name);
                xml_attribute(w, "IsBound", method->is_static ? "false" : "true");
                xml_close(w);
        }
}

char *
metadata_write(void)
{
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_declaration(&w);
        xml_open(&w, "edmx:Edmx");
        xml_attribute(&w, "Version", "4.0");
        xml_attribute(&w, "xmlns:edmx", "http://docs.oasis-open.org/odata/ns/edmx");
        xml_open(&w, "edmx:DataServices");
        xml_open(&w, "Schema");
        xml_attribute(&w, "Namespace", "AdminService");
        xml_attribute(&w, "xmlns", "http://docs.oasis-open.org/odata/ns/edm");
        for (const WmiClass *const *class = wmi_classes; *class != NULL; class ++)
                write_class(&w, *class);
        xml_close(&w);
        xml_close(&w);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}
