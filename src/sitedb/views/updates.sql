-- The views of updates, their categories and relations, and what is known of them (53-database 2, 4).
-- Columns and their order are an interface; one that has no counterpart here is a constant.

CREATE VIEW v_UpdateInfo AS
  SELECT '' AS ApplicabilityCondition, 0 AS ApplicableAtUserLogon, ci.ArticleID, ci.BulletinID,
         '' AS CI_CRC, ci.CI_ID, ci.CI_UniqueID, ci.CIType_ID, ci.RevisionNumber AS CIVersion,
         0 AS CMTag, 0 AS ConfigurationFlags, '' AS ContentSourcePath, '' AS CreatedBy,
         ci.CustomSeverity, ci.DateCreated, ci.DateLastModified, ci.DatePosted, ci.DateRevised,
         lp.Description, ci.DatePosted AS EffectiveDate, 0 AS EULAAccepted, 0 AS EULAExists,
         CAST(NULL AS TEXT) AS EULASignoffDate, '' AS EULASignoffUser, lp.InfoURL, 1 AS InUse,
         0 AS IsBroken, 0 AS IsBundle, 0 AS IsChild, 0 AS IsDeployed, ci.IsEnabled, ci.IsExpired,
         ci.IsHidden, 1 AS IsLatest, 0 AS IsQuarantined, 0 AS IsSignificantRevision,
         ci.IsSuperseded, ci.IsTombstoned, 0 AS IsUserCI, 0 AS IsUserDefined, '' AS LastModifiedBy,
         lp.LocaleID, '' AS Locales, ci.MaxExecutionTime, ci.MinSourceVersion, ci.CI_ID AS ModelId,
         ci.CI_UniqueID AS ModelName, ci.DateLastModified AS ModifiedTime, 0 AS PermittedUses,
         1 AS PlatformType, 0 AS Precedence, 0 AS RequiresExclusiveHandling, ci.RevisionNumber,
         '' AS RevisionTag, '' AS SDMPackageDigest, ci.RevisionNumber AS SDMPackageVersion,
         '' AS SedoObjectVersion, ci.Severity, ci.SourceSite, lp.Title, ci.UpdateSource_ID,
         ci.UpdateType
    FROM CI_ConfigurationItems ci
    JOIN CI_LocalizedProperties lp ON lp.CI_ID = ci.CI_ID
    WHERE ci.CIType_ID IN (1, 8);

CREATE VIEW v_UpdateCIs AS
  SELECT '' AS ApplicabilityCondition, 0 AS ApplicableAtUserLogon, ci.ArticleID, ci.BulletinID,
         '' AS CI_CRC, ci.CI_ID, ci.CI_UniqueID, ci.CIType_ID, ci.RevisionNumber AS CIVersion,
         0 AS CMTag, 0 AS ConfigurationFlags, '' AS ContentSourcePath, '' AS CreatedBy,
         ci.CustomSeverity, ci.DateCreated, ci.DateLastModified, ci.DatePosted, ci.DateRevised,
         ci.DatePosted AS EffectiveDate, 0 AS EULAAccepted, 0 AS EULAExists,
         CAST(NULL AS TEXT) AS EULASignoffDate, '' AS EULASignoffUser, 1 AS InUse, 0 AS IsBroken,
         0 AS IsBundle, 0 AS IsChild, 0 AS IsDeployed, ci.IsEnabled, ci.IsExpired, ci.IsHidden,
         1 AS IsLatest, 0 AS IsQuarantined, 0 AS IsSignificantRevision, ci.IsSuperseded,
         ci.IsTombstoned, 0 AS IsUserCI, 0 AS IsUserDefined, '' AS LastModifiedBy,
         ci.MaxExecutionTime, ci.MinSourceVersion, ci.CI_ID AS ModelId, ci.CI_UniqueID AS ModelName,
         ci.DateLastModified AS ModifiedTime, 0 AS PermittedUses, 1 AS PlatformType,
         0 AS Precedence, 0 AS RequiresExclusiveHandling, ci.RevisionNumber, '' AS RevisionTag,
         '' AS SDMPackageDigest, ci.RevisionNumber AS SDMPackageVersion, '' AS SedoObjectVersion,
         ci.Severity, ci.SourceSite, ci.UpdateSource_ID
    FROM CI_ConfigurationItems ci
    WHERE ci.CIType_ID IN (1, 8);

CREATE VIEW v_ConfigurationItems AS
  SELECT '' AS ApplicabilityCondition, 0 AS ApplicableAtUserLogon, '' AS CI_CRC, ci.CI_ID,
         ci.CI_UniqueID, ci.CIType_ID, ci.RevisionNumber AS CIVersion, 0 AS ConfigurationFlags,
         '' AS ContentSourcePath, '' AS CreatedBy, ci.DateCreated, ci.DateLastModified,
         ci.DatePosted AS EffectiveDate, 0 AS EULAAccepted, 0 AS EULAExists,
         CAST(NULL AS TEXT) AS EULASignoffDate, '' AS EULASignoffUser, 1 AS InUse, 0 AS IsBroken,
         0 AS IsBundle, 0 AS IsChild, 0 AS IsDeployed, ci.IsEnabled, ci.IsExpired, ci.IsHidden,
         1 AS IsLatest, 0 AS IsQuarantined, 0 AS IsSignificantRevision, ci.IsSuperseded,
         ci.IsTombstoned, 0 AS IsUserCI, 0 AS IsUserDefined, '' AS LastModifiedBy,
         ci.CI_ID AS ModelId, ci.CI_UniqueID AS ModelName, ci.DateLastModified AS ModifiedTime,
         0 AS PermittedUses, 1 AS PlatformType, 0 AS Precedence, '' AS RevisionTag,
         '' AS SDMPackageDigest, ci.RevisionNumber AS SDMPackageVersion, '' AS SedoObjectVersion,
         ci.SourceSite
    FROM CI_ConfigurationItems ci;

CREATE VIEW v_CITypes AS
  SELECT 1 AS CIType_ID, 'Software Updates' AS TypeName
  UNION ALL SELECT 8, 'Software Updates Bundle'
  UNION ALL SELECT 9, 'Authorization List';

CREATE VIEW v_CIRelation AS
  SELECT r.FromCI_ID AS FromCIID, 0 AS IsBroken, 0 AS IsVersionSpecific, 0 AS Priority,
         r.RelationType, r.ToCI_ID AS ToCIID
    FROM CI_ConfigurationItemRelations r;

CREATE VIEW v_CIRelation_All AS
  SELECT r.FromCI_ID AS CI_ID, 0 AS IsVersionSpecific, 1 AS Level, r.ToCI_ID AS ReferencedCI_ID,
         r.RelationType
    FROM CI_ConfigurationItemRelations r;

-- Categories of an update: those it names, and the product family and company above its product.
CREATE VIEW v_CICategories_All AS
  SELECT c.CategoryInstance_UniqueID, c.CategoryInstanceID, c.CategoryTypeName, r.CI_ID,
         ci.CI_UniqueID, c.DateLastModified, c.IsDeleted, ci.CI_UniqueID AS ModelName,
         0 AS ObjectTypeID, c.ParentCategoryInstanceID, 0 AS rowversion, c.SourceSite
    FROM (SELECT CI_ID, CategoryInstanceID FROM CI_CategoryRelations
          UNION SELECT r1.CI_ID, c1.ParentCategoryInstanceID
            FROM CI_CategoryRelations r1
            JOIN CI_CategoryInstances c1 ON c1.CategoryInstanceID = r1.CategoryInstanceID
          UNION SELECT r2.CI_ID, p2.ParentCategoryInstanceID
            FROM CI_CategoryRelations r2
            JOIN CI_CategoryInstances c2 ON c2.CategoryInstanceID = r2.CategoryInstanceID
            JOIN CI_CategoryInstances p2 ON p2.CategoryInstanceID = c2.ParentCategoryInstanceID) r
    JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
    JOIN CI_ConfigurationItems ci ON ci.CI_ID = r.CI_ID;

CREATE VIEW v_CICategoryInfo_All AS
  SELECT c.CategoryInstance_UniqueID, c.CategoryInstanceID, c.CategoryInstanceName,
         c.CategoryTypeName, r.CI_ID, ci.CI_UniqueID, c.DateLastModified, c.IsDeleted,
         1033 AS LocaleID, ci.CI_UniqueID AS ModelName, 0 AS ObjectTypeID,
         c.ParentCategoryInstanceID, 0 AS rowversion, c.SourceSite
    FROM (SELECT CI_ID, CategoryInstanceID FROM CI_CategoryRelations
          UNION SELECT r1.CI_ID, c1.ParentCategoryInstanceID
            FROM CI_CategoryRelations r1
            JOIN CI_CategoryInstances c1 ON c1.CategoryInstanceID = r1.CategoryInstanceID
          UNION SELECT r2.CI_ID, p2.ParentCategoryInstanceID
            FROM CI_CategoryRelations r2
            JOIN CI_CategoryInstances c2 ON c2.CategoryInstanceID = r2.CategoryInstanceID
            JOIN CI_CategoryInstances p2 ON p2.CategoryInstanceID = c2.ParentCategoryInstanceID) r
    JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
    JOIN CI_ConfigurationItems ci ON ci.CI_ID = r.CI_ID;

CREATE VIEW v_CICategoryInfo AS
  SELECT c.CategoryInstance_UniqueID, c.CategoryInstanceID, c.CategoryInstanceName,
         c.CategoryTypeName, r.CI_ID, c.DateLastModified, c.IsDeleted, 1033 AS LocaleID,
         c.ParentCategoryInstanceID, 0 AS rowversion, c.SourceSite
    FROM (SELECT CI_ID, CategoryInstanceID FROM CI_CategoryRelations
          UNION SELECT r1.CI_ID, c1.ParentCategoryInstanceID
            FROM CI_CategoryRelations r1
            JOIN CI_CategoryInstances c1 ON c1.CategoryInstanceID = r1.CategoryInstanceID
          UNION SELECT r2.CI_ID, p2.ParentCategoryInstanceID
            FROM CI_CategoryRelations r2
            JOIN CI_CategoryInstances c2 ON c2.CategoryInstanceID = r2.CategoryInstanceID
            JOIN CI_CategoryInstances p2 ON p2.CategoryInstanceID = c2.ParentCategoryInstanceID) r
    JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID;

CREATE VIEW v_UpdateCategoryInstances AS
  SELECT c.AllowSubscription, c.CategoryInstance_UniqueID, c.CategoryInstanceID, c.CategoryTypeName,
         COALESCE(p.IsSubscribed, 0) AS IsParentSubscribed, c.IsSubscribed,
         c.ParentCategoryInstanceID, c.SourceSite
    FROM CI_CategoryInstances c
    LEFT JOIN CI_CategoryInstances p ON p.CategoryInstanceID = c.ParentCategoryInstanceID
    WHERE c.IsDeleted = 0;

CREATE VIEW v_SoftwareUpdateSource AS
  SELECT '' AS ApplicabilityCondition, us.DateCreated, us.DateModified, 0 AS IsExpired,
         1 AS IsPublishingEnabled, 0 AS IsTombstoned, '' AS PublicKeys, 0 AS rowversion,
         '' AS ScanMethod, '' AS ScanMethodParameters, '' AS ScanTool_PkgID, 0 AS ScanType,
         2 AS SourceContentType, us.SourceSite, us.UpdateSource_ID, us.UpdateSource_UniqueID,
         '' AS UpdateSourceDescription, us.UpdateSourceName,
         CAST(us.ContentVersion AS TEXT) AS UpdateSourceVersion, '' AS UpdateType
    FROM CI_UpdateSources us;

CREATE VIEW vSMS_SUPSyncStatus AS
  SELECT s.LastReplicationLinkCheckTime, s.LastSuccessfulSyncTime, s.LastSyncErrorCode,
         s.LastSyncState, s.LastSyncStateTime, s.ReplicationLinkStatus, s.SiteCode,
         s.SyncCatalogVersion, s.WSUSServerName, s.WSUSSourceServer
    FROM Update_SyncStatus s;
