/* rowreader.c - the reader of the flow row-to-file: a component that takes the files which smsdbmon
 * drops and makes one effect for each piece of work that they carry.
 *
 *     upkeep-rowreader --root ROOT
 *
 * A file may be served twice, and one piece of work may come in several files; the effect and the
 * note that it was made are one transaction. The setting rowreader.mistake plants what a handler
 * must never do, for the test to find.
 */
#include "base/io.h"
#include "host/host.h"
#include "inbox/drop.h"
#include "rowreader.sql.h"
#include "rowreader_schema.h"

#define MAX_BODY (1024 * 1024)

static bool
act(DbTx *tx, const InboxFile *file, const InboxNotice *notice, const char *trace, GError **error)
{
        gint64 new = 0;

        if (!db_run_counted(tx, &sql_rowreader_see,
                            DB_ARGS(DB_TEXT("kind", file->kind), DB_TEXT("trace", trace)), &new,
                            error))
                return false;
        return new == 0 || db_run(tx, &sql_rowreader_act,
                                  DB_ARGS(DB_TEXT("kind", file->kind), DB_TEXT("trace", trace),
                                          DB_INT("seq", notice->seq)),
                                  error);
}

static bool
on_file(Component *c, const InboxFile *file, GError **error)
{
        UK_DOING(error, "taking %s", file->name);
        g_autofree char *body = NULL;
        g_autoptr(InboxNotice) notice = NULL;
        g_autoptr(DbTx) tx = NULL;
        gsize size = 0;

        if (!inbox_file_read(file, MAX_BODY, &body, &size, error) ||
            (notice = inbox_notice_read(body, size, error)) == NULL)
                return false;
        if (settings_bool(host_settings(c->host), "rowreader.mistake") &&
            !inbox_file_done(file, error))
                return false;
        tx = db_begin(c->db, error);
        if (tx == NULL)
                return false;
        for (char **trace = notice->traces; *trace != NULL; trace++) {
                if (!act(tx, file, notice, *trace, error))
                        return false;
        }
        return db_commit(g_steal_pointer(&tx), error);
}

static const ComponentDef rowreader = {
        .name = "TEST_ROWREADER",
        .log = "RowReader.log",
        .log_form = UK_LOG_SERVER,
        .what = "Makes one effect for each piece of work that files carry",
        .boxes = { { "sync", "WSyncMgr.box", ".SYN", on_file, .bare_name = true },
                   { "packages", "distmgr.box", ".PKN", on_file, .bare_name = true } },
};
static const ComponentDef *const components[] = { &rowreader, NULL };
static const SettingDef settings[] = {
        { "rowreader.mistake", SETTING_BOOL, "false", 0, 0, "", "at once",
          "Removes the input before its effect is durable" },
        { .name = NULL },
};
static const HostRole role = { .role = "rowreader",
                               .components = components,
                               .settings = settings,
                               .database = "var/lib/upkeep/rowreader/rowreader.db",
                               .migrations = rowreader_migrations,
                               .migration_count = ROWREADER_MIGRATIONS_COUNT,
                               .migrates = true };

int
main(int argc, char **argv)
{
        return host_main(&role, argc, argv);
}
