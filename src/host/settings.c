/* settings.c - reads the settings' files over their tables and keeps the values.
 *
 * In: upkeep.conf and <role>.conf, key files. Out: values by name, from any thread. A reading is
 * taken as a whole or not at all, so that no value is half of one file and half of another. Does
 * not watch the files; control.c does.
 */
#include "host/settings.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/io.h"
#include "host/schedule.h"

/* No sensible file is larger; a wrong one must not fill the memory. */
#define MAX_FILE (1024 * 1024)

typedef struct {
        gint64 number;
        char *text;
} Value;

struct Settings {
        char *etc_dir;
        char *role;
        GPtrArray *defs;   /* const SettingDef *, all tables in order */
        GHashTable *index; /* name to place in defs, plus one */
        atomic_uint generation;
        pthread_rwlock_t lock; /* guards values and good */
        Value *values;
        char *good[2]; /* texts of the two files as they were taken, NULL where missing */
};

/* What is being read: becomes the settings' own if nothing is wrong. */
typedef struct {
        Value *values;
        guint count;
        char *texts[2];
} Reading;

static const SettingDef common[] = {
#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
#include "host/settings.def"
#undef SETTING_DEF
        { .name = NULL },
};

const SettingDef *
settings_common(void)
{
        return common;
}

static void
values_free(Value *values, guint count)
{
        if (values == NULL)
                return;
        for (guint i = 0; i < count; i++)
                g_free(values[i].text);
        g_free(values);
}

static void
reading_clear(Reading *reading)
{
        values_free(reading->values, reading->count);
        g_free(reading->texts[0]);
        g_free(reading->texts[1]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reading, reading_clear)

static bool
take_int(const SettingDef *def, const char *text, Value *value, GError **error)
{
        char *end = NULL;
        gint64 number = g_ascii_strtoll(text, &end, 10);

        if (*text == '\0' || *end != '\0')
                return uk_fail(error, UK_ERROR_CONFIG, "%s: \"%s\" is not a whole number",
                               def->name, text);
        if (number < def->min || number > def->max)
                return uk_fail(error, UK_ERROR_CONFIG,
                               "%s: %" G_GINT64_FORMAT " is outside of %" G_GINT64_FORMAT
                               " to %" G_GINT64_FORMAT " %s",
                               def->name, number, def->min, def->max, def->unit);
        value->number = number;
        return true;
}

static bool
take_bool(const SettingDef *def, const char *text, Value *value, GError **error)
{
        static const char *const yes[] = { "true", "yes", "on", "1", NULL };
        static const char *const no[] = { "false", "no", "off", "0", NULL };

        value->number = g_strv_contains(yes, text);
        if (value->number == 0 && !g_strv_contains(no, text))
                return uk_fail(error, UK_ERROR_CONFIG, "%s: \"%s\" is neither true nor false",
                               def->name, text);
        return true;
}

static bool
take_recurrence(const SettingDef *def, const char *text, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(Schedule) schedule = schedule_parse(text, &why);

        if (schedule == NULL)
                return uk_fail(error, UK_ERROR_CONFIG, "%s: %s", def->name, why->message);
        return true;
}

static bool
take_value(const SettingDef *def, const char *text, Value *value, GError **error)
{
        bool ok = true;

        switch (def->type) {
        case SETTING_INT:
                ok = take_int(def, text, value, error);
                break;
        case SETTING_BOOL:
                ok = take_bool(def, text, value, error);
                break;
        case SETTING_RECURRENCE:
                ok = take_recurrence(def, text, error);
                break;
        case SETTING_TEXT:
                break;
        }
        if (!ok)
                return false;
        g_free(value->text);
        value->text = g_strdup(text);
        return true;
}

static bool
take_key(Settings *settings, Reading *reading, GKeyFile *file, const char *group, const char *key,
         bool strict, GError **error)
{
        g_autofree char *name = g_strdup_printf("%s.%s", group, key);
        g_autofree char *text = g_key_file_get_string(file, group, key, NULL);
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(settings->index, name));

        /* The shared file holds settings of other roles too. */
        if (place == 0 && !strict)
                return true;
        if (place == 0)
                return uk_fail(error, UK_ERROR_CONFIG, "%s: there is no such setting", name);
        if (text == NULL)
                return uk_fail(error, UK_ERROR_CONFIG, "%s: the value is not readable text", name);
        return take_value(g_ptr_array_index(settings->defs, place - 1), g_strstrip(text),
                          &reading->values[place - 1], error);
}

static bool
take_text(Settings *settings, Reading *reading, const char *text, bool strict, GError **error)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autoptr(GError) why = NULL;

        if (!g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, &why) &&
            !g_error_matches(why, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_NOT_FOUND))
                return uk_fail(error, UK_ERROR_CONFIG, "%s", why->message);
        g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
        for (char **group = groups; *group != NULL; group++) {
                g_auto(GStrv) keys = g_key_file_get_keys(file, *group, NULL, NULL);

                for (char **key = keys; keys != NULL && *key != NULL; key++) {
                        if (!take_key(settings, reading, file, *group, *key, strict, error))
                                return false;
                }
        }
        return true;
}

/* A missing file is an empty one. */
static bool
take_file(Settings *settings, Reading *reading, const char *dir, int which, GError **error)
{
        g_autofree char *name =
                which == 0 ? g_strdup("upkeep.conf") : g_strconcat(settings->role, ".conf", NULL);
        g_autofree char *path = g_build_filename(dir, name, NULL);
        UK_DOING(error, "%s", path);
        g_autoptr(GError) why = NULL;
        gsize size = 0;

        if (!uk_io_read(path, MAX_FILE, &reading->texts[which], &size, &why)) {
                if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                        return true;
                return uk_fail(error, UK_ERROR_CONFIG, "%s", why->message);
        }
        return take_text(settings, reading, reading->texts[which], which == 1, error);
}

/* Reads both files of dir over the defaults; nothing of settings changes on failure. */
static bool
take_dir(Settings *settings, const char *dir, GError **error)
{
        g_auto(Reading) reading = { .count = settings->defs->len };

        reading.values = g_new0(Value, reading.count);
        for (guint i = 0; i < reading.count; i++) {
                const SettingDef *def = g_ptr_array_index(settings->defs, i);

                if (!take_value(def, def->fallback, &reading.values[i], error))
                        return false;
        }
        if (!take_file(settings, &reading, dir, 0, error) ||
            !take_file(settings, &reading, dir, 1, error))
                return false;
        pthread_rwlock_wrlock(&settings->lock);
        Reading old = { settings->values, reading.count, { settings->good[0], settings->good[1] } };
        settings->values = reading.values;
        memcpy(settings->good, reading.texts, sizeof settings->good);
        pthread_rwlock_unlock(&settings->lock);
        reading = old;
        atomic_fetch_add(&settings->generation, 1);
        return true;
}

static void
add_table(Settings *settings, const SettingDef *table)
{
        for (const SettingDef *def = table; def != NULL && def->name != NULL; def++) {
                guint place = GPOINTER_TO_UINT(g_hash_table_lookup(settings->index, def->name));

                /* A later table may give a setting of an earlier one another default. */
                if (place != 0) {
                        g_ptr_array_index(settings->defs, place - 1) = (gpointer)def;
                        continue;
                }
                g_ptr_array_add(settings->defs, (gpointer)def);
                g_hash_table_insert(settings->index, (gpointer)def->name,
                                    GUINT_TO_POINTER(settings->defs->len));
        }
}

static Settings *
settings_new(const char *etc_dir, const char *role, const SettingDef *const *tables)
{
        Settings *settings = g_new0(Settings, 1);

        settings->etc_dir = g_strdup(etc_dir);
        settings->role = g_strdup(role);
        settings->defs = g_ptr_array_new();
        settings->index = g_hash_table_new(g_str_hash, g_str_equal);
        pthread_rwlock_init(&settings->lock, NULL);
        add_table(settings, common);
        for (; tables != NULL && *tables != NULL; tables++)
                add_table(settings, *tables);
        return settings;
}

Settings *
settings_load(const char *etc_dir, const char *role, const SettingDef *const *tables,
              GError **error)
{
        return settings_load_from(etc_dir, etc_dir, role, tables, error);
}

Settings *
settings_load_from(const char *etc_dir, const char *from_dir, const char *role,
                   const SettingDef *const *tables, GError **error)
{
        g_autoptr(Settings) settings = settings_new(etc_dir, role, tables);

        if (!take_dir(settings, from_dir, error))
                return NULL;
        return g_steal_pointer(&settings);
}

void
settings_free(Settings *settings)
{
        if (settings == NULL)
                return;
        values_free(settings->values, settings->defs->len);
        g_free(settings->good[0]);
        g_free(settings->good[1]);
        pthread_rwlock_destroy(&settings->lock);
        g_hash_table_unref(settings->index);
        g_ptr_array_unref(settings->defs);
        g_free(settings->role);
        g_free(settings->etc_dir);
        g_free(settings);
}

bool
settings_reload(Settings *settings, GError **error)
{
        return take_dir(settings, settings->etc_dir, error);
}

static bool
save_one(const char *dir, const char *name, const char *text, GError **error)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_autofree char *there = NULL;
        gsize size = 0;

        if (text == NULL)
                return uk_io_unlink(path, error);
        if (uk_io_read(path, MAX_FILE, &there, &size, NULL) && strcmp(there, text) == 0)
                return true;
        return uk_io_replace(path, text, strlen(text), 0640, error);
}

bool
settings_save_good(Settings *settings, const char *dir, GError **error)
{
        UK_DOING(error, "keeping the settings that were read");
        g_autofree char *role_file = g_strconcat(settings->role, ".conf", NULL);
        char *good[2];

        pthread_rwlock_rdlock(&settings->lock);
        good[0] = g_strdup(settings->good[0]);
        good[1] = g_strdup(settings->good[1]);
        pthread_rwlock_unlock(&settings->lock);
        bool ok = uk_io_mkdirs(dir, 0750, error) && save_one(dir, "upkeep.conf", good[0], error) &&
                  save_one(dir, role_file, good[1], error);
        g_free(good[0]);
        g_free(good[1]);
        return ok;
}

unsigned
settings_generation(Settings *settings)
{
        return atomic_load(&settings->generation);
}

const SettingDef *
settings_find(Settings *settings, const char *name)
{
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(settings->index, name));

        return place != 0 ? g_ptr_array_index(settings->defs, place - 1) : NULL;
}

/* The place of a setting; a name without a row is our own mistake. */
static guint
place_of(Settings *settings, const char *name)
{
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(settings->index, name));

        if (place == 0)
                g_error("the setting %s is in no table", name);
        return place - 1;
}

gint64
settings_int(Settings *settings, const char *name)
{
        guint place = place_of(settings, name);

        pthread_rwlock_rdlock(&settings->lock);
        gint64 number = settings->values[place].number;
        pthread_rwlock_unlock(&settings->lock);
        return number;
}

bool
settings_bool(Settings *settings, const char *name)
{
        return settings_int(settings, name) != 0;
}

char *
settings_text(Settings *settings, const char *name)
{
        guint place = place_of(settings, name);

        pthread_rwlock_rdlock(&settings->lock);
        char *text = g_strdup(settings->values[place].text);
        pthread_rwlock_unlock(&settings->lock);
        return text;
}
