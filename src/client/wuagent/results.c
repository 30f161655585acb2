/* results.c - the results of a search, and their form as a letter.
 *
 * The letter never leaves the process: numbers in the machine's order, a text with its size in
 * front of it and NUL behind, an array with its length. A machine has some hundreds of updates in
 * each scan, and a general format costs more than the rest of the way through the client.
 */
#include "client/wuagent/results.h"

#include <string.h>

#define MAGIC "UKSR"

static void
package_free(ResultPackage *package)
{
        g_free(package->name);
        g_free(package->architecture);
        g_free(package->installed);
        g_free(package->available);
        g_free(package);
}

static void
update_free(ResultUpdate *update)
{
        g_free(update->update_id);
        g_free(update->title);
        g_free(update->article);
        g_free(update->product_id);
        g_free(update->classification_id);
        g_free(update->superseded_by);
        g_free(update->superseded_by_class);
        g_ptr_array_unref(update->packages);
        g_free(update);
}

static GPtrArray *
packages_new(void)
{
        return g_ptr_array_new_with_free_func((GDestroyNotify)package_free);
}

SearchResult *
results_new(const char *job_id)
{
        SearchResult *result = g_new0(SearchResult, 1);

        result->job_id = g_strdup(job_id);
        result->error_text = g_strdup("");
        result->updates = g_ptr_array_new_with_free_func((GDestroyNotify)update_free);
        result->other_builds = packages_new();
        return result;
}

void
results_free(SearchResult *result)
{
        if (result == NULL)
                return;
        g_free(result->job_id);
        g_free(result->error_text);
        g_ptr_array_unref(result->updates);
        g_ptr_array_unref(result->other_builds);
        g_free(result);
}

/* What came from outside must not spoil the letter: it takes UTF-8 only. */
static char *
valid(const char *text)
{
        return g_utf8_make_valid(text, -1);
}

ResultUpdate *
results_add(SearchResult *result, const char *update_id, gint64 revision, ResultState state,
            const char *title, const char *article, const char *product_id,
            const char *classification_id)
{
        ResultUpdate *update = g_new0(ResultUpdate, 1);

        update->update_id = valid(update_id);
        update->revision = revision;
        update->state = state;
        update->title = valid(title);
        update->article = valid(article);
        update->product_id = valid(product_id);
        update->classification_id = valid(classification_id);
        update->superseded_by = g_strdup("");
        update->superseded_by_class = g_strdup("");
        update->packages = packages_new();
        g_ptr_array_add(result->updates, update);
        return update;
}

void
results_add_package(GPtrArray *packages, const char *name, const char *architecture,
                    const char *installed, const char *available, bool held)
{
        ResultPackage *package = g_new0(ResultPackage, 1);

        package->name = valid(name);
        package->architecture = valid(architecture);
        package->installed = valid(installed);
        package->available = valid(available);
        package->held = held;
        g_ptr_array_add(packages, package);
}

guint
results_count(const SearchResult *result, ResultState state)
{
        guint count = 0;

        for (guint i = 0; i < result->updates->len; i++) {
                const ResultUpdate *update = g_ptr_array_index(result->updates, i);

                count += update->state == state;
        }
        return count;
}

static bool
stays(const ResultUpdate *update)
{
        return update->superseded_by[0] == '\0' ||
               g_ascii_strcasecmp(update->superseded_by_class, RESULT_CLASS_SERVICEPACK) == 0 ||
               g_ascii_strcasecmp(update->superseded_by_class, RESULT_CLASS_DEFINITION) == 0;
}

void
results_drop_superseded(SearchResult *result)
{
        for (guint i = 0; i < result->updates->len;) {
                if (stays(g_ptr_array_index(result->updates, i)))
                        i++;
                else
                        g_ptr_array_remove_index(result->updates, i);
        }
}

/* ---- the letter ---- */

static void
put_number(GByteArray *out, gint64 number)
{
        g_byte_array_append(out, (const guint8 *)&number, sizeof number);
}

static void
put_text(GByteArray *out, const char *text)
{
        guint32 size = (guint32)strlen(text);

        g_byte_array_append(out, (const guint8 *)&size, sizeof size);
        g_byte_array_append(out, (const guint8 *)text, size + 1);
}

static void
put_packages(GByteArray *out, const GPtrArray *packages)
{
        put_number(out, packages->len);
        for (guint i = 0; i < packages->len; i++) {
                const ResultPackage *package = g_ptr_array_index(packages, i);

                put_text(out, package->name);
                put_text(out, package->architecture);
                put_text(out, package->installed);
                put_text(out, package->available);
                put_number(out, package->held);
        }
}

static void
put_update(GByteArray *out, const ResultUpdate *update)
{
        put_text(out, update->update_id);
        put_number(out, update->revision);
        put_number(out, update->state);
        put_text(out, update->title);
        put_text(out, update->article);
        put_text(out, update->product_id);
        put_text(out, update->classification_id);
        put_text(out, update->superseded_by);
        put_text(out, update->superseded_by_class);
        put_packages(out, update->packages);
}

GBytes *
results_write(const SearchResult *result)
{
        GByteArray *out = g_byte_array_sized_new(256 * (result->updates->len + 1));

        put_text(out, MAGIC);
        put_text(out, result->job_id);
        put_number(out, result->error_code);
        put_text(out, result->error_text);
        put_number(out, result->time_us);
        put_number(out, result->deployed);
        put_number(out, result->evaluated);
        put_number(out, result->categories);
        put_number(out, result->updates->len);
        for (guint i = 0; i < result->updates->len; i++)
                put_update(out, g_ptr_array_index(result->updates, i));
        put_packages(out, result->other_builds);
        return g_byte_array_free_to_bytes(out);
}

/* What is left to read. Behind the end, or in a letter of another form, everything is 0 and "". */
typedef struct {
        const guint8 *at;
        gsize size;
        bool whole; /* all that was asked for was there */
} Letter;

static const void *
take(Letter *letter, gsize size)
{
        const guint8 *taken = letter->at;

        letter->whole = letter->whole && size <= letter->size;
        if (!letter->whole)
                return NULL;
        letter->at += size;
        letter->size -= size;
        return taken;
}

static gint64
take_number(Letter *letter)
{
        gint64 number = 0;
        const void *bytes = take(letter, sizeof number);

        if (bytes != NULL)
                memcpy(&number, bytes, sizeof number);
        return number;
}

/* Borrowed of the letter. */
static const char *
take_text(Letter *letter)
{
        guint32 size = 0;
        const void *bytes = take(letter, sizeof size);

        if (bytes != NULL)
                memcpy(&size, bytes, sizeof size);
        const char *text = bytes != NULL ? take(letter, (gsize)size + 1) : NULL;
        letter->whole = text != NULL && text[size] == '\0';
        return letter->whole ? text : "";
}

static void
take_packages(Letter *letter, GPtrArray *packages)
{
        gint64 count = take_number(letter);

        for (gint64 i = 0; i < count && letter->whole; i++) {
                ResultPackage *package = g_new0(ResultPackage, 1);

                package->name = g_strdup(take_text(letter));
                package->architecture = g_strdup(take_text(letter));
                package->installed = g_strdup(take_text(letter));
                package->available = g_strdup(take_text(letter));
                package->held = take_number(letter) != 0;
                g_ptr_array_add(packages, package);
        }
}

static ResultUpdate *
take_update(Letter *letter)
{
        ResultUpdate *update = g_new0(ResultUpdate, 1);

        update->update_id = g_strdup(take_text(letter));
        update->revision = take_number(letter);
        update->state = (ResultState)take_number(letter);
        update->title = g_strdup(take_text(letter));
        update->article = g_strdup(take_text(letter));
        update->product_id = g_strdup(take_text(letter));
        update->classification_id = g_strdup(take_text(letter));
        update->superseded_by = g_strdup(take_text(letter));
        update->superseded_by_class = g_strdup(take_text(letter));
        update->packages = packages_new();
        take_packages(letter, update->packages);
        return update;
}

SearchResult *
results_read(const void *data, gsize size, GError **error)
{
        Letter letter = { data, size, true };
        bool ours = strcmp(take_text(&letter), MAGIC) == 0;
        g_autoptr(SearchResult) result = results_new(take_text(&letter));

        result->error_code = (guint32)take_number(&letter);
        g_free(result->error_text);
        result->error_text = g_strdup(take_text(&letter));
        result->time_us = take_number(&letter);
        result->deployed = (guint32)take_number(&letter);
        result->evaluated = (guint32)take_number(&letter);
        result->categories = (guint32)take_number(&letter);
        gint64 count = take_number(&letter);
        for (gint64 i = 0; i < count && letter.whole; i++)
                g_ptr_array_add(result->updates, take_update(&letter));
        take_packages(&letter, result->other_builds);
        if (ours && letter.whole && letter.size == 0)
                return g_steal_pointer(&result);
        uk_fail(error, UK_ERROR_PARSE, "these are no results of a search");
        return NULL;
}
