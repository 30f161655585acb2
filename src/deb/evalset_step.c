/* evalset_step.c - steps between evaluation sets: two sorted texts, merged line by line. */
#include <string.h>

#include "deb/evalset.h"

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

/* The head of a set, with the empty line behind it, is taken off *rest. */
static bool
take_head(Slice *rest, Slice *head_out)
{
        const char *start = rest->text;
        Slice line;

        while (take_line(rest, &line)) {
                if (line.size == 0) {
                        *head_out = (Slice){ start, (gsize)(rest->text - start) };
                        return true;
                }
        }
        return false;
}

static void
append_line(GString *out, char sign, Slice line)
{
        g_string_append_c(out, sign);
        g_string_append_len(out, line.text, (gssize)line.size);
        g_string_append_c(out, '\n');
}

/* What tells a line from all others: "source version priority". */
static Slice
key_of(Slice line)
{
        guint spaces = 0;
        gsize i = 0;

        while (i < line.size && line.text[i] != '\t') {
                if (line.text[i] == ' ' && ++spaces == 3)
                        break;
                i++;
        }
        return (Slice){ line.text, i };
}

static void
merge(GString *out, Slice from, Slice to)
{
        Slice a, b;
        bool has_a = take_line(&from, &a), has_b = take_line(&to, &b);

        while (has_a || has_b) {
                int order = !has_a ? 1 : !has_b ? -1 : slice_compare(a, b);

                if (order < 0)
                        append_line(out, '-', key_of(a));
                else if (order > 0)
                        append_line(out, '+', b);
                if (order <= 0)
                        has_a = take_line(&from, &a);
                if (order >= 0)
                        has_b = take_line(&to, &b);
        }
}

char *
evalset_step_make(const char *from, gsize from_size, const char *from_sha256, const char *to,
                  gsize to_size, const char *to_sha256, gsize *size_out, GError **error)
{
        Slice from_rest = { from, from_size }, to_rest = { to, to_size }, from_head, to_head;
        GString *out;

        if (!take_head(&from_rest, &from_head) || !take_head(&to_rest, &to_head)) {
                uk_fail(error, UK_ERROR_PARSE, "a step needs two evaluation sets");
                return NULL;
        }
        out = g_string_new("upkeep-evaluation-step 1\n");
        g_string_append_printf(out, "from %s\nto %s\n", from_sha256, to_sha256);
        if (slice_compare(from_head, to_head) != 0) {
                while (take_line(&to_head, &from_head))
                        append_line(out, '=', from_head);
        }
        merge(out, from_rest, to_rest);
        *size_out = out->len;
        return g_string_free(out, FALSE);
}

/* A line "<key> <64 hexadecimal digits>". */
static bool
take_sha256(Slice *rest, const char *key, char **text_out)
{
        Slice line;
        gsize size = strlen(key);

        if (!take_line(rest, &line) || line.size != size + 65 ||
            memcmp(line.text, key, size) != 0 || line.text[size] != ' ')
                return false;
        *text_out = g_strndup(line.text + size + 1, 64);
        return true;
}

static bool
take_step_head(Slice *rest, char **from_out, char **to_out, GError **error)
{
        g_autofree char *from = NULL, *to = NULL;
        Slice line;

        if (!take_line(rest, &line) || !slice_equal(line, "upkeep-evaluation-step 1") ||
            !take_sha256(rest, "from", &from) || !take_sha256(rest, "to", &to))
                return uk_fail(error, UK_ERROR_PARSE,
                               "this is no step between evaluation sets of form 1");
        *from_out = g_steal_pointer(&from);
        *to_out = g_steal_pointer(&to);
        return true;
}

bool
evalset_step_read(const char *step, gsize step_size, char **from_out, char **to_out, GError **error)
{
        Slice rest = { step, step_size };

        return take_step_head(&rest, from_out, to_out, error);
}

/* Writes the head: that of the step if it has one, else that of the old set. */
static bool
apply_head(GString *out, Slice *from, Slice *step)
{
        Slice head, line, before = *step;
        bool own = false;

        if (!take_head(from, &head))
                return false;
        while (take_line(step, &line) && line.size > 0 && *line.text == '=') {
                g_string_append_len(out, line.text + 1, (gssize)line.size);
                own = true;
                before = *step;
        }
        *step = before;
        if (!own)
                g_string_append_len(out, head.text, (gssize)head.size);
        return true;
}

static bool
does_not_fit(GError **error)
{
        return uk_fail(error, UK_ERROR_PARSE, "the step does not fit the evaluation set held");
}

/* Both sides are sorted, so each line of the step finds its place going forward only. */
static bool
apply_lines(GString *out, Slice from, Slice step, GError **error)
{
        Slice old, change;
        bool has_old = take_line(&from, &old);

        while (take_line(&step, &change)) {
                bool add = change.size > 0 && *change.text == '+';
                Slice what = { change.text + 1, change.size - 1 };

                if (!add && (change.size == 0 || *change.text != '-'))
                        return does_not_fit(error);
                while (has_old && (add ? slice_compare(old, what) < 0
                                       : slice_compare(key_of(old), what) != 0)) {
                        g_string_append_len(out, old.text, (gssize)old.size + 1);
                        has_old = take_line(&from, &old);
                }
                if (!add && !has_old)
                        return does_not_fit(error);
                if (add)
                        g_string_append_len(out, what.text, (gssize)what.size + 1);
                else
                        has_old = take_line(&from, &old);
        }
        while (has_old) {
                g_string_append_len(out, old.text, (gssize)old.size + 1);
                has_old = take_line(&from, &old);
        }
        return true;
}

char *
evalset_step_apply(const char *from, gsize from_size, const char *step, gsize step_size,
                   gsize *size_out, GError **error)
{
        Slice from_rest = { from, from_size }, rest = { step, step_size };
        g_autofree char *from_sha256 = NULL, *to_sha256 = NULL;
        g_autoptr(GString) out = NULL;

        if (!take_step_head(&rest, &from_sha256, &to_sha256, error))
                return NULL;
        out = g_string_sized_new(from_size + step_size);
        if (!apply_head(out, &from_rest, &rest)) {
                does_not_fit(error);
                return NULL;
        }
        if (!apply_lines(out, from_rest, rest, error))
                return NULL;
        *size_out = out->len;
        return g_string_free(g_steal_pointer(&out), FALSE);
}
