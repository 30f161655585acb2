/* relay.h - hands work to one thread of its own, in order, while the giver makes the next.
 *
 * For two halves of a job that each take a processor: the giver's items (best some hundred small
 * things together) are taken one after the other by the relay's thread, which writes to the giver's
 * log under its trace. Only so many wait at a time, so that memory stays small.
 */
#pragma once

#include "base/error.h"

typedef struct UkRelay UkRelay;

/* Takes one item, which stays the relay's. After a failure it is not called again. */
typedef bool (*UkRelayFn)(gpointer user, gpointer item, GError **error);

/* Starts the thread. At most depth items wait. What fn uses belongs to that thread until the end.
 * The caller ends or drops it. */
UkRelay *uk_relay_new(guint depth, UkRelayFn fn, GDestroyNotify item_free, gpointer user,
                      GError **error) UK_MUST_USE;
/* Waits while too many wait; false when an item before it failed, with that failure, which is told
 * once. The item is taken over either way. */
bool uk_relay_give(UkRelay *relay, gpointer item_take, GError **error) UK_MUST_USE;
/* Waits until everything given was taken, and frees the relay; false: an item failed. */
bool uk_relay_end(UkRelay *relay_take, GError **error) UK_MUST_USE;
/* Ends with the item that is being taken; the rest is freed untaken. May be NULL. */
void uk_relay_drop(UkRelay *relay_take);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UkRelay, uk_relay_drop)
