-- Updates, for those who look.

-- name: update_rows
SELECT ci.CI_ID, ci.CI_UniqueID, ci.CIType_ID, ci.RevisionNumber, ci.ArticleID, ci.BulletinID,
       ci.Severity, ci.CustomSeverity, ci.IsSuperseded, ci.IsExpired, ci.IsHidden, ci.IsEnabled,
       ci.DatePosted, ci.DateRevised, ci.DateCreated, ci.DateLastModified, ci.MaxExecutionTime,
       ci.MinSourceVersion, ci.UpdateSource_ID, ci.SourceSite, ci.ContentSize AS Size,
       lp.Title AS LocalizedDisplayName, lp.Description AS LocalizedDescription,
       lp.InfoURL AS LocalizedInformativeURL,
       (SELECT MIN(c.CategoryInstanceName) FROM CI_CategoryRelations r
          JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
         WHERE r.CI_ID = ci.CI_ID AND c.CategoryTypeName = 'Product') AS Product,
       (SELECT MIN(c.CategoryInstanceName) FROM CI_CategoryRelations r
          JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
         WHERE r.CI_ID = ci.CI_ID AND c.CategoryTypeName = 'UpdateClassification')
       AS Classification,
       COALESCE(su.NumMissing, 0) AS NumMissing, COALESCE(su.NumInstalled, 0) AS NumPresent,
       COALESCE(su.NumNotApplicable, 0) AS NumNotApplicable,
       COALESCE(su.NumUnknown, 0) AS NumUnknown, COALESCE(su.NumTotal, 0) AS NumTotal,
       CASE WHEN COALESCE(su.NumTotal, 0) = 0 THEN 0
            ELSE (su.NumInstalled + su.NumNotApplicable) * 100 / su.NumTotal END AS PercentCompliant,
       su.LastSummaryTime AS LastStatusTime
  FROM CI_ConfigurationItems ci
  JOIN CI_LocalizedProperties lp ON lp.CI_ID = ci.CI_ID
  JOIN Update_ComplianceSummary su ON su.CI_ID = ci.CI_ID
 WHERE ci.CI_ID > :after AND ci.CIType_ID IN (1, 8) AND (:id = 0 OR ci.CI_ID = :id)
   AND (:superseded = 1 OR ci.IsSuperseded = 0) AND (:expired = 1 OR ci.IsExpired = 0)
   AND (:missing = 0 OR su.NumMissing > 0) AND (:article = '' OR ci.ArticleID = :article)
   AND (:text = '' OR LOWER(lp.Title) LIKE LOWER(:text) ESCAPE '!')
   AND (:category = 0 OR EXISTS (SELECT 1 FROM CI_CategoryRelations r
                                  WHERE r.CI_ID = ci.CI_ID AND r.CategoryInstanceID = :category))
 ORDER BY ci.CI_ID
 LIMIT :limit;

-- name: update_load
SELECT ci.CI_ID, ci.CI_UniqueID, ci.RevisionNumber, lp.Title, lp.Description, ci.ArticleID,
       ci.BulletinID, lp.InfoURL, lp.ReferenceURLs, ci.Severity, ci.ContentSize, ci.IsSuperseded,
       ci.IsExpired, ci.DatePosted, ci.DateRevised, ci.DateCreated, ci.DateLastModified,
       ci.MinSourceVersion, ci.Cause, ci.Trace
  FROM CI_ConfigurationItems ci
  JOIN CI_LocalizedProperties lp ON lp.CI_ID = ci.CI_ID
 WHERE ci.CI_ID = :id;

-- name: update_files
SELECT FileName, FileSize, FileHash, SourceURL, PackageName, Architecture, PackageVersion, IsOwned
  FROM CI_ContentFiles
 WHERE CI_ID = :id
 ORDER BY Ordinal;

-- name: update_categories
SELECT c.CategoryTypeName || ': ' || c.CategoryInstanceName AS Category
  FROM CI_CategoryRelations r
  JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
 WHERE r.CI_ID = :id
 ORDER BY 1;

-- name: update_superseded_by
SELECT ci.CI_ID, ci.CI_UniqueID, lp.Title
  FROM CI_ConfigurationItemRelations r
  JOIN CI_ConfigurationItems ci ON ci.CI_ID = r.FromCI_ID
  JOIN CI_LocalizedProperties lp ON lp.CI_ID = ci.CI_ID
 WHERE r.ToCI_ID = :id AND r.RelationType = 6
 ORDER BY ci.CI_ID;

-- name: update_supersedes
SELECT ci.CI_ID, ci.CI_UniqueID, lp.Title
  FROM CI_ConfigurationItemRelations r
  JOIN CI_ConfigurationItems ci ON ci.CI_ID = r.ToCI_ID
  JOIN CI_LocalizedProperties lp ON lp.CI_ID = ci.CI_ID
 WHERE r.FromCI_ID = :id AND r.RelationType = 6
 ORDER BY ci.CI_ID;

-- name: update_find
SELECT CI_ID
  FROM CI_ConfigurationItems
 WHERE CIType_ID IN (1, 8) AND (CI_ID = :number OR CI_UniqueID = :guid OR ArticleID = :article)
 ORDER BY IsExpired, IsSuperseded, DateRevised DESC, CI_ID DESC
 LIMIT 1000;

-- name: update_count_valid
SELECT COUNT(*)
  FROM CI_ConfigurationItems
 WHERE CIType_ID IN (1, 8) AND IsSuperseded = 0 AND IsExpired = 0;

-- name: update_count_all
SELECT COUNT(*) FROM CI_ConfigurationItems WHERE CIType_ID IN (1, 8);
