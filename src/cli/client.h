/* client.h - the verbs of `client` (the machines of the site) and `state names`. */
#pragma once

#include "cli/cli.h"
#include "wire/json.h"

/* They read. */
bool client_list(Cli *cli, GError **error);
bool client_show(Cli *cli, GError **error);
bool client_state_names(Cli *cli, GError **error);
/* They change each client that is named, and go on when one fails: then the rest is done partly. */
bool client_scan(Cli *cli, GError **error);
bool client_approve(Cli *cli, GError **error);
bool client_block(Cli *cli, GError **error);
bool client_delete(Cli *cli, GError **error);

/* The ResourceID, as text, of the client that a word names: a ResourceID, an SMSID, a name without
 * regard to case. NOT_FOUND; INVALID names the IDs when several have the name. The caller's. */
char *client_key(Cli *cli, const char *word, GError **error) UK_MUST_USE;
