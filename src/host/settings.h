/* settings.h - settings: name, type, default, limits, unit, sentence; changed without a restart.
 *
 * Values stand in <root>/etc/upkeep/<role>.conf (key file; the part of the name before the dot is
 * the group) and, shared by all roles of a machine, in upkeep.conf; defaults in the tables
 * (settings.def, and one per role). A file that changes is read again at once; a bad value keeps
 * the old one and is an error line in the log.
 */
#pragma once

#include "base/error.h"

typedef enum {
        SETTING_INT,
        SETTING_BOOL,
        SETTING_TEXT,
        SETTING_RECURRENCE,
} SettingType;

typedef struct {
        const char *name; /* "wsyncmgr.retry_minutes" */
        SettingType type;
        const char *fallback; /* the default, as text */
        gint64 min, max;      /* for INT */
        const char *unit;     /* "minutes", or "" */
        const char *when;     /* "at once", "at the next run", "at start" */
        const char *what;     /* a sentence */
} SettingDef;

typedef struct Settings Settings;

/* Reads etc_dir/upkeep.conf and etc_dir/<role>.conf (both optional) over the tables (each ended
 * by a NULL name). CONFIG names file, key and what is wrong. */
Settings *settings_load(const char *etc_dir, const char *role, const SettingDef *const *tables,
                        GError **error) UK_MUST_USE;
/* As settings_load, but reads the files of from_dir this time (the last good ones) and those of
 * etc_dir at the next reload. */
Settings *settings_load_from(const char *etc_dir, const char *from_dir, const char *role,
                             const SettingDef *const *tables, GError **error) UK_MUST_USE;
void settings_free(Settings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Settings, settings_free)
/* Reads the files again; false keeps the old values. */
bool settings_reload(Settings *settings, GError **error) UK_MUST_USE;

/* Writes the files as they were last taken to dir, for a start that finds bad ones. */
bool settings_save_good(Settings *settings, const char *dir, GError **error) UK_MUST_USE;
/* A number that grows with every reading that was taken. */
unsigned settings_generation(Settings *settings);
/* The row of a setting, or NULL. */
const SettingDef *settings_find(Settings *settings, const char *name);

/* Values; a name that no table has is a mistake of ours (assertion). Safe from any thread. */
gint64 settings_int(Settings *settings, const char *name);
bool settings_bool(Settings *settings, const char *name);
char *settings_text(Settings *settings, const char *name); /* the caller's */
/* The settings of a component's host, shorter. */
struct Host;
Settings *host_settings(struct Host *host);

/* The table of settings that every role has: settings.def. */
const SettingDef *settings_common(void);
