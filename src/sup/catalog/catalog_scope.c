/* catalog_scope.c - reads the catalogue for the exchange by lists of revisions: what is deployed,
 * detectoids, numbers of former revisions.
 */
#include "sup/catalog/catalog.h"
#include "sup/catalog/catalog.sql.h"

void
catalog_detectoid_free(CatalogDetectoid *detectoid)
{
        g_free(detectoid->id);
        g_free(detectoid->category);
        g_free(detectoid->arch);
        g_free(detectoid->rule);
        g_free(detectoid);
}

GPtrArray *
catalog_detectoids(Db *db, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(TEXT, CatalogDetectoid, id, "DetectoidID"),
                DB_FIELD(TEXT, CatalogDetectoid, category, "CategoryID"),
                DB_FIELD(TEXT, CatalogDetectoid, arch, "Architecture"),
                DB_FIELD(TEXT, CatalogDetectoid, rule, "Rule"),
                DB_FIELD(INT, CatalogDetectoid, revision_id, "RevisionID"),
                DB_FIELD(INT, CatalogDetectoid, revision, "Revision"),
                DB_FIELD(TIME, CatalogDetectoid, changed, "Changed"),
                DB_FIELD_END,
        };

        return db_list(db, &sql_catalog_detectoids, DB_NO_ARGS, fields, sizeof(CatalogDetectoid),
                       (GDestroyNotify)catalog_detectoid_free, error);
}

void
catalog_former_free(CatalogFormer *former)
{
        g_free(former->id);
        g_free(former);
}

GPtrArray *
catalog_former(Db *db, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, CatalogFormer, revision_id, "RevisionID"),
                DB_FIELD(TEXT, CatalogFormer, id, "ItemID"),
                DB_FIELD_END,
        };

        return db_list(db, &sql_catalog_former, DB_NO_ARGS, fields, sizeof(CatalogFormer),
                       (GDestroyNotify)catalog_former_free, error);
}

static void
deployed_clear(CatalogDeployed *deployed)
{
        g_free(deployed->id);
        g_free(deployed->classification);
        g_free(deployed->arches);
        *deployed = (CatalogDeployed){ 0 };
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CatalogDeployed, deployed_clear)

bool
catalog_deployed(Db *db, CatalogDeployedFn fn, gpointer user, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, CatalogDeployed, revision_id, "RevisionID"),
                DB_FIELD(TEXT, CatalogDeployed, id, "UpdateID"),
                DB_FIELD(INT, CatalogDeployed, revision, "Revision"),
                DB_FIELD(TEXT, CatalogDeployed, classification, "Classification"),
                DB_FIELD(INT, CatalogDeployed, product, "ProductID"),
                DB_FIELD(TEXT, CatalogDeployed, arches, "OwnArches"),
                DB_FIELD(INT, CatalogDeployed, deployment_id, "DeploymentID"),
                DB_FIELD(INT, CatalogDeployed, change, "DeploymentChange"),
                DB_FIELD(TIME, CatalogDeployed, time, "DeploymentTime"),
                DB_FIELD_END,
        };
        g_autoptr(DbRows) rows = db_query(db, &sql_catalog_deployed, DB_NO_ARGS, error);
        bool more = rows != NULL;

        while (more) {
                g_auto(CatalogDeployed) row = { 0 };

                if (!db_next(rows, &more, error) ||
                    (more && (!db_read(rows, fields, &row, error) || !fn(user, &row, error))))
                        return false;
        }
        return rows != NULL;
}
