/* nalpath.c - writes and reads ["Display=\\<FQDN>\"]MSWNET:["SMS_SITE=<site>"]\\<FQDN>\.
 *
 * Reading is strict: reports of administrators cut the server out by position, so a text that
 * only resembles the form would be a key that nothing else finds.
 */
#include "base/nalpath.h"

#include <string.h>

#define SITE_LENGTH 3
#define FQDN_MAX    253

char *
nalpath_make(const char *fqdn, const char *site)
{
        return g_strdup_printf("[\"Display=\\\\%s\\\"]MSWNET:[\"SMS_SITE=%s\"]\\\\%s\\", fqdn, site,
                               fqdn);
}

/* Goes on behind word if the text continues with it. */
static bool
skip(const char **text, const char *word)
{
        gsize length = strlen(word);

        if (strncmp(*text, word, length) != 0)
                return false;
        *text += length;
        return true;
}

/* The stretch of host-name characters here; the caller's. NULL when there is none. */
static char *
take_name(const char **text, gsize max)
{
        gsize length = 0;

        while (g_ascii_isalnum((*text)[length]) ||
               ((*text)[length] != '\0' && strchr(".-_:", (*text)[length]) != NULL))
                length++;
        if (length == 0 || length > max)
                return NULL;
        char *name = g_strndup(*text, length);
        *text += length;
        return name;
}

bool
nalpath_parse(const char *nal, char **fqdn_out, char **site_out, GError **error)
{
        const char *rest = nal != NULL ? nal : "";
        g_autofree char *display = NULL;
        g_autofree char *site = NULL;
        g_autofree char *fqdn = NULL;

        if (!skip(&rest, "[\"Display=\\\\") || (display = take_name(&rest, FQDN_MAX)) == NULL ||
            !skip(&rest, "\\\"]MSWNET:[\"SMS_SITE=") ||
            (site = take_name(&rest, SITE_LENGTH)) == NULL || !skip(&rest, "\"]\\\\") ||
            (fqdn = take_name(&rest, FQDN_MAX)) == NULL || strcmp(rest, "\\") != 0)
                return uk_fail(error, UK_ERROR_PARSE, "'%s' is not a NALPath of a server",
                               nal != NULL ? nal : "");
        if (strlen(site) != SITE_LENGTH || strpbrk(site, ".-_:") != NULL)
                return uk_fail(error, UK_ERROR_PARSE, "'%s' names no site code in '%s'", site, nal);
        if (g_ascii_strcasecmp(display, fqdn) != 0)
                return uk_fail(error, UK_ERROR_PARSE, "'%s' names two servers", nal);
        if (fqdn_out != NULL)
                *fqdn_out = g_steal_pointer(&fqdn);
        if (site_out != NULL)
                *site_out = g_steal_pointer(&site);
        return true;
}
