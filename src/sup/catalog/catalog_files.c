/* catalog_files.c - writes and reads the lines of an update's files (DEB-025). */
#include "sup/catalog/catalog_files.h"

#include <string.h>

#include "sup/catalog/catalog.h"

static void
append(GString *text, Slice slice)
{
        g_string_append_len(text, slice.text, (gssize)slice.size);
        g_string_append_c(text, '\t');
}

static void
append_hex(GString *text, const guint8 *digest)
{
        static const char digits[] = "0123456789abcdef";

        for (guint i = 0; i < HASH_SHA256_SIZE; i++) {
                g_string_append_c(text, digits[digest[i] >> 4]);
                g_string_append_c(text, digits[digest[i] & 15]);
        }
        g_string_append_c(text, '\t');
}

static void
append_owned(GString *text, const Compute *compute, const ComputeFile *file)
{
        bool first = true;

        if (file->owned == file->serves || file->owned == 0) {
                g_string_append(text, file->owned != 0 ? "+\t" : "-\t");
                return;
        }
        for (guint i = 0; i < compute->arch_count; i++) {
                if ((file->owned >> i & 1) == 0)
                        continue;
                if (!first)
                        g_string_append_c(text, ',');
                g_string_append(text, compute->arches[i]);
                first = false;
        }
        g_string_append_c(text, '\t');
}

static void
append_number(GString *text, guint64 number)
{
        char digits[24];
        gsize at = sizeof digits;

        do {
                digits[--at] = (char)('0' + number % 10);
                number /= 10;
        } while (number > 0);
        g_string_append_len(text, digits + at, (gssize)(sizeof digits - at));
        g_string_append_c(text, '\t');
}

void
catalog_files_add(GString *text, const Compute *compute, const ComputeUpdate *update,
                  const ComputeFile *file)
{
        const Stanza *s = &file->s;
        bool same = slice_compare(s->version, update->version) == 0;
        const char *slash = s->path_is_usual || s->path.size == 0
                                    ? NULL
                                    : memrchr(s->path.text, '/', s->path.size);
        gsize folder = slash != NULL ? (gsize)(slash - s->path.text) : 0;

        append(text, s->package);
        append(text, s->arch);
        append(text, same ? slice_of("=") : s->version);
        append_number(text, s->size);
        append_hex(text, s->sha256);
        append_owned(text, compute, file);
        append_number(text, (guint64)file->index->suite_id);
        if (s->path_is_usual) {
                append(text, s->path);
        } else {
                append(text, (Slice){ s->path.text, folder });
                g_string_append_len(text, s->path.text + folder + (slash != NULL),
                                    (gssize)(s->path.size - folder - (slash != NULL)));
        }
        g_string_append_c(text, '\n');
}

/* Cuts the next piece of *rest at a character. */
static Slice
cut(Slice *rest, char at)
{
        const char *found = rest->size > 0 ? memchr(rest->text, at, rest->size) : NULL;
        Slice piece = { rest->text, found != NULL ? (gsize)(found - rest->text) : rest->size };
        gsize taken = found != NULL ? piece.size + 1 : piece.size;

        rest->text += taken;
        rest->size -= taken;
        return piece;
}

bool
catalog_file_next(const CatalogUpdate *update, Slice *rest, CatalogFile *file_out)
{
        Slice line = cut(rest, '\n');
        guint64 suite = 0;

        if (line.size == 0)
                return false;
        file_out->package = cut(&line, '\t');
        file_out->arch = cut(&line, '\t');
        file_out->version = cut(&line, '\t');
        if (slice_equal(file_out->version, "="))
                file_out->version = slice_of(update->version);
        file_out->size = 0;
        (void)slice_number(cut(&line, '\t'), G_MAXUINT64, &file_out->size);
        file_out->sha256 = cut(&line, '\t');
        file_out->owned = cut(&line, '\t');
        (void)slice_number(cut(&line, '\t'), G_MAXINT64, &suite);
        file_out->suite = (gint64)suite;
        file_out->folder = cut(&line, '\t');
        file_out->name = line;
        return true;
}

bool
catalog_file_is_owned(const CatalogFile *file, const char *arch)
{
        Slice rest = file->owned;

        if (slice_equal(file->owned, "+"))
                return slice_equal(file->arch, "all") || slice_equal(file->arch, arch);
        while (rest.size > 0) {
                if (slice_equal(cut(&rest, ','), arch))
                        return true;
        }
        return false;
}

bool
catalog_special_next(Slice *rest, CatalogSpecial *special_out)
{
        Slice line = cut(rest, '\n');

        if (line.size == 0)
                return false;
        special_out->file = G_MAXUINT64;
        (void)slice_number(cut(&line, '\t'), G_MAXUINT32, &special_out->file);
        special_out->above = cut(&line, '\t');
        special_out->native = cut(&line, '\t');
        special_out->natives = line;
        return true;
}

static void
add_text(GString *out, Slice slice)
{
        g_string_append_len(out, slice.text, (gssize)slice.size);
}

/* "<package>_<version without its epoch>_<architecture>.deb" */
static void
append_usual_name(GString *url, const CatalogFile *file)
{
        Slice version = file->version;
        const char *colon = version.size > 0 ? memchr(version.text, ':', version.size) : NULL;

        if (colon != NULL) {
                version.size -= (gsize)(colon + 1 - version.text);
                version.text = colon + 1;
        }
        add_text(url, file->package);
        g_string_append_c(url, '_');
        add_text(url, version);
        g_string_append_c(url, '_');
        add_text(url, file->arch);
        g_string_append(url, ".deb");
}

void
catalog_file_url(const CatalogFile *file, const char *uri, GString *url)
{
        g_string_assign(url, uri);
        add_text(url, file->folder);
        if (file->folder.size > 0)
                g_string_append_c(url, '/');
        if (file->name.size > 0)
                add_text(url, file->name);
        else
                append_usual_name(url, file);
}
