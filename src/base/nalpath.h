/* nalpath.h - NALPaths, the product's names for resources of a server:
 * ["Display=\\<FQDN>\"]MSWNET:["SMS_SITE=<site>"]\\<FQDN>\
 *
 * An opaque key; it is taken apart only for the display name and the site.
 */
#pragma once

#include "base/error.h"

/* The NALPath of a server of a site. The caller frees it. */
char *nalpath_make(const char *fqdn, const char *site);
/* Server and site of a NALPath; each out-parameter is the caller's and may be NULL. PARSE when
 * the text has not the form above. */
bool nalpath_parse(const char *nal, char **fqdn_out, char **site_out, GError **error) UK_MUST_USE;
