/* Tests of src/host/settings.c. */
#include "host/settings.h"

#include <locale.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/io.h"

static const SettingDef table[] = {
        { "toy.count", SETTING_INT, "3", 1, 10, "files", "at once", "How many" },
        { "toy.loud", SETTING_BOOL, "false", 0, 0, "", "at once", "Whether" },
        { "toy.name", SETTING_TEXT, "Anna", 0, 0, "", "at once", "Who" },
        { "toy.when", SETTING_RECURRENCE, "every 7 days", 0, 0, "", "at once", "When" },
        /* A role's own default for a setting that all have. */
        { "http.workers", SETTING_INT, "9", 1, 256, "threads", "at start", "Workers" },
        { .name = NULL },
};
static const SettingDef *const tables[] = { table, NULL };

static char *
make_etc(const char *shared, const char *own)
{
        char *dir = g_dir_make_tmp("settings-XXXXXX", NULL);
        g_autofree char *shared_path = g_build_filename(dir, "upkeep.conf", NULL);
        g_autofree char *own_path = g_build_filename(dir, "toy.conf", NULL);

        if (shared != NULL)
                g_assert_true(g_file_set_contents(shared_path, shared, -1, NULL));
        if (own != NULL)
                g_assert_true(g_file_set_contents(own_path, own, -1, NULL));
        return dir;
}

static void
drop_etc(char *dir)
{
        g_assert_true(uk_io_remove_tree(dir, NULL));
        g_free(dir);
}

static void
defaults(void)
{
        g_autoptr(GError) error = NULL;
        char *dir = make_etc(NULL, NULL);
        g_autoptr(Settings) settings = settings_load(dir, "toy", tables, &error);

        g_assert_no_error(error);
        g_autofree char *name = settings_text(settings, "toy.name");
        g_assert_cmpstr(name, ==, "Anna");
        g_assert_cmpint(settings_int(settings, "toy.count"), ==, 3);
        g_assert_false(settings_bool(settings, "toy.loud"));
        g_assert_cmpint(settings_int(settings, "http.workers"), ==, 9);
        g_assert_cmpint(settings_int(settings, "host.rescan_seconds"), ==, 60);
        drop_etc(dir);
}

/* The role's own file is read over the shared one. */
static void
two_files(void)
{
        g_autoptr(GError) error = NULL;
        char *dir = make_etc("# shared\n[toy]\ncount = 5\nname=Berta\n[other]\nthing=1\n",
                             "[toy]\ncount=7\nloud = yes\nwhen=\n");
        g_autoptr(Settings) settings = settings_load(dir, "toy", tables, &error);

        g_assert_no_error(error);
        g_autofree char *name = settings_text(settings, "toy.name");
        g_autofree char *when = settings_text(settings, "toy.when");
        g_assert_cmpint(settings_int(settings, "toy.count"), ==, 7);
        g_assert_cmpstr(name, ==, "Berta");
        g_assert_cmpstr(when, ==, "");
        g_assert_true(settings_bool(settings, "toy.loud"));
        drop_etc(dir);
}

static void
bad_values(void)
{
        static const struct {
                const char *own, *part;
        } bad[] = {
                { "[toy]\ncount=11\n", "toy.count: 11 is outside of 1 to 10 files" },
                { "[toy]\ncount=0\n", "outside of 1 to 10" },
                { "[toy]\ncount=many\n", "toy.count: \"many\" is not a whole number" },
                { "[toy]\ncount=\n", "is not a whole number" },
                { "[toy]\ncount=99999999999999999999\n", "outside of" },
                { "[toy]\nloud=perhaps\n", "toy.loud: \"perhaps\" is neither true nor false" },
                { "[toy]\nwhen=sometimes\n", "toy.when: \"sometimes\" is no recurrence" },
                { "[toy]\ncuont=3\n", "toy.cuont: there is no such setting" },
                { "count=3\n", "toy.conf" },
                { "[toy\n", "toy.conf" },
                { "[toy]\nname=\xff\xfe\n", "toy.conf" },
        };

        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                char *dir = make_etc(NULL, bad[i].own);
                g_autoptr(Settings) settings = settings_load(dir, "toy", tables, &error);

                g_assert_null(settings);
                g_assert_error(error, UK_ERROR, UK_ERROR_CONFIG);
                g_assert_nonnull(strstr(error->message, bad[i].part));
                g_assert_nonnull(strstr(error->message, "toy.conf"));
                drop_etc(dir);
        }
}

/* A reading is taken whole or not at all. */
static void
reload_keeps_old(void)
{
        g_autoptr(GError) error = NULL;
        char *dir = make_etc(NULL, "[toy]\ncount=4\n");
        g_autofree char *own = g_build_filename(dir, "toy.conf", NULL);
        g_autoptr(Settings) settings = settings_load(dir, "toy", tables, &error);
        unsigned generation = settings_generation(settings);

        g_assert_true(g_file_set_contents(own, "[toy]\nname=Carla\ncount=40\n", -1, NULL));
        g_assert_false(settings_reload(settings, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_CONFIG);
        g_clear_error(&error);
        g_autofree char *name = settings_text(settings, "toy.name");
        g_assert_cmpstr(name, ==, "Anna");
        g_assert_cmpint(settings_int(settings, "toy.count"), ==, 4);
        g_assert_cmpuint(settings_generation(settings), ==, generation);

        g_assert_true(g_file_set_contents(own, "[toy]\ncount=5\n", -1, NULL));
        g_assert_true(settings_reload(settings, &error));
        g_assert_cmpint(settings_int(settings, "toy.count"), ==, 5);
        g_assert_cmpuint(settings_generation(settings), >, generation);

        g_assert_true(uk_io_unlink(own, NULL));
        g_assert_true(settings_reload(settings, &error));
        g_assert_cmpint(settings_int(settings, "toy.count"), ==, 3);
        drop_etc(dir);
}

static void
last_good(void)
{
        g_autoptr(GError) error = NULL;
        char *dir = make_etc("[toy]\ncount=4\n", "[toy]\nname=Dora\n");
        g_autofree char *good = g_build_filename(dir, "good", NULL);
        g_autofree char *own = g_build_filename(dir, "toy.conf", NULL);
        g_autoptr(Settings) first = settings_load(dir, "toy", tables, &error);

        g_assert_true(settings_save_good(first, good, &error));
        g_assert_true(g_file_set_contents(own, "[toy]\nname\n", -1, NULL));
        g_autoptr(Settings) second = settings_load_from(dir, good, "toy", tables, &error);
        g_assert_no_error(error);
        g_autofree char *name = settings_text(second, "toy.name");
        g_assert_cmpstr(name, ==, "Dora");
        g_assert_cmpint(settings_int(second, "toy.count"), ==, 4);
        /* What is read again is the real folder. */
        g_assert_true(g_file_set_contents(own, "[toy]\nname=Emma\n", -1, NULL));
        g_assert_true(settings_reload(second, &error));
        g_autofree char *later = settings_text(second, "toy.name");
        g_assert_cmpstr(later, ==, "Emma");
        drop_etc(dir);
}

typedef struct {
        Settings *settings;
        atomic_bool end;
} Reader;

static void *
read_all(void *arg)
{
        Reader *reader = arg;

        while (!atomic_load(&reader->end)) {
                g_autofree char *name = settings_text(reader->settings, "toy.name");

                g_assert_true(strcmp(name, "Anna") == 0 || strcmp(name, "Berta") == 0);
                g_assert_cmpint(settings_int(reader->settings, "toy.count"), >=, 3);
        }
        return NULL;
}

static void
threads(void)
{
        char *dir = make_etc(NULL, NULL);
        g_autofree char *own = g_build_filename(dir, "toy.conf", NULL);
        Reader reader = { settings_load(dir, "toy", tables, NULL), false };
        pthread_t thread;

        pthread_create(&thread, NULL, read_all, &reader);
        for (int i = 0; i < 50; i++) {
                g_assert_true(g_file_set_contents(
                        own, i % 2 == 0 ? "[toy]\nname=Berta\ncount=9\n" : "", -1, NULL));
                g_assert_true(settings_reload(reader.settings, NULL));
        }
        atomic_store(&reader.end, true);
        pthread_join(thread, NULL);
        settings_free(reader.settings);
        drop_etc(dir);
}

static void
tables_are_sound(void)
{
        for (const SettingDef *def = settings_common(); def->name != NULL; def++) {
                g_assert_nonnull(strchr(def->name, '.'));
                g_assert_true(strcmp(def->when, "at once") == 0 ||
                              strcmp(def->when, "at start") == 0 ||
                              strcmp(def->when, "at the next run") == 0);
                g_assert_cmpuint(strlen(def->what), >, 10);
        }
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/host/settings/defaults", defaults);
        g_test_add_func("/host/settings/two-files", two_files);
        g_test_add_func("/host/settings/bad-values", bad_values);
        g_test_add_func("/host/settings/reload-keeps-old", reload_keeps_old);
        g_test_add_func("/host/settings/last-good", last_good);
        g_test_add_func("/host/settings/threads", threads);
        g_test_add_func("/host/settings/tables-are-sound", tables_are_sound);
        return g_test_run();
}
