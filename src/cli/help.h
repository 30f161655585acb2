/* help.h - help, shell completion and the man page, made from the rows of the verb table. */
#pragma once

#include "cli/cli.h"

/* Help on everything (noun and verb NULL), on a noun, or on one row. The caller's. */
char *help_all(const CliVerb *verbs);
/* Help on the verbs of a noun; NULL when there is no such noun. The caller's. */
char *help_noun(const CliVerb *verbs, const char *noun);
/* Help on one verb with its options. The caller's. */
char *help_verb(const CliVerb *verb);
/* A completion script for bash. The caller's. */
char *help_completion(const CliVerb *verbs);
/* upkeep(1) in the man macros. The caller's. */
char *help_man(const CliVerb *verbs);
