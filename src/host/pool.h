/* pool.h - work beside a lane: a bounded number of workers, one key never twice at a time. */
#pragma once

#include "host/component.h"

/* Queues key for the component's pool of that name. A key that waits already is not queued again;
 * one that is running runs once more afterwards. The queue is in memory: what must survive a
 * restart is in a row or a file, and the component queues it again at start. False: no thread can
 * be had, and a new key is not queued; who has noted it as on its way takes that back. */
bool pool_add(Component *c, const char *pool, const char *key, GError **error) UK_MUST_USE;
/* How many keys run and wait. */
void pool_count(Component *c, const char *pool, guint *running_out, guint *waiting_out);
