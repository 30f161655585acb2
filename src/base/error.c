/* error.c - the error domain, its codes and classes, and the sentence that grows on the way up. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>

static const UkErrorInfo table[] = {
#define UK_ERROR_DEF(code, number, class, sentence) \
        { UK_ERROR_##code, #code, UK_CLASS_##class, sentence },
#include "base/error.def"
#undef UK_ERROR_DEF
};

GQuark
uk_error_quark(void)
{
        return g_quark_from_static_string("upkeep");
}

static const UkErrorInfo *
find(int code)
{
        for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
                if (table[i].code == (UkErrorCode)code)
                        return &table[i];
        }
        return NULL;
}

/* Names of files are any bytes, and a bound of a format may cut a character in two; but a sentence
 * is stored, sent and shown as UTF-8, or the failure would be lost with it. */
static void
make_readable(char **text)
{
        if (g_utf8_validate(*text, -1, NULL))
                return;
        char *valid = g_utf8_make_valid(*text, -1);
        g_free(*text);
        *text = valid;
}

bool
uk_fail(GError **error, UkErrorCode code, const char *format, ...)
{
        va_list args;

        if (error == NULL)
                return false;
        va_start(args, format);
        g_autoptr(GError) made = g_error_new_valist(UK_ERROR, (int)code, format, args);
        va_end(args);
        make_readable(&made->message);
        g_propagate_error(error, g_steal_pointer(&made));
        return false;
}

static UkErrorCode
code_of_errno(int errno_value)
{
        switch (errno_value) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
                return UK_ERROR_FULL;
        case ECONNREFUSED:
        case ECONNRESET:
        case ECONNABORTED:
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case ENETDOWN:
        case EPIPE:
                return UK_ERROR_NETWORK;
        case EBUSY:
        case EAGAIN:
                return UK_ERROR_BUSY;
        default:
                return UK_ERROR_IO;
        }
}

bool
uk_fail_errno(GError **error, int errno_value, const char *format, ...)
{
        va_list args;

        if (error == NULL)
                return false;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        return uk_fail(error, code_of_errno(errno_value), "%s: %s", text, g_strerror(errno_value));
}

UkErrorClass
uk_error_class(const GError *error)
{
        const UkErrorInfo *info = NULL;

        if (error != NULL && error->domain == UK_ERROR)
                info = find(error->code);
        return info != NULL ? info->class : UK_CLASS_LATER;
}

const UkErrorInfo *
uk_error_table(gsize *count_out)
{
        *count_out = G_N_ELEMENTS(table);
        return table;
}

const char *
uk_error_name(int code)
{
        const UkErrorInfo *info = find(code);

        return info != NULL ? info->name : "?";
}

void
uk_doing_leave(UkDoing *doing)
{
        if (doing->error != NULL && *doing->error != NULL) {
                make_readable(&doing->text);
                g_prefix_error(doing->error, "%s: ", doing->text);
        }
        g_free(doing->text);
}
