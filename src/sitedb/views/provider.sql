-- The provider's SMS_SoftwareUpdate: an update with its words, categories and numbers; properties
-- with several values have one a line.

-- @sqlite
CREATE VIEW vSMS_SoftwareUpdate_Localized AS
  SELECT ci.CI_ID, ci.CI_UniqueID, ci.CIType_ID, ci.RevisionNumber,
         ci.RevisionNumber AS CIVersion, lp.Title AS LocalizedDisplayName,
         lp.Description AS LocalizedDescription, lp.InfoURL AS LocalizedInformativeURL,
         ci.ArticleID, ci.BulletinID, ci.Severity,
         CASE ci.Severity WHEN 10 THEN 'Critical' WHEN 8 THEN 'Important' WHEN 6 THEN 'Moderate'
              WHEN 2 THEN 'Low' ELSE '' END AS SeverityName,
         ci.CustomSeverity, ci.DateCreated, ci.DateLastModified, ci.DatePosted, ci.DateRevised,
         ci.IsSuperseded, ci.IsExpired, ci.IsEnabled, ci.IsHidden, 0 AS IsDeployed, 0 AS IsBundle,
         1 AS IsLatest, ci.ContentSize AS Size, ci.MaxExecutionTime, ci.SourceSite,
         ci.UpdateSource_ID, ci.MinSourceVersion, su.LastSummaryTime AS LastStatusTime,
         COALESCE(su.NumMissing, 0) AS NumMissing, COALESCE(su.NumInstalled, 0) AS NumPresent,
         COALESCE(su.NumNotApplicable, 0) AS NumNotApplicable,
         COALESCE(su.NumUnknown, 0) AS NumUnknown, COALESCE(su.NumTotal, 0) AS NumTotal,
         CASE WHEN COALESCE(su.NumTotal, 0) = 0 THEN 0
              ELSE (su.NumInstalled + su.NumNotApplicable) * 100 / su.NumTotal END
           AS PercentCompliant,
         COALESCE((SELECT MIN(c.CategoryInstanceName) FROM CI_CategoryRelations r
                   JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
                  WHERE r.CI_ID = ci.CI_ID AND c.CategoryTypeName = 'UpdateClassification'), '') AS UpdateClassification,
         COALESCE((SELECT MIN(c.CategoryInstanceName) FROM CI_CategoryRelations r
                   JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
                  WHERE r.CI_ID = ci.CI_ID AND c.CategoryTypeName = 'Product'), '') AS Product,
         COALESCE((SELECT GROUP_CONCAT(c.CategoryInstance_UniqueID, CHAR(10)) FROM CI_CategoryRelations r
                   JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
                  WHERE r.CI_ID = ci.CI_ID), '') AS CategoryInstance_UniqueIDs,
         COALESCE((SELECT GROUP_CONCAT(c.CategoryInstanceName, CHAR(10)) FROM CI_CategoryRelations r
                   JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
                  WHERE r.CI_ID = ci.CI_ID), '') AS LocalizedCategoryInstanceNames,
         ci.Cause, ci.Trace
    FROM CI_ConfigurationItems ci
    JOIN CI_LocalizedProperties lp ON lp.CI_ID = ci.CI_ID
    JOIN Update_ComplianceSummary su ON su.CI_ID = ci.CI_ID
    WHERE ci.CIType_ID IN (1, 8);

CREATE VIEW vSMS_SoftwareUpdate_Lazy AS
  SELECT u.*,
         COALESCE((SELECT GROUP_CONCAT(f.FileName || ' ' || CAST(f.FileSize AS TEXT) || ' ' || LOWER(HEX(f.FileHash)) || ' ' || f.SourceURL, CHAR(10))
                     FROM CI_ContentFiles f WHERE f.CI_ID = u.CI_ID), '') AS ContentFiles,
         COALESCE((SELECT GROUP_CONCAT(n.CI_UniqueID || ' ' || l.Title, CHAR(10))
                     FROM CI_ConfigurationItemRelations s
                     JOIN CI_ConfigurationItems n ON n.CI_ID = s.FromCI_ID
                     JOIN CI_LocalizedProperties l ON l.CI_ID = n.CI_ID
                    WHERE s.ToCI_ID = u.CI_ID AND s.RelationType = 6), '') AS SupersededBy
    FROM vSMS_SoftwareUpdate_Localized u;

-- @pg
CREATE VIEW vSMS_SoftwareUpdate_Localized AS
  SELECT ci.CI_ID, ci.CI_UniqueID, ci.CIType_ID, ci.RevisionNumber,
         ci.RevisionNumber AS CIVersion, lp.Title AS LocalizedDisplayName,
         lp.Description AS LocalizedDescription, lp.InfoURL AS LocalizedInformativeURL,
         ci.ArticleID, ci.BulletinID, ci.Severity,
         CASE ci.Severity WHEN 10 THEN 'Critical' WHEN 8 THEN 'Important' WHEN 6 THEN 'Moderate'
              WHEN 2 THEN 'Low' ELSE '' END AS SeverityName,
         ci.CustomSeverity, ci.DateCreated, ci.DateLastModified, ci.DatePosted, ci.DateRevised,
         ci.IsSuperseded, ci.IsExpired, ci.IsEnabled, ci.IsHidden, 0 AS IsDeployed, 0 AS IsBundle,
         1 AS IsLatest, ci.ContentSize AS Size, ci.MaxExecutionTime, ci.SourceSite,
         ci.UpdateSource_ID, ci.MinSourceVersion, su.LastSummaryTime AS LastStatusTime,
         COALESCE(su.NumMissing, 0) AS NumMissing, COALESCE(su.NumInstalled, 0) AS NumPresent,
         COALESCE(su.NumNotApplicable, 0) AS NumNotApplicable,
         COALESCE(su.NumUnknown, 0) AS NumUnknown, COALESCE(su.NumTotal, 0) AS NumTotal,
         CASE WHEN COALESCE(su.NumTotal, 0) = 0 THEN 0
              ELSE (su.NumInstalled + su.NumNotApplicable) * 100 / su.NumTotal END
           AS PercentCompliant,
         COALESCE((SELECT MIN(c.CategoryInstanceName) FROM CI_CategoryRelations r
                   JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
                  WHERE r.CI_ID = ci.CI_ID AND c.CategoryTypeName = 'UpdateClassification'), '') AS UpdateClassification,
         COALESCE((SELECT MIN(c.CategoryInstanceName) FROM CI_CategoryRelations r
                   JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
                  WHERE r.CI_ID = ci.CI_ID AND c.CategoryTypeName = 'Product'), '') AS Product,
         COALESCE((SELECT STRING_AGG(c.CategoryInstance_UniqueID, CHR(10)) FROM CI_CategoryRelations r
                   JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
                  WHERE r.CI_ID = ci.CI_ID), '') AS CategoryInstance_UniqueIDs,
         COALESCE((SELECT STRING_AGG(c.CategoryInstanceName, CHR(10)) FROM CI_CategoryRelations r
                   JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
                  WHERE r.CI_ID = ci.CI_ID), '') AS LocalizedCategoryInstanceNames,
         ci.Cause, ci.Trace
    FROM CI_ConfigurationItems ci
    JOIN CI_LocalizedProperties lp ON lp.CI_ID = ci.CI_ID
    JOIN Update_ComplianceSummary su ON su.CI_ID = ci.CI_ID
    WHERE ci.CIType_ID IN (1, 8);

CREATE VIEW vSMS_SoftwareUpdate_Lazy AS
  SELECT u.*,
         COALESCE((SELECT STRING_AGG(f.FileName || ' ' || CAST(f.FileSize AS TEXT) || ' ' || ENCODE(f.FileHash, 'hex') || ' ' || f.SourceURL, CHR(10))
                     FROM CI_ContentFiles f WHERE f.CI_ID = u.CI_ID), '') AS ContentFiles,
         COALESCE((SELECT STRING_AGG(n.CI_UniqueID || ' ' || l.Title, CHR(10))
                     FROM CI_ConfigurationItemRelations s
                     JOIN CI_ConfigurationItems n ON n.CI_ID = s.FromCI_ID
                     JOIN CI_LocalizedProperties l ON l.CI_ID = n.CI_ID
                    WHERE s.ToCI_ID = u.CI_ID AND s.RelationType = 6), '') AS SupersededBy
    FROM vSMS_SoftwareUpdate_Localized u;

-- @both
