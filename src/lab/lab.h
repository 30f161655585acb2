/* lab.h - a whole site under one throw-away folder, on loopback, without privileges.
 *
 * The lab starts the role programs below a root of its own, each with --root, waits until each has
 * said in run/upkeep/<role>.ready where it listens, and ends them again. It is how the product is
 * tested, tried and shown. Whatever a lab's processes do, another's are never touched.
 */
#pragma once

#include "base/error.h"

/* The clock that all programs below a root share, below that root. */
#define LAB_CLOCK "/run/upkeep/clock"

typedef enum {
        LAB_STOPPED,  /* not started, or ended as asked */
        LAB_RUNNING,  /* runs and has said that it is ready */
        LAB_STARTING, /* runs and has not */
        LAB_DIED,     /* was started and is gone without having been asked to */
} LabState;

/* One program of a lab. */
typedef struct {
        char *role;
        char *name; /* of a distribution point with a root of its own, "DP01"; else "" */
        char *root; /* below which it works */
        LabState state;
        gint64 pid;  /* 0: none */
        char *ports; /* "http 8530, internal 40001", or "" */
} LabRole;

void lab_role_free(LabRole *role);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LabRole, lab_role_free)
/* "running"; borrowed. */
const char *lab_state_name(LabState state);

#define LAB_MAX_DPS 99

/* What lies between the site and a distribution point: a relay of the lab (upkeep-lab). Times and
 * rates are the machine's, whatever the lab's clock does. */
typedef struct LabLink {
        gint64 rate;     /* bytes a second in each direction; 0: as fast as it goes */
        gint64 delay_us; /* one way */
        bool down;       /* nothing passes, nobody is told: a cable that was pulled */
        guint16 port;    /* where the relay listens; 0: not known yet */
} LabLink;

/* A distribution point of the lab that the site must be told of. */
typedef struct {
        char *name;   /* "DP01" */
        char *server; /* its full name, "DP01.LAB" */
        char *url;    /* where the site reaches it: its link, or, without links, itself */
        bool pull;
        bool colocated; /* on the site server */
} LabDp;

void lab_dp_free(LabDp *dp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LabDp, lab_dp_free)

/* Told what lab_up does ("sup: started", "sup: ready on http 8530"); may be NULL. */
typedef void (*LabTell)(gpointer user, const char *text);

typedef struct {
        const char *root; /* must be absolute */
        const char
                *programs; /* folder with upkeep-<role>, or <role>/upkeep-<role>; NULL: find them */
        const char *const
                *settings;   /* "group.key=value" lines for upkeep.conf, NULL-terminated; or NULL */
        guint dps, pull_dps; /* distribution points at least; those a lab has, it keeps */
        /* NULL: the links stay as they are. Else every distribution point gets one like this. */
        const struct LabLink *link;
        gint64 deadline_us; /* for each program to become ready; 0: 30 s */
        LabTell tell;
        gpointer user;
} LabOptions;

/* The folder of this user's lab, below /var/tmp. The caller's. */
char *lab_default_root(void);
/* The program of a role: in the folder programs or, with NULL, in UPKEEP_PROGRAMS, beside this
 * program, in its build tree, or where packages put it. NOT_FOUND names the place. The caller's. */
char *lab_program(const char *programs, const char *role, GError **error) UK_MUST_USE;
/* True when at least one program of the lab at root runs. */
bool lab_is_up(const char *root);
/* Makes the folders and files where missing and starts every role that does not run. Those that
 * run are left alone, so that a lab in which one role died is whole again. A folder that has
 * something in it and is no lab is refused (EXISTS). On failure what was started stays, and the
 * error carries the last lines that the role said. */
bool lab_up(const LabOptions *options, GError **error) UK_MUST_USE;
/* Ends every program of the lab, the last started first; with purge the folder goes too. */
bool lab_down(const char *root, bool purge, GError **error) UK_MUST_USE;
/* The roles of the lab, of LabRole; the caller's. */
GPtrArray *lab_status(const char *root, GError **error) UK_MUST_USE;
/* Makes the clock that all programs of the lab share run rate times as fast (0: as it does), and
 * moves it by step_us. */
bool lab_clock(const char *root, double rate, gint64 step_us, GError **error) UK_MUST_USE;
/* A port that a role below root says it listens on: the one of that name, or, with NULL, the only
 * or first one. 0 with NOT_FOUND when the role is not ready, naming the next command. */
guint16
lab_ready_port(const char *root, const char *role, const char *name, GError **error) UK_MUST_USE;
/* The distribution points of the lab as they listen now, the co-located one first; of LabDp, the
 * caller's. */
GPtrArray *lab_dps(const char *root, GError **error) UK_MUST_USE;
/* Changes the link of a distribution point at once (change gets link and user), having made links
 * for all of them where the lab had none; *link_out (may be NULL) is what it is then. NOT_FOUND for
 * a name that the lab has not. */
typedef void (*LabLinkChange)(gpointer user, LabLink *link);
bool lab_link(const LabOptions *options, const char *name, LabLinkChange change, gpointer user,
              LabLink *link_out, GError **error) UK_MUST_USE;
/* The last lines of what a role wrote; the caller's, "" if nothing. */
char *lab_last_words(const char *root, const char *role, guint lines);
