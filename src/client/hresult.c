/* hresult.c - which well-known code stands for which of our errors. */
#include "client/hresult.h"

static const struct {
        long status;
        guint32 code;
} http_codes[] = {
        { 400, 0x80244016u }, { 401, 0x80244017u }, { 403, 0x80244018u }, { 404, 0x80244019u },
        { 405, 0x8024401au }, { 407, 0x8024401bu }, { 408, 0x8024401cu }, { 409, 0x8024401du },
        { 410, 0x8024401eu }, { 500, 0x8024401fu }, { 501, 0x80244020u }, { 502, 0x80244021u },
        { 503, 0x80244022u }, { 504, 0x80244023u },
};

static const struct {
        UkErrorCode error;
        guint32 code;
} codes[] = {
        { UK_ERROR_IO, 0x8007001du },
        { UK_ERROR_FULL, 0x80070070u },
        { UK_ERROR_NETWORK, HRESULT_CANNOT_REACH },
        { UK_ERROR_BUSY, 0x800700aau },
        { UK_ERROR_NOT_YET, 0x8024001eu },
        { UK_ERROR_CANCELLED, 0x8024000bu },
        { UK_ERROR_REMOTE, 0x80244007u },
        { UK_ERROR_PARSE, 0x80244008u },
        { UK_ERROR_SIGNATURE, 0x80246002u },
        { UK_ERROR_INVALID, 0x80070057u },
        { UK_ERROR_LIMIT, 0x8007000du },
        { UK_ERROR_NOT_FOUND, HRESULT_NOT_FOUND },
        { UK_ERROR_DENIED, 0x80070005u },
};

guint32
hresult_of(const GError *error, long http_status)
{
        for (gsize i = 0; i < G_N_ELEMENTS(http_codes); i++) {
                if (http_codes[i].status == http_status)
                        return http_codes[i].code;
        }
        if (error == NULL || error->domain != UK_ERROR)
                return HRESULT_FAIL;
        for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
                if (codes[i].error == (UkErrorCode)error->code)
                        return codes[i].code;
        }
        return HRESULT_FAIL;
}
