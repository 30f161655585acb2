/* aptconf.h - what the machine's apt is told by /etc/apt/apt.conf(.d): proxies and switches.
 *
 * apt's own syntax is read (nesting, "::", lists, the three kinds of comment, #clear); names are
 * compared without regard to case. Nothing is run: Proxy-Auto-Detect is reported, not obeyed.
 */
#pragma once

#include "base/error.h"

typedef struct AptConf AptConf;

/* Reads <root>/etc/apt/apt.conf.d and apt.conf, the latter last. environment (NULL-terminated
 * "NAME=value", may be NULL) gives http_proxy, https_proxy and no_proxy, which apt falls back to.
 * Missing files are none; PARSE with file and line. The caller frees the result. */
AptConf *aptconf_read(const char *root, const char *const *environment, GError **error) UK_MUST_USE;
/* An empty configuration, and one more text to read into it; for tests and the fuzzer. */
AptConf *aptconf_new(const char *const *environment);
bool aptconf_add(AptConf *conf, const char *name, const char *text, gsize size,
                 GError **error) UK_MUST_USE;
void aptconf_free(AptConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AptConf, aptconf_free)

/* The value last set for "Acquire::http::Proxy", or NULL. Borrowed. */
const char *aptconf_get(const AptConf *conf, const char *key);
/* The same as yes or no in any of apt's spellings; fallback when it is neither. */
bool aptconf_bool(const AptConf *conf, const char *key, bool fallback);
/* The proxy for a scheme ("http", "https") and host: a URL, or NULL for none. Borrowed. */
const char *aptconf_proxy(const AptConf *conf, const char *scheme, const char *host);
/* Yes or no in apt's spellings: 1, 0, or -1 when it is neither. */
int aptconf_yes_no(const char *text);
