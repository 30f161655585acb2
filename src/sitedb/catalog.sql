-- Categories and updates as the engine has them.

-- name: catalog_categories
SELECT CategoryInstanceID, CategoryInstance_UniqueID, CategoryTypeName, CategoryInstanceName,
       ParentCategoryInstanceID, AllowSubscription, IsDeleted, EndOfLife
  FROM CI_CategoryInstances;

-- name: catalog_category_add
INSERT INTO CI_CategoryInstances (CategoryInstanceID, CategoryInstance_UniqueID, CategoryTypeName,
                                  CategoryInstanceName, ParentCategoryInstanceID, AllowSubscription,
                                  IsSubscribed, EndOfLife, SourceSite, DateLastModified, Cause, Trace)
VALUES (:id, :unique_id, :type, :name, :parent, :allow, :subscribed, :end_of_life, :site, :now, :cause,
        :trace);

-- name: catalog_category_change      what is subscribed is the administrator's
UPDATE CI_CategoryInstances
   SET CategoryTypeName = :type, CategoryInstanceName = :name, ParentCategoryInstanceID = :parent,
       AllowSubscription = :allow, EndOfLife = :end_of_life, IsDeleted = 0, DateLastModified = :now,
       Cause = :cause, Trace = :trace
 WHERE CategoryInstanceID = :id;

-- name: catalog_category_delete
UPDATE CI_CategoryInstances
   SET IsDeleted = 1, DateLastModified = :now, Cause = :cause, Trace = :trace
 WHERE CategoryInstanceID = :id;

-- name: catalog_count
SELECT COUNT(*) FROM CI_ConfigurationItems;

-- name: catalog_find
SELECT CI_ID, IsExpired, Digest, RuleDigest, MinSourceVersion
  FROM CI_ConfigurationItems
 WHERE CI_UniqueID = :unique_id;

-- name: catalog_add
INSERT INTO CI_ConfigurationItems (CI_ID, CI_UniqueID, RevisionNumber, UpdateSource_ID,
                                   MinSourceVersion, ArticleID, BulletinID, Severity, ContentSize,
                                   IsSuperseded, DatePosted, DateRevised, DateCreated,
                                   DateLastModified, SourceSite, Digest, RuleDigest, Cause, Trace)
VALUES (:id, :unique_id, :revision, :source, :min_version, :article, :bulletin, :severity, :size,
        :superseded, :posted, :revised, :now, :now, :site, :digest, :rule_digest, :cause, :trace);

-- name: catalog_change
UPDATE CI_ConfigurationItems
   SET RevisionNumber = :revision, MinSourceVersion = :min_version, ArticleID = :article,
       BulletinID = :bulletin, Severity = :severity, ContentSize = :size, IsSuperseded = :superseded,
       IsExpired = 0, DatePosted = :posted, DateRevised = :revised, DateLastModified = :now,
       Digest = :digest, RuleDigest = :rule_digest, Cause = :cause, Trace = :trace
 WHERE CI_ID = :id;

-- name: catalog_add_texts
INSERT INTO CI_LocalizedProperties (CI_ID, Title, Description, InfoURL, ReferenceURLs)
VALUES (:id, :title, :description, :info_url, :references)
ON CONFLICT (CI_ID) DO UPDATE
   SET Title = excluded.Title, Description = excluded.Description, InfoURL = excluded.InfoURL,
       ReferenceURLs = excluded.ReferenceURLs;

-- name: catalog_add_category
INSERT INTO CI_CategoryRelations (CI_ID, CategoryInstanceID) VALUES (:id, :category)
ON CONFLICT (CI_ID, CategoryInstanceID) DO NOTHING;

-- name: catalog_drop_categories
DELETE FROM CI_CategoryRelations WHERE CI_ID = :id;

-- name: catalog_add_file
INSERT INTO CI_ContentFiles (CI_ID, Ordinal, FileName, FileSize, FileHash, SourceURL, PackageName,
                             Architecture, PackageVersion, IsOwned)
VALUES (:id, :ordinal, :name, :size, :hash, :url, :package, :architecture, :version, :owned);

-- name: catalog_drop_files
DELETE FROM CI_ContentFiles WHERE CI_ID = :id;

-- name: catalog_add_relation
INSERT INTO CI_ConfigurationItemRelations (ToCI_ID, RelationType, FromCI_ID)
SELECT :id, 6, ci.CI_ID FROM CI_ConfigurationItems ci WHERE ci.CI_UniqueID = :by
ON CONFLICT (ToCI_ID, RelationType, FromCI_ID) DO NOTHING;

-- name: catalog_drop_relations
DELETE FROM CI_ConfigurationItemRelations WHERE ToCI_ID = :id AND RelationType = 6;

-- name: catalog_complete      its relations are all there now
UPDATE CI_ConfigurationItems SET Digest = :digest WHERE CI_ID = :id;

-- name: catalog_valid
SELECT CI_ID FROM CI_ConfigurationItems WHERE UpdateSource_ID = :source AND IsExpired = 0;

-- name: catalog_expire
UPDATE CI_ConfigurationItems
   SET IsExpired = 1, DateLastModified = :now, Cause = :cause, Trace = :trace
 WHERE CI_ID = :id AND IsExpired = 0;
