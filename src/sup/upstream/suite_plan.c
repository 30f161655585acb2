/* suite_plan.c - which index files of a suite are to be read, and where they are (DEB-012). */
#include <string.h>

#include "sup/upstream/suite.h"

static void
index_free_one(gpointer data)
{
        SuiteIndex *index = data;

        g_free(index->component);
        g_free(index->arch);
        g_free(index->serves);
        g_free(index->name);
        g_free(index->sha256);
        g_strfreev(index->urls);
        g_free(index->spooled);
        g_free(index);
}

/* The smallest packed form that is listed; the plain one only where there is no other. */
static const ReleaseFile *
best_form(const Release *release, const char *base, DecodeKind *kind_out)
{
        static const DecodeKind packed[] = { DECODE_XZ, DECODE_ZSTD, DECODE_GZIP };
        const ReleaseFile *best = NULL;

        for (guint i = 0; i < G_N_ELEMENTS(packed); i++) {
                g_autofree char *path = g_strconcat(base, decode_suffix(packed[i]), NULL);
                const ReleaseFile *file = release_file(release, path);

                if (file == NULL || (best != NULL && best->size <= file->size))
                        continue;
                best = file;
                *kind_out = packed[i];
        }
        if (best != NULL)
                return best;
        *kind_out = DECODE_PLAIN;
        return release_file(release, base);
}

static char **
urls_of(const Suite *suite, const ReleaseFile *file)
{
        g_autofree char *folder =
                suite->flat ? g_strconcat(suite->uri,
                                          strcmp(suite->name, "/") == 0 ? "" : suite->name, NULL)
                            : g_strconcat(suite->uri, "dists/", suite->name, "/", NULL);
        const char *slash = strrchr(file->path, '/');
        gsize dir = slash != NULL ? (gsize)(slash + 1 - file->path) : 0;
        g_autofree char *hex = hash_hex(file->sha256, sizeof file->sha256);
        GPtrArray *urls = g_ptr_array_new();

        if (suite->by_hash != 0 && (suite->release->by_hash || suite->by_hash == 1))
                g_ptr_array_add(urls, g_strdup_printf("%s%.*sby-hash/SHA256/%s", folder, (int)dir,
                                                      file->path, hex));
        g_ptr_array_add(urls, g_strconcat(folder, file->path, NULL));
        g_ptr_array_add(urls, NULL);
        return (char **)g_ptr_array_free(urls, FALSE);
}

/* An index by the path of its plain form; false when the Release lists none. */
static bool
add_index(Suite *suite, const char *base, const char *component, const char *arch,
          const char *serves)
{
        DecodeKind kind;
        const ReleaseFile *packed = best_form(suite->release, base, &kind);
        const ReleaseFile *plain = release_file(suite->release, base);
        const ReleaseFile *known_by = plain != NULL ? plain : packed;
        SuiteIndex *index;

        if (packed == NULL)
                return false;
        index = g_new0(SuiteIndex, 1);
        index->component = g_strdup(component);
        index->arch = g_strdup(arch);
        index->serves = g_strdup(serves);
        index->name = g_strdup(packed->path);
        index->packed = packed;
        index->plain = plain;
        index->kind = kind;
        index->sha256 = hash_hex(known_by->sha256, sizeof known_by->sha256);
        index->urls = urls_of(suite, packed);
        g_ptr_array_add(suite->indexes, index);
        return true;
}

static bool
lists(char **list, const char *item)
{
        return list[0] == NULL || g_strv_contains((const char *const *)list, item);
}

static void
note(GPtrArray *problems, const Suite *suite, const char *what, const char *component,
     const char *arch)
{
        g_ptr_array_add(problems, g_strdup_printf("%s %s: %s, so %s for %s is passed over",
                                                  suite->uri, suite->name, what, component, arch));
}

static void
plan_want(Suite *suite, const SuiteWant *want, GPtrArray *problems)
{
        g_autofree char *base =
                g_strdup_printf("%s/binary-%s/Packages", want->component, want->arch);

        if (!lists(suite->release->components, want->component))
                note(problems, suite, "it has no such component", want->component, want->arch);
        else if (!lists(suite->release->arches, want->arch))
                note(problems, suite, "it has no such architecture", want->component, want->arch);
        else if (!add_index(suite, base, want->component, want->arch, want->arch))
                note(problems, suite, "it lists no such index", want->component, want->arch);
}

/* Indices of Architecture: all, one a component, for all architectures that are asked for. */
static void
plan_all(Suite *suite)
{
        g_autofree char *serves = g_strjoinv(" ", suite->arches);
        const char *last = NULL;

        if (!release_has_all(suite->release))
                return;
        for (guint i = 0; i < suite->wants->len; i++) {
                const SuiteWant *want = g_ptr_array_index(suite->wants, i);
                g_autofree char *base = NULL;

                if (g_strcmp0(last, want->component) == 0 ||
                    !lists(suite->release->components, want->component))
                        continue;
                last = want->component;
                base = g_strdup_printf("%s/binary-all/Packages", want->component);
                (void)add_index(suite, base, want->component, "all", serves);
        }
}

/* Of a flat archive only the packages of the architectures of that day were kept: for another one
 * its index is read again. */
static void
mark_held(const Suite *suite, const GPtrArray *held)
{
        for (guint i = 0; i < suite->indexes->len; i++) {
                SuiteIndex *index = g_ptr_array_index(suite->indexes, i);

                for (guint k = 0; suite->held != NULL && k < held->len; k++) {
                        const CatalogIndex *h = g_ptr_array_index(held, k);

                        index->held |= h->suite_id == suite->held->id &&
                                       strcmp(h->component, index->component) == 0 &&
                                       strcmp(h->arch, index->arch) == 0 &&
                                       strcmp(h->sha256, index->sha256) == 0 &&
                                       (!suite->flat || strcmp(h->serves, index->serves) == 0);
                }
        }
}

bool
suite_plan(Suite *suite, const GPtrArray *held, GPtrArray *problems, GError **error)
{
        g_autofree char *arches = g_strjoinv(" ", suite->arches);

        suite->indexes = g_ptr_array_new_with_free_func(index_free_one);
        if (suite->arches[0] == NULL)
                return uk_fail(error, UK_ERROR_CONFIG,
                               "it is not known for which architectures it is to be read: mend "
                               "this machine's dpkg status, or name them in %s",
                               suite->where);
        if (suite->flat) {
                if (!add_index(suite, "Packages", "", "", arches))
                        return uk_fail(error, UK_ERROR_NOT_FOUND,
                                       "its Release lists no Packages beside it; correct the path "
                                       "in %s",
                                       suite->where);
        } else {
                for (guint i = 0; i < suite->wants->len; i++)
                        plan_want(suite, g_ptr_array_index(suite->wants, i), problems);
                plan_all(suite);
        }
        if (suite->indexes->len == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "it has none of the components and architectures that are asked "
                               "for; correct %s",
                               suite->where);
        mark_held(suite, held);
        return true;
}
