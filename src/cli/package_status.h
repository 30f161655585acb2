/* package_status.h - how far a package is on each distribution point, once or live. */
#pragma once

#include "cli/cli.h"
#include "cli/content.h"

/* What is waited for. */
typedef enum {
        PACKAGE_WAIT_DONE, /* nothing is under way any more: everything is there, or has failed; or
                            * the source has been tried since, and cannot be read */
        PACKAGE_WAIT_GONE, /* the package, or what is named, is not there any more */
        PACKAGE_FOLLOW,    /* nothing is under way any more, however long a source is waited for */
} PackageWait;

/* Follows a package, with every distribution point a line, until what is waited for has come about;
 * points (of char *; NULL: all) are those that count. Fails with what went wrong. */
bool package_wait(Cli *cli, const ContentPackage *package, GPtrArray *points, PackageWait what,
                  GError **error) UK_MUST_USE;
/* `package status [PACKAGE]... [--follow]` */
bool package_status(Cli *cli, GError **error);
