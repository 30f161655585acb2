/* lab_points.c - tells the site of a lab of the lab's distribution points.
 *
 * Comes in: what runs in the lab, what the site knows. Goes out: instances of
 * SMS_DistributionPointInfo. Pull distribution points fetch from the standard ones in their order,
 * and at last from the site server's own.
 */
#include "cli/lab_points.h"

#include <string.h>

#include "cli/admin.h"
#include "lab/lab.h"

#define CLASS "SMS_DistributionPointInfo"

/* The full name of the site server; the caller's. */
static char *
site_server(Admin *admin, GError **error)
{
        g_autoptr(AdminRows) rows = admin_list(admin, "SMS_Site", NULL, error);

        if (rows == NULL)
                return NULL;
        if (rows->rows->len == 0) {
                uk_fail(error, UK_ERROR_NOT_YET, "the site is not installed yet");
                return NULL;
        }
        return g_strdup(json_get_text(rows->rows->pdata[0], "ServerName", ""));
}

/* What the site knows of a server, or NULL. */
static const JsonValue *
known(const AdminRows *rows, const char *server)
{
        for (guint i = 0; i < rows->rows->len; i++) {
                if (g_ascii_strcasecmp(json_get_text(rows->rows->pdata[i], "ServerName", ""),
                                       server) == 0)
                        return rows->rows->pdata[i];
        }
        return NULL;
}

static void
write_source(JsonWriter *w, const char *server, gint64 rank)
{
        json_object(w, NULL);
        json_text(w, "ServerName", server);
        json_int(w, "Rank", rank);
        json_end(w, '}');
}

/* The standard ones in their order, the co-located one behind them. */
static void
write_sources(JsonWriter *w, GPtrArray *dps)
{
        gint64 rank = 1;

        json_array(w, "Sources");
        for (guint i = 0; i < dps->len; i++) {
                const LabDp *dp = dps->pdata[i];

                if (!dp->pull && !dp->colocated)
                        write_source(w, dp->server, rank++);
        }
        for (guint i = 0; i < dps->len; i++) {
                const LabDp *dp = dps->pdata[i];

                if (dp->colocated)
                        write_source(w, dp->server, rank);
        }
        json_end(w, ']');
}

static bool
add(Admin *admin, GPtrArray *dps, const LabDp *dp, GError **error)
{
        g_autoptr(GString) body = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, body);
        json_object(&w, NULL);
        json_text(&w, "ServerName", dp->server);
        json_text(&w, "Url", dp->url);
        json_bool(&w, "IsPullDP", dp->pull);
        json_bool(&w, "IsColocated", dp->colocated);
        if (dp->pull)
                write_sources(&w, dps);
        json_end(&w, '}');
        g_autoptr(JsonDoc) answer = admin_call(admin, CLASS, NULL, NULL, body->str, error);

        return answer != NULL;
}

static bool
bring_up_to_date(Admin *admin, const LabDp *dp, const JsonValue *row, GError **error)
{
        g_autofree char *key = admin_quote(dp->server);
        g_autofree char *body = g_strdup_printf("{\"Url\":\"%s\"}", dp->url);

        return strcmp(json_get_text(row, "Url", ""), dp->url) == 0 ||
               admin_change(admin, CLASS, key, body, error);
}

/* Makes the site know the point as it is now. Of two commands at once one is the first. */
static bool
tell_site(Cli *cli, Admin *admin, GPtrArray *dps, const LabDp *dp, const JsonValue *row,
          GError **error)
{
        g_autoptr(GError) why = NULL;

        if (row != NULL)
                return bring_up_to_date(admin, dp, row, error);
        if (add(admin, dps, dp, &why))
                cli_note(cli, "%s: the site knows it\n", dp->server);
        else if (!g_error_matches(why, UK_ERROR, UK_ERROR_EXISTS)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        return true;
}

bool
lab_points_register(Cli *cli, const char *root, GError **error)
{
        g_autoptr(GPtrArray) dps = lab_dps(root, error);

        if (dps == NULL || dps->len == 0)
                return dps != NULL;
        UK_DOING(error, "telling the site of its distribution points");
        g_autoptr(Admin) admin = admin_open(root, NULL, error);
        g_autoptr(AdminRows) rows = admin != NULL ? admin_list(admin, CLASS, NULL, error) : NULL;
        g_autofree char *server = rows != NULL ? site_server(admin, error) : NULL;

        if (server == NULL)
                return false;
        for (guint i = 0; i < dps->len; i++) {
                LabDp *dp = dps->pdata[i];

                if (dp->colocated) {
                        g_free(dp->server);
                        dp->server = g_strdup(server);
                }
        }
        for (guint i = 0; i < dps->len; i++) {
                const LabDp *dp = dps->pdata[i];

                if (!tell_site(cli, admin, dps, dp, known(rows, dp->server), error))
                        return false;
        }
        return true;
}
