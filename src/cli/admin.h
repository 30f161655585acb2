/* admin.h - a client of the provider's AdminService, the administrator's interface over HTTP.
 *
 *   upkeep ── GET  /AdminService/wmi/SMS_Site?$filter=…              ──▶ upkeep-provider
 *   upkeep ── POST /AdminService/wmi/SMS_SoftwareUpdate.SyncNow {…}  ──▶ upkeep-provider
 *
 * Pages are followed, so that a caller sees one list. Errors are the provider's own sentences.
 */
#pragma once

#include "base/error.h"
#include "wire/json.h"

typedef struct Admin Admin;

/* What to ask for; texts may be NULL, top 0 is everything. */
typedef struct {
        const char *filter;  /* OData: "IsExpired eq false" */
        const char *select;  /* "CI_ID,ArticleID" */
        const char *orderby; /* "DatePosted desc" */
        gint64 top;
} AdminQuery;

/* Rows of an answer; each is a JSON object and lives as long as this. */
typedef struct {
        GPtrArray *docs; /* of JsonDoc */
        GPtrArray *rows; /* of const JsonValue */
        bool more;       /* there are more rows than top */
} AdminRows;

void admin_rows_free(AdminRows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AdminRows, admin_rows_free)

/* The provider at url ("http://host:port"), or, if url is NULL, the one whose ready file stands
 * below root. NOT_FOUND names the next command when there is none. Nothing is sent yet. */
Admin *admin_open(const char *root, const char *url, GError **error) UK_MUST_USE;
void admin_close(Admin *admin);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Admin, admin_close)

/* From now on a provider from which no byte comes for so many seconds does not answer. */
void admin_patience(Admin *admin, unsigned seconds);
/* The rows of a class. query may be NULL. */
AdminRows *admin_list(Admin *admin, const char *class_name, const AdminQuery *query,
                      GError **error) UK_MUST_USE;
/* The rows of a class (query as in admin_list) as soon as they are not those that *etag is of, at
 * the latest after a few seconds; *etag (NULL at first: at once) is replaced by that of the answer.
 */
AdminRows *admin_follow(Admin *admin, const char *class_name, const AdminQuery *query, char **etag,
                        GError **error) UK_MUST_USE;
/* One instance with its lazy properties; key as in the URL: 'PS1' with its quotes, or 16777345.
 * NOT_FOUND when there is none; else the result has one row. */
AdminRows *
admin_one(Admin *admin, const char *class_name, const char *key, GError **error) UK_MUST_USE;
/* Calls a method of a class (key NULL) or of an instance, or, with method NULL too, creates an
 * instance; body is a JSON object. The caller frees the answer, which may be an empty object. */
JsonDoc *admin_call(Admin *admin, const char *class_name, const char *key, const char *method,
                    const char *body, GError **error) UK_MUST_USE;
/* Changes an instance: the properties in body, a JSON object. */
bool admin_change(Admin *admin, const char *class_name, const char *key, const char *body,
                  GError **error) UK_MUST_USE;
/* Deletes an instance. */
bool
admin_delete(Admin *admin, const char *class_name, const char *key, GError **error) UK_MUST_USE;

/* 'text' as OData wants it, quotes doubled. The caller's. */
char *admin_quote(const char *text);
