/* dpprov_put.h - what the parts of PUT share: dpprov_put.c takes files, dpprov_delta.c deltas. */
#pragma once

#include "dp/body.h"
#include "dp/dp_private.h"

#define DPPROV_BATCH_TYPE "application/x-upkeep-batch"
#define DPPROV_MAX_BLOCK  (16 * 1024 * 1024) /* of a file or delta, as it is sent */

/* A PUT on its way. */
typedef struct {
        Component *c;
        Dp *dp;
        Library *library;
        Incoming *incoming; /* NULL for a bundle */
        HttpRequest *request;
        char *name; /* last segment of the path */
        Body body;
} Put;

/* Answers with one number of that name, or {} without. */
void dpprov_put_answer(HttpRequest *request, unsigned status, const char *name, gint64 value);
/* Answers 507 or 422 if the error is FULL or SIGNATURE; else false, and nothing was answered. */
bool dpprov_put_answer_failed(HttpRequest *request, Library *library, GError **error);
/* Takes the body of many small files. */
bool dpprov_put_batch(const Put *put, GError **error) UK_MUST_USE;
/* A number of the query; INVALID for what is none. */
bool dpprov_put_number(HttpRequest *request, const char *name, gint64 fallback, gint64 *out,
                       GError **error) UK_MUST_USE;
/* A BodySink and DeltaSink into a LibraryFile. */
bool dpprov_put_write(gpointer user, const void *data, gsize size, GError **error);
/* Notes a file that is proved. */
void dpprov_put_whole(const Put *put, const guint8 *hash);
/* Publishes now and then what is proved, so that the last sync is short. For when the request is
 * answered: the site sends the next bytes meanwhile. */
void dpprov_put_publish(const Put *put);

/* "<NEW>.<OLD>.delta" or ".frame". */
bool dpprov_put_delta(const Put *put, GError **error);
