/* component.h - what a component is: a descriptor and handlers.
 *
 * A component never polls, sleeps or loops over its inbox. It declares what wakes it and gives a
 * function per kind of news; the host has the threads, the timers, the retries and the shutting
 * down. A handler returns true when its effect is durable, or an error whose class decides what
 * becomes of the input (later, corrupt, halt); it may run twice for the same input.
 */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "db/db.h"
#include "inbox/inbox.h"
#include "net/http_client.h"
#include "net/http_server.h"

typedef struct Host Host;
typedef struct ComponentDef ComponentDef;

/* What a handler is given: the component as seen by one thread. Each lane, each worker of a pool
 * and each worker of routes has one of its own, so db and http are used without a lock; db is the
 * thread's until the handler returns. */
typedef struct {
        const ComponentDef *def;
        Host *host;
        Db *db;           /* a connection to the role's database, or NULL; kept no longer */
        HttpClient *http; /* this thread's client */
        gpointer state;   /* the component's own, made by start; shared by its threads: lock it */
        const char *lane; /* name of the lane or pool, for messages */
} Component;

/* What a batch handler says of each file. */
typedef enum {
        BATCH_DONE,    /* the effect is durable: remove the file */
        BATCH_LATER,   /* leave it, try again after a pause */
        BATCH_CORRUPT, /* to corrupt/, with why */
} BatchVerdict;

typedef struct {
        InboxFile *file; /* borrowed */
        BatchVerdict verdict;
        char *why; /* for CORRUPT and LATER; freed by the host */
} BatchItem;

typedef bool (*ComponentFileFn)(Component *c, const InboxFile *file, GError **error);
/* Gives each item a verdict (they come as LATER). False: nothing is removed, all LATER. */
typedef bool (*ComponentBatchFn)(Component *c, BatchItem *items, guint count, GError **error);
/* A worker of a pool is given a key and loads what it needs. */
typedef bool (*ComponentKeyFn)(Component *c, const char *key, GError **error);
typedef bool (*ComponentFn)(Component *c, GError **error);
/* Answers the request, exactly once, if it returns true; on false the host answers by the error's
 * code (NOT_FOUND 404, DENIED 403, PARSE/INVALID/… 400, LIMIT 413, BUSY 503, FULL 507, else 500).
 */
typedef bool (*ComponentRouteFn)(Component *c, HttpRequest *request, GError **error);
/* As the host answers for a handler that failed; for a request that was kept until later. Logs it.
 */
void route_answer_error(HttpRequest *request_take, const GError *error);

/* A box is a folder below the role's inboxes that survives a restart, or, written "@name", a
 * mailbox in memory. Boxes of one lane are served in turn by one thread. */
typedef struct {
        const char *lane;
        const char *box;           /* "WSyncMgr.box", "distmgr.box/incoming", "@scan" */
        const char *kind;          /* ".SYN"; "*" any; compared without case */
        ComponentFileFn on_file;   /* this one … */
        ComponentBatchFn on_batch; /* … or this one */
        const char *settle;        /* setting (seconds) to wait after the first file, or NULL */
        const char *batch;         /* setting: how many files at once, or NULL: 256 */
        const char *retry;         /* setting: minutes between tries, or NULL: 1, 2, 4 … 60 */
        /* The name alone is the message (SELF.SYN): an empty file is taken at once. Otherwise an
         * empty file is left for a while, since somebody may still be writing it by hand. */
        bool bare_name;
} ComponentBox;

/* Work beside the lanes: one key never runs twice at a time. The setting bounds the workers. A key
 * whose worker fails is tried again (later: after 1, 2, 4 … 60 minutes), or given up (corrupt). */
typedef struct {
        const char *name;
        const char *size_setting;
        ComponentKeyFn worker;
} ComponentPool;

/* Wakes fn on a lane at a time set by timer_set, and at every start if at_start. A failure of class
 * later is tried again after 1, 2, 4 … 60 minutes unless fn has set the timer itself. A time that
 * is set while fn runs, from any thread, stays, whatever becomes of the run. */
typedef struct {
        const char *lane;
        const char *name;
        ComponentFn fn;
        bool at_start;
} ComponentTimer;

/* Runs fn by a recurrence kept in a setting (see schedule.h); an empty recurrence is never. The
 * last run is remembered across restarts: a run missed meanwhile happens once, at the start. */
typedef struct {
        const char *lane;
        const char *setting;
        ComponentFn fn;
} ComponentSchedule;

/* Who may call a route. */
typedef enum {
        CALLER_ANYONE,
        CALLER_CLIENT, /* a registered, approved client */
        CALLER_SITE,   /* the site server, by shared key or signature */
        CALLER_ADMIN,  /* the administrator's interface */
} ComponentCaller;

typedef struct {
        const char *method; /* "GET"; "*" any */
        const char *path;   /* exact, or a prefix when it ends in "*"; compared without case */
        ComponentCaller caller;
        gsize max_body; /* bytes; 0: no body */
        ComponentRouteFn on_request;
        /* Answers from memory or with one short look into the database, and waits for nothing: is
         * called on the server's own thread, which spares the change of threads (8 us). */
        bool at_once;
} ComponentRoute;

#define COMPONENT_MAX_BOXES     8
#define COMPONENT_MAX_POOLS     4
#define COMPONENT_MAX_TIMERS    6
#define COMPONENT_MAX_SCHEDULES 8
#define COMPONENT_MAX_ROUTES    24

struct ComponentDef {
        const char *name;  /* SMS_DISTRIBUTION_MANAGER */
        const char *log;   /* DistMgr.log */
        int log_form;      /* UkLogForm */
        bool log_nameless; /* its records show no component's name (SMSDPProv.log) */
        const char *what;  /* one sentence, for --components and the generated page */
        ComponentBox boxes[COMPONENT_MAX_BOXES + 1];
        ComponentPool pools[COMPONENT_MAX_POOLS + 1];
        ComponentRoute routes[COMPONENT_MAX_ROUTES + 1];
        ComponentTimer timers[COMPONENT_MAX_TIMERS + 1];
        ComponentSchedule schedules[COMPONENT_MAX_SCHEDULES + 1];
        /* Follows commits to the role's database: called on lane "notices" at start, after every
         * bell (once for those of ten milliseconds), and within a second of any other commit. A
         * failure of class later is tried again after 1, 2, 4 … 60 seconds. */
        ComponentFn on_commit;
        /* The tick: setting (minutes; 0: never) with the interval, and what to do when nobody
         * called. Runs on the first lane, when the role starts and then at each interval. */
        struct {
                const char *setting;
                ComponentFn fn;
        } tick;
        ComponentFn start; /* before the lanes run; may set c->state */
        void (*stop)(Component *c);
};
