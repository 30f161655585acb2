/* fixture.h - what the tests of src/db share: a throw-away folder and a database of the tests'
 * schema.
 */
#pragma once

#include <glib/gstdio.h>

#include "base/io.h"
#include "db/changelog.h"
#include "db/db.h"
#include "things_schema.h"
#include "unit/must.h"

typedef struct {
        char *folder;
        char *path;
        Db *db;
} Fixture;

static inline void
fixture_empty(Fixture *f, gconstpointer unused)
{
        f->folder = g_dir_make_tmp("upkeep-db-XXXXXX", NULL);
        g_assert_nonnull(f->folder);
        f->path = g_build_filename(f->folder, "test.db", NULL);
}

static inline Db *
fixture_open(Fixture *f)
{
        g_autoptr(GError) error = NULL;
        Db *db = db_open(f->path, true, 1000, &error);

        g_assert_no_error(error);
        return db;
}

static inline void
fixture_setup(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        fixture_empty(f, unused);
        f->db = fixture_open(f);
        MUST(db_migrate(f->db, things_migrations, THINGS_MIGRATIONS_COUNT, &failure));
}

static inline void
fixture_teardown(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        db_close(f->db);
        MUST(uk_io_remove_tree(f->folder, &failure));
        g_free(f->folder);
        g_free(f->path);
}

#define FIXTURE_CASE(name, setup, fn) g_test_add(name, Fixture, NULL, setup, fn, fixture_teardown)

static inline DbTx *
fixture_begin(Db *db)
{
        g_autoptr(GError) error = NULL;
        DbTx *tx = db_begin(db, &error);

        g_assert_no_error(error);
        return tx;
}

static inline void
fixture_commit(DbTx *tx_take)
{
        g_autoptr(GError) error = NULL;

        MUST(db_commit(tx_take, &failure));
}
