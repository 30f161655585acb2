/* fragments.c - writes fragments. */
#include "sup/soap_client/fragments.h"

#include <string.h>

#include "crypto/hash.h"
#include "sup/catalog/stanzas.h"
#include "wire/soapfield.h"

#define HANDLER_CATEGORY "http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/Category"

/* A fragment under way. */
typedef struct {
        GString *out;
        XmlWriter w;
} Fragment;

static void
begin(Fragment *f)
{
        f->out = g_string_new(NULL);
        xml_begin(&f->w, f->out);
}

static char *
end(Fragment *f)
{
        xml_finish(&f->w);
        return g_string_free(f->out, FALSE);
}

static void
empty(XmlWriter *w, const char *name)
{
        xml_open(w, name);
        xml_close(w);
}

/* ---- what a machine is ---- */

static void
query(XmlWriter *w, const char *type, const char *parameter, const char *value)
{
        xml_open(w, "b.GenericQuery");
        xml_attribute(w, "Namespace", FRAGMENTS_NS);
        xml_attribute(w, "Type", type);
        xml_attribute(w, "Parameter", parameter);
        if (value != NULL) {
                xml_attribute(w, "Comparison", "EqualTo");
                xml_attribute(w, "Value", value);
        }
        xml_close(w);
}

/* os-release names the distribution, and its release: by codename, or, where it names none, by
 * version. */
static void
write_os(XmlWriter *w, const char *id, const char *codename, const char *version)
{
        xml_open(w, "And");
        query(w, "os-release", "ID", id);
        if (*version != '\0')
                xml_open(w, "Or");
        query(w, "os-release", "VERSION_CODENAME", codename);
        if (*version != '\0') {
                xml_open(w, "And");
                query(w, "os-release", "VERSION_CODENAME", "");
                query(w, "os-release", "VERSION_ID", version);
                xml_close(w);
                xml_close(w);
        }
        xml_close(w);
}

static bool
write_line(XmlWriter *w, const char *line)
{
        g_auto(GStrv) f = g_strsplit(line, "\t", -1);
        guint count = g_strv_length(f);

        if (count == 4 && strcmp(f[0], "os") == 0)
                write_os(w, f[1], f[2], f[3]);
        else if (count == 3 && strcmp(f[0], "source") == 0)
                query(w, "apt-source", f[1], f[2]);
        else if (count == 3 && strcmp(f[0], "place") == 0)
                query(w, "apt-place", f[1], f[2]);
        else
                return false;
        return true;
}

char *
fragments_product_rules(const char *rule)
{
        g_auto(GStrv) lines = g_strsplit(rule, "\n", -1);
        guint written = 0;
        Fragment f;

        begin(&f);
        xml_open(&f.w, "Or");
        for (guint i = 0; lines[i] != NULL; i++)
                written += write_line(&f.w, lines[i]);
        if (written == 0)
                empty(&f.w, "False");
        xml_close(&f.w);
        return end(&f);
}

char *
fragments_arch_rules(const char *arch)
{
        Fragment f;

        begin(&f);
        query(&f.w, "architecture", arch, NULL);
        return end(&f);
}

/* ---- what is installed (DEB-031, DEB-032) ---- */

/* A binary that an update owns, for the machines of one line. */
typedef struct {
        Slice package, arch, version;
        Slice above, native, natives; /* see CatalogSpecial */
} Owned;

static GArray *
owned_of(const CatalogUpdate *update)
{
        GArray *all = g_array_new(FALSE, TRUE, sizeof(Owned));
        Slice rest = slice_of(update->files), specials = slice_of(update->special);
        CatalogSpecial special = { 0 };
        bool more = catalog_special_next(&specials, &special);
        CatalogFile file;

        for (guint64 number = 0; catalog_file_next(update, &rest, &file); number++) {
                Owned owned = { .package = file.package,
                                .arch = file.arch,
                                .version = file.version };
                bool special_one = more && special.file == number;

                for (; more && special.file == number;
                     more = catalog_special_next(&specials, &special)) {
                        owned.above = special.above;
                        owned.native = special.native;
                        owned.natives = special.natives;
                        g_array_append_val(all, owned);
                }
                if (!special_one && !slice_equal(file.owned, "-"))
                        g_array_append_val(all, owned);
        }
        return all;
}

static void
attribute(XmlWriter *w, const char *name, Slice value)
{
        g_autofree char *text = slice_dup(value);

        xml_attribute(w, name, text);
}

static void
version(XmlWriter *w, const Owned *owned, const char *comparison, Slice than)
{
        xml_open(w, "dpkg.Version");
        attribute(w, "Name", owned->package);
        attribute(w, "Architecture", owned->arch);
        xml_attribute(w, "Comparison", comparison);
        attribute(w, "Version", than);
        xml_close(w);
}

static void
native(XmlWriter *w, Slice arch)
{
        g_autofree char *text = slice_dup(arch);

        query(w, "native-architecture", text, NULL);
}

/* None of these is the native architecture. */
static void
not_native(XmlWriter *w, Slice natives)
{
        g_autofree char *text = slice_dup(natives);
        g_auto(GStrv) names = g_strsplit(text, ",", -1);

        xml_open(w, "Not");
        xml_open(w, "Or");
        for (guint i = 0; names[i] != NULL; i++)
                query(w, "native-architecture", names[i], NULL);
        xml_close(w);
        xml_close(w);
}

/* The installed version compares so with that of the binary, and where the rule is a special one,
 * its conditions hold. */
static void
write_owned(XmlWriter *w, const Owned *owned, const char *comparison, bool with_above)
{
        bool above = with_above && owned->above.size > 0;
        bool several = above || owned->native.size > 0 || owned->natives.size > 0;

        if (several)
                xml_open(w, "And");
        if (owned->native.size > 0)
                native(w, owned->native);
        if (owned->natives.size > 0)
                not_native(w, owned->natives);
        if (above)
                version(w, owned, "GreaterThan", owned->above);
        version(w, owned, comparison, owned->version);
        if (several)
                xml_close(w);
}

static bool
is_never(const Owned *owned)
{
        return slice_equal(owned->above, "!");
}

static void
write_any(XmlWriter *w, const GArray *all, const char *comparison, bool installable)
{
        guint written = 0;

        xml_open(w, "Or");
        for (guint i = 0; i < all->len; i++) {
                const Owned *owned = &g_array_index(all, Owned, i);

                if (installable && is_never(owned))
                        continue;
                write_owned(w, owned, comparison, installable);
                written++;
        }
        if (written == 0)
                empty(w, "False");
        xml_close(w);
}

/* Installed: one is installed, and none with a lower version. Installable: one is, with a lower
 * one. */
static void
write_rules(XmlWriter *w, const CatalogUpdate *update)
{
        g_autoptr(GArray) all = owned_of(update);

        xml_open(w, "ApplicabilityRules");
        xml_open(w, "IsInstalled");
        xml_open(w, "And");
        write_any(w, all, "GreaterThanOrEqualTo", false);
        xml_open(w, "Not");
        write_any(w, all, "LessThan", false);
        xml_close(w);
        xml_close(w);
        xml_close(w);
        xml_open(w, "IsInstallable");
        write_any(w, all, "LessThan", true);
        xml_close(w);
        xml_close(w);
}

/* ---- Core ---- */

char *
fragments_core(const Scope *scope, const ScopeItem *item, const CatalogUpdate *update)
{
        static const char *const types[] = { [SCOPE_DETECTOID] = "Detectoid",
                                             [SCOPE_CATEGORY] = "Category",
                                             [SCOPE_UPDATE] = "Software" };
        char guid[37];
        Fragment f;

        scope_guid_text(item, guid);
        begin(&f);
        xml_open(&f.w, "UpdateIdentity");
        xml_attribute(&f.w, "UpdateID", guid);
        xml_attribute_int(&f.w, "RevisionNumber", item->revision);
        xml_close(&f.w);
        xml_open(&f.w, "Properties");
        xml_attribute(&f.w, "UpdateType", types[item->type]);
        if (update != NULL)
                xml_attribute(&f.w, "ExplicitlyDeployable", "true");
        xml_close(&f.w);
        xml_raw(&f.w, scope_kind(scope, item)->relationships);
        if (update != NULL) {
                write_rules(&f.w, update);
        } else {
                xml_open(&f.w, "ApplicabilityRules");
                xml_open(&f.w, "IsInstalled");
                xml_raw(&f.w, scope_prerequisite(scope, item)->rules);
                xml_close(&f.w);
                xml_close(&f.w);
        }
        return end(&f);
}

/* ---- Extended ---- */

static char *
base64_of(Slice hex, gsize size)
{
        guint8 digest[HASH_SHA256_SIZE];

        if (hex.size != 2 * sizeof digest ||
            !hash_from_hex(hex.text, hex.size, digest, sizeof digest))
                return NULL;
        return g_base64_encode(digest, size);
}

char *
fragments_digest(const CatalogFile *file)
{
        return base64_of(file->sha256, FRAGMENTS_DIGEST_SIZE);
}

static void
write_file(XmlWriter *w, const CatalogUpdate *update, const CatalogFile *file)
{
        g_autofree char *digest = fragments_digest(file);
        g_autofree char *sha256 = base64_of(file->sha256, HASH_SHA256_SIZE);
        g_autofree char *modified = soapfield_time(update->revised);
        g_autoptr(GString) url = g_string_new(NULL);

        if (digest == NULL)
                return;
        catalog_file_url(file, "", url);
        xml_open(w, "File");
        xml_attribute(w, "Digest", digest);
        xml_attribute(w, "DigestAlgorithm", FRAGMENTS_DIGEST);
        xml_attribute(w, "FileName",
                      strrchr(url->str, '/') ? strrchr(url->str, '/') + 1 : url->str);
        xml_attribute_int(w, "Size", (gint64)file->size);
        xml_attribute(w, "Modified", modified);
        xml_attribute(w, "PatchingType", "SelfContained");
        xml_open(w, "AdditionalDigest");
        xml_attribute(w, "Algorithm", "SHA256");
        xml_content(w, sha256);
        xml_close(w);
        xml_close(w);
}

static void
extend_update(XmlWriter *w, const CatalogUpdate *update)
{
        Slice rest = slice_of(update->files);
        CatalogFile file;

        xml_attribute(w, "Handler", FRAGMENTS_NS);
        if (*update->severity != '\0')
                xml_attribute(w, "MsrcSeverity", update->severity);
        xml_attribute_int(w, "MaxDownloadSize", update->file_size);
        if (*update->url != '\0')
                xml_element(w, "MoreInfoUrl", update->url);
        xml_close(w);
        xml_open(w, "Files");
        while (catalog_file_next(update, &rest, &file))
                write_file(w, update, &file);
        xml_close(w);
}

static void
extend_category(XmlWriter *w, const char *type)
{
        bool has_updates =
                strcmp(type, "Product") == 0 || strcmp(type, "UpdateClassification") == 0;

        xml_attribute(w, "Handler", HANDLER_CATEGORY);
        xml_close(w);
        xml_open(w, "HandlerSpecificData");
        xml_attribute(w, "type", "cat:Category");
        xml_open(w, "CategoryInformation");
        xml_attribute(w, "CategoryType", type);
        if (strcmp(type, "Product") == 0)
                xml_attribute(w, "ProhibitsSubcategories", "true");
        if (!has_updates)
                xml_attribute(w, "ProhibitsUpdates", "true");
        xml_close(w);
        xml_close(w);
}

char *
fragments_extended(const Scope *scope, const ScopeItem *item, const CatalogUpdate *update)
{
        Fragment f;

        begin(&f);
        xml_open(&f.w, "ExtendedProperties");
        xml_attribute(&f.w, "DefaultPropertiesLanguage", "en");
        if (update != NULL)
                extend_update(&f.w, update);
        else if (item->type == SCOPE_CATEGORY)
                extend_category(&f.w, scope_prerequisite(scope, item)->type);
        else
                xml_close(&f.w);
        return end(&f);
}

/* ---- LocalizedProperties ---- */

char *
fragments_localized(const Scope *scope, const ScopeItem *item, const CatalogUpdate *update)
{
        g_autofree char *title = update != NULL ? catalog_update_title(update)
                                                : g_strdup(scope_prerequisite(scope, item)->title);
        Fragment f;

        begin(&f);
        xml_open(&f.w, "LocalizedProperties");
        xml_element(&f.w, "Language", "en");
        xml_element(&f.w, "Title", title);
        if (update != NULL && *update->description != '\0')
                xml_element(&f.w, "Description", update->description);
        if (update != NULL && *update->url != '\0')
                xml_element(&f.w, "MoreInfoUrl", update->url);
        xml_close(&f.w);
        return end(&f);
}
