/* sitekey.h - numbers for rows that replicate: the site's number in the upper bits, so that two
 * sites never give the same one (16777217 is the first of site number 1).
 */
#pragma once

#include "db/db.h"

#define SITEKEY_CI        "CI"
#define SITEKEY_CATEGORY  "CategoryInstance"
#define SITEKEY_SOURCE    "UpdateSource"
#define SITEKEY_MACHINE   "Machine"
#define SITEKEY_PADB      "PADB"
#define SITEKEY_PKGSTATUS "PkgStatus" /* 56 bits; the others have 24 */

/* Gives out count numbers in a row of the kind `name`; *first_out is the first of them. NOT_YET
 * before the site is installed, LIMIT when the 24 bits of a kind are used up. */
bool sitekey_next(DbTx *tx, const char *name, guint count, gint64 *first_out,
                  GError **error) UK_MUST_USE;
/* One number of a kind of which there are many: the site's number stands above 56 bits
 * (72057594037927937 is the first of site number 1). NOT_YET before the site is installed. */
bool sitekey_next_long(DbTx *tx, const char *name, gint64 *number_out, GError **error) UK_MUST_USE;
