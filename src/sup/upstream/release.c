/* release.c - a reader of Release files (DEB-011, DEB-012, DEB-015, DEB-022). */
#include "sup/upstream/release.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "deb/deb822.h"
#include "deb/evalset.h"
#include "deb/machine.h"

/* The largest Release files known have 5,000 lines. */
#define FILES_MAX 200000

static void
file_free(gpointer data)
{
        ReleaseFile *file = data;

        g_free(file->path);
        g_free(file);
}

void
release_free(Release *release)
{
        if (release == NULL)
                return;
        g_free(release->origin);
        g_free(release->label);
        g_free(release->suite);
        g_free(release->codename);
        g_free(release->version);
        g_strfreev(release->arches);
        g_strfreev(release->components);
        if (release->files != NULL)
                g_hash_table_unref(release->files);
        g_free(release);
}

/* ---- dates ---- */

static int
month_of(const char *name)
{
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        const char *found = strlen(name) == 3 ? strstr(months, name) : NULL;

        return found != NULL && (found - months) % 3 == 0 ? (int)(found - months) / 3 + 1 : 0;
}

static bool
is_utc(const char *zone)
{
        return strcmp(zone, "UTC") == 0 || strcmp(zone, "GMT") == 0 || strcmp(zone, "Z") == 0 ||
               strcmp(zone, "+0000") == 0;
}

/* Days since 1970 of a date of the Gregorian calendar. */
static gint64
days_of(int year, int month, int day)
{
        gint64 y = month <= 2 ? year - 1 : year;
        gint64 era = (y >= 0 ? y : y - 399) / 400;
        gint64 of_era = y - era * 400;
        gint64 of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool
release_date(const char *text, gint64 *us_out)
{
        int day, year, hour, minute, second, used = 0;
        char month_name[4], zone[8];
        const char *comma = strchr(text, ',');
        int month;

        /* Lengths are bounded by the format. */
        if (comma != text + 3 ||
            sscanf(comma + 1, " %2d %3s %4d %2d:%2d:%2d %7s%n", &day, month_name, &year, &hour,
                   &minute, &second, zone, &used) != 7 ||
            comma[1 + used] != '\0' || !is_utc(zone))
                return false;
        month = month_of(month_name);
        if (month == 0 || day < 1 || day > 31 || year < 1990 || year > 9999 || hour < 0 ||
            hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
                return false;
        *us_out = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * UK_MINUTE +
                  second * UK_SECOND;
        return true;
}

/* ---- reading ---- */

/* A value on one line, in UTF-8 and without control characters. */
static char *
text_of(const Deb822Stanza *stanza, const char *name)
{
        g_autofree char *raw = slice_dup(slice_line(deb822_get(stanza, name)));
        char *text = g_utf8_make_valid(raw, -1);

        for (char *p = text; *p != '\0'; p++) {
                if (g_ascii_iscntrl(*p))
                        *p = ' ';
        }
        return text;
}

static char **
words_of(const Deb822Stanza *stanza, const char *name)
{
        GPtrArray *list = g_ptr_array_new();
        Slice rest = deb822_get(stanza, name), word;

        while (slice_word(&rest, &word))
                g_ptr_array_add(list, slice_dup(word));
        g_ptr_array_add(list, NULL);
        return (char **)g_ptr_array_free(list, FALSE);
}

/* The security archive calls its components "updates/main"; the index is at "main/…". */
static void
strip_prefixes(char **components)
{
        for (guint i = 0; components[i] != NULL; i++) {
                if (g_str_has_prefix(components[i], "updates/"))
                        memmove(components[i], components[i] + strlen("updates/"),
                                strlen(components[i]) - strlen("updates/") + 1);
        }
}

static bool
yes(const Deb822Stanza *stanza, const char *name)
{
        return slice_equal_case(slice_line(deb822_get(stanza, name)), "yes");
}

static bool
path_is_safe(Slice path)
{
        g_autofree char *text = slice_dup(path);
        g_auto(GStrv) parts = g_strsplit(text, "/", -1);

        if (path.size == 0 || path.size > 1000)
                return false;
        for (guint i = 0; parts[i] != NULL; i++) {
                if (*parts[i] == '\0' || strcmp(parts[i], ".") == 0 || strcmp(parts[i], "..") == 0)
                        return false;
        }
        return true;
}

/* A line of the field SHA256: "<digest> <size> <path>". */
static bool
take_file(Release *release, Slice digest, Slice size, Slice path, GError **error)
{
        ReleaseFile *file = g_new0(ReleaseFile, 1);

        if (path.size > 2 && memcmp(path.text, "./", 2) == 0) {
                path.text += 2;
                path.size -= 2;
        }
        file->path = slice_dup(path);
        if (path_is_safe(path) && slice_number(size, G_MAXINT64, &file->size) &&
            hash_from_hex(digest.text, digest.size, file->sha256, sizeof file->sha256)) {
                g_hash_table_replace(release->files, file->path, file);
                return true;
        }
        uk_fail(error, UK_ERROR_INVALID,
                "its list of files has the line \"%.*s %.*s %.*s\", which is no digest, size and "
                "path below the suite",
                (int)MIN(digest.size, 80), digest.text, (int)MIN(size.size, 80), size.text,
                (int)MIN(path.size, 200), path.text);
        file_free(file);
        return false;
}

static bool
take_files(Release *release, Slice rest, GError **error)
{
        Slice digest, size, path;

        while (slice_word(&rest, &digest)) {
                if (!slice_word(&rest, &size) || !slice_word(&rest, &path))
                        return uk_fail(error, UK_ERROR_PARSE, "its list of files ends in a line");
                if (!take_file(release, digest, size, path, error))
                        return false;
                if (g_hash_table_size(release->files) > FILES_MAX)
                        return uk_fail(error, UK_ERROR_LIMIT, "it lists more than %d files",
                                       FILES_MAX);
        }
        return true;
}

static bool
take_dates(Release *release, const Deb822Stanza *stanza, GError **error)
{
        g_autofree char *date = text_of(stanza, "Date");
        g_autofree char *until = text_of(stanza, "Valid-Until");

        if (!release_date(date, &release->date_us))
                return uk_fail(error, UK_ERROR_INVALID,
                               "its Date is \"%s\", which is no date of a Release file", date);
        if (*until != '\0' && !release_date(until, &release->valid_until_us))
                return uk_fail(error, UK_ERROR_INVALID,
                               "its Valid-Until is \"%s\", which is no date of a Release file",
                               until);
        return true;
}

static bool
on_stanza(gpointer user, const Deb822Stanza *stanza, GError **error)
{
        Release *release = user;
        Slice no_support = deb822_get(stanza, "No-Support-for-Architecture-all"), word;

        if (release->origin != NULL)
                return uk_fail(error, UK_ERROR_PARSE, "it has more than one stanza");
        release->origin = text_of(stanza, "Origin");
        release->label = text_of(stanza, "Label");
        release->suite = text_of(stanza, "Suite");
        release->codename = text_of(stanza, "Codename");
        release->version = text_of(stanza, "Version");
        release->by_hash = yes(stanza, "Acquire-By-Hash");
        release->not_automatic = yes(stanza, "NotAutomatic");
        release->but_automatic_upgrades = yes(stanza, "ButAutomaticUpgrades");
        while (slice_word(&no_support, &word))
                release->all_in_arches |= slice_equal_case(word, "Packages");
        release->arches = words_of(stanza, "Architectures");
        release->components = words_of(stanza, "Components");
        strip_prefixes(release->components);
        if (!take_dates(release, stanza, error))
                return false;
        if (deb822_get(stanza, "SHA256").text == NULL)
                return uk_fail(error, UK_ERROR_UNSUPPORTED,
                               "it lists no SHA-256 digests, and weaker ones are not trusted");
        return take_files(release, deb822_get(stanza, "SHA256"), error);
}

Release *
release_read(const char *text, gsize size, GError **error)
{
        UK_DOING(error, "its Release file cannot be used");
        g_autoptr(Release) release = g_new0(Release, 1);
        Deb822Limits limits = { .max_stanza = 64 * 1024 * 1024 };

        release->files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, file_free);
        if (!deb822_read("Release", text, size, &limits, on_stanza, release, error))
                return NULL;
        if (release->origin == NULL) {
                uk_fail(error, UK_ERROR_PARSE, "it is empty");
                return NULL;
        }
        return g_steal_pointer(&release);
}

const ReleaseFile *
release_file(const Release *release, const char *path)
{
        return g_hash_table_lookup(release->files, path);
}

bool
release_has_all(const Release *release)
{
        return !release->all_in_arches &&
               g_strv_contains((const char *const *)release->arches, "all");
}

int
release_priority(const Release *release)
{
        if (!release->not_automatic)
                return 500;
        return release->but_automatic_upgrades ? 100 : 1;
}

/* ---- who the suite is ---- */

static bool
has_pocket(const char *name, const char *pocket)
{
        return g_str_has_suffix(name, pocket);
}

int
release_class(const Release *release, const char *asked)
{
        const char *names[] = { release->codename, release->suite, asked };

        if (release->not_automatic)
                return EVALSET_FEATURES;
        if (strcmp(release->label, "Debian-Security") == 0)
                return EVALSET_SECURITY;
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                if (has_pocket(names[i], "-security") || has_pocket(names[i], "/updates"))
                        return EVALSET_SECURITY;
                if (has_pocket(names[i], "-backports") || has_pocket(names[i], "-backports-sloppy"))
                        return EVALSET_FEATURES;
                if (has_pocket(names[i], "-updates") || has_pocket(names[i], "-proposed"))
                        return EVALSET_UPDATES;
        }
        return EVALSET_ROLLUPS;
}

/* "cuda/repos/debian12" of "https://host/cuda/repos/debian12/" and "./". */
static char *
name_of_place(const char *asked, const char *uri)
{
        bool here = strcmp(asked, "./") == 0 || strcmp(asked, "/") == 0;
        g_autofree char *whole = g_strconcat(uri, here ? "" : asked, NULL);
        g_autofree char *place = machine_place(whole, "");
        const char *slash = strchr(place, '/');
        char *name =
                g_strdelimit(g_strstrip(g_strdup(slash != NULL ? slash + 1 : "")), " \t\n", '-');

        if (*name != '\0')
                return name;
        g_free(name);
        return g_strdup("flat");
}

char *
release_codename(const Release *release, const char *asked, const char *uri)
{
        if (*release->codename != '\0')
                return machine_release_of(release->codename);
        if (*release->suite != '\0')
                return machine_release_of(release->suite);
        if (!g_str_has_suffix(asked, "/"))
                return machine_release_of(asked);
        return name_of_place(asked, uri);
}

char *
release_origin(const Release *release, const char *uri)
{
        g_autoptr(GUri) parsed = NULL;

        if (*release->origin != '\0')
                return g_strdup(release->origin);
        if (*release->label != '\0')
                return g_strdup(release->label);
        parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);
        if (parsed != NULL && g_uri_get_host(parsed) != NULL && *g_uri_get_host(parsed) != '\0')
                return g_strdup(g_uri_get_host(parsed));
        return g_strdup("local");
}
