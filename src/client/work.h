/* work.h - a piece of work of the client: one transaction, and letters that become visible with it.
 *
 * Components of the client hand work to each other by rows: what is told is written in the
 * transaction of its cause, the receiver's box "@name" is rung after the commit, and the letter
 * goes in the transaction of its effect. So a killed client loses nothing: each component serves
 * its box at its start. Log records and traces follow the letter.
 */
#pragma once

#include "db/db.h"
#include "host/component.h"

/* Who can be told something. */
typedef enum {
        WORK_BOX_NONE,
        WORK_BOX_CLIENTID,
        WORK_BOX_OUTGOING,
        WORK_BOX_LOCATION,
        WORK_BOX_POLICY,
        WORK_BOX_EVALUATOR,
        WORK_BOX_SCAN,
        WORK_BOX_WUA,
        WORK_BOX_STATE,
        WORK_BOX_COUNT,
} WorkBox;

/* Kind of the rings in the mailboxes, for the tables of boxes. */
#define WORK_RING ".RING"

typedef struct {
        Component *c;
        DbTx *tx;
        const char *cause; /* of what is written; borrowed, "" if none */
        guint rings;       /* bit per box that is rung after the commit */
} Work;

/* Begins a transaction. The caller commits or frees (rolls back). cause is borrowed. */
Work *work_begin(Component *c, const char *cause, GError **error) UK_MUST_USE;
/* Commits, frees and rings. */
bool work_commit(Work *work_take, GError **error) UK_MUST_USE;
void work_free(Work *work);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Work, work_free)
/* The connection, for reads within the work. */
Db *work_db(Work *work);

/* Tells another component. key and body may be NULL. */
bool work_tell(Work *work, WorkBox box, const char *kind, const char *key, const void *body,
               gsize size, GError **error) UK_MUST_USE;
/* Makes a component look, whose own rows say what there is. */
void work_ring(Work *work, WorkBox box);
/* The name of a box in rows ("scan"), and back (WORK_BOX_NONE if unknown). */
const char *work_box_name(WorkBox box);
WorkBox work_box_of(const char *name);

typedef struct {
        gint64 id;
        char *kind;
        char *key;
        GBytes *body; /* never NULL after reading */
        char *cause, *trace;
} WorkLetter;

/* What a component does about a kind of letter: in the work that also removes the letter. An error
 * of class corrupt removes the letter and is a line in the log; others leave it. */
typedef struct {
        const char *kind;
        bool (*on_letter)(Work *work, const WorkLetter *letter, GError **error);
} WorkHandler;

/* Serves all letters of a box in order, each in a transaction of its own. handlers end with a NULL
 * kind. */
bool work_serve(Component *c, WorkBox box, const WorkHandler *handlers, GError **error) UK_MUST_USE;
