/* watcher.h - the one inotify instance of a role, which its lanes and its control thread share.
 *
 * A user has 128 instances by default, and a machine may run many of our programs (a lab, a site
 * server with its distribution points), each with a lane for every component. So a role takes one;
 * a thread of its own reads it and tells those who watch.
 */
#pragma once

#include "base/error.h"

typedef struct Watcher Watcher;

/* What happened to a watched file or folder: inotify's mask, and the name in the folder or NULL;
 * IN_Q_OVERFLOW: events were lost, look at everything. Called by any thread that reads the events,
 * with the watcher's lock held: it notes and wakes, no more. */
typedef void (*WatcherFn)(gpointer data, guint32 mask, const char *name);

/* Takes an instance and starts the thread; NULL, with the reason in words that name the limit, when
 * the system gives none. */
Watcher *watcher_new(GError **error) UK_MUST_USE;
/* Ends the thread. Nobody may be called any more. */
void watcher_free(Watcher *watcher);

/* Calls fn(data) for what mask tells of path, until watcher_remove or IN_IGNORED (the thing is
 * gone). One path may be watched by many. */
bool watcher_add(Watcher *watcher, const char *path, guint32 mask, WatcherFn fn, gpointer data,
                 GError **error) UK_MUST_USE;
/* Nothing with that data is called any more when it returns. */
void watcher_remove(Watcher *watcher, gpointer data);
/* Reads what the system has announced so far, in the calling thread: what happened before the call
 * has been told when it returns. */
void watcher_read(Watcher *watcher);
