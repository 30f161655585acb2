/* work.c - one transaction of the client, the letters written in it, and the serving of a box.
 *
 * In: letters of other components. Out: their effect, in the transaction that removes them. Knows
 * nothing of what letters mean.
 */
#include "client/work.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/work.sql.h"
#include "host/mailbox.h"

#define RING "ring" WORK_RING

static const char *const box_names[WORK_BOX_COUNT] = {
        [WORK_BOX_NONE] = "",
        [WORK_BOX_CLIENTID] = "clientid",
        [WORK_BOX_OUTGOING] = "outgoing",
        [WORK_BOX_LOCATION] = "location",
        [WORK_BOX_POLICY] = "policy",
        [WORK_BOX_EVALUATOR] = "evaluator",
        [WORK_BOX_SCAN] = "scan",
        [WORK_BOX_WUA] = "wua",
        [WORK_BOX_STATE] = "state",
};

static const DbField letter_fields[] = {
        DB_FIELD(INT, WorkLetter, id, "ID"),
        DB_FIELD(TEXT, WorkLetter, kind, "Kind"),
        DB_FIELD(TEXT, WorkLetter, key, "LetterKey"),
        DB_FIELD(BYTES, WorkLetter, body, "Body"),
        DB_FIELD(TEXT, WorkLetter, cause, "Cause"),
        DB_FIELD(TEXT, WorkLetter, trace, "Trace"),
        DB_FIELD_END,
};

static void
letter_clear(WorkLetter *letter)
{
        g_free(letter->kind);
        g_free(letter->key);
        g_clear_pointer(&letter->body, g_bytes_unref);
        g_free(letter->cause);
        g_free(letter->trace);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WorkLetter, letter_clear)

const char *
work_box_name(WorkBox box)
{
        return box_names[box];
}

WorkBox
work_box_of(const char *name)
{
        for (WorkBox box = WORK_BOX_NONE + 1; box < WORK_BOX_COUNT; box++) {
                if (strcmp(box_names[box], name) == 0)
                        return box;
        }
        return WORK_BOX_NONE;
}

Work *
work_begin(Component *c, const char *cause, GError **error)
{
        DbTx *tx = db_begin(c->db, error);

        if (tx == NULL)
                return NULL;
        Work *work = g_new0(Work, 1);
        work->c = c;
        work->tx = tx;
        work->cause = cause;
        return work;
}

void
work_free(Work *work)
{
        if (work == NULL)
                return;
        db_rollback(work->tx);
        g_free(work);
}

Db *
work_db(Work *work)
{
        return db_tx_db(work->tx);
}

/* A ring that is lost costs nothing but time: the rows are there. */
static void
ring(Host *host, WorkBox box)
{
        g_autofree char *name = g_strconcat("@", box_names[box], NULL);
        g_autoptr(GError) error = NULL;

        if (!mailbox_post(host, name, RING, NULL, 0, &error) &&
            !g_error_matches(error, UK_ERROR, UK_ERROR_NOT_FOUND))
                uk_warn("%s", error->message);
}

bool
work_commit(Work *work_take, GError **error)
{
        Host *host = work_take->c->host;
        guint rings = work_take->rings;
        bool done = db_commit(g_steal_pointer(&work_take->tx), error);

        work_free(work_take);
        if (!done)
                return false;
        for (WorkBox box = WORK_BOX_NONE + 1; box < WORK_BOX_COUNT; box++) {
                if ((rings & (1u << box)) != 0)
                        ring(host, box);
        }
        return true;
}

void
work_ring(Work *work, WorkBox box)
{
        if (box != WORK_BOX_NONE)
                work->rings |= 1u << box;
}

bool
work_tell(Work *work, WorkBox box, const char *kind, const char *key, const void *body, gsize size,
          GError **error)
{
        work_ring(work, box);
        return db_run(work->tx, &sql_work_add_letter,
                      DB_ARGS(DB_TEXT("box", box_names[box]), DB_TEXT("kind", kind),
                              DB_TEXT("key", key != NULL ? key : ""), DB_BYTES("body", body, size),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("cause", work->cause),
                              DB_TEXT("trace", uk_trace_get())),
                      error);
}

static bool
handle(Work *work, const WorkHandler *handlers, const WorkLetter *letter, GError **error)
{
        for (; handlers->kind != NULL; handlers++) {
                if (strcmp(handlers->kind, letter->kind) == 0)
                        return handlers->on_letter(work, letter, error);
        }
        return uk_fail(error, UK_ERROR_UNSUPPORTED, "a letter of kind '%s' is not known here",
                       letter->kind);
}

static bool
remove_letter(Work *work, const WorkLetter *letter, GError **error)
{
        return db_run(work->tx, &sql_work_remove_letter, DB_ARGS(DB_INT("id", letter->id)), error);
}

/* What cannot be used is said once and removed, so that it does not keep the others waiting. */
static bool
give_up(Component *c, const WorkLetter *letter, const GError *why, GError **error)
{
        g_autoptr(Work) work = work_begin(c, letter->cause, error);

        uk_error("%s", why->message);
        return work != NULL && remove_letter(work, letter, error) &&
               work_commit(g_steal_pointer(&work), error);
}

static bool
serve_letter(Component *c, const WorkHandler *handlers, const WorkLetter *letter, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(Work) work = work_begin(c, letter->cause, error);

        if (work == NULL)
                return false;
        if (handle(work, handlers, letter, &why))
                return remove_letter(work, letter, error) &&
                       work_commit(g_steal_pointer(&work), error);
        g_clear_pointer(&work, work_free);
        if (uk_error_class(why) == UK_CLASS_CORRUPT)
                return give_up(c, letter, why, error);
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
first_letter(Component *c, WorkBox box, WorkLetter *letter, bool *found_out, GError **error)
{
        if (!db_one(c->db, &sql_work_first_letter, DB_ARGS(DB_TEXT("box", box_names[box])),
                    letter_fields, letter, found_out, error))
                return false;
        if (*found_out && letter->body == NULL)
                letter->body = g_bytes_new(NULL, 0);
        return true;
}

bool
work_serve(Component *c, WorkBox box, const WorkHandler *handlers, GError **error)
{
        bool found = true;

        while (found) {
                g_auto(WorkLetter) letter = { 0 };

                if (!first_letter(c, box, &letter, &found, error))
                        return false;
                if (!found)
                        break;
                uk_trace_set(letter.trace);
                bool done = serve_letter(c, handlers, &letter, error);
                uk_trace_set("");
                if (!done)
                        return false;
        }
        return true;
}
