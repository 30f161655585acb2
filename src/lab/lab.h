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

/* One role of a lab. */
typedef struct {
        char *role;
        LabState state;
        gint64 pid;  /* 0: none */
        char *ports; /* "http 8530, internal 40001", or "" */
} LabRole;

void lab_role_free(LabRole *role);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LabRole, lab_role_free)
/* "running"; borrowed. */
const char *lab_state_name(LabState state);

/* Told what lab_up does ("sup: started", "sup: ready on http 8530"); may be NULL. */
typedef void (*LabTell)(gpointer user, const char *text);

typedef struct {
        const char *root; /* must be absolute */
        const char
                *programs; /* folder with upkeep-<role>, or <role>/upkeep-<role>; NULL: find them */
        const char *const
                *settings;  /* "group.key=value" lines for upkeep.conf, NULL-terminated; or NULL */
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
/* The last lines of what a role wrote; the caller's, "" if nothing. */
char *lab_last_words(const char *root, const char *role, guint lines);
