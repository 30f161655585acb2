/* Tests of src/sup/admin.c: a run that cannot begin has failed, and is not said to go on. */
#include "sup/admin.h"

#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/host_private.h"
#include "sup/catalog/schema.h"
#include "sup/engine.h"
#include "unit/host/kit.h"
#include "wire/xml.h"

/* While it is set, nothing can be had that a thread of a pool waits with. */
static bool no_thread;

int
epoll_create1(int flags)
{
        if (no_thread) {
                errno = EMFILE;
                return -1;
        }
        return (int)syscall(SYS_epoll_create1, flags);
}

static const SettingDef settings[] = {
#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
#include "sup/settings.def"
#undef SETTING_DEF
        { NULL },
};
static const ComponentDef *const components[] = { &sup_engine, NULL };
static const HostInit inits[] = { db_global_init, net_global_init, wire_global_init, NULL };
static const HostRole role = {
        .role = "sup",
        .components = components,
        .settings = settings,
        .database = "var/lib/upkeep/sup/catalog.db",
        .migrations = catalog_migrations,
        .migration_count = CATALOG_MIGRATIONS_COUNT,
        .migrates = true,
        .inits = inits,
};

static void
put(const char *root, const char *path, const char *text)
{
        g_autofree char *whole = g_build_filename(root, path, NULL);
        g_autofree char *dir = g_path_get_dirname(whole);

        g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
        g_assert_true(g_file_set_contents(whole, text, -1, NULL));
}

static void
check_failed(Host *host)
{
        g_autoptr(GError) error = NULL;
        gint64 number;
        g_autofree char *json = engine_status(host_component_state(host, "WsusService"), &number);
        g_autoptr(SupStatus) status = supadmin_status_read(json, strlen(json), &error);
        g_autofree char *mark = host_mark_get(host, "engine.run");

        g_assert_no_error(error);
        g_assert_cmpint(status->state, ==, SUP_IDLE);
        g_assert_cmpint(status->result, ==, SUP_RESULT_FAILED);
        g_assert_nonnull(strstr(status->error, "starting a thread for synchronization: "));
        g_assert_cmpstr(mark, ==, "");
}

/* Killed in a run, and started again when no thread is to be had: whoever follows the run is told
 * that it failed, where it would follow for ever, and the next request begins a new one. */
static void
resumed_without_a_thread(void)
{
        char *root = kit_root();

        put(root, "var/lib/upkeep/sup/state.ini",
            "[marks]\nengine.run=5f0f3a44-6d0a-4d7e-8b0c-6a3f0d9c1b11\n");
        Host *host = kit_host(&role, root);
        host->threaded = true;
        no_thread = true;
        g_assert_true(kit_run(host));
        check_failed(host);
        for (int tries = 0; tries < 4; tries++) {
                kit_step(UK_HOUR);
                kit_run(host);
                check_failed(host);
        }
        no_thread = false;
        host_free(host);
        kit_end(root);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sup/admin/resumed-without-a-thread", resumed_without_a_thread);
        return g_test_run();
}
