/* engine.h - the update engine's synchronization: one run at a time, and who follows it.
 *
 * The run itself is upstream's; here is what starts it, what the site server sees of it, and what
 * remains of it after a restart.
 */
#pragma once

#include "host/host.h"
#include "sup/admin_changes.h"
#include "wire/supadmin.h"

typedef struct Engine Engine;

/* Made by the component's start, kept as its state. */
Engine *engine_new(Host *host);
void engine_free(Engine *engine);

/* Fills the status with what the catalogue knows of earlier runs; at the start. */
bool engine_load(Engine *engine, Db *db, GError **error) UK_MUST_USE;
/* Whether the catalogue is the one of the last run or a later state of it; one that was put back by
 * somebody becomes another catalogue. At the start. */
bool engine_check_catalogue(Engine *engine, Db *db, GError **error) UK_MUST_USE;
/* Marks a run as wanted (durably), so that a restart goes on with it. *started_out is false when
 * one is going on already, which then serves this request too. */
bool engine_request(Engine *engine, bool *started_out, GError **error) UK_MUST_USE;
/* Nobody can do the run that was just requested: whoever follows it is told why. */
void engine_withdraw(Engine *engine, const GError *why);
/* Whether a run was wanted, did not end before the program did and is to go on now. One that has
 * ended the program time and again, so that no request would ever be answered, is given up. */
bool engine_resume(Engine *engine, bool *resume_out, GError **error) UK_MUST_USE;
/* Does the run that was requested, in the calling thread, and tells those who wait. A
 * synchronization that failed is a result, not an error; false only when the outcome cannot be
 * stored. */
bool engine_run(Engine *engine, Component *c, GError **error) UK_MUST_USE;

/* The lines of the updates that the last run made for an empty catalogue; NULL if it was not one.
 * The caller frees them. */
AdminFresh *engine_fresh(Engine *engine);
/* The status as JSON, and its number. The caller frees the text. */
char *engine_status(Engine *engine, gint64 *number_out);
/* Answers the request with the status as soon as its number differs from seen; keeps it till then
 * or till engine_expire. */
void engine_follow(Engine *engine, gint64 seen, HttpRequest *request_take);
/* Answers whoever has waited for five seconds; the time at which the next one is due. */
gint64 engine_expire(Engine *engine, gint64 now_us);
