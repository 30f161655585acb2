/* lab_private.h - what the parts of the lab share: its members, and the files it keeps.
 *
 * A member is one program below one root: the lab's own roles below the lab's root, and each
 * distribution point below a root of its own, <lab>/dp/<NAME>. What the lab must remember of a
 * member's process stands below the member's root.
 */
#pragma once

#include "lab/lab.h"

#define LAB_RUN      "/run/upkeep"
#define LAB_MEMORY   "/run/upkeep/lab"
#define LAB_LOGS     "/var/log/upkeep"
#define LAB_MAX      (1024 * 1024) /* bytes of a file of settings */
#define LAB_KEY_BITS "2048"

/* A role as the lab starts it. */
typedef struct {
        const char *role;
        const char *listen; /* the setting of the port it listens on; NULL: it has none */
        const char *url;    /* the setting that tells the others where that is; NULL: nobody asks */
        const char *site_url; /* … and the site server; or NULL */
} LabKind;

typedef struct {
        const LabKind *kind;
        char *name; /* "DP01"; "" for a role of the lab's own root */
        char *root; /* of this member */
} LabMember;

/* All members of the lab at root, in the order of starting; of LabMember, the caller's. */
GPtrArray *lab_members(const char *root);
/* How messages call it: "sup", or "dp DP01". Borrowed from the member or the table. */
const char *lab_member_word(const LabMember *member);
/* Makes the folders and settings that a distribution point needs before it starts. */
bool lab_member_prepare(const char *root, const LabMember *member, GError **error) UK_MUST_USE;
/* Makes the folders below a root. */
bool lab_folders(const char *root, GError **error) UK_MUST_USE;

/* upkeep.conf of a root. */
bool
lab_conf_set(const char *root, const char *name, const char *value, GError **error) UK_MUST_USE;
/* The value, or NULL where it is not set; the caller's. */
char *lab_conf_get(const char *root, const char *name);
/* Each "group.key=value". */
bool lab_conf_give(const char *root, const char *const *settings, GError **error) UK_MUST_USE;
/* True when upkeep.conf is there. */
bool lab_conf_exists(const char *root);
/* A role keeps the port it had, so that what others know stays true; one that has none, or whose
 * port is taken now, gets one that the system gives to nobody (0, one of the system's, if there is
 * no such). */
bool lab_conf_settle_port(const char *root, const char *listen, GError **error) UK_MUST_USE;

/* lab.conf of the lab's root: which distribution points it has, and their links. */
GKeyFile *lab_plan_read(const char *root, GError **error) UK_MUST_USE;
bool lab_plan_write(const char *root, GKeyFile *plan, GError **error) UK_MUST_USE;
/* How many distribution points of a kind ("dps", "pull_dps") there are. */
int lab_plan_count(GKeyFile *plan, const char *kind);
bool lab_plan_has_links(GKeyFile *plan);
/* The path of lab.conf; the caller's. */
char *lab_plan_path(const char *root);
/* The link of a distribution point as the plan has it. */
void lab_plan_link(GKeyFile *plan, const char *name, LabLink *link_out);

#define LAB_LINKS "lab" /* the role of the program that is the links */

/* One command at a time works on a lab; the lock goes with the descriptor. */
bool lab_lock(const char *root, int *fd_out, GError **error) UK_MUST_USE;
/* Writes down what is asked for: more distribution points, links. */
bool lab_link_plan(const LabOptions *options, GError **error) UK_MUST_USE;
/* Writes down where the links listen, so that they do so again. */
bool lab_link_keep_ports(const char *root, GPtrArray *members, GError **error) UK_MUST_USE;
/* Starts the program that is the links if there are any. */
bool lab_start_links(const LabOptions *options, GError **error) UK_MUST_USE;
