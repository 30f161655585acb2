/* box.h - what the component tests of the state system share: a site in a box with updates and
 * machines, reports, and questions to its database.
 */
#pragma once

#include "base/clock.h"
#include "db/db.h"
#include "host/host.h"
#include "wire/statereport.h"

#define BOX_NORMAL "auth/statesys.box/incoming"
#define BOX_HIGH   "auth/statesys.box/incoming/High"
#define BOX_LOW    "auth/statesys.box/incoming/Low"
#define BOX_TRACE  "0af7651916cd43dd8448eb211c80319c"

typedef struct {
        char *root;
        Host *host;
        Db *db;       /* another program's connection */
        char *source; /* unique ID of the update source */
        gint64 start; /* time of the set-up */
} Box;

/* Site PS1 with a verbose state system and one update source without updates. */
void box_set_up(Box *box, gconstpointer settings);
void box_tear_down(Box *box, gconstpointer unused);
/* The component stops and starts, as after a restart of the program. */
void box_restart(Box *box);

/* The GUID of update n. */
char *box_update(int n);
/* A synchronization that brings updates first to last in this revision and raises the version. */
void box_synchronize(Box *box, int first, int last, int revision);
/* The CI_ID of update n. */
gint64 box_ci(Box *box, int n);

/* Machine n: registered, and approved if so asked; its ResourceID. */
gint64 box_machine(Box *box, int n, bool approve);
void box_set_machine(Box *box, int n, int state);

/* A message of machine n about update `about` (topic 500) or its scan (501). time: seconds after
 * the start. */
typedef struct {
        int type;
        int about;
        int state;
        int time, serial;
        const char *params[3];
        const char *details;
} BoxMessage;

/* The text of a report; the caller's. */
char *box_report(Box *box, int machine, const BoxMessage *messages, guint count);
/* Puts a report into a box. */
void box_send(Box *box, const char *folder, const char *name, int machine,
              const BoxMessage *messages, guint count);
#define BOX_SEND(box_, folder_, name_, machine_, ...)                                         \
        box_send((box_), (folder_), (name_), (machine_), (const BoxMessage[]){ __VA_ARGS__ }, \
                 G_N_ELEMENTS(((const BoxMessage[]){ __VA_ARGS__ })))
/* The details of a completed scan that found this digest; the caller's. */
char *box_details(int version, int missing, int installed, const char *digest);
/* The digest of lines "<n> <state>", by machine-independent means; pairs end with 0. */
char *box_digest(const int *pairs);

/* Lets the pause pass and serves all there is. */
void box_run(Box *box);
/* The texts of StateSys.log; the caller's. */
char *box_log(Box *box);
bool box_has(Box *box, const char *folder, const char *name);

/* The cells of all rows of a question, "a|b a|c"; the caller's. */
char *box_ask(Box *box, const char *question);
#define BOX_ASK(box_, question_, expected_)                          \
        do {                                                         \
                g_autofree char *answer_ = box_ask(box_, question_); \
                g_assert_cmpstr(answer_, ==, (expected_));           \
        } while (0)
/* Runs a statement by hand, as an administrator would. */
void box_do(Box *box, const char *statement);
/* The summary of every update is what the states say, counted anew. */
void box_check_summary(Box *box);
