/* products.c - companies, families and products out of Release files. */
#include "sup/catalog/products.h"

#include <string.h>

#include "base/guid.h"
#include "base/io.h"

/* Made once for this purpose; the GUIDs of all categories hang on it, so it never changes. */
#define NAMESPACE_CATEGORY "e2d3b0b5-3f3c-5a5e-8f0b-6c1f5f7a9d20"
#define DISTRO_INFO_MAX    (1024 * 1024)

static const struct {
        const char *origin;
        const char *company, *family, *name;
        const char *os_id;
        bool major_only; /* "12.15" is 12 */
} distributions[] = {
        { "Debian", "Debian", "Debian GNU/Linux", "Debian", "debian", true },
        { "Ubuntu", "Canonical", "Ubuntu", "Ubuntu", "ubuntu", false },
        { "Raspbian", "Raspberry Pi", "Raspbian", "Raspbian", "raspbian", true },
};

char *
products_origin(const char *origin)
{
        if (strcmp(origin, "Debian Backports") == 0)
                return g_strdup("Debian");
        return g_strdup(origin);
}

/* "12.15", "12-updates" and "12" are 12; "22.04" stays. */
static char *
normal_version(const char *version, bool major_only)
{
        gsize size = strspn(version, major_only ? "0123456789" : "0123456789.");

        while (size > 0 && version[size - 1] == '.')
                size--;
        return g_strndup(version, size);
}

static char *
category_id(const char *kind, const char *a, const char *b)
{
        g_autofree char *name = g_strjoin("\n", kind, a, b, NULL);

        return uk_guid_v5(NAMESPACE_CATEGORY, name);
}

ProductsNames *
products_name(const ProductsFacts *facts)
{
        ProductsNames *names = g_new0(ProductsNames, 1);
        const char *label = *facts->label != '\0' ? facts->label : facts->origin;

        for (guint i = 0; i < G_N_ELEMENTS(distributions); i++) {
                if (strcmp(facts->origin, distributions[i].origin) != 0)
                        continue;
                names->company = g_strdup(distributions[i].company);
                names->family = g_strdup(distributions[i].family);
                names->os_id = g_strdup(distributions[i].os_id);
                names->version = normal_version(facts->version, distributions[i].major_only);
                names->product = g_strdup_printf("%s%s%s (%s)", distributions[i].name,
                                                 *names->version != '\0' ? " " : "", names->version,
                                                 facts->codename);
        }
        if (names->company == NULL) {
                names->company = g_strdup(facts->origin);
                names->family = g_strdup(label);
                names->os_id = g_strdup("");
                names->version = g_strdup("");
                names->product = g_strdup_printf("%s (%s)", label, facts->codename);
        }
        names->company_id = category_id("company", names->company, "");
        names->family_id = category_id("family", names->company, names->family);
        names->product_id = category_id("product", facts->origin, facts->codename);
        return names;
}

void
products_names_free(ProductsNames *names)
{
        if (names == NULL)
                return;
        g_free(names->company);
        g_free(names->family);
        g_free(names->product);
        g_free(names->company_id);
        g_free(names->family_id);
        g_free(names->product_id);
        g_free(names->os_id);
        g_free(names->version);
        g_free(names);
}

char *
products_detectoid(const char *product_id)
{
        return category_id("detectoid", product_id, "");
}

char *
products_arch_detectoid(const char *arch)
{
        return category_id("architecture", arch, "");
}

/* Releases that no os-release names: a machine of Debian's sid calls itself by the codename of the
 * release to come. */
static bool
is_rolling(const char *codename)
{
        static const char *const rolling[] = { "sid", "unstable", "experimental", "rc-buggy",
                                               NULL };

        return g_strv_contains(rolling, codename);
}

static int
compare_text(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *
products_rule(const ProductsNames *names, const char *origin, const char *codename, char **places)
{
        GString *rule = g_string_new(NULL);

        if (*names->os_id != '\0' && !is_rolling(codename)) {
                g_string_append_printf(rule, "os\t%s\t%s\t%s\n", names->os_id, codename,
                                       names->version);
                return g_string_free(rule, FALSE);
        }
        g_string_append_printf(rule, "source\t%s\t%s\n", origin, codename);
        qsort(places, g_strv_length(places), sizeof *places, compare_text);
        for (guint i = 0; places[i] != NULL; i++) {
                if (i == 0 || strcmp(places[i], places[i - 1]) != 0)
                        g_string_append_printf(rule, "place\t%s\n", places[i]);
        }
        return g_string_free(rule, FALSE);
}

/* The latest day in a row of distro-info's table from the column "eol" on, but not the paid ones.
 */
static char *
end_of_row(char **head, char **row)
{
        static const char *const counted[] = { "eol", "eol-server", "eol-lts", NULL };
        const char *end = "";

        for (guint i = 0; head[i] != NULL && row[i] != NULL; i++) {
                if (g_strv_contains(counted, head[i]) && strlen(row[i]) == 10 &&
                    strcmp(row[i], end) > 0)
                        end = row[i];
        }
        return g_strdup(end);
}

char *
products_end_of_life(const char *root, const char *os_id, const char *codename)
{
        g_autofree char *name = g_strconcat(os_id, ".csv", NULL);
        g_autofree char *path = g_build_filename(root, "usr/share/distro-info", name, NULL);
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL, head = NULL;
        gsize size;

        if (*os_id == '\0' || !uk_io_read(path, DISTRO_INFO_MAX, &text, &size, NULL))
                return g_strdup("");
        lines = g_strsplit(text, "\n", -1);
        head = g_strsplit(lines[0], ",", -1);
        for (guint i = 1; lines[i] != NULL && g_strv_length(head) > 2; i++) {
                g_auto(GStrv) row = g_strsplit(g_strchomp(lines[i]), ",", -1);

                if (g_strv_length(row) > 2 && strcmp(row[2], codename) == 0)
                        return end_of_row(head, row);
        }
        return g_strdup("");
}
