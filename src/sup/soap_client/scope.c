/* scope.c - answers what of a scope a client lacks, has, and has no more to do with.
 *
 * Items with the same prerequisites are of one kind, and there are few kinds: whether their
 * prerequisites hold is found once a question, and then the items are gone through once. The scope
 * is made in scope_load.c.
 */
#include "sup/soap_client/scope.h"

#include <stdatomic.h>
#include <string.h>

#include "crypto/hash.h"
#include "sup/soap_client/scope_private.h"

Scope *
scope_ref(Scope *scope)
{
        atomic_fetch_add(&scope->refs, 1);
        return scope;
}

bool
scope_is_of(const Scope *scope, const char *epoch, gint64 change)
{
        return scope->change == change && strcmp(scope->epoch, epoch) == 0;
}

gint64
scope_change(const Scope *scope)
{
        return scope->change;
}

guint
scope_count(const Scope *scope)
{
        return scope->items->len;
}

const ScopeItem *
scope_item(const Scope *scope, guint index)
{
        return &g_array_index(scope->items, ScopeItem, index);
}

const ScopeKind *
scope_kind(const Scope *scope, const ScopeItem *item)
{
        return g_ptr_array_index(scope->kinds, item->kind);
}

static bool
find_index(const Scope *scope, gint64 id, guint *index_out)
{
        if (id <= 0 || id > scope->high || scope->by_id[id] == 0)
                return false;
        *index_out = scope->by_id[id] - 1;
        return true;
}

const ScopeItem *
scope_find(const Scope *scope, gint64 revision_id)
{
        guint index;

        return find_index(scope, revision_id, &index) ? scope_item(scope, index) : NULL;
}

const ScopePrerequisite *
scope_prerequisite(const Scope *scope, const ScopeItem *item)
{
        gpointer number = g_hash_table_lookup(scope->prerequisite_of, GUINT_TO_POINTER(item->id));

        return number != NULL
                       ? g_ptr_array_index(scope->prerequisites, GPOINTER_TO_UINT(number) - 1)
                       : NULL;
}

/* The GUID as it is kept; false when the text is none. */
bool
scope_read_guid(const char *text, guint8 guid_out[16])
{
        char digits[33];
        guint count = 0;

        for (; *text != '\0'; text++) {
                if (*text == '-')
                        continue;
                if (count == 32)
                        return false;
                digits[count++] = *text;
        }
        return count == 32 && hash_from_hex(digits, 32, guid_out, 16);
}

void
scope_guid_text(const ScopeItem *item, char out[37])
{
        g_autofree char *hex = hash_hex(item->guid, 16);

        g_snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

const ScopeItem *
scope_find_guid(const Scope *scope, const char *guid)
{
        guint low = 0, high = scope->items->len;
        guint8 wanted[16];

        if (!scope_read_guid(guid, wanted))
                return NULL;
        while (low < high) {
                guint middle = low + (high - low) / 2;
                const ScopeItem *item = scope_item(scope, scope->by_guid[middle]);
                int order = memcmp(item->guid, wanted, 16);

                if (order == 0)
                        return item;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

const char *
scope_suite_uri(const Scope *scope, gint64 suite)
{
        for (guint i = 0; i < scope->suites->len; i++) {
                const CatalogSuite *known = g_ptr_array_index(scope->suites, i);

                if (known->id == suite)
                        return known->uri;
        }
        return NULL;
}

const char *
scope_category_type(const Scope *scope, const char *guid)
{
        for (guint i = 0; i < scope->categories->len; i++) {
                const CatalogCategory *category = g_ptr_array_index(scope->categories, i);

                if (g_ascii_strcasecmp(category->id, guid) == 0)
                        return category->type;
        }
        return NULL;
}

/* ---- questions ---- */

/* Of each kind: whether its prerequisites hold, and whether the filter lets it through. */
typedef struct {
        const Scope *scope;
        const ScopeQuestion *question;
        guint8 *installed; /* by number of prerequisite */
        guint8 *holds;     /* by kind */
        guint8 *passes;    /* by kind */
        guint8 *has;       /* by item */
        ScopeAnswer *answer;
} Work;

/* An earlier number of a prerequisite counts as well: its clients hold it until they are told. */
static void
note_installed(Work *work, gint64 id)
{
        const Scope *scope = work->scope;
        gpointer number =
                id > 0 && id <= scope->high
                        ? g_hash_table_lookup(scope->prerequisite_of, GUINT_TO_POINTER((guint)id))
                        : NULL;

        if (number != NULL)
                work->installed[GPOINTER_TO_UINT(number) - 1] = 1;
}

static bool
clause_holds(const Work *work, const GArray *clause)
{
        bool holds = false;

        for (guint i = 0; i < clause->len && !holds; i++)
                holds = work->installed[g_array_index(clause, guint, i)] != 0;
        return holds;
}

static bool
in_filter(const GPtrArray *filter, const char *guid)
{
        for (guint i = 0; i < filter->len; i++) {
                if (g_ascii_strcasecmp(g_ptr_array_index(filter, i), guid) == 0)
                        return true;
        }
        return false;
}

static void
judge_kinds(Work *work)
{
        const GPtrArray *filter = work->question->filter;

        for (guint k = 0; k < work->scope->kinds->len; k++) {
                const ScopeKind *kind = g_ptr_array_index(work->scope->kinds, k);
                bool holds = !work->question->drivers;

                for (guint i = 0; i < kind->clauses->len && holds; i++)
                        holds = clause_holds(work, g_ptr_array_index(kind->clauses, i));
                work->holds[k] = holds;
                work->passes[k] = filter->len == 0 || *kind->product == '\0' ||
                                  in_filter(filter, kind->product) ||
                                  in_filter(filter, kind->classification);
        }
}

/* Sorts one of the client's revisions: it keeps it, or is told that it is no longer for it. */
static bool
take_held(Work *work, gint64 id, GError **error)
{
        const Scope *scope = work->scope;
        const ScopeItem *item;
        guint index;

        if (id <= 0 || id > scope->high)
                return uk_fail(error, UK_ERROR_INVALID,
                               "the revision %" G_GINT64_FORMAT " was never given out here", id);
        if (!find_index(scope, id, &index)) {
                g_array_append_val(work->answer->gone, id);
                return true;
        }
        if (work->has[index])
                return true;
        work->has[index] = 1;
        item = scope_item(scope, index);
        if (!work->holds[item->kind]) {
                g_array_append_val(work->answer->gone, id);
        } else if (!work->passes[item->kind]) {
                g_array_append_val(work->answer->filtered, id);
        } else if (item->change > work->question->mark) {
                g_array_append_val(work->answer->changed, index);
        }
        return true;
}

static bool
take_list(Work *work, const GArray *ids, GError **error)
{
        for (guint i = 0; i < ids->len; i++) {
                if (!take_held(work, g_array_index(ids, gint64, i), error))
                        return false;
        }
        return true;
}

static void
find_added(Work *work)
{
        for (guint i = 0; i < work->scope->items->len && !work->answer->truncated; i++) {
                const ScopeItem *item = scope_item(work->scope, i);

                if (work->has[i] || !work->holds[item->kind] || !work->passes[item->kind])
                        continue;
                if (work->answer->added->len < work->question->max)
                        g_array_append_val(work->answer->added, i);
                else
                        work->answer->truncated = true;
        }
}

static bool
answer_all(Work *work, GError **error)
{
        const ScopeQuestion *question = work->question;

        for (guint i = 0; i < question->installed->len; i++)
                note_installed(work, g_array_index(question->installed, gint64, i));
        judge_kinds(work);
        /* A question for drivers repeats what is installed without asking for it. */
        if ((!question->drivers && !take_list(work, question->installed, error)) ||
            !take_list(work, question->cached, error))
                return false;
        find_added(work);
        /* Who was not given everything has not seen every change. */
        if (!question->drivers && !work->answer->truncated && question->filter->len == 0)
                work->answer->mark = work->scope->change;
        return true;
}

ScopeAnswer *
scope_answer(const Scope *scope, const ScopeQuestion *question, GError **error)
{
        g_autoptr(ScopeAnswer) answer = g_new0(ScopeAnswer, 1);
        g_autofree guint8 *installed = g_new0(guint8, scope->prerequisites->len + 1);
        g_autofree guint8 *holds = g_new0(guint8, scope->kinds->len + 1);
        g_autofree guint8 *passes = g_new0(guint8, scope->kinds->len + 1);
        g_autofree guint8 *has = g_new0(guint8, scope->items->len + 1);
        Work work = { scope, question, installed, holds, passes, has, answer };

        answer->added = g_array_new(FALSE, FALSE, sizeof(guint));
        answer->changed = g_array_new(FALSE, FALSE, sizeof(guint));
        answer->gone = g_array_new(FALSE, FALSE, sizeof(gint64));
        answer->filtered = g_array_new(FALSE, FALSE, sizeof(gint64));
        answer->mark = question->mark;
        return answer_all(&work, error) ? g_steal_pointer(&answer) : NULL;
}

void
scope_answer_free(ScopeAnswer *answer)
{
        if (answer == NULL)
                return;
        g_array_unref(answer->added);
        g_array_unref(answer->changed);
        g_array_unref(answer->gone);
        g_array_unref(answer->filtered);
        g_free(answer);
}
