/* Tests of src/sup/soap_report/clientstore.c: what anybody may send is kept within bounds. */
#include "sup/soap_report/clientstore.h"

#include <locale.h>
#include <string.h>

#include "base/io.h"

#define KEPT  20
#define ASKED 1500 /* behind a thousand they are counted */

typedef struct {
        char *dir, *path;
        ClientStore *store;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        const ClientStoreBounds bounds = { .machines = KEPT, .events = 1000 };

        f->dir = g_dir_make_tmp("clientstore-XXXXXX", NULL);
        f->path = g_build_filename(f->dir, "clients.db", NULL);
        f->store = clientstore_open(f->path, bounds, &error);
        g_assert_no_error(error);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
        clientstore_close(f->store);
        g_assert_true(uk_io_remove_tree(f->dir, NULL));
        g_free(f->path);
        g_free(f->dir);
}

static char *
name_of(int number)
{
        return g_strdup_printf("00000000-0000-4000-8000-%012d", number);
}

static void
register_one(Fixture *f, int number)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *id = name_of(number);
        WsusComputer computer = { .dns_name = id };

        g_assert_true(clientstore_register(f->store, id, &computer, &error));
        g_assert_no_error(error);
}

static bool
is_known(Fixture *f, int number)
{
        g_autofree char *id = name_of(number);
        bool known = false;

        g_assert_true(clientstore_is_registered(f->store, id, &known, NULL));
        return known;
}

/* Who is there registers again, and is not among those that go. */
static void
machines_in_bounds(Fixture *f, gconstpointer unused)
{
        int known = 0;

        for (int i = 0; i < ASKED; i++) {
                register_one(f, i);
                if (i % 10 == 0)
                        register_one(f, 0);
        }
        for (int i = 0; i < ASKED; i++)
                known += is_known(f, i);
        /* Those that were there when they were counted, and those that came since. */
        g_assert_cmpint(known, >=, KEPT);
        g_assert_cmpint(known, <=, KEPT + 1000);
        g_assert_true(is_known(f, 0));
        g_assert_false(is_known(f, 1));
        g_assert_true(is_known(f, ASKED - 1));
}

static void
texts_in_bounds(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *id = name_of(1);
        g_autofree char *text = g_strnfill(1000 * 1000, 'x');
        WsusEventBatch batch = { .events = g_ptr_array_new_with_free_func(
                                         (GDestroyNotify)wsusclient_event_free) };
        WsusEvent *event = wsusclient_event_new();
        guint added = 0;

        event->sid = g_strdup(id);
        event->instance_id = g_strdup(id);
        event->app_name = g_strdup(text);
        g_ptr_array_add(event->strings, g_strdup(text));
        g_ptr_array_add(event->misc, g_strdup(text));
        g_ptr_array_add(batch.events, event);
        g_assert_true(clientstore_add_events(f->store, &batch, &added, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(added, ==, 1);
        g_ptr_array_unref(batch.events);
        clientstore_close(g_steal_pointer(&f->store));
        g_autofree char *file = NULL;
        gsize size;
        g_assert_true(g_file_get_contents(f->path, &file, &size, NULL));
        g_assert_cmpuint(size, <, 200 * 1000);
}

int
main(int argc, char *argv[])
{
        setlocale(LC_ALL, "");
        g_test_init(&argc, &argv, NULL);
        g_test_add("/sup/clientstore/machines-stay-in-bounds", Fixture, NULL, set_up,
                   machines_in_bounds, tear_down);
        g_test_add("/sup/clientstore/texts-of-events-stay-in-bounds", Fixture, NULL, set_up,
                   texts_in_bounds, tear_down);
        return g_test_run();
}
