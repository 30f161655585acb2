/* wsusclient_events.c - what clients report of scans and installations: batches of events. */
#include <string.h>

#include "wire/wsusclient_private.h"

#define NO_UPDATE "00000000-0000-0000-0000-000000000000"

#define TEXT(path_, member_)                                                 \
        {                                                                    \
                path_, offsetof(WsusEvent, member_), SOAPFIELD_TEXT, 0, NULL \
        }
#define INT(path_, member_)                                                               \
        {                                                                                 \
                path_, offsetof(WsusEvent, member_), SOAPFIELD_INT, SOAPFIELD_LOOSE, NULL \
        }

static const SoapField event_fields[] = {
        { "BasicData/TargetID/Sid", offsetof(WsusEvent, sid), SOAPFIELD_TOKEN, SOAPFIELD_NEEDED,
          NULL },
        INT("BasicData/SequenceNumber", sequence),
        { "BasicData/TimeAtTarget", offsetof(WsusEvent, time_us), SOAPFIELD_TIME, SOAPFIELD_LOOSE,
          NULL },
        { "BasicData/EventInstanceID", offsetof(WsusEvent, instance_id), SOAPFIELD_GUID,
          SOAPFIELD_NEEDED, NULL },
        INT("BasicData/NamespaceID", namespace_id),
        { "BasicData/EventID", offsetof(WsusEvent, event_id), SOAPFIELD_INT, SOAPFIELD_NEEDED,
          NULL },
        INT("BasicData/SourceID", source_id),
        { "BasicData/UpdateID/UpdateID", offsetof(WsusEvent, update_id), SOAPFIELD_GUID, 0, NULL },
        INT("BasicData/UpdateID/RevisionNumber", revision),
        INT("BasicData/Win32HResult", hresult),
        TEXT("BasicData/AppName", app_name),
        { "ExtendedData/ReplacementStrings", offsetof(WsusEvent, strings), SOAPFIELD_TEXTS,
          SOAPFIELD_SPARSE, "string" },
        { "ExtendedData/MiscData", offsetof(WsusEvent, misc), SOAPFIELD_TEXTS, SOAPFIELD_SPARSE,
          "string" },
        TEXT("ExtendedData/ComputerBrand", brand),
        TEXT("ExtendedData/ComputerModel", model),
        TEXT("ExtendedData/BiosRevision", bios),
        TEXT("ExtendedData/ProcessorArchitecture", architecture),
        INT("ExtendedData/OSVersion/Major", os_major),
        INT("ExtendedData/OSVersion/Minor", os_minor),
        INT("ExtendedData/OSVersion/Build", os_build),
        INT("ExtendedData/OSVersion/Revision", os_revision),
        INT("ExtendedData/OSVersion/ServicePackMajor", sp_major),
        INT("ExtendedData/OSVersion/ServicePackMinor", sp_minor),
        INT("ExtendedData/OSLocaleID", os_locale),
        TEXT("ExtendedData/DeviceID", device_id),
        TEXT("PrivateData/ComputerDnsName", computer_name),
        TEXT("PrivateData/UserAccountName", user_name),
};

WsusEvent *
wsusclient_event_new(void)
{
        WsusEvent *event = g_new0(WsusEvent, 1);

        event->namespace_id = 1;
        event->source_id = 101;
        event->update_id = g_strdup(NO_UPDATE);
        event->strings = g_ptr_array_new_with_free_func(g_free);
        event->misc = g_ptr_array_new_with_free_func(g_free);
        return event;
}

void
wsusclient_event_free(WsusEvent *event)
{
        if (event != NULL)
                soapfield_clear(event_fields, G_N_ELEMENTS(event_fields), event);
        g_free(event);
}

static void
free_event(gpointer event)
{
        wsusclient_event_free(event);
}

const char *
wsusclient_event_misc(const WsusEvent *event, char tag)
{
        for (guint i = 0; i < event->misc->len; i++) {
                const char *text = event->misc->pdata[i];

                if (text[0] == tag && text[1] == '=')
                        return text + 2;
        }
        return NULL;
}

char *
wsusclient_events_write(const WsusEventBatch *batch)
{
        g_autofree char *time = soapfield_time(batch->client_time_us);
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_CALL, "ReportEventBatch", WSUSCLIENT_NS_REPORTING);
        wsusclient_write_cookie(&doc.w, "cookie", &batch->cookie);
        xml_element(&doc.w, "clientTime", time);
        xml_open(&doc.w, "eventBatch");
        for (guint i = 0; i < batch->events->len; i++) {
                xml_open(&doc.w, "ReportingEvent");
                soapfield_write(&doc.w, event_fields, G_N_ELEMENTS(event_fields),
                                batch->events->pdata[i]);
                xml_close(&doc.w);
        }
        xml_close(&doc.w);
        return wsusclient_end(&doc);
}

static bool
read_events(const XmlNode *list, GPtrArray *events, GError **error)
{
        const XmlNode *at = xml_child(list, "ReportingEvent");

        for (; at != NULL; at = xml_next(at, "ReportingEvent")) {
                WsusEvent *event = g_new0(WsusEvent, 1);

                g_ptr_array_add(events, event);
                if (events->len > WSUSCLIENT_MAX_EVENTS)
                        return uk_fail(error, UK_ERROR_INVALID, "eventBatch");
                if (!soapfield_read(at, event_fields, G_N_ELEMENTS(event_fields), event, error))
                        return false;
        }
        return true;
}

WsusEventBatch *
wsusclient_events_read(const XmlNode *call, GError **error)
{
        static const SoapField fields[] = {
                { "clientTime", offsetof(WsusEventBatch, client_time_us), SOAPFIELD_TIME,
                  SOAPFIELD_LOOSE, NULL },
        };
        g_autoptr(WsusEventBatch) batch = g_new0(WsusEventBatch, 1);

        batch->events = g_ptr_array_new_with_free_func(free_event);
        if (!wsusclient_read_cookie(xml_child(call, "cookie"), &batch->cookie, error) ||
            !soapfield_read(call, fields, G_N_ELEMENTS(fields), batch, error) ||
            !read_events(xml_child(call, "eventBatch"), batch->events, error))
                return NULL;
        return g_steal_pointer(&batch);
}

void
wsusclient_events_free(WsusEventBatch *batch)
{
        if (batch == NULL)
                return;
        wsusclient_clear_cookie(&batch->cookie);
        g_clear_pointer(&batch->events, g_ptr_array_unref);
        g_free(batch);
}

char *
wsusclient_events_answer_write(bool stored)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_ASMX, "ReportEventBatchResponse", WSUSCLIENT_NS_REPORTING);
        xml_element(&doc.w, "ReportEventBatchResult", stored ? "true" : "false");
        return wsusclient_end(&doc);
}

bool
wsusclient_events_answer_read(const XmlNode *response, bool *stored_out, GError **error)
{
        const XmlNode *result = wsusclient_result(response, "ReportEventBatch", error);
        g_autofree char *text = NULL;

        if (result == NULL)
                return false;
        text = g_strstrip(xml_text(result));
        *stored_out = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        return true;
}
