/* smsdbmon_routes.c - the table of notices: table, event, notice, box, kind of file.
 *
 * The rows are those of the schema, whose triggers append to the change log; here only what
 * is special about one is added.
 */
#include "site/smsdbmon/smsdbmon_routes.h"

#include <string.h>

#include "sitedb/distpoint.h"
#include "sitedb/pkgnotification.h"

static const SmsdbmonRoute routes[] = {
#define NOTICE(name, table, event, columns, when, value, logged, box, kind, body) \
        { name, table, logged, box, kind, body },
#include "sitedb/schema/notices.def"
#undef NOTICE
        { .notice = NULL },
};

/* Blanks as in the product's own lines (93-logs 8.1, 11.8); readers trim. Rows of the
 * notifications' tables are there only to be noticed (DIST-008). */
static const SmsdbmonManner manners[] = {
        { "PkgNotify_Add", "", "  ", pkgnotification_remove_told },
        { "DPNotify_Add", "", " ", distpoint_remove_told },
        { "PullDPResponse_UpdIns", "  ", "  ", NULL },
        { NULL, "", " ", NULL },
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

const SmsdbmonManner *
smsdbmon_routes_manner(const char *notice)
{
        const SmsdbmonManner *manner = manners;

        while (manner->notice != NULL && strcmp(manner->notice, notice) != 0)
                manner++;
        return manner;
}
