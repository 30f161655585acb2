/* evalset.c - writes and reads evaluation sets (DEB-021, DEB-022, DEB-024, DEB-042). */
#include "deb/evalset.h"

#include <string.h>

#include "base/guid.h"

/* Made once for this purpose; every UpdateID hangs on it, so it never changes. */
#define NAMESPACE_UPDATE "5b0d5b38-6f0e-5f53-9e0f-0a5c7d3c1e11"

static const struct {
        char letter;
        const char *guid, *name;
} classes[] = {
        { EVALSET_SECURITY, "0fa1201d-4330-4fa8-8ae9-b877473b6441", "Security Updates" },
        { EVALSET_UPDATES, "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83", "Updates" },
        { EVALSET_ROLLUPS, "28bc880e-0592-4cbf-8f95-c79b17911d5f", "Update Rollups" },
        { EVALSET_FEATURES, "b54e7d24-7add-428f-8b75-90a396fa584f", "Feature Packs" },
};

const char *
evalset_class_guid(int classification)
{
        for (guint i = 0; i < G_N_ELEMENTS(classes); i++) {
                if (classes[i].letter == classification)
                        return classes[i].guid;
        }
        return NULL;
}

const char *
evalset_class_name(int classification)
{
        for (guint i = 0; i < G_N_ELEMENTS(classes); i++) {
                if (classes[i].letter == classification)
                        return classes[i].name;
        }
        return NULL;
}

char *
evalset_update_id(const char *origin, const char *codename, const char *source, const char *version)
{
        char buffer[512];

        /* Hot in a first synchronization; longer names are rare, not forbidden. */
        if ((gsize)g_snprintf(buffer, sizeof buffer, "%s\n%s\n%s\n%s", origin, codename, source,
                              version) < sizeof buffer)
                return uk_guid_v5(NAMESPACE_UPDATE, buffer);
        g_autofree char *name = g_strjoin("\n", origin, codename, source, version, NULL);

        return uk_guid_v5(NAMESPACE_UPDATE, name);
}

char *
evalset_title(Slice source, Slice version, int classification)
{
        return g_strdup_printf("%.*s %.*s (%s)", (int)source.size, source.text, (int)version.size,
                               version.text, evalset_class_name(classification));
}

/* ---- writing ---- */

/* Where a line of the body lies, without its break. */
typedef struct {
        gsize start, size;
} Line;

struct EvalSetWriter {
        GString *head;
        GString *body;
        GArray *lines; /* of Line */
        Slice source, version;
        int priority, classification, revision;
        bool begun; /* the present update has a line */
};

EvalSetWriter *
evalset_writer_new(const EvalSetHead *head)
{
        EvalSetWriter *writer = g_new0(EvalSetWriter, 1);

        writer->head = g_string_new("upkeep-evaluation-set 1\n");
        g_string_append_printf(
                writer->head, "product %s\ntitle %s\norigin %s\ncodename %s\narchitecture %s\n\n",
                head->product, head->title, head->origin, head->codename, head->arch);
        writer->body = g_string_sized_new(1024 * 1024);
        writer->lines = g_array_new(FALSE, FALSE, sizeof(Line));
        return writer;
}

void
evalset_writer_free(EvalSetWriter *writer)
{
        if (writer == NULL)
                return;
        if (writer->head != NULL)
                g_string_free(writer->head, TRUE);
        g_string_free(writer->body, TRUE);
        g_array_unref(writer->lines);
        g_free(writer);
}

static void
append(GString *out, Slice slice)
{
        g_string_append_len(out, slice.text, (gssize)slice.size);
}

static void
end_line(EvalSetWriter *writer)
{
        if (writer->begun) {
                Line *line = &g_array_index(writer->lines, Line, writer->lines->len - 1);

                line->size = writer->body->len - line->start;
                g_string_append_c(writer->body, '\n');
        }
        writer->begun = false;
}

void
evalset_writer_update(EvalSetWriter *writer, Slice source, Slice version, int priority,
                      int classification, int revision)
{
        end_line(writer);
        writer->source = source;
        writer->version = version;
        writer->priority = priority;
        writer->classification = classification;
        writer->revision = revision;
}

static void
begin_line(EvalSetWriter *writer)
{
        Line line = { writer->body->len, 0 };

        g_array_append_val(writer->lines, line);
        append(writer->body, writer->source);
        g_string_append_c(writer->body, ' ');
        append(writer->body, writer->version);
        g_string_append_printf(writer->body, " %d %c", writer->priority, writer->classification);
        if (writer->revision != 1)
                g_string_append_printf(writer->body, " %d", writer->revision);
        writer->begun = true;
}

static bool
begins_with(Slice slice, Slice start)
{
        return slice.size >= start.size && memcmp(slice.text, start.text, start.size) == 0;
}

void
evalset_writer_binary(EvalSetWriter *writer, Slice name, Slice version, Slice marks, bool all)
{
        GString *out = writer->body;

        if (!writer->begun)
                begin_line(writer);
        g_string_append_c(out, '\t');
        if (slice_compare(name, writer->source) == 0)
                g_string_append_c(out, '=');
        else
                append(out, name);
        g_string_append_c(out, ' ');
        if (begins_with(version, writer->version)) {
                g_string_append_c(out, '=');
                version.text += writer->version.size;
                version.size -= writer->version.size;
        }
        append(out, version);
        g_string_append_c(out, ' ');
        append(out, marks.size > 0 ? marks : slice_of("-"));
        if (all)
                g_string_append(out, " a");
}

static int
compare_lines(gconstpointer a, gconstpointer b, gpointer body)
{
        const Line *la = a, *lb = b;
        const char *text = body;

        return slice_compare((Slice){ text + la->start, la->size },
                             (Slice){ text + lb->start, lb->size });
}

char *
evalset_writer_end(EvalSetWriter *writer, gsize *size_out)
{
        GString *out = g_steal_pointer(&writer->head);

        end_line(writer);
        g_array_sort_with_data(writer->lines, compare_lines, writer->body->str);
        for (guint i = 0; i < writer->lines->len; i++) {
                const Line *line = &g_array_index(writer->lines, Line, i);

                g_string_append_len(out, writer->body->str + line->start, (gssize)line->size + 1);
        }
        *size_out = out->len;
        return g_string_free(out, FALSE);
}

/* ---- reading ---- */

struct EvalSet {
        EvalSetHead head;
        char *product, *title, *origin, *codename, *arch;
        const char *body;
        gsize size;
};

/* The line at *rest, which moves behind it; false when there is no whole line. */
static bool
take_line(Slice *rest, Slice *line_out)
{
        const char *newline = rest->size > 0 ? memchr(rest->text, '\n', rest->size) : NULL;

        if (newline == NULL)
                return false;
        *line_out = (Slice){ rest->text, (gsize)(newline - rest->text) };
        rest->size -= line_out->size + 1;
        rest->text = newline + 1;
        return true;
}

static bool
take_head_line(Slice *rest, const char *key, char **value_out)
{
        Slice line;
        gsize size = strlen(key);

        if (!take_line(rest, &line) || line.size <= size || memcmp(line.text, key, size) != 0 ||
            line.text[size] != ' ')
                return false;
        *value_out = g_strndup(line.text + size + 1, line.size - size - 1);
        return true;
}

EvalSet *
evalset_read(const char *text, gsize size, GError **error)
{
        g_autoptr(EvalSet) set = g_new0(EvalSet, 1);
        g_autofree char *version = NULL;
        Slice rest = { text, size }, empty;

        if (!take_head_line(&rest, "upkeep-evaluation-set", &version) ||
            strcmp(version, "1") != 0) {
                uk_fail(error, UK_ERROR_PARSE, "this is no evaluation set of form 1");
                return NULL;
        }
        if (!take_head_line(&rest, "product", &set->product) ||
            !take_head_line(&rest, "title", &set->title) ||
            !take_head_line(&rest, "origin", &set->origin) ||
            !take_head_line(&rest, "codename", &set->codename) ||
            !take_head_line(&rest, "architecture", &set->arch) || !take_line(&rest, &empty) ||
            empty.size != 0 || !uk_guid_valid(set->product)) {
                uk_fail(error, UK_ERROR_PARSE, "the head of the evaluation set is damaged");
                return NULL;
        }
        if (rest.size > 0 && rest.text[rest.size - 1] != '\n') {
                uk_fail(error, UK_ERROR_PARSE, "the evaluation set ends within a line");
                return NULL;
        }
        set->head =
                (EvalSetHead){ set->product, set->title, set->origin, set->codename, set->arch };
        set->body = rest.text;
        set->size = rest.size;
        return g_steal_pointer(&set);
}

void
evalset_free(EvalSet *set)
{
        if (set == NULL)
                return;
        g_free(set->product);
        g_free(set->title);
        g_free(set->origin);
        g_free(set->codename);
        g_free(set->arch);
        g_free(set);
}

const EvalSetHead *
evalset_head(const EvalSet *set)
{
        return &set->head;
}

/* Cuts the next piece of *rest at a character; the last one needs none. */
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

static bool
take_number(Slice slice, int *number_out)
{
        guint64 number;

        if (!slice_number(slice, G_MAXINT32, &number))
                return false;
        *number_out = (int)number;
        return true;
}

/* "source version priority classification[ revision]" */
static bool
parse_update(Slice line, EvalSetUpdate *update_out)
{
        Slice key = cut(&line, '\t'), classification;

        update_out->binaries = line;
        update_out->source = cut(&key, ' ');
        update_out->version = cut(&key, ' ');
        if (update_out->source.size == 0 || update_out->version.size == 0 ||
            !take_number(cut(&key, ' '), &update_out->priority))
                return false;
        classification = cut(&key, ' ');
        if (classification.size != 1 || evalset_class_name(*classification.text) == NULL)
                return false;
        update_out->classification = *classification.text;
        update_out->revision = 1;
        return key.size == 0 || take_number(key, &update_out->revision);
}

bool
evalset_next(const EvalSet *set, gsize *position, EvalSetUpdate *update_out, bool *more_out,
             GError **error)
{
        Slice rest = { set->body + *position, set->size - *position }, line;

        *more_out = take_line(&rest, &line);
        if (!*more_out)
                return true;
        if (!parse_update(line, update_out))
                return uk_fail(error, UK_ERROR_PARSE,
                               "the evaluation set of %s is damaged at byte %" G_GSIZE_FORMAT,
                               set->title, *position);
        *position += line.size + 1;
        return true;
}

bool
evalset_next_binary(Slice *rest, EvalSetBinary *binary_out, bool *more_out, GError **error)
{
        Slice binary;

        *more_out = rest->size > 0;
        if (!*more_out)
                return true;
        binary = cut(rest, '\t');
        binary_out->name = cut(&binary, ' ');
        binary_out->version = cut(&binary, ' ');
        binary_out->marks = cut(&binary, ' ');
        if (binary_out->name.size == 0 || binary_out->version.size == 0 ||
            binary_out->marks.size == 0 || (binary.size > 0 && !slice_equal(binary, "a")))
                return uk_fail(error, UK_ERROR_PARSE, "a binary of the evaluation set is damaged");
        binary_out->all = binary.size > 0;
        if (slice_equal(binary_out->marks, "-"))
                binary_out->marks.size = 0;
        return true;
}

Slice
evalset_binary_name(const EvalSetUpdate *update, const EvalSetBinary *binary)
{
        return slice_equal(binary->name, "=") ? update->source : binary->name;
}

Slice
evalset_binary_version(const EvalSetUpdate *update, const EvalSetBinary *binary, GString *scratch)
{
        if (*binary->version.text != '=')
                return binary->version;
        if (binary->version.size == 1)
                return update->version;
        g_string_truncate(scratch, 0);
        append(scratch, update->version);
        g_string_append_len(scratch, binary->version.text + 1, (gssize)binary->version.size - 1);
        return (Slice){ scratch->str, scratch->len };
}
