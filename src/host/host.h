/* host.h - runs a role: its components' lanes, pools, timers, mailboxes, routes and settings.
 *
 * The folders of a role below its root: etc/upkeep/, var/lib/upkeep/<role>/ (the site's inboxes:
 * var/lib/upkeep/site/inboxes/), var/log/upkeep/, run/upkeep/.
 */
#pragma once

#include "base/error.h"
#include "host/component.h"
#include "host/settings.h"
#include "host/statusmsg.h"

/* A port the role listens on. */
typedef struct {
        const char *setting;    /* setting with the port; 0 in it: the system chooses */
        const char *name;       /* key under which run/upkeep/<role>.ready names the port */
        const char *access_log; /* file name in the log folder, or NULL */
        bool any_name;          /* paths may hold any byte but NUL (http_server.h) */
        bool plain;             /* HTTP, whatever http.certificate says */
} HostListen;

/* Initialises a library once, before the first thread. */
typedef bool (*HostInit)(GError **error);

/* What a role is. All of it is constant and lives as long as the program. */
typedef struct {
        const char *role;                      /* "site", "sup", "mp", "provider", "client" */
        const ComponentDef *const *components; /* NULL-terminated */
        const SettingDef *settings;            /* of the role, ended by a NULL name; or NULL */
        const char *inboxes;  /* below the root; NULL: "var/lib/upkeep/site/inboxes" */
        const char *database; /* below the root: "var/lib/upkeep/site/site.db"; NULL: none */
        const DbMigration *migrations;
        gsize migration_count;
        bool migrates;          /* this role brings the schema up to date; the others wait for it */
        HostListen listens[4];  /* ended by a NULL setting, or all four */
        StatusSink status_sink; /* stores a status message; NULL: only the log line */
        /* Names in the role's folder that it makes anew, and that no backup holds; or NULL. */
        const char *const *remade;
        /* Told of the role's database after it was restored, before anybody uses it; or NULL. */
        bool (*restored)(Db *db, GError **error);
        /* Libraries to initialise before the first thread, NULL-terminated. */
        const HostInit *inits;
        /* Says whether a caller may use a route; NULL: everything but CALLER_ANYONE is refused
         * unless the request comes from a loopback address. */
        bool (*allow)(Component *c, const ComponentRoute *route, HttpRequest *request,
                      GError **error);
} HostRole;

/* The whole of a role's main(): reads --root DIR, --components, --version, --help, runs until
 * SIGTERM or SIGINT, and returns the exit status. SIGHUP reads the settings again. */
int host_main(const HostRole *role, int argc, char **argv);

/* A host without threads; tests step its lanes by hand, host_main starts it. Makes the folders,
 * reads the settings (the last good ones where the present ones are bad), migrates the database. */
Host *host_new(const HostRole *role, const char *root, GError **error) UK_MUST_USE;
/* Starts the components, the threads, and listens; waits for the schema of a database that another
 * role migrates. */
bool host_start(Host *host, GError **error) UK_MUST_USE;
/* Asks all threads to end; host_free waits for them. Safe from any thread. */
void host_stop(Host *host);
/* Reads the settings again; what is bad is an error line in the log and the old values stay. From
 * any thread. */
void host_reload(Host *host);
/* Serves, in the calling thread, every lane, pool, timer and schedule that has something ready,
 * until nothing is; *worked_out says whether anything was done. Not with host_start. */
bool host_step(Host *host, bool *worked_out, GError **error) UK_MUST_USE;
void host_free(Host *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Host, host_free)

/* Paths; borrowed, they live as long as the host. */
const char *host_root(const Host *host);
const char *host_state_dir(const Host *host); /* var/lib/upkeep/<role> */
const char *host_inboxes(const Host *host);   /* var/lib/upkeep/site/inboxes, or the role's own */
const char *host_etc_dir(const Host *host);
const char *host_log_dir(const Host *host);
const char *host_run_dir(const Host *host);
const char *host_role_name(const Host *host);
/* Whether its folders are those of a lab (upkeep lab up), whose programs no service manager starts.
 */
bool host_is_lab(const Host *host);
/* The path of a box below the inboxes; the caller's. */
char *host_box_path(const Host *host, const char *box);
/* own_folders.c: DENIED for a folder inside of etc/upkeep, var/lib/upkeep or run/upkeep of the
 * root, links followed, or with one of them in it: what is read there must not be published. */
bool host_check_foreign(const Host *host, const char *path, GError **error) UK_MUST_USE;
/* Full name of this machine (site.machine) and the code of its site; borrowed. */
const char *host_machine(const Host *host);
const char *host_site_code(const Host *host);
/* The port that a HostListen got, 0 if none. */
guint16 host_port(const Host *host, const char *listen_name);
/* A pipe end that becomes readable when the role stops; for waits inside long work. */
int host_stop_fd(const Host *host);
bool host_stopping(const Host *host);

/* A small durable store of the role (var/lib/upkeep/<role>/state.ini) for marks that are not worth
 * a table: when a schedule last ran. NULL when missing; the caller's. */
char *host_mark_get(Host *host, const char *key);
bool host_mark_set(Host *host, const char *key, const char *value, GError **error) UK_MUST_USE;

/* Another component of the same role by name, as seen by this thread (same db, its own state and
 * log). For @mailbox users this is not needed; smsdbmon and the like do not use it. NULL: none. */
gpointer host_component_state(Host *host, const char *component_name);
