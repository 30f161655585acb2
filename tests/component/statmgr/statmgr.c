/* statmgr in a box: files as the management point leaves them, rows are looked at. */
#include "site/statmgr/statmgr.h"

#include <locale.h>
#include <string.h>

#include "base/clock.h"
#include "component/siterole.h"
#include "sitedb/statusmessage.h"
#include "unit/host/kit.h"
#include "unit/must.h"

#define BOX "statmgr.box/statmsgs"
#define MESSAGE                                                                            \
        "{\"MessageID\":8203,\"Severity\":\"E\",\"Component\":\"PullDP\",\"MachineName\":" \
        "\"DP1.EXAMPLE.COM\",\"SiteCode\":\"PS1\",\"Time\":\"2026-01-02T03:04:05.678Z\","  \
        "\"ProcessID\":12,\"ThreadID\":13,\"Trace\":\"0af7651916cd43dd8448eb211c80319c\"," \
        "\"InsStrings\":[\"PS100001\",\"2\",\"DP1\",\"it rained\"],"                       \
        "\"Attributes\":[{\"ID\":400,\"Value\":\"PS100001\"},{\"ID\":410,\"Value\":\"2\"}]}"

SITEROLE(statmgr);

typedef struct {
        char *root;
        Host *host;
        Db *db;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
        f->root = kit_root();
        kit_settings(f->root, "site", "[site]\ncode=PS1\n");
        f->host = kit_host(&role, f->root);
        g_autofree char *path = g_build_filename(f->root, role.database, NULL);
        MUST((f->db = db_open(path, false, 1000, &failure)) != NULL);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
        db_close(f->db);
        host_free(f->host);
        kit_end(f->root);
}

/* "severity id machine component text" of all rows, a line each. */
static char *
rows(Fixture *f)
{
        const StatusMessageFilter all = { 0 };
        g_autoptr(DbRows) list = NULL;
        GString *text = g_string_new(NULL);
        static const char *const names[] = { "Severity",  "MessageID",   "MachineName",
                                             "Component", "MessageText", "Trace" };
        bool row = true;

        MUST((list = statusmessage_rows(f->db, &all, &failure)) != NULL);
        for (;;) {
                MUST(db_next(list, &row, &failure));
                if (!row)
                        return g_string_free(text, FALSE);
                for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                        int column;

                        MUST(db_column(list, names[i], &column, &failure));
                        g_string_append_printf(text, "%s%s", i > 0 ? "|" : "",
                                               db_cell_text(list, column, NULL));
                }
                g_string_append_c(text, '\n');
        }
}

static void
becomes_a_row(Fixture *f, gconstpointer unused)
{
        g_autofree char *text = NULL;

        for (int i = 0; i < 2; i++) { /* the second time as after a crash */
                kit_put(f->host, BOX, "A.SVF", MESSAGE, 0);
                kit_run(f->host);
                g_assert_false(kit_is_there(f->host, BOX, "A.SVF"));
        }
        text = rows(f);
        g_assert_cmpstr(text, ==,
                        "-1073741824|8203|DP1.EXAMPLE.COM|PullDP|The transfer of package PS100001, "
                        "version 2, to distribution point DP1 failed: it rained|"
                        "0af7651916cd43dd8448eb211c80319c\n");
}

static void
refused(Fixture *f, gconstpointer unused)
{
        static const char *const bad[] = { "", "{", "[]", "{\"MessageID\":1}",
                                           "{\"MessageID\":-1,\"Severity\":\"I\"}" };
        g_autofree char *text = NULL;

        for (guint i = 1; i < G_N_ELEMENTS(bad); i++) {
                kit_put(f->host, BOX, "BAD.SVF", bad[i], 0);
                kit_run(f->host);
                g_assert_false(kit_is_there(f->host, BOX, "BAD.SVF"));
        }
        g_assert_true(kit_is_there(f->host, "statmgr.box/corrupt", "BAD.SVF.why"));
        kit_put(f->host, BOX, "GOOD.SVF", MESSAGE, 0);
        kit_run(f->host);
        text = rows(f);
        g_assert_nonnull(strstr(text, "it rained"));
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add("/statmgr/becomes-a-row-once", Fixture, NULL, set_up, becomes_a_row, tear_down);
        g_test_add("/statmgr/refused", Fixture, NULL, set_up, refused, tear_down);
        return g_test_run();
}
