/* mailbox.h - letters between components of one process ("@name" boxes); in memory only. */
#pragma once

#include "host/component.h"

/* Puts a letter into box "@name" of whichever component has it. name is what the handler sees as
 * the file's name ("scan.REQ"); body may be NULL. NOT_FOUND when no component has the box. */
bool mailbox_post(Host *host, const char *box, const char *name, const void *body, gsize size,
                  GError **error) UK_MUST_USE;
