/* summary.c - counts what changes, writes it once a transaction, and proves it.
 *
 * Changes are noted one after the other, so that a savepoint can take the last ones back, and
 * written added up: a chunk of reports about the same fifty updates costs fifty rows. The proof
 * yields differences, not values: what is counted while it reads is counted beside it.
 */
#include "sitedb/summary.h"

#include "sitedb/summary.sql.h"

#define TRACE_SIZE 33

typedef struct {
        gint64 ci_id;
        gint64 missing, installed, undetected;
        guint cause; /* place in causes */
} StateChange;

typedef struct {
        gint64 source_id;
        gint64 before, after;
} ScanChange;

typedef struct {
        gint64 report_id;
        char trace[TRACE_SIZE];
} SummaryCause;

struct Summary {
        GArray *states; /* of StateChange */
        GArray *scans;  /* of ScanChange */
        GArray *causes; /* of SummaryCause */
};

Summary *
summary_new(void)
{
        Summary *summary = g_new0(Summary, 1);
        const SummaryCause none = { 0 };

        summary->states = g_array_new(FALSE, FALSE, sizeof(StateChange));
        summary->scans = g_array_new(FALSE, FALSE, sizeof(ScanChange));
        summary->causes = g_array_new(FALSE, FALSE, sizeof(SummaryCause));
        g_array_append_val(summary->causes, none);
        return summary;
}

void
summary_free(Summary *summary)
{
        if (summary == NULL)
                return;
        g_array_unref(summary->states);
        g_array_unref(summary->scans);
        g_array_unref(summary->causes);
        g_free(summary);
}

void
summary_cause(Summary *summary, gint64 report_id, const char *trace)
{
        SummaryCause cause = { .report_id = report_id };

        g_strlcpy(cause.trace, trace, sizeof cause.trace);
        g_array_append_val(summary->causes, cause);
}

static void
count_state(StateChange *change, int state, gint64 by)
{
        switch (state) {
        case 0:
                change->undetected += by;
                break;
        case 2:
                change->missing += by;
                break;
        case 3:
                change->installed += by;
                break;
        default:
                break; /* not required, or not counted */
        }
}

static bool
is_change(const StateChange *change)
{
        return change->missing != 0 || change->installed != 0 || change->undetected != 0;
}

void
summary_state(Summary *summary, gint64 ci_id, int before, int after)
{
        StateChange change = { .ci_id = ci_id, .cause = summary->causes->len - 1 };

        count_state(&change, before, -1);
        count_state(&change, after, 1);
        if (is_change(&change))
                g_array_append_val(summary->states, change);
}

void
summary_scan(Summary *summary, gint64 source_id, gint64 before, gint64 after)
{
        const ScanChange change = { source_id, before, after };

        if (before != after)
                g_array_append_val(summary->scans, change);
}

SummaryMark
summary_mark(const Summary *summary)
{
        const SummaryMark mark = { summary->states->len, summary->scans->len };

        return mark;
}

void
summary_return(Summary *summary, SummaryMark mark)
{
        g_array_set_size(summary->states, mark.states);
        g_array_set_size(summary->scans, mark.scans);
}

/* By update, and the last one last. */
static gint
compare_states(gconstpointer a, gconstpointer b)
{
        const StateChange *x = a, *y = b;

        if (x->ci_id != y->ci_id)
                return x->ci_id < y->ci_id ? -1 : 1;
        return (x->cause > y->cause) - (x->cause < y->cause);
}

static bool
write_state(const Summary *summary, DbTx *tx, const StateChange *change, gint64 now_us,
            GError **error)
{
        const SummaryCause *cause = &g_array_index(summary->causes, SummaryCause, change->cause);
        char text[40];

        g_snprintf(text, sizeof text, "report %" G_GINT64_FORMAT, cause->report_id);
        return db_run(tx, &sql_summary_add,
                      DB_ARGS(DB_INT("ci", change->ci_id), DB_INT("missing", change->missing),
                              DB_INT("installed", change->installed),
                              DB_INT("undetected", change->undetected), DB_TIME("now", now_us),
                              DB_TEXT("cause", text), DB_TEXT("trace", cause->trace)),
                      error);
}

static bool
write_states(Summary *summary, DbTx *tx, gint64 now_us, GError **error)
{
        GArray *states = summary->states;

        g_array_sort(states, compare_states);
        for (guint i = 0; i < states->len;) {
                StateChange sum = g_array_index(states, StateChange, i);

                for (i++; i < states->len; i++) {
                        const StateChange *next = &g_array_index(states, StateChange, i);

                        if (next->ci_id != sum.ci_id)
                                break;
                        sum.missing += next->missing;
                        sum.installed += next->installed;
                        sum.undetected += next->undetected;
                        sum.cause = next->cause;
                }
                if (is_change(&sum) && !write_state(summary, tx, &sum, now_us, error))
                        return false;
        }
        g_array_set_size(states, 0);
        return true;
}

/* Machines that came to a version (by above 0) or left it. */
typedef struct {
        gint64 version, by;
} ScanPoint;

/* From the highest version down. */
static gint
compare_points(gconstpointer a, gconstpointer b)
{
        const ScanPoint *x = a, *y = b;

        return (x->version < y->version) - (x->version > y->version);
}

static GArray *
points_of(const Summary *summary, gint64 source_id)
{
        GArray *points = g_array_new(FALSE, FALSE, sizeof(ScanPoint));

        for (guint i = 0; i < summary->scans->len; i++) {
                const ScanChange *scan = &g_array_index(summary->scans, ScanChange, i);
                const ScanPoint both[] = { { scan->after, 1 }, { scan->before, -1 } };

                if (scan->source_id == source_id)
                        g_array_append_vals(points, both, G_N_ELEMENTS(both));
        }
        g_array_sort(points, compare_points);
        return points;
}

/* One source, added up from the highest version down. How far apart two versions lie costs nothing:
 * rows there are only of those that updates came with. */
static bool
write_source(const Summary *summary, DbTx *tx, gint64 source_id, gint64 now_us, GError **error)
{
        g_autoptr(GArray) points = points_of(summary, source_id);
        gint64 machines = 0;

        for (guint i = 0; i < points->len; i++) {
                const ScanPoint *point = &g_array_index(points, ScanPoint, i);
                gint64 next = i + 1 < points->len ? point[1].version : 0;

                machines += point->by;
                if (machines != 0 && next < point->version &&
                    !db_run(tx, &sql_summary_add_span,
                            DB_ARGS(DB_INT("machines", machines), DB_TIME("now", now_us),
                                    DB_INT("source", source_id), DB_INT("above", next),
                                    DB_INT("upto", point->version)),
                            error))
                        return false;
        }
        return true;
}

static bool
write_scans(Summary *summary, DbTx *tx, gint64 now_us, GError **error)
{
        for (guint i = 0; i < summary->scans->len; i++) {
                gint64 source_id = g_array_index(summary->scans, ScanChange, i).source_id;
                bool first = true;

                for (guint j = 0; j < i && first; j++)
                        first = g_array_index(summary->scans, ScanChange, j).source_id != source_id;
                if (first && !write_source(summary, tx, source_id, now_us, error))
                        return false;
        }
        g_array_set_size(summary->scans, 0);
        return true;
}

bool
summary_write(Summary *summary, DbTx *tx, gint64 now_us, GError **error)
{
        if (!write_states(summary, tx, now_us, error) || !write_scans(summary, tx, now_us, error))
                return false;
        g_array_set_size(summary->causes, 1);
        return true;
}

/* ---- the proof ------------------------------------------------------------------------------ */

/* Kinds of rows of summary_prove. */
enum {
        PROVE_STATE = 1,  /* a state that counts: update, version of its rules, state */
        PROVE_COUNT = 2,  /* what the summary says of an update and state */
        PROVE_SCANS = 3,  /* machines whose last scan saw exactly this version; 0, 0: all */
        PROVE_STORED = 4, /* what the summary says of this version and later ones */
        PROVE_NEEDED = 5, /* a version that brought updates or rules */
        PROVE_UPDATES = 6,
};

typedef struct {
        gint64 ci_id;
        gint64 version; /* of its rules */
        StateChange wrong;
} UpdateProof;

typedef struct {
        gint64 source_id, version;
        gint64 scans; /* exactly here */
        gint64 wrong; /* first what is stored, then what must be added */
        bool counted; /* has a row, or must have one */
} VersionProof;

struct SummaryProof {
        GHashTable *updates; /* ci_id (first member) to UpdateProof */
        GArray *versions;    /* of VersionProof */
        gint64 update_count;
};

void
summary_proof_free(SummaryProof *proof)
{
        if (proof == NULL)
                return;
        g_hash_table_unref(proof->updates);
        g_array_unref(proof->versions);
        g_free(proof);
}

static void
prove_update(SummaryProof *proof, gint64 ci_id, gint64 version, int state, gint64 by)
{
        UpdateProof *update = g_hash_table_lookup(proof->updates, &ci_id);

        if (update == NULL) {
                update = g_new0(UpdateProof, 1);
                update->ci_id = ci_id;
                update->version = version;
                g_hash_table_insert(proof->updates, &update->ci_id, update);
        }
        count_state(&update->wrong, state, by);
}

/* The row of a version. There are as many as synchronizations that changed something. */
static VersionProof *
prove_version(SummaryProof *proof, GHashTable *index, gint64 source_id, gint64 version)
{
        g_autofree char *key =
                g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT, source_id, version);
        gpointer place;

        if (!g_hash_table_lookup_extended(index, key, NULL, &place)) {
                const VersionProof fresh = { .source_id = source_id,
                                             .version = version,
                                             .counted = source_id == 0 };

                place = GUINT_TO_POINTER(proof->versions->len);
                g_array_append_val(proof->versions, fresh);
                g_hash_table_insert(index, g_steal_pointer(&key), place);
        }
        return &g_array_index(proof->versions, VersionProof, GPOINTER_TO_UINT(place));
}

static void
prove_stored(VersionProof *version, gint64 machines)
{
        version->wrong += machines;
        version->counted = true;
}

static bool
read_proof(SummaryProof *proof, DbRows *rows, GError **error)
{
        g_autoptr(GHashTable) index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        bool row = true;

        for (;;) {
                if (!db_next(rows, &row, error))
                        return false;
                if (!row)
                        return true;
                gint64 id = db_cell_int(rows, 1), version = db_cell_int(rows, 2);
                int state = (int)db_cell_int(rows, 3);
                gint64 number = db_cell_int(rows, 4);

                switch (db_cell_int(rows, 0)) {
                case PROVE_STATE:
                        prove_update(proof, id, version, state, number);
                        break;
                case PROVE_COUNT:
                        prove_update(proof, id, version, state, -number);
                        break;
                case PROVE_SCANS:
                        prove_version(proof, index, id, version)->scans = number;
                        break;
                case PROVE_STORED:
                        prove_stored(prove_version(proof, index, id, version), number);
                        break;
                case PROVE_NEEDED:
                        prove_stored(prove_version(proof, index, id, version), 0);
                        break;
                default:
                        proof->update_count = number;
                        break;
                }
        }
}

static gint
compare_versions(gconstpointer a, gconstpointer b)
{
        const VersionProof *x = a, *y = b;

        if (x->source_id != y->source_id)
                return x->source_id < y->source_id ? -1 : 1;
        return (x->version < y->version) - (x->version > y->version);
}

/* From the highest version down: who scanned at a version scanned for all earlier ones too. */
static void
add_up_versions(SummaryProof *proof)
{
        gint64 source_id = 0, machines = 0;

        g_array_sort(proof->versions, compare_versions);
        for (guint i = 0; i < proof->versions->len; i++) {
                VersionProof *version = &g_array_index(proof->versions, VersionProof, i);

                if (version->source_id != source_id)
                        machines = 0;
                source_id = version->source_id;
                machines += version->scans;
                version->wrong = version->counted ? machines - version->wrong : 0;
        }
}

SummaryProof *
summary_prove(Db *db, GError **error)
{
        UK_DOING(error, "counting the states of all updates");
        g_autoptr(SummaryProof) proof = g_new0(SummaryProof, 1);

        proof->updates = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
        proof->versions = g_array_new(FALSE, FALSE, sizeof(VersionProof));
        g_autoptr(DbRows) rows = db_query(db, &sql_summary_prove, DB_NO_ARGS, error);
        if (rows == NULL || !read_proof(proof, rows, error))
                return NULL;
        add_up_versions(proof);
        return g_steal_pointer(&proof);
}

gint64
summary_proof_updates(const SummaryProof *proof)
{
        return proof->update_count;
}

guint
summary_proof_wrong(const SummaryProof *proof, gint64 *first_out)
{
        GHashTableIter iter;
        gpointer value;
        guint count = 0;

        *first_out = 0;
        g_hash_table_iter_init(&iter, proof->updates);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const UpdateProof *update = value;

                if (!is_change(&update->wrong))
                        continue;
                count++;
                if (*first_out == 0 || update->ci_id < *first_out)
                        *first_out = update->ci_id;
        }
        return count;
}

guint
summary_proof_wrong_versions(const SummaryProof *proof)
{
        guint count = 0;

        for (guint i = 0; i < proof->versions->len; i++) {
                if (g_array_index(proof->versions, VersionProof, i).wrong != 0)
                        count++;
        }
        return count;
}

static bool
correct_updates(DbTx *tx, const SummaryProof *proof, gint64 now_us, const char *cause,
                GError **error)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, proof->updates);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const UpdateProof *update = value;
                const StateChange *wrong = &update->wrong;

                if (is_change(wrong) &&
                    !db_run(tx, &sql_summary_correct,
                            DB_ARGS(DB_INT("missing", wrong->missing),
                                    DB_INT("installed", wrong->installed),
                                    DB_INT("undetected", wrong->undetected), DB_TIME("now", now_us),
                                    DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                                    DB_INT("ci", update->ci_id),
                                    DB_INT("version", update->version)),
                            error))
                        return false;
        }
        return true;
}

static bool
add_machines(DbTx *tx, gint64 source_id, gint64 version, gint64 machines, gint64 now_us,
             GError **error)
{
        return db_run(tx, &sql_summary_add_machines,
                      DB_ARGS(DB_INT("source", source_id), DB_INT("version", version),
                              DB_INT("machines", machines), DB_TIME("now", now_us)),
                      error);
}

bool
summary_correct(DbTx *tx, const SummaryProof *proof, gint64 now_us, const char *cause,
                GError **error)
{
        UK_DOING(error, "correcting the summary of updates");

        if (!correct_updates(tx, proof, now_us, cause, error))
                return false;
        for (guint i = 0; i < proof->versions->len; i++) {
                const VersionProof *version = &g_array_index(proof->versions, VersionProof, i);

                if (version->wrong != 0 && !add_machines(tx, version->source_id, version->version,
                                                         version->wrong, now_us, error))
                        return false;
        }
        return db_run(tx, &sql_summary_proved, DB_ARGS(DB_TIME("now", now_us)), error) &&
               db_run(tx, &sql_summary_proved_counts, DB_ARGS(DB_TIME("now", now_us)), error);
}
