/* version.c - the order of Debian versions (DEB-031) and what policy allows in them (DEB-013). */
#include "deb/version.h"

#include <string.h>

typedef struct {
        guint64 epoch;
        const char *upstream, *upstream_end;
        const char *revision, *revision_end;
} Parts;

/* dpkg holds epochs in an int. */
#define EPOCH_MAX G_MAXINT32

static const char *
parse_epoch(const char *text, const char *colon, guint64 *epoch_out)
{
        guint64 epoch = 0;

        if (colon == text)
                return "its epoch is empty";
        for (const char *p = text; p < colon; p++) {
                if (!g_ascii_isdigit(*p))
                        return "its epoch is not a number";
                epoch = epoch * 10 + (guint64)(*p - '0');
                if (epoch > EPOCH_MAX)
                        return "its epoch is too large";
        }
        *epoch_out = epoch;
        return NULL;
}

/* Takes a text apart without looking at its characters; returns what is wrong with the epoch. A
 * bad epoch stays part of the upstream version, so that any text can be compared. */
static const char *
split(const char *text, gsize size, Parts *parts_out)
{
        const char *end = text + size;
        const char *colon = size > 0 ? memchr(text, ':', size) : NULL;
        const char *fault = NULL;
        const char *start = text;
        const char *dash;

        *parts_out = (Parts){ 0 };
        if (colon != NULL)
                fault = parse_epoch(text, colon, &parts_out->epoch);
        if (colon != NULL && fault == NULL)
                start = colon + 1;
        dash = start < end ? memrchr(start, '-', (gsize)(end - start)) : NULL;
        parts_out->upstream = start;
        parts_out->upstream_end = dash != NULL ? dash : end;
        parts_out->revision = dash != NULL ? dash + 1 : end;
        parts_out->revision_end = end;
        return fault;
}

static bool
only(const char *start, const char *end, const char *signs)
{
        for (const char *p = start; p < end; p++) {
                if (!g_ascii_isalnum(*p) && (*p == '\0' || strchr(signs, *p) == NULL))
                        return false;
        }
        return true;
}

const char *
version_fault(const char *text, gsize size)
{
        Parts parts;
        const char *fault;

        if (size == 0)
                return "it is empty";
        fault = split(text, size, &parts);
        if (fault != NULL)
                return fault;
        if (parts.upstream == parts.upstream_end)
                return "its upstream part is empty";
        if (parts.revision == parts.revision_end && parts.upstream_end != parts.revision_end)
                return "its revision is empty";
        if (!only(parts.upstream, parts.upstream_end, parts.upstream != text ? ".-+~:" : ".-+~"))
                return "its upstream part has a character that is not allowed";
        if (!only(parts.revision, parts.revision_end, ".+~"))
                return "its revision has a character that is not allowed";
        return NULL;
}

/* The weight of a character in a run of non-digits; the end of the text weighs 0. */
static int
weight(const char *p, const char *end)
{
        if (p == end || g_ascii_isdigit(*p))
                return 0;
        if (g_ascii_isalpha(*p))
                return (guchar)*p;
        return *p == '~' ? -1 : (guchar)*p + 256;
}

static bool
in_text(const char *p, const char *end)
{
        return p < end && !g_ascii_isdigit(*p);
}

/* Compares the runs of digits at *a and *b as numbers of any length and moves behind them. */
static int
compare_digits(const char **a, const char *a_end, const char **b, const char *b_end)
{
        int first = 0;

        while (*a < a_end && **a == '0')
                (*a)++;
        while (*b < b_end && **b == '0')
                (*b)++;
        while (*a < a_end && g_ascii_isdigit(**a) && *b < b_end && g_ascii_isdigit(**b)) {
                if (first == 0)
                        first = **a - **b;
                (*a)++;
                (*b)++;
        }
        if (*a < a_end && g_ascii_isdigit(**a))
                return 1;
        if (*b < b_end && g_ascii_isdigit(**b))
                return -1;
        return first;
}

static int
compare_part(const char *a, const char *a_end, const char *b, const char *b_end)
{
        while (a < a_end || b < b_end) {
                while (in_text(a, a_end) || in_text(b, b_end)) {
                        int wa = weight(a, a_end), wb = weight(b, b_end);

                        if (wa != wb)
                                return wa - wb;
                        a++;
                        b++;
                }
                int difference = compare_digits(&a, a_end, &b, b_end);

                if (difference != 0)
                        return difference;
        }
        return 0;
}

int
version_compare(const char *a, gsize a_size, const char *b, gsize b_size)
{
        Parts pa, pb;

        if (a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0))
                return 0;
        (void)split(a, a_size, &pa);
        (void)split(b, b_size, &pb);
        if (pa.epoch != pb.epoch)
                return pa.epoch < pb.epoch ? -1 : 1;
        int difference = compare_part(pa.upstream, pa.upstream_end, pb.upstream, pb.upstream_end);

        if (difference != 0)
                return difference;
        return compare_part(pa.revision, pa.revision_end, pb.revision, pb.revision_end);
}
