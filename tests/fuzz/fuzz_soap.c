/* fuzz_soap.c - SOAP envelopes, faults and the times in them. */
#include <stdint.h>
#include <string.h>

#include "wire/soap.h"
#include "wire/soapfield.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
        char *text, *guid;
        gint64 number, time;
        bool flag;
        GPtrArray *texts;
        GArray *ints;
} Record;

static const SoapField fields[] = {
        { "a/t", offsetof(Record, text), SOAPFIELD_TOKEN, 0, NULL },
        { "a/g", offsetof(Record, guid), SOAPFIELD_GUID, SOAPFIELD_SPARSE, NULL },
        { "a/b/n", offsetof(Record, number), SOAPFIELD_INT, 0, NULL },
        { "c", offsetof(Record, time), SOAPFIELD_TIME, 0, NULL },
        { "f", offsetof(Record, flag), SOAPFIELD_BOOL, SOAPFIELD_LOOSE, NULL },
        { "l", offsetof(Record, texts), SOAPFIELD_TEXTS, 0, "s" },
        { "i", offsetof(Record, ints), SOAPFIELD_INTS, 0, "int" },
};

static void
try_fields(const XmlNode *node)
{
        g_autoptr(GString) out = g_string_new(NULL);
        Record record = { 0 };
        XmlWriter w;

        if (soapfield_read(node, fields, G_N_ELEMENTS(fields), &record, NULL)) {
                xml_begin(&w, out);
                soapfield_write(&w, fields, G_N_ELEMENTS(fields), &record);
                xml_finish(&w);
        }
        soapfield_clear(fields, G_N_ELEMENTS(fields), &record);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(SoapMessage) message = NULL;
        g_autofree char *text = g_strndup((const char *)data, size);
        SoapRefusal refusal;
        gint64 us;

        if (!wire_global_init(NULL))
                return 0;
        if (soapfield_read_time(text, &us))
                g_free(soapfield_time(us));
        message = soap_read(data, size, size, "\"a/b\"", &refusal, NULL);
        if (message == NULL) {
                g_free(soap_refusal_write(refusal, "no", SOAP_PLAIN));
        } else if (message->fault != NULL) {
                g_autofree char *out = soap_fault_write(message->fault, SOAP_ASMX);
                g_autoptr(SoapMessage) again =
                        soap_read(out, strlen(out), strlen(out), NULL, NULL, NULL);

                g_assert(again != NULL && again->fault != NULL);
                g_assert(strcmp(again->fault->error_code, message->fault->error_code) == 0);
        } else {
                g_assert(message->element != NULL);
                try_fields(message->element);
        }
        return 0;
}
