/* catalog_files.h - the text that holds an update's files, one line each, as it is written.
 *
 *   <package>\t<arch>\t<version>\t<size>\t<sha256>\t<owned>\t<suite>\t<folder>\t<name>
 *
 * version "=" is the update's; name is empty where it is <package>_<version without
 * epoch>_<arch>.deb. Readers: catalog_file_next() in catalog.h.
 */
#pragma once

#include "sup/catalog/compute.h"

/* Appends the line of a file of an update. */
void catalog_files_add(GString *text, const Compute *compute, const ComputeUpdate *update,
                       const ComputeFile *file);
