/* cli.h - what a verb of the command line is, and what it is given.
 *
 * `upkeep <noun> <verb> [words] [--options]`. The rows of one table (main.c) are the source of
 * parsing, help, completion and the man page. A verb prints through the Cli and fails with an
 * error like everything else; the frame prints the error and chooses the exit status:
 * 0 done, 1 failed, 2 usage, 3 partly.
 */
#pragma once

#include <stdio.h>

#include "base/error.h"
#include "wire/json.h"

typedef struct Cli Cli;
typedef struct Admin Admin;

typedef struct {
        const char *name;   /* "full", for --full */
        const char *value;  /* "NAME" if it takes a value, else NULL */
        const char *cmdlet; /* "FullSync", the parameter of the cmdlet; or NULL */
        const char *what;   /* half a sentence */
} CliOption;

#define CLI_MAX_OPTIONS 12

typedef bool (*CliFn)(Cli *cli, GError **error);

typedef struct {
        const char *noun;
        const char *verb;   /* NULL: the noun alone is the command */
        const char *words;  /* "<ID>", "[TEXT]", "<NAME>..."; "" for none */
        const char *cmdlet; /* "Sync-CMSoftwareUpdate", an alias in any case; or NULL */
        const char *what;   /* a sentence, without its full stop */
        CliFn run;
        CliOption options[CLI_MAX_OPTIONS + 1];
} CliVerb;

struct Cli {
        const CliVerb *verbs; /* the whole table, ended by a NULL noun */
        const CliVerb *verb;  /* the row that was asked for */
        GHashTable *options;  /* name to value ("" for a flag) */
        GPtrArray *words;     /* of char * */
        char *root;           /* folder of the site, without a slash at its end ("" for /) */
        bool json;
        bool partly; /* set by a verb whose work is done in part */
        bool usage;  /* set by cli_usage */
        bool told;   /* set by a verb that has printed its failure itself */
        int width;   /* columns of the terminal; 0: not a terminal, do not cut */
        bool colour;
        FILE *out; /* standard output, or a test's */
        FILE *err;
        GPtrArray *would; /* of char *: with --json, what cli_would was told */
        Admin *admin;     /* made by cli_admin */
};

/* The whole of the command line's main(); returns the exit status. The table ends with a NULL
 * noun. */
int cli_main(const CliVerb *verbs, int argc, char **argv);
/* The same with other streams, for tests. */
int cli_run(const CliVerb *verbs, int argc, char **argv, FILE *out, FILE *err);

/* "sync start"; the caller's. */
char *cli_verb_name(const CliVerb *verb);
/* True when the option was given. */
bool cli_flag(const Cli *cli, const char *name);
/* The option's value, borrowed, or NULL when it was not given. */
const char *cli_option(const Cli *cli, const char *name);
/* The option as a number of at least min; fallback when it was not given. A value that is no such
 * number is a usage error. */
bool cli_option_int(Cli *cli, const char *name, gint64 min, gint64 fallback, gint64 *value_out,
                    GError **error) UK_MUST_USE;
/* A span as people write it, "90" or "90s", "10m", "-2h", "3d", in microseconds; else a usage
 * error. */
bool cli_span(Cli *cli, const char *text, gint64 *span_out, GError **error) UK_MUST_USE;
/* The n-th word (from 0), borrowed, or NULL. */
const char *cli_word(const Cli *cli, guint n);

/* Fails with a usage error (exit status 2) and returns false. */
bool cli_usage(Cli *cli, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Prints to standard output. */
void cli_print(Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* What --what-if would have done: a line on standard output; with --json one of the texts "would"
 * of the answer. */
void cli_would(Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A remark for people on standard error; nothing with --json. Control characters in it but line
 * breaks are replaced, so that what came from outside cannot move the cursor. */
void cli_note(Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Puts a member "error" with code and message into the object that is being written. */
void cli_error_json(JsonWriter *w, const GError *why);
/* From now on times are those of the site's clock, which a lab may have set; ages need it. */
bool cli_follow_clock(const Cli *cli, GError **error) UK_MUST_USE;
/* The connection to the site's provider, made at the first call and kept; borrowed. NULL with an
 * error that names the next command when no provider can be found. */
Admin *cli_admin(Cli *cli, GError **error) UK_MUST_USE;
