/* smsdbmon_routes.c - the table of notices: table, event, notice, box, kind of file.
 *
 * The rows are those of the schema, whose triggers append to the change log; here only the blanks
 * of the log lines are added.
 */
#include "site/smsdbmon/smsdbmon_routes.h"

#include <string.h>

static const SmsdbmonRoute routes[] = {
#define NOTICE(name, table, event, columns, when, value, logged, box, kind, body) \
        { name, table, logged, box, kind, body },
#include "sitedb/schema/notices.def"
#undef NOTICE
        { .notice = NULL },
};

/* What the product's own lines look like (93-logs 8.1, 11.8); readers trim. */
static const SmsdbmonSpelling spellings[] = {
        { "PkgNotify_Add", "", "  " },
        { "PullDPResponse_UpdIns", "  ", "  " },
        { NULL, "", " " },
};

const SmsdbmonRoute *
smsdbmon_routes_table(void)
{
        return routes;
}

const SmsdbmonRoute *
smsdbmon_routes_find(const char *notice)
{
        for (const SmsdbmonRoute *route = routes; route->notice != NULL; route++) {
                if (strcmp(route->notice, notice) == 0)
                        return route;
        }
        return NULL;
}

const SmsdbmonSpelling *
smsdbmon_routes_spelling(const char *notice)
{
        const SmsdbmonSpelling *spelling = spellings;

        while (spelling->notice != NULL && strcmp(spelling->notice, notice) != 0)
                spelling++;
        return spelling;
}
