/* bench_statesys.c - messages per second through the state system, from files in its inbox to rows
 * on disk with the files removed, beside a raw SQLite loop that appends and upserts the same rows.
 *
 *     bench_statesys [REPORTS]
 *
 * Reports of five messages about random updates of 30,000, each missing with one package, from
 * 5,000 approved machines that have scanned, so that every message changes the summary. The raw
 * loop has the statements prepared, checks nothing, and commits every 1,000 messages
 * (synchronous=FULL).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "bench_raw.h"
#include "crypto/hash.h"
#include "inbox/drop.h"
#include "site/statesys/statesys.h"
#include "wire/statereport.h"
#include "wire/xml.h"

#define ROUNDS 3
#define BOX    "auth/statesys.box/incoming"

static const ComponentDef *const components[] = { &statesys, NULL };

static void
drop_reports(const char *root, guint reports, guint32 random_seed)
{
        g_autofree char *box = g_build_filename(root, "var/lib/upkeep/site/inboxes", BOX, NULL);
        g_autoptr(GRand) random = g_rand_new_with_seed(random_seed);
        g_autoptr(GError) error = NULL;

        for (guint r = 0; r < reports; r++) {
                g_autofree char *guid =
                        g_strdup_printf("a1006d0e-cf56-41d1-a006-%012x",
                                        (unsigned)g_rand_int_range(random, 1, RAW_MACHINES + 1));
                g_autofree char *name = g_strdup_printf("%08u.SMX", r);
                char ids[RAW_PER_REPORT][40];
                StateReportMessage messages[RAW_PER_REPORT] = { 0 };
                const StateReportHead head = { .client_id = guid,
                                               .client_version = (char *)"0.1.0",
                                               .name = (char *)"m",
                                               .client_installed = true,
                                               .priority = 5,
                                               .content = (char *)"State Message Data",
                                               .date_us = UK_DAY,
                                               .trace = (char *)"" };

                for (guint m = 0; m < RAW_PER_REPORT; m++) {
                        g_snprintf(ids[m], sizeof ids[m], "%08x-b3f4-45fb-83d9-8642554e2773",
                                   (unsigned)g_rand_int_range(random, 1, RAW_UPDATES + 1));
                        messages[m] = (StateReportMessage){
                                .time_us = UK_DAY * 20000 + r * UK_SECOND,
                                .serial = r * RAW_PER_REPORT + m,
                                .topic_type = 500,
                                .id_type = 3,
                                .topic_id = ids[m],
                                .user = "",
                                .state_id = 2,
                                .param_count = 1,
                                .params = { "200" },
                                .details = "libexample1 amd64 1.2.3-4 1.2.3-5\n",
                        };
                }
                g_autofree char *text = statereport_write(&head, messages, RAW_PER_REPORT);
                bench_must(inbox_drop_unsynced(box, name, text, strlen(text), &error), error);
        }
}

static RawCost
state_system(const HostRole *role, guint reports, guint32 random_seed)
{
        char *root = bench_folder();
        g_autofree char *path = raw_site(role, root);
        g_autofree char *conf = g_build_filename(root, "etc/upkeep/site.conf", NULL);
        g_autoptr(GError) error = NULL;
        bool worked = false;

        bench_must(uk_io_replace(conf, "[statesys]\npause_seconds=0\n", 27, 0600, &error), error);
        Host *host = host_new(role, root, &error);
        bench_must(host != NULL && host_step(host, &worked, &error), error);
        drop_reports(root, reports, random_seed);
        gint64 began = uk_clock_mono();
        double cpu = bench_cpu();
        bench_must(host_step(host, &worked, &error), error);
        RawCost cost = raw_cost(reports, began, cpu);
        host_free(host);
        cost.count = raw_count_states(path);
        bench_folder_remove(root);
        return cost;
}

int
main(int argc, char **argv)
{
        guint reports = argc > 1 ? (guint)atoi(argv[1]) : 10000;
        const HostRole role = raw_role(components);
        double ours[ROUNDS], raw[ROUNDS], our_cpu[ROUNDS], raw_cpu[ROUNDS];
        g_autoptr(GError) error = NULL;

        bench_must(crypto_global_init(&error) && db_global_init(&error) && wire_global_init(&error),
                   error);
        for (guint round = 0; round < ROUNDS; round++) {
                RawCost limit = raw_loop(&role, reports, round);
                RawCost cost = state_system(&role, reports, round);

                if (cost.count != limit.count)
                        bench_fail("%" G_GINT64_FORMAT
                                   " states and packages, not %" G_GINT64_FORMAT,
                                   cost.count, limit.count);
                ours[round] = cost.rate;
                raw[round] = limit.rate;
                our_cpu[round] = cost.cpu;
                raw_cpu[round] = limit.cpu;
        }
        printf("%u reports of %d messages, median of %d; the raw loop is the limit, 0.5 of it is "
               "asked for\n",
               reports, RAW_PER_REPORT, ROUNDS);
        bench_print("state messages", bench_median(ours, ROUNDS), "a second",
                    bench_median(raw, ROUNDS));
        bench_print("processor time", bench_median(our_cpu, ROUNDS), "us a message",
                    bench_median(raw_cpu, ROUNDS));
        return 0;
}
