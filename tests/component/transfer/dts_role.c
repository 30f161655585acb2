/* dts_role.c - a role of two components: the Data Transfer Service, and an owner of jobs that makes
 * them of files in its inbox and writes a line when one has ended.
 *
 * jobs.box/<key>.JOB: a line "source target priority", then a line "path name size from" a file.
 * jobs.box/<key>.LIM: a line "rate schedule". jobs.box/<key>.END: the job of that key is removed.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "dts_role_schema.h"
#include "host/host.h"
#include "transfer/dts.h"

#define MAX_BODY (4 * 1024 * 1024)

static char *
job_mark(const char *key)
{
        return g_strconcat("job.", key, NULL);
}

static bool
commit_and_ring(Component *c, DbTx *tx_take, GError **error)
{
        if (!db_commit(tx_take, error))
                return false;
        dts_ring(c->host);
        return true;
}

static bool
add_job(Component *c, const char *key, char *body, GError **error)
{
        g_auto(GStrv) lines = g_strsplit(g_strchomp(body), "\n", -1);
        g_auto(GStrv) words = g_strsplit(lines[0], " ", -1);
        g_autofree DtsFile *files = g_new0(DtsFile, g_strv_length(lines));
        g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
        DtsRequest request = { "@owner", key, words[0], words[1], words[2][0] - '0', "test" };
        g_autofree char *id = NULL;
        g_autofree char *mark = job_mark(key);
        g_autoptr(DbTx) tx = NULL;
        guint count = 0;

        for (; lines[count + 1] != NULL; count++) {
                char **file = g_strsplit(lines[count + 1], " ", -1);

                g_ptr_array_add(kept, file);
                files[count] = (DtsFile){ file[0],
                                          file[1],
                                          file[0],
                                          g_ascii_strtoll(file[2], NULL, 10),
                                          g_ascii_strtoll(file[3], NULL, 10),
                                          file[4] != NULL };
        }
        tx = db_begin(c->db, error);
        return tx != NULL && dts_add(tx, &request, files, count, &id, error) &&
               host_mark_set(c->host, mark, id, error) &&
               commit_and_ring(c, g_steal_pointer(&tx), error);
}

static bool
on_job(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *body = NULL;
        g_autofree char *mark = job_mark(file->stem);
        g_autofree char *known = host_mark_get(c->host, mark);
        gsize size;

        return inbox_file_read(file, MAX_BODY, &body, &size, error) &&
               (known != NULL || add_job(c, file->stem, body, error));
}

static bool
on_limit(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *body = NULL;
        gsize size;
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL || !inbox_file_read(file, MAX_BODY, &body, &size, error))
                return false;
        g_auto(GStrv) words = g_strsplit(g_strchomp(body), " ", 2);
        return dts_limit(tx, g_ascii_strtoll(words[0], NULL, 10), words[1] != NULL ? words[1] : "",
                         error) &&
               commit_and_ring(c, g_steal_pointer(&tx), error);
}

static bool
on_end(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *mark = job_mark(file->stem);
        g_autofree char *id = host_mark_get(c->host, mark);
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL || !dts_remove(tx, id, error) || !db_commit(g_steal_pointer(&tx), error))
                return false;
        dts_stop(c->host, id);
        return true;
}

static bool
on_told(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *id = NULL;
        g_autoptr(DtsJob) job = NULL;
        gsize size;

        if (!inbox_file_read(file, MAX_BODY, &id, &size, error) ||
            !dts_load(c->db, id, &job, error))
                return false;
        if (job != NULL)
                uk_log("%s is %s, %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes, %s: %s",
                       file->stem, job->state, job->bytes_done, job->bytes_all,
                       uk_error_name((int)job->error_code), job->error);
        return true;
}

static const ComponentDef owner = {
        .name = "Owner",
        .log = "Owner.log",
        .log_form = UK_LOG_CLIENT,
        .what = "has files downloaded",
        .boxes = {
                { .lane = "main", .box = "jobs.box", .kind = ".JOB", .on_file = on_job },
                { .lane = "main", .box = "jobs.box", .kind = ".LIM", .on_file = on_limit },
                { .lane = "main", .box = "jobs.box", .kind = ".END", .on_file = on_end },
                { .lane = "main", .box = "@owner", .kind = DTS_KIND, .on_file = on_told },
        },
};

static const ComponentDef *const components[] = { &owner, &dts, NULL };

static const SettingDef settings[] = {
#define SETTING_DEF(name, type, fallback, least, most, unit, when, what) \
        { name, SETTING_##type, fallback, least, most, unit, when, what },
#include "transfer/settings.def"
#undef SETTING_DEF
        { .name = NULL },
};

static const HostInit inits[] = { crypto_global_init, db_global_init, net_global_init, NULL };

int
main(int argc, char **argv)
{
        const HostRole role = {
                .role = "dts",
                .components = components,
                .settings = settings,
                .inboxes = "var/lib/upkeep/dts/inboxes",
                .database = "var/lib/upkeep/dts/dts.db",
                .migrations = dts_role_schema,
                .migration_count = DTS_ROLE_SCHEMA_COUNT,
                .migrates = true,
                .inits = inits,
        };

        return host_main(&role, argc, argv);
}
