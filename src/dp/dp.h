/* dp.h - what the components of a distribution point share.
 *
 *   SMS DP Provider (the site server's requests) ---> content library <--- vdirs (HTTP for all)
 *                    |                                      ^
 *                    +--notification--> PullDP -------------+
 *
 * The state belongs to the SMS DP Provider, which starts first; the others ask for it by dp_of().
 */
#pragma once

#include "content/library.h"
#include "crypto/sign.h"
#include "dp/distributionpoint.h"
#include "host/host.h"

#define DP_PROVIDER "SMS_DP_PROVIDER" /* name of the component */

typedef struct Dp Dp;

/* What the components share; NULL as long as the SMS DP Provider could not start. */
Dp *dp_of(const Component *c);
/* The content library. A distribution point writes it; on a site server it is opened for reading,
 * NOT_YET as long as there is none. Borrowed. */
Library *dp_library(Dp *dp, GError **error) UK_MUST_USE;
/* Held while a package is set in the library, or removed, with the look whether that is still
 * wanted: else what ends at that moment brings back what was removed, or an older version. Taken
 * before a transaction. */
void dp_settle_begin(Dp *dp, const char *package_id);
void dp_settle_end(Dp *dp, const char *package_id);
/* The bundle that the site sends before it notifies of a package, SMS_DP$/<PkgID>.tz; the caller's.
 */
char *dp_bundle_path(Library *library, const char *package_id);
/* Removes it, unless a notification of the package is stored and has not been taken up. */
bool dp_drop_bundle(Dp *dp, Db *db, const char *package_id, GError **error) UK_MUST_USE;
/* Takes away what came in for those content items (gone) that the package will not get any more:
 * files half and whole, unless theirs is among keep, and what is published already, unless keep has
 * a version of it, which may share that. Sets of texts. */
bool dp_drop_coming(Dp *dp, const char *package_id, GHashTable *gone, GHashTable *keep,
                    GError **error) UK_MUST_USE;
/* The same, where what open orders bring is to be kept. */
bool dp_drop_unordered(Dp *dp, Db *db, const char *package_id, GHashTable *gone,
                       GError **error) UK_MUST_USE;
/* The key of this distribution point, whose certificate the site learns by configure. */
const SignKey *dp_key(const Dp *dp);
/* The log of the SMS DP Provider, for what others do in its name. */
UkLog *dp_log(const Dp *dp);
/* Whether upkeep-site of this machine writes the library, which is then only read here. */
bool dp_colocated(const Dp *dp);
