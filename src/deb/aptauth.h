/* aptauth.h - names and passwords for archives, from /etc/apt/auth.conf(.d), as apt reads them. */
#pragma once

#include "base/error.h"

typedef struct AptAuth AptAuth;

/* Reads <root>/etc/apt/auth.conf and auth.conf.d below it. Files that may not be read are passed
 * over and named in problems (of char *, may be NULL). Never fails; the caller frees the result. */
AptAuth *aptauth_read(const char *root, GPtrArray *problems);
/* The same from a text; for tests and the fuzzer. */
AptAuth *aptauth_parse(const char *text, gsize size);
void aptauth_free(AptAuth *auth);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AptAuth, aptauth_free)

/* "login:password" for a URL, or NULL. An entry without a scheme serves https only, as in apt. The
 * caller frees it, and never logs it. */
char *aptauth_find(const AptAuth *auth, const char *url);
