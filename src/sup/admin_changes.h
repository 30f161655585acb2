/* admin_changes.h - the catalogue's changes as the stream of wire/supadmin. */
#pragma once

#include "host/component.h"

/* Answers with all categories and with the updates changed after `since` (0: all), written into a
 * file of the spool first, so that no database is read at the pace of a network. */
bool
admin_changes_answer(Component *c, HttpRequest *request, gint64 since, GError **error) UK_MUST_USE;
