/* rows.h - rows of AdminService as a table for people or as JSON for programs. */
#pragma once

#include "cli/admin.h"
#include "cli/cli.h"

typedef enum {
        ROWS_TEXT,
        ROWS_LONG,  /* a text, or an array of texts, that may be cut to make the row fit */
        ROWS_COUNT, /* a number, thousands apart */
        ROWS_ID,    /* a number as it is */
        ROWS_SIZE,  /* bytes */
        ROWS_AGE,   /* a time, shown as an age */
        ROWS_YES,   /* a truth: "yes" or "" */
        ROWS_LIST,  /* an array of texts; a line each where one row is shown */
        ROWS_NAME,  /* a number that has a name, by the column's names */
} RowsKind;

typedef struct {
        gint64 number;
        const char *name;
} RowsName;

typedef struct {
        const char *head;
        const char *property;
        RowsKind kind;
        const RowsName *names; /* of ROWS_NAME, ended by a NULL name */
} RowsColumn;

/* The name of a number, or NULL. */
const char *rows_name(const RowsName *names, gint64 number);
/* The number of a name, in any case; false when it is none of them. */
bool rows_number(const RowsName *names, const char *name, gint64 *number_out);

/* A property of a row as a person reads it; the caller's. */
char *rows_cell(const JsonValue *row, const RowsColumn *column, gint64 now_us);
/* Prints rows: as a table with these columns, or, with --json, as an array with all properties.
 * Where there are none, says so with the sentence `none`; where there are more, how to see them. */
void rows_print(Cli *cli, const AdminRows *rows, const RowsColumn *columns, guint count,
                const char *none);
/* Appends rows as an array with all properties; name NULL in arrays and at the top. */
void rows_write(JsonWriter *w, const char *name, const AdminRows *rows);
/* Prints one row: a property a line, empty ones left out; or JSON. */
void rows_print_one(Cli *cli, const JsonValue *row, const RowsColumn *columns, guint count);
