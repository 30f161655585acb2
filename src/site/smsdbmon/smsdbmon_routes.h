/* smsdbmon_routes.h - which change of the database drops which file: the whole behaviour of
 * SMSDBMON as a table, made from sitedb/schema/notices.def.
 */
#pragma once

#include "db/db.h"

typedef struct {
        const char *notice; /* SyncNotif_WSyncMgr */
        const char *table;  /* Update_SyncStatus */
        const char *op;     /* the word in the RCV line */
        const char *box;    /* WSyncMgr.box */
        const char *kind;   /* .SYN; the file's stem is the notice's value */
        bool with_body;     /* the file is not empty in the product: "(non-zero)" in the SND line */
} SmsdbmonRoute;

/* What is special about a notice. */
typedef struct {
        const char *notice;
        /* The blanks that the product's lines have (spec: log lines). */
        const char *after_value; /* RCV: behind the value, within its brackets */
        const char *before_seq;  /* SND: between the path and "[<seq>]" */
        /* Called when the notices of a value up to seq have become files, in the transaction that
         * moves the mark; NULL: nothing. */
        bool (*told)(DbTx *tx, const char *value, gint64 seq, GError **error);
} SmsdbmonManner;

/* The rows, ended by a NULL notice. */
const SmsdbmonRoute *smsdbmon_routes_table(void);
/* The first row of a notice, or NULL. */
const SmsdbmonRoute *smsdbmon_routes_find(const char *notice);
/* What is special about a notice; never NULL. */
const SmsdbmonManner *smsdbmon_routes_manner(const char *notice);
