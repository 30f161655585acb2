/* fixture.h - what the tests of src/sitedb share: a throw-away site database of site PS1 with one
 * software update point, and a transaction around each step.
 */
#pragma once

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "db/changelog.h"
#include "sitedb/schema.h"
#include "sitedb/site.h"
#include "sitedb/syncstatus.h"
#include "sitedb/updatesource.h"
#include "unit/must.h"

#define SUP   "PS1SITE.CONTOSO.COM"
#define TRACE "0af7651916cd43dd8448eb211c80319c"

typedef struct {
        char *folder;
        char *path;
        Db *db;
        char *source_id;
} Fixture;

/* Runs a step in a transaction of its own, which it may name tx. */
#define STEP(f_, call_)                                            \
        do {                                                       \
                g_autoptr(DbTx) tx = NULL;                         \
                MUST((tx = db_begin((f_)->db, &failure)) != NULL); \
                MUST(call_);                                       \
                MUST(db_commit(g_steal_pointer(&tx), &failure));   \
        } while (0)

static inline void
fixture_empty(Fixture *f, gconstpointer unused)
{
        f->folder = g_dir_make_tmp("upkeep-sitedb-XXXXXX", NULL);
        g_assert_nonnull(f->folder);
        f->path = g_build_filename(f->folder, "site.db", NULL);
        MUST((f->db = db_open(f->path, true, 1000, &failure)) != NULL);
        MUST(db_migrate(f->db, sitedb_migrations, SITEDB_MIGRATIONS_COUNT, &failure));
        uk_trace_set(TRACE);
}

static inline const Site *
fixture_site(void)
{
        static const Site site = { (char *)"PS1",   1,           (char *)"Primary One",
                                   (char *)SUP,     (char *)"",  SITE_PRIMARY,
                                   (char *)"0.1.0", (char *)"/", 1 };

        return &site;
}

static inline void
fixture_setup(Fixture *f, gconstpointer unused)
{
        fixture_empty(f, unused);
        STEP(f, site_install(tx, fixture_site(), "test", &failure));
        STEP(f, updatesource_ensure(tx, "Debian", "test", &failure));
        g_autoptr(UpdateSource) source = NULL;
        MUST((source = updatesource_load(f->db, &failure)) != NULL);
        f->source_id = g_strdup(source->unique_id);
        STEP(f, syncstatus_ensure(tx, "PS1", SUP, f->source_id, "test", &failure));
        STEP(f, changelog_register(tx, "test", &failure));
}

static inline void
fixture_teardown(Fixture *f, gconstpointer unused)
{
        db_close(f->db);
        MUST(uk_io_remove_tree(f->folder, &failure));
        g_free(f->folder);
        g_free(f->path);
        g_free(f->source_id);
        uk_trace_set("");
}

#define FIXTURE_CASE(name, setup, fn) g_test_add(name, Fixture, NULL, setup, fn, fixture_teardown)

/* The first column of the one row of a question of the test's own. */
static inline char *
ask(Db *db, const char *question)
{
        const DbSql sql = { "ask", question, "", "" };
        g_autoptr(Db) own = NULL;
        g_autoptr(DbRows) rows = NULL;
        bool row = false;

        /* On a connection of its own: statements are kept by their address. */
        MUST((own = db_open_readonly(db_path(db), 1000, &failure)) != NULL);
        MUST((rows = db_query(own, &sql, DB_NO_ARGS, &failure)) != NULL);
        MUST(db_next(rows, &row, &failure));
        return row ? g_strdup(db_cell_text(rows, 0, NULL)) : NULL;
}

#define ASK(f_, question_, expected_)                                  \
        do {                                                           \
                g_autofree char *answer_ = ask((f_)->db, (question_)); \
                g_assert_cmpstr(answer_, ==, (expected_));             \
        } while (0)

/* The notices since the last call, "Notice:Value Notice:Value". */
static inline char *
notices(Fixture *f)
{
        g_autoptr(GPtrArray) log = NULL;
        g_autoptr(GString) text = g_string_new(NULL);
        gint64 last = 0;

        MUST((log = changelog_read(f->db, "test", 100, &failure)) != NULL);
        for (guint i = 0; i < log->len; i++) {
                const ChangelogEntry *entry = log->pdata[i];
                g_string_append_printf(text, "%s%s:%s", i > 0 ? " " : "", entry->notice,
                                       entry->value);
                last = entry->seq;
        }
        if (last > 0)
                STEP(f, changelog_advance(tx, "test", last, &failure));
        return g_string_free(g_steal_pointer(&text), FALSE);
}

#define NOTICES(f_, expected_)                           \
        do {                                             \
                g_autofree char *seen_ = notices(f_);    \
                g_assert_cmpstr(seen_, ==, (expected_)); \
        } while (0)
