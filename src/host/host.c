/* host.c - the life of a role: its folders, settings, database, components, threads, and its end.
 *
 * In: a HostRole, which is all that a role's main.c says. Out: running lanes, pools and routes, or
 * a host that a test steps by hand. Signals, the ready file and watching the settings are
 * control.c's.
 */
#include "host/host.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "host/host_private.h"

#define MAX_MARKS (4 * 1024 * 1024)

static void
make_paths(Host *host, const char *root)
{
        const char *inboxes = host->role->inboxes;

        host->root = g_canonicalize_filename(root, NULL);
        host->state_dir = g_build_filename(host->root, "var/lib/upkeep", host->role->role, NULL);
        host->inboxes = g_build_filename(
                host->root, inboxes != NULL ? inboxes : "var/lib/upkeep/site/inboxes", NULL);
        host->etc_dir = g_build_filename(host->root, "etc/upkeep", NULL);
        host->log_dir = g_build_filename(host->root, "var/log/upkeep", NULL);
        host->run_dir = g_build_filename(host->root, "run/upkeep", NULL);
        host->good_dir = g_build_filename(host->state_dir, "settings.good", NULL);
        if (host->role->database != NULL)
                host->db_path = g_build_filename(host->root, host->role->database, NULL);
}

static bool
make_folders(Host *host, GError **error)
{
        if (!uk_io_mkdirs(host->state_dir, 0750, error) ||
            !uk_io_mkdirs(host->log_dir, 0750, error) || !uk_io_mkdirs(host->run_dir, 0755, error))
                return false;
        /* Only to be watched; where it is not ours to make, there are no settings either. */
        if (!uk_io_mkdirs(host->etc_dir, 0755, NULL))
                uk_verbose("%s cannot be made", host->etc_dir);
        for (const ComponentDef *const *def = host->role->components; *def != NULL; def++) {
                for (const ComponentBox *row = (*def)->boxes; row->box != NULL; row++) {
                        g_autofree char *path = host_box_path(host, row->box);

                        if (*row->box != '@' && !uk_io_mkdirs(path, 0770, error))
                                return false;
                }
        }
        return true;
}

/* Bad settings must not keep a server down at three in the morning: the last ones that were good
 * are used, and it says so. */
static bool
load_settings(Host *host, char **problem_out, GError **error)
{
        const SettingDef *tables[] = { host->role->settings, NULL };
        g_autoptr(GError) bad = NULL;

        host->settings = settings_load(host->etc_dir, host->role->role, tables, &bad);
        if (host->settings != NULL)
                return settings_save_good(host->settings, host->good_dir, error);
        if (g_file_test(host->good_dir, G_FILE_TEST_IS_DIR))
                host->settings = settings_load_from(host->etc_dir, host->good_dir, host->role->role,
                                                    tables, NULL);
        if (host->settings == NULL) {
                g_propagate_error(error, g_steal_pointer(&bad));
                return false;
        }
        *problem_out = g_strdup(bad->message);
        return true;
}

static void
name_machine(Host *host)
{
        char name[256] = "localhost";

        host->machine = settings_text(host->settings, "site.machine");
        host->site_code = settings_text(host->settings, "site.code");
        if (*host->machine != '\0')
                return;
        g_free(host->machine);
        gethostname(name, sizeof name - 1);
        host->machine = g_strdup(name);
}

static bool
load_marks(Host *host, GError **error)
{
        g_autofree char *path = g_build_filename(host->state_dir, "state.ini", NULL);
        g_autofree char *text = NULL;
        g_autoptr(GError) why = NULL;
        gsize size = 0;

        host->marks = g_key_file_new();
        if (!uk_io_read(path, MAX_MARKS, &text, &size, &why)) {
                if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                        return true;
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        /* Marks are hints: without them a schedule counts anew. */
        if (size > 0 && !g_key_file_load_from_data(host->marks, text, size, G_KEY_FILE_NONE, &why))
                uk_warn("%s cannot be read and is begun anew: %s", path, why->message);
        return true;
}

static bool
migrate(Host *host, GError **error)
{
        if (host->db_path == NULL || !host->role->migrates)
                return true;
        g_autofree char *dir = g_path_get_dirname(host->db_path);
        g_autoptr(Db) db = NULL;

        if (!uk_io_mkdirs(dir, 0750, error))
                return false;
        db = db_open(host->db_path, true, (int)settings_int(host->settings, "host.db_timeout_ms"),
                     error);
        return db != NULL &&
               db_migrate(db, host->role->migrations, host->role->migration_count, error);
}

/* The host's own name and log, for what concerns no component. */
static bool
make_self(Host *host, GError **error)
{
        ComponentDef *def = g_new0(ComponentDef, 1);

        def->name = g_strdup_printf("upkeep-%s", host->role->role);
        def->log = g_strdup_printf("upkeep-%s.log", host->role->role);
        def->log_form = UK_LOG_SERVER;
        host->self_def = def;
        host->self = component_new(host, def, error);
        return host->self != NULL;
}

static void
apply_verbose(Host *host)
{
        g_autofree char *text = settings_text(host->settings, "log.verbose");
        g_auto(GStrv) names = g_strsplit_set(text, " ,", -1);
        bool all = g_strv_contains((const char *const *)names, "*");

        for (guint i = 0; i < host->components->len; i++) {
                HostComponent *component = g_ptr_array_index(host->components, i);

                uk_log_set_verbose(
                        component->log,
                        all || g_strv_contains((const char *const *)names, component->def->name));
        }
}

static bool
make_components(Host *host, GError **error)
{
        for (const ComponentDef *const *def = host->role->components; *def != NULL; def++) {
                HostComponent *component = component_new(host, *def, error);

                if (component == NULL)
                        return false;
                g_ptr_array_add(host->components, component);
        }
        apply_verbose(host);
        return true;
}

/* Tells an administrator that the settings' files are bad. */
static void
report_settings(Host *host, const char *problem)
{
        g_autoptr(HostContext) context = component_context_new(host->self, "settings");
        g_autoptr(GError) error = NULL;
        gint64 until;

        uk_error("The settings cannot be read; those before stay in force: %s", problem);
        if (!component_enter(context, &until))
                return;
        if (!statusmsg_raise(&context->c, NULL, 60004, &error, problem, NULL))
                uk_error("%s", error->message);
        component_leave(context);
}

Host *
host_new(const HostRole *role, const char *root, GError **error)
{
        UK_DOING(error, "setting up upkeep-%s below %s", role->role, root);
        g_autoptr(Host) host = g_new0(Host, 1);
        g_autofree char *problem = NULL;

        host->role = role;
        host->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        host->components = g_ptr_array_new_with_free_func((GDestroyNotify)component_free);
        host->clients = g_ptr_array_new();
        pthread_mutex_init(&host->reload_lock, NULL);
        pthread_mutex_init(&host->marks_lock, NULL);
        pthread_mutex_init(&host->clients_lock, NULL);
        make_paths(host, root);
        if (host->stop_fd < 0) {
                uk_fail_errno(error, errno, "making a descriptor");
                return NULL;
        }
        if (!make_folders(host, error) || !load_settings(host, &problem, error) ||
            !load_marks(host, error))
                return NULL;
        if (host->db_path != NULL) {
                host->connections = connections_new();
                host->writer = db_writer_new(
                        host->db_path, (int)settings_int(host->settings, "host.db_timeout_ms"));
        }
        name_machine(host);
        if (!make_self(host, error))
                return NULL;
        uk_log_bind(host->self->log);
        if (!migrate(host, error) || !make_components(host, error))
                return NULL;
        if (problem != NULL)
                report_settings(host, problem);
        return g_steal_pointer(&host);
}

/* The highest number of the role's schema; 0: it asks for none. */
static int
schema_number(const HostRole *role)
{
        int number = 0;

        for (gsize i = 0; i < role->migration_count; i++)
                number = MAX(number, role->migrations[i].number);
        return number;
}

/* Whether the schema is the one this program knows; false with *wait_out: it may become so. */
static bool
schema_is_there(Host *host, bool *wait_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(Db) db = NULL;
        int number = schema_number(host->role);

        *wait_out = true;
        if (!g_file_test(host->db_path, G_FILE_TEST_EXISTS))
                return uk_fail(error, UK_ERROR_NOT_YET, "%s is not there yet", host->db_path);
        db = db_open(host->db_path, false, (int)settings_int(host->settings, "host.db_timeout_ms"),
                     &why);
        if (db != NULL && (number == 0 || db_schema_check(db, number, &why)))
                return true;
        *wait_out = uk_error_class(why) == UK_CLASS_LATER;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

/* Waits until something happens in the database's folder, at most a second. */
static void
wait_for_change(Host *host, int notify_fd)
{
        struct itimerspec second = { .it_value.tv_sec = 1 };
        UK_AUTOFD epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        UK_AUTOFD timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        int fds[] = { notify_fd, timer_fd, host->stop_fd };
        struct epoll_event events[3];
        char buffer[4096];

        timerfd_settime(timer_fd, 0, &second, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.fd = fds[i] };

                if (fds[i] >= 0)
                        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event);
        }
        uk_clock_epoll_wait(epoll_fd, events, 3, UK_NEVER);
        while (notify_fd >= 0 && read(notify_fd, buffer, sizeof buffer) > 0)
                ;
}

/* The role that migrates may start later than this one. */
static bool
wait_for_schema(Host *host, GError **error)
{
        g_autofree char *dir = NULL;
        bool told = false;
        bool wait;

        if (host->db_path == NULL || host->role->migrates)
                return true;
        dir = g_path_get_dirname(host->db_path);
        UK_AUTOFD notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (notify_fd >= 0)
                inotify_add_watch(notify_fd, dir, IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_ATTRIB);
        for (;;) {
                g_autoptr(GError) why = NULL;

                if (schema_is_there(host, &wait, &why))
                        return true;
                if (!wait || host_stopping(host)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                if (!told)
                        uk_log("Waiting for the database: %s", why->message);
                told = true;
                wait_for_change(host, notify_fd);
        }
}

/* Before the threads, so that who is told that the role is ready finds it so. A component that
 * cannot start is stopped, not the role. */
static void
start_components(Host *host)
{
        for (guint i = 0; i < host->components->len; i++) {
                g_autoptr(HostContext) context =
                        component_context_new(g_ptr_array_index(host->components, i), "start");
                gint64 until;

                if (component_enter(context, &until))
                        component_leave(context);
        }
}

bool
host_start(Host *host, GError **error)
{
        UK_DOING(error, "starting upkeep-%s", host->role->role);

        host->threaded = true;
        host_watch(host);
        if (!wait_for_schema(host, error))
                return false;
        start_components(host);
        for (guint i = 0; i < host->components->len; i++) {
                HostComponent *component = g_ptr_array_index(host->components, i);

                for (guint l = 0; l < component->lanes->len; l++) {
                        if (!lane_start(g_ptr_array_index(component->lanes, l), error))
                                return false;
                }
        }
        return route_start(host, error);
}

static bool
step_component(HostComponent *component)
{
        bool worked = false;
        gint64 due = UK_NEVER;

        for (guint i = 0; i < component->lanes->len; i++) {
                Lane *lane = g_ptr_array_index(component->lanes, i);

                lane_look(lane);
                while (lane_work(lane, &due))
                        worked = true;
        }
        for (guint i = 0; i < component->pools->len; i++) {
                while (pool_step(g_ptr_array_index(component->pools, i)))
                        worked = true;
        }
        return worked;
}

bool
host_step(Host *host, bool *worked_out, GError **error)
{
        bool worked = true;
        bool any = false;
        bool wait;

        if (host->db_path != NULL && !host->role->migrates && !schema_is_there(host, &wait, error))
                return false;
        while (worked) {
                worked = false;
                for (guint i = 0; i < host->components->len; i++)
                        worked |= step_component(g_ptr_array_index(host->components, i));
                any |= worked;
        }
        if (worked_out != NULL)
                *worked_out = any;
        return true;
}

void
host_stop(Host *host)
{
        atomic_store(&host->stopping, true);
        eventfd_write(host->stop_fd, 1);
        pthread_mutex_lock(&host->clients_lock);
        for (guint i = 0; i < host->clients->len; i++)
                http_client_cancel(g_ptr_array_index(host->clients, i));
        pthread_mutex_unlock(&host->clients_lock);
}

void
host_begin_anew(Host *host)
{
        atomic_store(&host->again, true);
        host_stop(host);
}

/* Those that hold requests answer them in stop(), so the servers go last. Who started first, on
 * whose state others may build, stops last. */
void
host_watch(Host *host)
{
        g_autoptr(GError) error = NULL;

        if (host->watcher != NULL)
                return;
        host->watcher = watcher_new(&error);
        if (host->watcher == NULL)
                uk_warn("New files are noticed every few seconds only, changed settings on SIGHUP: "
                        "%s",
                        error->message);
}

static void
end_threads(Host *host)
{
        for (guint i = 0; i < host->components->len; i++) {
                HostComponent *component = g_ptr_array_index(host->components, i);

                g_ptr_array_foreach(component->lanes, (GFunc)(gpointer)lane_join, NULL);
                g_ptr_array_foreach(component->pools, (GFunc)(gpointer)pool_join, NULL);
        }
        route_stop_work(host);
        for (guint i = host->components->len; i > 0; i--)
                component_stop(g_ptr_array_index(host->components, i - 1));
        route_stop(host);
        g_clear_pointer(&host->watcher, watcher_free);
}

void
host_free(Host *host)
{
        if (host == NULL)
                return;
        host_stop(host);
        end_threads(host);
        g_ptr_array_unref(host->components);
        if (host->self != NULL && uk_log_bound() == host->self->log)
                uk_log_bind(NULL);
        component_free(host->self);
        if (host->self_def != NULL) {
                g_free((char *)host->self_def->name);
                g_free((char *)host->self_def->log);
                g_free(host->self_def);
        }
        connections_free(host->connections);
        db_writer_free(host->writer);
        g_ptr_array_unref(host->clients);
        g_clear_pointer(&host->marks, g_key_file_unref);
        settings_free(host->settings);
        pthread_mutex_destroy(&host->reload_lock);
        pthread_mutex_destroy(&host->marks_lock);
        pthread_mutex_destroy(&host->clients_lock);
        if (host->stop_fd >= 0)
                uk_io_close(&host->stop_fd);
        char *texts[] = { host->root,    host->state_dir, host->inboxes,  host->etc_dir,
                          host->log_dir, host->run_dir,   host->good_dir, host->db_path,
                          host->machine, host->site_code };
        for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
                g_free(texts[i]);
        g_free(host);
}

void
host_wake(Host *host)
{
        for (guint i = 0; i < host->components->len; i++) {
                HostComponent *component = g_ptr_array_index(host->components, i);

                g_ptr_array_foreach(component->lanes, (GFunc)(gpointer)lane_wake, NULL);
        }
}

void
host_reload(Host *host)
{
        g_autoptr(GError) error = NULL;
        UkLog *outer = uk_log_bind(host->self->log);

        pthread_mutex_lock(&host->reload_lock);
        if (!settings_reload(host->settings, &error)) {
                report_settings(host, error->message);
        } else {
                apply_verbose(host);
                host_wake(host);
                uk_log("The settings were read");
                if (!settings_save_good(host->settings, host->good_dir, &error))
                        uk_warn("%s", error->message);
        }
        pthread_mutex_unlock(&host->reload_lock);
        uk_log_bind(outer);
}

const char *
host_root(const Host *host)
{
        return host->root;
}

bool
host_is_lab(const Host *host)
{
        g_autofree char *mark = g_build_filename(host->root, ".upkeep-lab", NULL);

        return access(mark, F_OK) == 0;
}

const char *
host_state_dir(const Host *host)
{
        return host->state_dir;
}

const char *
host_inboxes(const Host *host)
{
        return host->inboxes;
}

const char *
host_etc_dir(const Host *host)
{
        return host->etc_dir;
}

const char *
host_log_dir(const Host *host)
{
        return host->log_dir;
}

const char *
host_run_dir(const Host *host)
{
        return host->run_dir;
}

const char *
host_role_name(const Host *host)
{
        return host->role->role;
}

const char *
host_machine(const Host *host)
{
        return host->machine;
}

const char *
host_site_code(const Host *host)
{
        return host->site_code;
}

char *
host_box_path(const Host *host, const char *box)
{
        return g_build_filename(host->inboxes, box, NULL);
}

guint16
host_port(const Host *host, const char *listen_name)
{
        return route_port(host, listen_name);
}

int
host_stop_fd(const Host *host)
{
        return host->stop_fd;
}

bool
host_stopping(const Host *host)
{
        return atomic_load(&host->stopping);
}

Settings *
host_settings(Host *host)
{
        return host->settings;
}

char *
host_mark_get(Host *host, const char *key)
{
        g_autofree char *name = g_uri_escape_string(key, NULL, FALSE);

        pthread_mutex_lock(&host->marks_lock);
        char *value = g_key_file_get_string(host->marks, "marks", name, NULL);
        pthread_mutex_unlock(&host->marks_lock);
        return value;
}

bool
host_mark_set(Host *host, const char *key, const char *value, GError **error)
{
        g_autofree char *path = g_build_filename(host->state_dir, "state.ini", NULL);
        g_autofree char *name = g_uri_escape_string(key, NULL, FALSE);
        g_autofree char *text = NULL;
        gsize size = 0;

        pthread_mutex_lock(&host->marks_lock);
        g_key_file_set_string(host->marks, "marks", name, value);
        text = g_key_file_to_data(host->marks, &size, NULL);
        bool ok = uk_io_replace(path, text, size, 0640, error);
        pthread_mutex_unlock(&host->marks_lock);
        return ok;
}

gpointer
host_component_state(Host *host, const char *component_name)
{
        gpointer state = NULL;

        for (guint i = 0; i < host->components->len; i++) {
                HostComponent *component = g_ptr_array_index(host->components, i);

                if (strcmp(component->def->name, component_name) != 0)
                        continue;
                pthread_mutex_lock(&component->lock);
                state = component->state;
                pthread_mutex_unlock(&component->lock);
        }
        return state;
}
