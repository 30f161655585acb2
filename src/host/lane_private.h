/* lane_private.h - what lane.c and lane_box.c share: a lane, its jobs and its boxes. */
#pragma once

#include "host/host_private.h"
#include "host/schedule.h"

/* Work by time: timers, schedules, the tick, and the follower of commits. */
typedef enum {
        LANE_JOB_TIMER,
        LANE_JOB_SCHEDULE,
        LANE_JOB_TICK,
        LANE_JOB_COMMIT,
} LaneJobType;

typedef struct {
        LaneJobType type;
        const char *name; /* of the timer, or the setting */
        ComponentFn fn;
        gint64 due_us;  /* guarded by the lane's lock; UK_NEVER: not now */
        gint64 span_us; /* the pause that led to due_us; 0: due_us was given from outside */
        gint64 later_us, later_span_us; /* likewise, what is due behind due_us */
        guint tries;                    /* failures since the last success */
        char *text;                     /* the recurrence that due_us follows */
} LaneJob;

/* Something happened in the folder of a box (NULL: events were lost). */
typedef struct {
        LaneBox *box;
        guint32 mask;
        char *name; /* or NULL */
} LaneEvent;

/* What the lane remembers of an input that it could not use yet. */
typedef struct {
        guint64 inode;
        gint64 mtime_us, size;
        gint64 due_us, span_us;
        guint tries;
        InboxFile *letter; /* owned while it waits; NULL for a file */
        bool seen;
} LaneWait;

struct LaneBox {
        const ComponentBox *row;
        Lane *lane;
        char *path;          /* of the folder; NULL: a mailbox in memory */
        bool watched;        /* changes are announced */
        bool dirty;          /* look at the folder (or the letters) before the next is taken */
        gint64 look_us;      /* look again then */
        gint64 tidy_us;      /* the folder is tidied then */
        gint64 ready_us;     /* settling ends then; 0: no file has come */
        GQueue found;        /* InboxFile *, oldest first */
        GHashTable *waits;   /* key (lane_box_key) to LaneWait */
        GHashTable *writing; /* names being written to number of rescans seen */
        GQueue posted;       /* InboxFile *, letters; guarded by the lane's lock */
};

struct Lane {
        HostComponent *owner;
        const char *name;
        HostContext *context;
        GPtrArray *boxes;     /* LaneBox * */
        GPtrArray *jobs;      /* LaneJob * */
        pthread_mutex_t lock; /* guards the times of jobs, posted of boxes, and events */
        GQueue events;        /* LaneEvent *, told by the watcher */
        atomic_bool called;   /* by wake_fd, which has not been read since */
        atomic_bool rung;     /* the database's bell */
        atomic_bool rests;    /* the bell is not followed for a moment */
        pthread_t thread;
        bool started, has_folders;
        int epoll_fd, wake_fd, beat_fd; /* -1: none */
        Db *follow; /* for the version alone, so it has read no schema; NULL: not yet */
        gint64 data_version;
        gint64 rescan_us, planned_us;
        unsigned settings_seen;
        guint turn;
        bool planned;
};

/* lane.c: takes in what the system has announced so far. */
void lane_read_events(Lane *lane);

/* lane_box.c */
LaneBox *lane_box_new(Lane *lane, const ComponentBox *row);
void lane_box_free(LaneBox *box);
/* Has changes of the folder told to the lane; false leaves the rescan as the only way to notice
 * files. */
bool lane_box_watch(LaneBox *box, GError **error);
/* Whether a file of that name is the box's, and no temporary one. From any thread. */
bool lane_box_fits(const LaneBox *box, const char *name);
/* An event of the box's folder; name may be NULL (look at everything). */
void lane_box_event(LaneBox *box, guint32 mask, const char *name);
/* Rescan: whatever was announced or not, look. */
void lane_box_look(LaneBox *box);
/* Serves the oldest file (or batch) of the lane's mailboxes or folders. False: none is ready, and
 * *due_out is lowered to when one may be. */
bool lane_box_serve(Lane *lane, bool mailboxes, gint64 *due_out);

/* lane.c: the watcher's call for a box. */
void lane_box_told(gpointer box, guint32 mask, const char *name);

/* lane_job.c */
void lane_job_free(LaneJob *job);
void lane_job_add(Lane *lane, LaneJobType type, const char *name, ComponentFn fn, gint64 due_us);
/* Plans ticks and schedules at the start, and again after the settings changed. */
void lane_job_plan(Lane *lane);
/* Runs the job that is due first. False: none is, and *due_out is lowered. */
bool lane_job_serve(Lane *lane, gint64 *due_out);
/* False: the lane has no timer of that name. */
bool lane_job_set_timer(Lane *lane, const char *name, gint64 at_us);
/* Somebody has committed. */
void lane_job_commit(Lane *lane);
