/* statesys_packages.h - the packages that make an update missing, as a client writes them. */
#pragma once

#include "sitedb/compliance.h"

/* Reads lines "name architecture installed new", with "held" or "hold" behind a package that is
 * held, into packages (of CompliancePackage), whose texts live in text. False for any other line.
 */
bool statesys_packages_read(const char *details, GString *text, GArray *packages);
