/* host_private.h - what the files of the host share: the host, its components and their lanes.
 *
 * Threads: one per lane, up to a setting per pool, some for routes. Each has a context (Component)
 * of its own; what they share stands behind the locks named here, or is atomic.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "host/component.h"
#include "host/host.h"
#include "host/settings.h"
#include "host/watcher.h"

typedef struct HostComponent HostComponent;
typedef struct Lane Lane;
typedef struct LaneBox LaneBox;
typedef struct Pool Pool;
typedef struct Routes Routes;
typedef struct Connections Connections;

struct Host {
        const HostRole *role;
        char *root, *state_dir, *inboxes, *etc_dir, *log_dir, *run_dir, *good_dir;
        char *db_path;            /* NULL: none */
        Connections *connections; /* to it; NULL: there is none */
        DbWriter *writer; /* what all contexts write the database through; NULL: there is none */
        char *machine, *site_code;
        Settings *settings;
        ComponentDef *self_def;
        HostComponent *self;     /* the host's own name and log, for what concerns no component */
        GPtrArray *components;   /* HostComponent *, in the role's order */
        Routes *routes;          /* NULL before host_start, or without ports */
        Watcher *watcher;        /* NULL before the threads, or when the system gives none */
        _Atomic guint64 letters; /* numbers of letters in memory */
        int stop_fd;             /* eventfd, readable for good when the role stops */
        atomic_bool stopping;
        atomic_bool again; /* stops to begin anew, for a restore */
        bool threaded;
        pthread_mutex_t reload_lock; /* guards the reading of the settings' files */
        pthread_mutex_t marks_lock;  /* guards marks and its file */
        GKeyFile *marks;
        pthread_mutex_t clients_lock; /* guards clients */
        GPtrArray *clients;           /* HttpClient * of all contexts, to be cancelled at the end */
};

typedef enum {
        HOST_COMPONENT_STOPPED,
        HOST_COMPONENT_STARTING,
        HOST_COMPONENT_RUNNING,
        HOST_COMPONENT_HALTING, /* no handler enters; the last one that leaves stops it */
} HostComponentState;

struct HostComponent {
        Host *host;
        const ComponentDef *def;
        UkLog *log;
        GPtrArray *lanes;     /* Lane * */
        GPtrArray *pools;     /* Pool *, in the order of def->pools */
        pthread_mutex_t lock; /* guards all below */
        pthread_cond_t changed;
        HostComponentState phase;
        guint active; /* handlers that run */
        gpointer state;
        gint64 until_us, span_us; /* not started again before; the pause that led to it */
        gint64 since_us;          /* runs since */
        guint halts;
};

/* A thread's view of a component. */
typedef struct {
        Component c; /* first: what handlers are given */
        HostComponent *owner;
        UkLog *outer_log;
        const Db *liked;    /* the connection it had last: that one has its statements */
        bool borrowed_http; /* http belongs to another context of the same thread */
} HostContext;

/* host.c: asks all threads to end, and the role to begin anew with what stands on the disk then. */
void host_begin_anew(Host *host);
/* host.c: takes the inotify instance, if it has not been taken yet; before the threads. */
void host_watch(Host *host);
/* host.c: makes every lane look again, as after new settings or a clock that was set. */
void host_wake(Host *host);

/* connections.c: the host's connections, all idle when it is freed. One that is lent writes through
 * the host's writer and is the caller's alone until it returns it; liked is taken if it is there.
 */
Connections *connections_new(void);
void connections_free(Connections *connections);
Db *connections_lend(const Host *host, const Db *liked, GError **error) UK_MUST_USE;
void connections_return(const Host *host, Db *db);

/* component.c: contexts, and the gate that every call of a component passes. */
HostComponent *component_new(Host *host, const ComponentDef *def, GError **error);
void component_free(HostComponent *component);
HostContext *component_context_new(HostComponent *owner, const char *lane);
void component_context_free(HostContext *context);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostContext, component_context_free)
/* The component of what a handler was given. */
HostComponent *component_of(const Component *c);
/* Enters the component, starting it first where needed; false: not now, *until_out says when to
 * ask again. After true, component_leave must be called. Binds the log to the thread. */
bool component_enter(HostContext *context, gint64 *until_out);
void component_leave(HostContext *context);
/* Reports the error and stops the component; to be called between enter and leave. */
void component_halt(HostContext *context, const GError *error);
/* Stops a component at the end of the role, when no thread is left. */
void component_stop(HostComponent *component);
/* The pause before try number tries + 1: 1, 2, 4 … 60 units. */
gint64 component_pause(guint tries, gint64 unit_us);
/* A pause in words ("4 minutes"); the caller's. */
char *component_span_text(gint64 span_us);

/* lane.c: one thread that serves boxes and jobs in turn. */
void lane_make_all(HostComponent *component);
void lane_free(Lane *lane);
bool lane_start(Lane *lane, GError **error);
/* Waits for the thread's end. */
void lane_join(Lane *lane);
/* Makes the thread look again; from any thread. */
void lane_wake(Lane *lane);
/* Serves one thing. False: nothing is ready before *due_out. */
bool lane_work(Lane *lane, gint64 *due_out);
/* For host_step: looks at everything that would have been announced. */
void lane_look(Lane *lane);

/* mailbox.c finds boxes through this: the box "@name" of a kind, or NULL. */
LaneBox *lane_find_mailbox(Host *host, const char *box, const char *kind);
/* Puts a letter into a mailbox's lane and wakes it. */
void lane_post_take(LaneBox *box, InboxFile *letter);

/* pool.c */
Pool *pool_new(HostComponent *owner, const ComponentPool *row);
void pool_free(Pool *pool);
/* Runs one key in the calling thread; false: none is ready. For host_step. */
bool pool_step(Pool *pool);
/* Waits for the workers' end. */
void pool_join(Pool *pool);

/* route.c */
bool route_start(Host *host, GError **error);
/* Answers what waits and ends the workers; what comes after it is refused. */
void route_stop_work(Host *host);
/* Stops listening; all requests that handlers have kept must have been answered. */
void route_stop(Host *host);
guint16 route_port(const Host *host, const char *listen_name);
