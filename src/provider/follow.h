/* follow.h - lists that are answered when they change: "Prefer: wait=5" with If-None-Match.
 *
 * An answer carries an ETag over its content; a request that brings it back with a wait is kept
 * until a commit makes the content another, or the time is over. So the command line follows a
 * synchronization without asking again and again.
 */
#pragma once

#include "provider/wmi.h"

typedef struct Follow Follow;

Follow *follow_new(void);
/* Answers whoever waits. */
void follow_free(Follow *follow);

/* True for a GET with "Prefer: wait=<seconds>". */
bool follow_wants(const HttpRequest *request);
/* Answers at once if the content is not that of If-None-Match, else keeps the request; on false
 * the request is the caller's to answer. */
bool follow_add(Component *c, const WmiClass *class, ODataQuery *query_take, HttpRequest *request,
                GError **error) UK_MUST_USE;
/* The component's reactions to a commit and to the time. */
bool follow_on_commit(Component *c, GError **error) UK_MUST_USE;
bool follow_on_time(Component *c, GError **error) UK_MUST_USE;
