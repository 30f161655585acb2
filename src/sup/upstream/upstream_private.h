/* upstream_private.h - a run of upstream_debian, between its files. */
#pragma once

#include "deb/evalset.h"
#include "sup/catalog/products.h"
#include "sup/upstream/suite.h"
#include "sup/upstream/trust_private.h"
#include "sup/upstream/upstream.h"

typedef struct {
        Db *catalog;
        const UpstreamOptions *options;
        gint64 now_us;
        double refused_share;
        AptConf *conf;
        AptAuth *auth;
        Fetch *fetch;
        GPtrArray *suites;          /* of Suite */
        GPtrArray *held_suites;     /* of CatalogSuite */
        GPtrArray *held_indexes;    /* of CatalogIndex */
        GPtrArray *held_products;   /* of CatalogProduct */
        GPtrArray *problems;        /* of char *; the result's */
        GPtrArray *source_problems; /* likewise, with the sources themselves */
        guint stanzas;              /* read */
        gint64 told;                /* when progress was last told, uk_clock_mono() */
        UpstreamProgress progress;
} UpstreamWork;

/* Tells the progress, at most a few times a second unless always; false: stop. */
bool upstream_tell(UpstreamWork *work, bool always);
/* Makes a suite one that failed; its name is put before the error, which is taken. */
void upstream_fail_suite(Suite *suite, GError *error_take);
/* Fetches and reads an index into the spool, or finds it there from an earlier run. */
bool upstream_read_index(UpstreamWork *work, Suite *suite, SuiteIndex *index,
                         GError **error) UK_MUST_USE;
/* Reads a file of the spool: how many stanzas it has, how many were refused, the packed ones. */
bool upstream_spooled_read(const char *path, guint *stanzas_out, guint *refused_out,
                           GBytes **packed_out, GError **error) UK_MUST_USE;
/* Writes what was found of all suites, and cleans the spool. */
bool upstream_write(UpstreamWork *work, CatalogRunResult *result, GError **error) UK_MUST_USE;
