/* delta_index.c - finds for each stretch of a new file the place in the old one that it is most
 * like.
 *
 * Of the windows of 16 bytes of both files only anchors are looked at: those, an eighth of all, of
 * which a product of their first bytes is small, so that equal bytes have equal anchors. The old
 * file's stand in a hash table, the last one with a hash wins: reading there costs more than all
 * else. An anchor of the new file that is found is the beginning of a match, which goes on, forward
 * and back, over bytes that differ, as long as more are alike than not. Each match has an
 * alignment: where in the old file the new one's byte 0 would be. A new alignment must do better
 * than the last one, also where that still goes on.
 *
 * Work is bounded whatever the bytes are: a window that is no gain costs at most NEAR bytes, one
 * that is moves the search on.
 */
#include "content/delta_index.h"

#include <string.h>

#include "content/delta_private.h"

#define WINDOW   16
#define MIN_RARE 3 /* of 2^3 windows one is an anchor, more seldom when the table is full */
#define MAX_BITS 25
#define NO_ENTRY G_MAXUINT32
#define AHEAD    256 /* bytes looked through together, so that the memory's delays overlap */
#define NEAR     64  /* bytes by which a match is judged */
#define OVERLAP  512 /* bytes in which the border of two matches is looked for */
#define MIN_GAIN 56  /* in points: LIKE for a byte that is alike, UNLIKE for one that is not */
#define LIKE     2
#define UNLIKE   3
#define SOLID    24  /* lost points after which another alignment may be better */
#define GIVE_UP  160 /* and after which a match is at its end */

typedef struct {
        guint32 at; /* the window's offset; NO_ENTRY */
        guint32 check;
} Entry;

struct DeltaIndex {
        const guint8 *old;
        gsize size;
        int bits, rare; /* of 2^rare windows one is an anchor */
        Entry *entries;
};

static inline guint64
load_64(const guint8 *data)
{
        guint64 value;

        memcpy(&value, data, sizeof value);
        return GUINT64_FROM_LE(value);
}

static inline guint64
hash_window(const guint8 *data)
{
        guint64 a = load_64(data) * 0x9e3779b185ebca87ULL;
        guint64 b = load_64(data + 8) * 0xc2b2ae3d27d4eb4fULL;

        a ^= a >> 29;
        a = (a + (b << 31 | b >> 33)) * 0x165667b19e3779f9ULL;
        return a ^ a >> 32;
}

/* Finds the anchors among `count` windows, at most AHEAD, one beginning at each byte; their offsets
 * and how many they are. No branches: which bytes are anchors nobody can guess. */
static inline int
find_anchors(const guint8 *data, int count, int rare, guint16 *out)
{
        const guint64 limit = G_MAXUINT64 >> rare;
        int found = 0;

        for (int i = 0; i < count; i++) {
                out[found] = (guint16)i;
                found += ((load_64(data + i) ^ 0x2545f4914f6cdd1dULL) * 0x9e3779b97f4a7c15ULL) <=
                         limit;
        }
        return found;
}

/* How many of the eight bytes are alike. */
static inline int
alike_8(const guint8 *a, const guint8 *b)
{
        const guint64 low = 0x7f7f7f7f7f7f7f7fULL;
        guint64 x = load_64(a) ^ load_64(b);

        guint64 other = ((((x & low) + low) | x) & ~low) >> 7; /* 1 in each byte that differs */

        return 8 - (int)((other * 0x0101010101010101ULL) >> 56);
}

static gint64
points(const guint8 *a, const guint8 *b, gsize size)
{
        gint64 alike = 0;
        gsize i = 0;

        for (; i + 8 <= size; i += 8)
                alike += alike_8(a + i, b + i);
        for (; i < size; i++)
                alike += a[i] == b[i];
        return alike * (LIKE + UNLIKE) - (gint64)size * UNLIKE;
}

static void
choose_size(gsize old_size, int *bits_out, int *rare_out)
{
        *rare_out = MIN_RARE;
        *bits_out = 8;
        while (*bits_out < MAX_BITS && ((gsize)1 << *bits_out) < old_size >> MIN_RARE)
                (*bits_out)++;
        while (old_size >> *rare_out > (gsize)2 << *bits_out)
                (*rare_out)++;
}

gint64
delta_index_memory(gint64 old_size)
{
        int bits, rare;

        choose_size((gsize)old_size, &bits, &rare);
        return (gint64)sizeof(Entry) << bits;
}

/* Hashes of the windows at the anchors, whose entries are on their way from memory then. */
static inline void
hash_anchors(const DeltaIndex *index, const guint8 *data, const guint16 *anchors, int count,
             guint64 *hashes)
{
        for (int i = 0; i < count; i++) {
                hashes[i] = hash_window(data + anchors[i]);
                __builtin_prefetch(&index->entries[hashes[i] >> (64 - index->bits)]);
        }
}

static void
fill(DeltaIndex *index)
{
        for (gsize at = 0; at + WINDOW <= index->size; at += AHEAD) {
                guint16 anchors[AHEAD];
                guint64 hashes[AHEAD];
                int count = (int)MIN(AHEAD, index->size - WINDOW - at + 1);
                int n = find_anchors(index->old + at, count, index->rare, anchors);

                hash_anchors(index, index->old + at, anchors, n, hashes);
                for (int i = 0; i < n; i++)
                        index->entries[hashes[i] >> (64 - index->bits)] =
                                (Entry){ (guint32)(at + anchors[i]), (guint32)hashes[i] };
        }
}

DeltaIndex *
delta_index_new(const guint8 *old, gsize size)
{
        DeltaIndex *index = g_new0(DeltaIndex, 1);

        index->old = old;
        index->size = size;
        choose_size(size, &index->bits, &index->rare);
        index->entries = delta_alloc(sizeof(Entry) << index->bits);
        memset(index->entries, 0xff, sizeof(Entry) << index->bits);
        fill(index);
        return index;
}

void
delta_index_free(DeltaIndex *index)
{
        if (index == NULL)
                return;
        g_free(index->entries);
        g_free(index);
}

/* A part [from, end) of the new file that lies in the old one at `alignment` + its offset. */
typedef struct {
        gint64 from, end, alignment;
        gint64 solid; /* up to here it is at its best */
} Match;

typedef struct {
        const DeltaIndex *index;
        const guint8 *new;
        gint64 from, to; /* the segment */
        DeltaStep on_step;
        gpointer user;
} Search;

/* How far a and b are alike enough, at most `limit` bytes; *solid_out is where they first cease to
 * be for a while. */
static gint64
go_forward(const guint8 *a, const guint8 *b, gint64 limit, gint64 *solid_out)
{
        gint64 at = 0, sum = 0, best = 0, end = 0, solid = -1;

        while (at < limit && sum >= best - GIVE_UP) {
                int n = limit - at >= 8 ? 8 : 1;

                sum += n == 8 ? alike_8(a + at, b + at) * (LIKE + UNLIKE) - 8 * UNLIKE
                              : (a[at] == b[at] ? LIKE : -UNLIKE);
                at += n;
                if (sum >= best) {
                        best = sum;
                        end = at;
                } else if (solid < 0 && sum <= best - SOLID) {
                        solid = end;
                }
        }
        while (end < limit && a[end] == b[end])
                end++;
        while (end > 0 && a[end - 1] != b[end - 1])
                end--;
        *solid_out = solid < 0 || solid > end ? end : solid;
        return end;
}

/* Where a match that has new byte q, by the alignment, begins if it goes back to `lowest`. */
static gint64
go_back(const Search *s, gint64 q, gint64 alignment, gint64 lowest, gint64 *points_out)
{
        const guint8 *old = s->index->old;
        gint64 sum = 0, best = 0, from = q;

        for (gint64 at = q - 1; at >= lowest && at + alignment >= 0; at--) {
                sum += s->new[at] == old[at + alignment] ? LIKE : -UNLIKE;
                if (sum >= best) {
                        best = sum;
                        from = at;
                } else if (sum < best - GIVE_UP) {
                        break;
                }
        }
        *points_out = best;
        return from;
}

/* Whether a match found at new byte q is enough of a gain over the last one. */
static bool
is_gain(const Search *s, const Match *last, gint64 q, gint64 alignment)
{
        const guint8 *old = s->index->old;
        gint64 size = MIN(NEAR, MIN(s->to - q, (gint64)s->index->size - q - alignment));
        gint64 gain, back = 0, unused;

        if (q < last->end) {
                gint64 shared = MIN(size, last->end - q);

                gain = points(s->new + q, old + q + alignment, (gsize)size) -
                       points(s->new + q, old + q + last->alignment, (gsize)shared);
        } else {
                size = go_forward(s->new + q, old + q + alignment, size, &unused);
                gain = points(s->new + q, old + q + alignment, (gsize)size);
                (void)go_back(s, q, alignment, MAX(last->end, q - NEAR), &back);
        }
        return gain + back >= MIN_GAIN;
}

/* The first match at new byte *q or behind it that is a gain; *q and *alignment_out say where. */
static bool
find_match(const Search *s, const Match *last, gint64 *q, gint64 *alignment_out)
{
        const DeltaIndex *index = s->index;

        for (gint64 base = *q; base + WINDOW <= s->to; base += AHEAD) {
                guint16 anchors[AHEAD];
                guint64 hashes[AHEAD];
                int count = (int)MIN(AHEAD, s->to - WINDOW - base + 1);
                int n = find_anchors(s->new + base, count, index->rare, anchors);

                hash_anchors(index, s->new + base, anchors, n, hashes);
                for (int i = 0; i < n; i++) {
                        Entry entry = index->entries[hashes[i] >> (64 - index->bits)];
                        gint64 at = entry.at;

                        *q = base + anchors[i];
                        if (entry.at == NO_ENTRY || entry.check != (guint32)hashes[i] ||
                            (at - *q == last->alignment && *q < last->end) ||
                            memcmp(index->old + at, s->new + *q, WINDOW) != 0 ||
                            !is_gain(s, last, *q, at - *q))
                                continue;
                        *alignment_out = at - *q;
                        return true;
                }
        }
        return false;
}

/* Where, below `limit`, the last match had better end and the next begin. */
static gint64
find_border(const Search *s, const Match *last, gint64 limit, gint64 alignment)
{
        const guint8 *old = s->index->old;
        gint64 lowest = MAX(MAX(limit - OVERLAP, last->from), -alignment);
        gint64 sum = 0, best = 0, border = limit;

        for (gint64 at = limit - 1; at >= lowest; at--) {
                sum += (s->new[at] == old[at + alignment]) -
                       (s->new[at] == old[at + last->alignment]);
                if (sum > best) {
                        best = sum;
                        border = at;
                }
        }
        return border;
}

/* The next match, found at q: its beginning takes from the last one what it can do better. */
static Match
take_match(const Search *s, Match *last, gint64 q, gint64 alignment)
{
        gint64 limit = MIN(s->to - q, (gint64)s->index->size - q - alignment);
        Match next = { .from = q, .alignment = alignment };
        gint64 unused;

        if (q > last->end)
                next.from = go_back(s, q, alignment, last->end, &unused);
        if (next.from <= last->end) {
                next.from = find_border(s, last, next.from, alignment);
                last->end = next.from;
        }
        next.end = q + go_forward(s->new + q, s->index->old + q + alignment, limit, &next.solid);
        next.solid += q;
        return next;
}

static void
tell_step(const Search *s, const Match *match, gint64 next_from)
{
        if (next_from > match->from)
                s->on_step(s->user, (gsize)match->from, (gsize)(match->end - match->from),
                           (gsize)(next_from - match->end), match->alignment);
}

void
delta_index_match(const DeltaIndex *index, const guint8 *new, gsize from, gsize to,
                  DeltaStep on_step, gpointer user)
{
        Search s = { index, new, (gint64)from, (gint64)to, on_step, user };
        Match last = { .from = s.from, .end = s.from };
        gint64 q = s.from, alignment;

        while (find_match(&s, &last, &q, &alignment)) {
                Match next = take_match(&s, &last, q, alignment);

                tell_step(&s, &last, next.from);
                last = next;
                q = MAX(next.solid, q + WINDOW);
        }
        tell_step(&s, &last, s.to);
}
