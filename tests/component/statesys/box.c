/* box.c - see box.h. */
#include "component/statesys/box.h"

#include <string.h>

#include "base/log.h"
#include "component/logspec.h"
#include "component/siterole.h"
#include "site/statesys/statesys.h"
#include "sitedb/catalog.h"
#include "sitedb/machine.h"
#include "sitedb/site.h"
#include "sitedb/updatesource.h"
#include "unit/host/kit.h"
#include "unit/must.h"

SITEROLE(statesys);

#define STEP(box_, call_)                                            \
        do {                                                         \
                g_autoptr(DbTx) tx = NULL;                           \
                MUST((tx = db_begin((box_)->db, &failure)) != NULL); \
                MUST(call_);                                         \
                MUST(db_commit(g_steal_pointer(&tx), &failure));     \
        } while (0)

static const Site *
site(void)
{
        static const Site ps1 = { (char *)"PS1",
                                  1,
                                  (char *)"Primary One",
                                  (char *)"PS1SITE.CONTOSO.COM",
                                  (char *)"",
                                  SITE_PRIMARY,
                                  (char *)"0.1.0",
                                  (char *)"/",
                                  1 };

        return &ps1;
}

void
box_set_up(Box *box, gconstpointer settings)
{
        g_autofree char *text = g_strconcat("[site]\ncode=PS1\n[log]\nverbose=*\n",
                                            settings != NULL ? settings : "", NULL);
        g_autoptr(UpdateSource) source = NULL;

        box->root = kit_root();
        kit_settings(box->root, "site", text);
        box->host = kit_host(&role, box->root);
        g_autofree char *path = g_build_filename(box->root, role.database, NULL);
        MUST((box->db = db_open(path, false, 1000, &failure)) != NULL);
        STEP(box, site_install(tx, site(), "test", &failure));
        STEP(box, updatesource_ensure(tx, "Debian", "test", &failure));
        MUST((source = updatesource_load(box->db, &failure)) != NULL);
        box->source = g_strdup(source->unique_id);
        box->start = uk_clock_now() - UK_HOUR;
}

void
box_tear_down(Box *box, gconstpointer unused)
{
        db_close(box->db);
        host_free(box->host);
        kit_end(box->root);
        g_free(box->source);
}

void
box_restart(Box *box)
{
        host_free(box->host);
        box->host = kit_host(&role, box->root);
}

/* ---- updates and machines -------------------------------------------------------------------- */

char *
box_update(int n)
{
        return g_strdup_printf("%08x-b3f4-45fb-83d9-8642554e2773", (unsigned)n * 2654435761u);
}

static void
put_update(Catalog *catalog, DbTx *tx, int n, int revision)
{
        g_autofree char *guid = box_update(n);
        g_autofree char *title = g_strdup_printf("update %d revision %d", n, revision);
        CatalogFile file = { .name = "a.deb",
                             .size = 1,
                             .sha256 = (const guint8 *)"01234567890123456789012345678901",
                             .url = title,
                             .package = "a",
                             .architecture = "amd64",
                             .version = title,
                             .owned = true };
        CatalogUpdate update = { .unique_id = guid,
                                 .revision = revision,
                                 .title = title,
                                 .files = &file,
                                 .file_count = 1 };
        CatalogChange change;

        MUST(catalog_update(catalog, tx, &update, &change, &failure));
}

void
box_synchronize(Box *box, int first, int last, int revision)
{
        Catalog *catalog = NULL;
        gint64 version;

        MUST((catalog = catalog_new(box->db, false, "test", &failure)) != NULL);
        g_autoptr(DbTx) tx = NULL;
        MUST((tx = db_begin(box->db, &failure)) != NULL);
        for (int n = first; n <= last; n++)
                put_update(catalog, tx, n, revision);
        MUST(catalog_finish(catalog, tx, NULL, &failure));
        MUST(updatesource_raise(tx, "test", &version, NULL, &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
        catalog_free(catalog);
}

gint64
box_ci(Box *box, int n)
{
        g_autofree char *guid = box_update(n);
        g_autofree char *question = g_strdup_printf(
                "SELECT CI_ID FROM CI_ConfigurationItems WHERE CI_UniqueID = '%s'", guid);
        g_autofree char *answer = box_ask(box, question);

        return g_ascii_strtoll(answer, NULL, 10);
}

static char *
machine_guid(int n)
{
        return g_strdup_printf("a1006d0e-cf56-41d1-a006-%012x", (unsigned)n);
}

gint64
box_machine(Box *box, int n, bool approve)
{
        g_autofree char *guid = machine_guid(n);
        g_autofree char *name = g_strdup_printf("machine%d", n);
        g_autofree char *key = g_strdup_printf("%064x", (unsigned)n);
        MachineRegistration registration = { guid,          name,          name,
                                             "CONTOSO.COM", "0.1.0",       "Debian 12",
                                             "amd64",       "-----BEGIN…", key };
        g_autoptr(Machine) machine = NULL;

        STEP(box,
             (machine = machine_register(tx, &registration, approve, "test", &failure)) != NULL);
        return machine->id;
}

void
box_set_machine(Box *box, int n, int state)
{
        g_autofree char *guid = machine_guid(n);
        g_autoptr(Machine) machine = NULL;

        MUST(machine_by_smsid(box->db, guid, &machine, &failure));
        if (state >= 0)
                STEP(box, machine_set_state(tx, machine->id, (MachineState)state, "admin", NULL,
                                            &failure));
        else
                STEP(box, machine_delete(tx, machine->id, &failure));
}

/* ---- reports --------------------------------------------------------------------------------- */

char *
box_report(Box *box, int machine, const BoxMessage *messages, guint count)
{
        g_autofree char *guid = machine_guid(machine);
        StateReportHead head = { .client_id = guid,
                                 .client_version = (char *)"0.1.0",
                                 .name = (char *)"machine",
                                 .client_installed = true,
                                 .priority = 5,
                                 .content = (char *)"State Message Data",
                                 .date_us = box->start,
                                 .trace = (char *)BOX_TRACE };
        g_autofree StateReportMessage *all = g_new0(StateReportMessage, count);
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);

        for (guint i = 0; i < count; i++) {
                const BoxMessage *m = &messages[i];
                char *id = m->type == 500   ? box_update(m->about)
                           : m->type == 501 ? g_strdup(box->source)
                                            : g_strdup_printf("topic %d", m->about);

                g_ptr_array_add(ids, id);
                all[i].time_us = box->start + m->time * UK_SECOND;
                all[i].serial = m->serial;
                all[i].topic_type = m->type;
                all[i].topic_id = id;
                all[i].state_id = m->state;
                all[i].details = m->details != NULL ? m->details : "";
                for (; all[i].param_count < 3 && m->params[all[i].param_count] != NULL;
                     all[i].param_count++)
                        all[i].params[all[i].param_count] = m->params[all[i].param_count];
        }
        return statereport_write(&head, all, count);
}

void
box_send(Box *box, const char *folder, const char *name, int machine, const BoxMessage *messages,
         guint count)
{
        g_autofree char *text = box_report(box, machine, messages, count);

        kit_put(box->host, folder, name, text, 0);
}

char *
box_details(int version, int missing, int installed, const char *digest)
{
        return g_strdup_printf("version %d\ntime 2026-01-02T03:04:05.000Z\n"
                               "location http://sup.example.org:8530\nmissing %d\ninstalled %d\n"
                               "notapplicable 7\ndigest %s\n",
                               version, missing, installed, digest);
}

static int
compare_lines(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *
box_digest(const int *pairs)
{
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

        for (; *pairs != 0; pairs += 2) {
                g_autofree char *guid = box_update(pairs[0]);

                g_ptr_array_add(lines, g_strdup_printf("%s %d\n", guid, pairs[1]));
        }
        g_ptr_array_sort(lines, compare_lines);
        for (guint i = 0; i < lines->len; i++)
                g_checksum_update(sum, lines->pdata[i], -1);
        return g_strdup(g_checksum_get_string(sum));
}

/* ---- running and looking --------------------------------------------------------------------- */

void
box_run(Box *box)
{
        kit_run(box->host);
        kit_step(11 * UK_SECOND);
        kit_run(box->host);
}

char *
box_log(Box *box)
{
        g_autofree char *log = kit_log(box->host, "StateSys.log");

        return logspec_texts(log);
}

bool
box_has(Box *box, const char *folder, const char *name)
{
        return kit_is_there(box->host, folder, name);
}

char *
box_ask(Box *box, const char *question)
{
        const DbSql sql = { "ask", question, "", "" };
        g_autoptr(Db) own = NULL;
        g_autoptr(DbRows) rows = NULL;
        GString *text = g_string_new(NULL);
        bool row = false;

        /* On a connection of its own: statements are kept by their address. */
        MUST((own = db_open_readonly(db_path(box->db), 1000, &failure)) != NULL);
        MUST((rows = db_query(own, &sql, DB_NO_ARGS, &failure)) != NULL);
        for (;;) {
                MUST(db_next(rows, &row, &failure));
                if (!row)
                        return g_string_free(text, FALSE);
                for (int i = 0; i < db_columns(rows); i++) {
                        const char *cell = db_cell_text(rows, i, NULL);

                        g_string_append_printf(text, "%s%s",
                                               i > 0           ? "|"
                                               : text->len > 0 ? " "
                                                               : "",
                                               cell != NULL ? cell : "-");
                }
        }
}

void
box_do(Box *box, const char *statement)
{
        const DbSql sql = { "do", statement, "", "" };
        g_autoptr(Db) own = NULL;
        g_autoptr(DbTx) tx = NULL;

        MUST((own = db_open(db_path(box->db), false, 1000, &failure)) != NULL);
        MUST((tx = db_begin(own, &failure)) != NULL);
        MUST(db_run(tx, &sql, DB_NO_ARGS, &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

void
box_check_summary(Box *box)
{
        BOX_ASK(box,
                "SELECT s.CI_ID, s.NumTotal, l.NumTotal, s.NumMissing, l.NumMissing,"
                " s.NumInstalled, l.NumInstalled, s.NumNotApplicable, l.NumNotApplicable,"
                " s.NumUnknown, l.NumUnknown"
                " FROM Update_ComplianceSummary s"
                " LEFT JOIN v_Update_ComplianceSummary_Live l ON l.CI_ID = s.CI_ID"
                " WHERE s.NumTotal <> COALESCE(l.NumTotal, 0)"
                " OR s.NumMissing <> COALESCE(l.NumMissing, 0)"
                " OR s.NumInstalled <> COALESCE(l.NumInstalled, 0)"
                " OR s.NumNotApplicable <> COALESCE(l.NumNotApplicable, 0)"
                " OR s.NumUnknown <> COALESCE(l.NumUnknown, 0)",
                "");
}
