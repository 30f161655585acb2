/* pulldp_source.c - from whom a content item is fetched: by rank, at random among equals, then the
 * other distribution points of the site; each is left for good once something is said against it.
 *
 * What was fetched from one source stays and is completed from the next (DIST-120, OQ-D37; 51,
 * section 8).
 */
#include <string.h>

#include "crypto/random.h"
#include "dp/pulldp/pulldp_private.h"
#include "transfer/dts.h"

/* A source and its place. */
typedef struct {
        char *base;
        int rank;
        guint32 chance;
} Choice;

static void
choice_free(gpointer data)
{
        g_free(((Choice *)data)->base);
        g_free(data);
}

static int
compare(gconstpointer a, gconstpointer b)
{
        const Choice *one = *(const Choice *const *)a, *two = *(const Choice *const *)b;

        if (one->rank != two->rank)
                return one->rank < two->rank ? -1 : 1;
        return one->chance < two->chance ? -1 : one->chance > two->chance;
}

static void
add(GPtrArray *choices, char *base_take, int rank)
{
        Choice *choice;

        for (guint i = 0; base_take != NULL && i < choices->len; i++) {
                if (strcmp(((Choice *)choices->pdata[i])->base, base_take) == 0)
                        g_clear_pointer(&base_take, g_free);
        }
        if (base_take == NULL)
                return;
        choice = g_new0(Choice, 1);
        choice->base = base_take;
        choice->rank = rank;
        crypto_random(&choice->chance, sizeof choice->chance);
        g_ptr_array_add(choices, choice);
}

/* The address of a configured distribution point in the form of those in notifications. */
static char *
base_of(const char *url)
{
        PullNoticeSource source = { .url = (char *)url,
                                    .https = g_str_has_prefix(url, "https://") };

        return pullnotice_source_base(&source);
}

bool
pulldp_source_add(DbTx *tx, const DistributionPoint *dp, const PullNotice *notice,
                  const PullNoticeContent *content, const char *guid, GError **error)
{
        g_autoptr(GPtrArray) choices = g_ptr_array_new_with_free_func(choice_free);

        for (guint i = 0; i < content->sources->len; i++) {
                const PullNoticeSource *source = content->sources->pdata[i];

                add(choices, pullnotice_source_base(source), source->rank);
        }
        for (guint i = 0; notice->allow_fallback && i < dp->sources->len; i++) {
                const DistributionPointSource *source = dp->sources->pdata[i];

                add(choices, base_of(source->url), G_MAXINT);
        }
        g_ptr_array_sort(choices, compare);
        for (guint i = 0; i < choices->len; i++) {
                if (!pulljob_add_source(tx, guid, i + 1, ((Choice *)choices->pdata[i])->base,
                                        error))
                        return false;
        }
        return true;
}

/* The verdict and the new beginning stand together. */
static bool
judge(Component *c, PullContent *content, PullVerdict verdict, const char *why, GError **error)
{
        g_autofree char *source = g_strdup(content->source);
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        g_free(content->error);
        content->error = g_strdup(why);
        content->state = PULL_NOT_STARTED;
        if (tx == NULL ||
            (source[0] != '\0' &&
             !pulljob_judge_source(tx, content->guid, source, verdict, error)) ||
            (content->dts_job[0] != '\0' && !dts_remove(tx, content->dts_job, error)))
                return false;
        g_free(content->dts_job);
        content->dts_job = g_strdup("");
        g_free(content->source);
        content->source = g_strdup("");
        return pulljob_save_content(tx, content, error) && db_commit(g_steal_pointer(&tx), error);
}

bool
pulldp_source_next(Component *c, PullContent *content, PullVerdict verdict, const char *why,
                   GError **error) /* DIST-120 */
{
        g_autofree char *next = NULL;
        g_autofree char *reason = g_strdup_printf("%s: %s", content->content_id, why);
        bool failed = false;

        if (content->source[0] != '\0')
                uk_warn("Content job %s for package %s.%" G_GINT64_FORMAT
                        ": source '%s' is left for another one: %s",
                        content->guid, content->package_id, content->version, content->source, why);
        if (!judge(c, content, verdict, why, error) ||
            !pulljob_next_source(c->db, content->guid, &next, error))
                return false;
        if (next != NULL)
                return pulldp_run_content(c, content->guid, error);
        if (!pulljob_any_failed(c->db, content->guid, &failed, error))
                return false;
        return failed ? pulldp_package_fail(c, content->package_id, reason, false, error)
                      : pulldp_package_wait(c, content->package_id, reason, error);
}
