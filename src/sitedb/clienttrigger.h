/* clienttrigger.h - what clients are asked to do: each wish waits until its client has taken it.
 *
 *   administrator, StateSys --wish--> row --reply to a policy request--> client
 */
#pragma once

#include "db/db.h"

/* Schedule IDs, as TriggerSchedule has them. */
#define CLIENTTRIGGER_SCAN   "{00000000-0000-0000-0000-000000000113}"
#define CLIENTTRIGGER_RESEND "{00000000-0000-0000-0000-000000000114}"

/* Asks a machine for something; once, however often it is asked before it is taken: the later wish
 * is the one that counts. NOT_FOUND for a machine that is not known. */
bool clienttrigger_add(DbTx *tx, gint64 machine_id, const char *schedule_id, const char *cause,
                       GError **error) UK_MUST_USE;
/* Takes a wish back that no client has taken yet. */
bool clienttrigger_withdraw(DbTx *tx, gint64 machine_id, const char *schedule_id,
                            GError **error) UK_MUST_USE;
/* What waits for a machine, as schedule IDs (the caller owns the array of char *), and the number
 * of the newest, by which the client says that it has taken them; 0: nothing waits. */
GPtrArray *
clienttrigger_pending(Db *db, gint64 machine_id, gint64 *newest_out, GError **error) UK_MUST_USE;
/* After a restore: clients name numbers of wishes that the database does not know of, as taken, and
 * a new wish must not be taken for one of those. */
bool clienttrigger_leap(DbTx *tx, GError **error) UK_MUST_USE;
/* The client has taken all up to this number. */
bool clienttrigger_taken(DbTx *tx, gint64 machine_id, gint64 upto, GError **error) UK_MUST_USE;
