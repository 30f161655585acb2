-- What a synchronization writes, all in one transaction.

-- name: catalog_run_numbers
UPDATE CatalogState SET Change = :change, RevisionID = :revision_id WHERE ID = 1;

-- name: catalog_run_suite
INSERT INTO CatalogSuites
       (SuiteID, URI, Suite, ProductID, Codename, ReleaseSuite, Priority, Classification, ETag,
        LastModified, SHA256, Wants, ReleaseDate, ValidUntil, Checked, Changed, Failed, Failure)
VALUES (:suite_id, :uri, :suite, :product, :codename, :release_suite, :priority, :classification,
        :etag, :last_modified, :sha256, :wants, :date, :valid_until, :checked, :changed, :failed, :failure)
ON CONFLICT (SuiteID) DO UPDATE
   SET ProductID = excluded.ProductID, Codename = excluded.Codename,
       ReleaseSuite = excluded.ReleaseSuite, Priority = excluded.Priority,
       Classification = excluded.Classification, ETag = excluded.ETag,
       LastModified = excluded.LastModified, SHA256 = excluded.SHA256,
       Wants = excluded.Wants, ReleaseDate = excluded.ReleaseDate, ValidUntil = excluded.ValidUntil,
       Checked = excluded.Checked, Changed = excluded.Changed, Failed = excluded.Failed,
       Failure = excluded.Failure;

-- name: catalog_run_delete_indexes
DELETE FROM CatalogIndexes WHERE SuiteID = :suite_id;

-- name: catalog_run_delete_index
DELETE FROM CatalogIndexes
 WHERE SuiteID = :suite_id AND Component = :component AND Architecture = :arch;

-- name: catalog_run_delete_suite
DELETE FROM CatalogSuites WHERE SuiteID = :suite_id;

-- name: catalog_run_index
INSERT INTO CatalogIndexes
       (SuiteID, Component, Architecture, Serves, SHA256, Stanzas, Refused, Content)
VALUES (:suite_id, :component, :arch, :serves, :sha256, :stanzas, :refused, :content)
ON CONFLICT (SuiteID, Component, Architecture) DO UPDATE
   SET Serves = excluded.Serves, SHA256 = excluded.SHA256, Stanzas = excluded.Stanzas,
       Refused = excluded.Refused, Content = excluded.Content;

-- name: catalog_run_index_serves
UPDATE CatalogIndexes SET Serves = :serves
 WHERE SuiteID = :suite_id AND Component = :component AND Architecture = :arch;

-- name: catalog_run_category
INSERT INTO CatalogCategories (CategoryID, CategoryType, ParentID, Title, RevisionID, Revision, Change,
                               Changed)
VALUES (:id, :type, :parent, :title, :revision_id, :revision, :change, :now)
ON CONFLICT (CategoryID) DO UPDATE
   SET ParentID = excluded.ParentID, Title = excluded.Title, RevisionID = excluded.RevisionID,
       Revision = excluded.Revision, Change = excluded.Change, Changed = excluded.Changed;

-- name: catalog_run_category_known
SELECT CategoryType, ParentID, Title, Revision, RevisionID FROM CatalogCategories
 WHERE CategoryID = :id;

-- name: catalog_run_former
INSERT INTO CatalogFormer (RevisionID, ItemID) VALUES (:revision_id, :id);

-- name: catalog_run_detectoid
INSERT INTO CatalogDetectoids
       (DetectoidID, CategoryID, Architecture, Rule, RevisionID, Revision, Changed)
VALUES (:id, :category, :arch, :rule, :revision_id, :revision, :now)
ON CONFLICT (DetectoidID) DO UPDATE
   SET Rule = excluded.Rule, RevisionID = excluded.RevisionID, Revision = excluded.Revision,
       Changed = excluded.Changed;

-- name: catalog_run_product
INSERT INTO CatalogProducts (ProductID, CategoryID, Origin, Codename, Version, Rule, EndOfLife)
VALUES (:product, :category, :origin, :codename, :version, :rule, :end_of_life)
ON CONFLICT (ProductID) DO UPDATE
   SET Version = excluded.Version, Rule = excluded.Rule, EndOfLife = excluded.EndOfLife;

-- name: catalog_run_product_indexes
SELECT i.SuiteID, i.Component, i.Architecture, i.Serves, i.Content, s.URI, s.Suite, s.Priority,
       s.Classification, s.ReleaseDate
  FROM CatalogIndexes i JOIN CatalogSuites s ON s.SuiteID = i.SuiteID
 WHERE s.ProductID = :product;

-- name: catalog_run_known
SELECT RevisionID, UpdateID, Source, Version, Revision, Expired, RevisionHash, RowHash, RuleHash
  FROM CatalogUpdates WHERE ProductID = :product ORDER BY RevisionID;

-- name: catalog_run_insert
INSERT INTO CatalogUpdates
       (RevisionID, UpdateID, ProductID, Source, Version, Revision, Expired, Classification,
        Severity, Description, URL, SupersededBy, FileCount, FileSize, Files, Posted, Revised,
        RevisionHash, RowHash, FirstChange, Change, OwnArches, Special, RuleHash)
VALUES (:revision_id, :update_id, :product, :source, :version, 1, 0, :classification, :severity,
        :description, :url, :superseded_by, :file_count, :file_size, :files, :posted, :posted,
        :revision_hash, :row_hash, :change, :change, :arches, :special, :rule_hash);

-- name: catalog_run_update
UPDATE CatalogUpdates
   SET RevisionID = :new_revision_id, Revision = :revision, Expired = 0,
       Classification = :classification, Severity = :severity, Description = :description,
       URL = :url, SupersededBy = :superseded_by, FileCount = :file_count, FileSize = :file_size,
       Files = :files, Revised = COALESCE(:revised, Revised), RevisionHash = :revision_hash,
       RowHash = :row_hash, Change = :change
 WHERE RevisionID = :revision_id;

-- name: catalog_run_deployment      a deployment of number 0 is the revision's own
UPDATE CatalogUpdates
   SET OwnArches = :arches, Special = :special, RuleHash = :rule_hash,
       DeploymentID = :deployment, DeploymentChange = :change, DeploymentTime = :now
 WHERE RevisionID = :revision_id;

-- name: catalog_run_expire
UPDATE CatalogUpdates SET Expired = 1, RowHash = 0, Change = :change
 WHERE RevisionID = :revision_id;

-- name: catalog_run_set
INSERT INTO CatalogSets (ProductID, Architecture, Number, SHA256, PlainSize, Content, Created)
VALUES (:product, :arch, :number, :sha256, :size, :content, :now);

-- name: catalog_run_old_sets      newest first
SELECT Number, SHA256, PlainSize, Content FROM CatalogSets
 WHERE ProductID = :product AND Architecture = :arch ORDER BY Number DESC;

-- name: catalog_run_newest_set
SELECT Number, SHA256 FROM CatalogSets
 WHERE ProductID = :product AND Architecture = :arch ORDER BY Number DESC LIMIT 1;

-- name: catalog_run_trim_sets
DELETE FROM CatalogSets
 WHERE ProductID = :product AND Architecture = :arch AND Number <= :number;

-- name: catalog_run_delete_steps
DELETE FROM CatalogSteps WHERE ProductID = :product AND Architecture = :arch;

-- name: catalog_run_step
INSERT INTO CatalogSteps (ProductID, Architecture, FromSHA256, FromNumber, ToNumber, Content)
VALUES (:product, :arch, :sha256, :from, :to, :content);

-- name: catalog_run_set_arches
SELECT DISTINCT Architecture FROM CatalogSets WHERE ProductID = :product;

-- name: catalog_run_delete_sets
DELETE FROM CatalogSets WHERE ProductID = :product AND Architecture = :arch;
