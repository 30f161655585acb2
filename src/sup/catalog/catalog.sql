-- Reading the catalogue, and what people choose.

-- name: catalog_state
SELECT Epoch, FormerEpoch, Change, RevisionID, Sources, LastStarted, LastEnded, LastGood, LastResult
  FROM CatalogState WHERE ID = 1;

-- name: catalog_state_init
INSERT INTO CatalogState (ID, Epoch, Change, RevisionID, Sources, LastResult)
VALUES (1, :epoch, 0, 0, '', '');

-- name: catalog_set_epoch
UPDATE CatalogState SET FormerEpoch = Epoch, Epoch = :epoch WHERE ID = 1;

-- name: catalog_set_unended
UPDATE CatalogState SET LastEnded = NULL WHERE ID = 1;

-- name: catalog_set_sources
UPDATE CatalogState SET Sources = :sources WHERE ID = 1;

-- name: catalog_set_ended      one that is not trusted stays so until a run to which all sources came
UPDATE CatalogState
   SET LastStarted = :started, LastResult = :result,
       LastEnded = CASE WHEN :good = 1 OR LastEnded IS NOT NULL OR FormerEpoch = '' THEN :ended END,
       LastGood = CASE WHEN :good = 1 THEN :ended ELSE LastGood END
 WHERE ID = 1;

-- name: catalog_subscribe
INSERT INTO CatalogSubscriptions (CategoryID, Wanted) VALUES (:id, :wanted)
ON CONFLICT (CategoryID) DO UPDATE SET Wanted = excluded.Wanted;

-- name: catalog_categories
SELECT c.CategoryID, c.CategoryType, c.ParentID, c.Title, c.RevisionID, c.Revision, c.Change,
       c.Changed, COALESCE(s.Wanted, 1) AS Wanted
  FROM CatalogCategories c LEFT JOIN CatalogSubscriptions s ON s.CategoryID = c.CategoryID
 ORDER BY c.CategoryType, c.Title, c.CategoryID;

-- name: catalog_wanted
SELECT Wanted FROM CatalogSubscriptions WHERE CategoryID = :id;

-- name: catalog_products
SELECT p.ProductID, p.CategoryID, p.Origin, p.Codename, p.Version, p.Rule, p.EndOfLife, c.Title
  FROM CatalogProducts p JOIN CatalogCategories c ON c.CategoryID = p.CategoryID
 ORDER BY p.ProductID;

-- name: catalog_suites
SELECT SuiteID, URI, Suite, COALESCE(ProductID, 0) AS ProductID, Codename, ReleaseSuite, Priority,
       Classification, ETag, LastModified, SHA256, Wants, ReleaseDate, ValidUntil, Checked,
       Changed, Failed, Failure
  FROM CatalogSuites ORDER BY SuiteID;

-- name: catalog_indexes
SELECT SuiteID, Component, Architecture, Serves, SHA256, Stanzas, Refused
  FROM CatalogIndexes ORDER BY SuiteID, Component, Architecture;

-- name: catalog_changes      a page of what lies above (Change, RevisionID)
SELECT u.RevisionID, u.UpdateID, u.Source, u.Version, u.Revision, u.Expired, u.Classification,
       u.Severity, u.Description, u.URL, u.SupersededBy, u.FileCount, u.FileSize, u.Files,
       u.Posted, u.Revised, u.FirstChange, u.Change, u.ProductID, u.Special, p.CategoryID
  FROM CatalogUpdates u JOIN CatalogProducts p ON p.ProductID = u.ProductID
 WHERE (u.Change, u.RevisionID) > (:change, :revision_id)
 ORDER BY u.Change, u.RevisionID
 LIMIT :max;

-- name: catalog_update_by_id
SELECT u.RevisionID, u.UpdateID, u.Source, u.Version, u.Revision, u.Expired, u.Classification,
       u.Severity, u.Description, u.URL, u.SupersededBy, u.FileCount, u.FileSize, u.Files,
       u.Posted, u.Revised, u.FirstChange, u.Change, u.ProductID, u.Special, p.CategoryID
  FROM CatalogUpdates u JOIN CatalogProducts p ON p.ProductID = u.ProductID
 WHERE u.UpdateID = :update_id;

-- name: catalog_update_by_revision
SELECT u.RevisionID, u.UpdateID, u.Source, u.Version, u.Revision, u.Expired, u.Classification,
       u.Severity, u.Description, u.URL, u.SupersededBy, u.FileCount, u.FileSize, u.Files,
       u.Posted, u.Revised, u.FirstChange, u.Change, u.ProductID, u.Special, p.CategoryID
  FROM CatalogUpdates u JOIN CatalogProducts p ON p.ProductID = u.ProductID
 WHERE u.RevisionID = :revision_id;

-- name: catalog_counts
SELECT COUNT(*) AS Updates, COALESCE(SUM(Expired), 0) AS Expired,
       COALESCE(SUM(CASE WHEN SupersededBy <> '' THEN 1 ELSE 0 END), 0) AS Superseded,
       COALESCE(SUM(CASE WHEN Expired = 0 THEN FileCount ELSE 0 END), 0) AS Files
  FROM CatalogUpdates;

-- name: catalog_sets      the present set of each product and architecture
SELECT s.ProductID, p.CategoryID, s.Architecture, s.Number, s.SHA256, s.PlainSize, s.Created,
       LENGTH(s.Content) AS PackedSize
  FROM CatalogSets s JOIN CatalogProducts p ON p.ProductID = s.ProductID
 WHERE s.Number = (SELECT MAX(n.Number) FROM CatalogSets n
                    WHERE n.ProductID = s.ProductID AND n.Architecture = s.Architecture)
 ORDER BY s.ProductID, s.Architecture;

-- name: catalog_set_content
SELECT Content FROM CatalogSets s
 WHERE ProductID = :product AND Architecture = :arch AND Number = :number;

-- name: catalog_step_content
SELECT Content, ToNumber FROM CatalogSteps
 WHERE ProductID = :product AND Architecture = :arch AND FromSHA256 = :sha256;

-- name: catalog_detectoids
SELECT DetectoidID, CategoryID, Architecture, Rule, RevisionID, Revision, Changed
  FROM CatalogDetectoids ORDER BY RevisionID;

-- name: catalog_former
SELECT RevisionID, ItemID FROM CatalogFormer ORDER BY RevisionID;

-- name: catalog_deployed      updates that own something, as deployments
SELECT u.RevisionID, u.UpdateID, u.Revision, u.Classification, u.ProductID, u.OwnArches,
       CASE WHEN u.DeploymentID = 0 THEN u.RevisionID ELSE u.DeploymentID END AS DeploymentID,
       u.DeploymentChange, COALESCE(u.DeploymentTime, u.Revised) AS DeploymentTime
  FROM CatalogUpdates u
 WHERE u.Expired = 0 AND u.OwnArches <> ''
 ORDER BY u.RevisionID;
