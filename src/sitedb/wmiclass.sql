-- The instances of the provider's classes: a column is a property, spelled as the product spells it.

-- name: wmiclass_softwareupdate
SELECT * FROM vSMS_SoftwareUpdate_Localized;

-- name: wmiclass_softwareupdate_by_article
SELECT * FROM vSMS_SoftwareUpdate_Localized WHERE ArticleID = :value;

-- name: wmiclass_softwareupdate_by_id     with the lazy properties
SELECT * FROM vSMS_SoftwareUpdate_Lazy WHERE CI_ID = :key;

-- name: wmiclass_softwareupdate_by_unique_id     what an administrator has from a log
SELECT * FROM vSMS_SoftwareUpdate_Lazy WHERE CI_UniqueID = :key;

-- name: wmiclass_supsyncstatus     one row per update point, with the run that goes on
SELECT s.SiteCode, s.WSUSServerName, s.WSUSSourceServer, s.SyncCatalogVersion, s.LastSyncState,
       s.LastSyncStateTime, s.LastSyncErrorCode, s.LastSuccessfulSyncTime,
       s.LastReplicationLinkCheckTime, s.ReplicationLinkStatus, s.UpdateSource_UniqueID, s.Cause,
       s.Trace, r.RunningKind, r.RunningOrigin, r.RunningTime, r.RunningTrace,
       r.RunningPhase, r.RunningDone AS ItemsDone, r.RunningTotal AS ItemsTotal,
       r.RunningProgressTime, r.PendingKind, r.PendingOrigin, r.PendingTime, r.RetryTime,
       r.LastStartTime, r.LastEndTime, r.LastSuccessTime, r.LastError AS LastSyncErrorText
  FROM Update_SyncStatus s
  LEFT JOIN Update_SyncRuns r ON r.SiteCode = s.SiteCode;

-- name: wmiclass_updatecategoryinstance
SELECT c.CategoryInstanceID, c.CategoryInstance_UniqueID, c.CategoryTypeName,
       c.CategoryInstanceName AS LocalizedCategoryInstanceName, c.AllowSubscription, c.IsSubscribed,
       c.ParentCategoryInstanceID, c.IsDeleted, c.EndOfLife, c.SourceSite, c.DateLastModified,
       c.Cause, c.Trace,
       (SELECT COUNT(*) FROM CI_CategoryRelations r
         WHERE r.CategoryInstanceID = c.CategoryInstanceID) AS UpdateCount
  FROM CI_CategoryInstances c;

-- name: wmiclass_updatecategoryinstance_by_id
SELECT c.CategoryInstanceID, c.CategoryInstance_UniqueID, c.CategoryTypeName,
       c.CategoryInstanceName AS LocalizedCategoryInstanceName, c.AllowSubscription, c.IsSubscribed,
       c.ParentCategoryInstanceID, c.IsDeleted, c.EndOfLife, c.SourceSite, c.DateLastModified,
       c.Cause, c.Trace
  FROM CI_CategoryInstances c
 WHERE c.CategoryInstance_UniqueID = :key;

-- name: wmiclass_statusmessage  the newest first
SELECT m.RecordID, m.Component, m.MachineName, m.MessageID, m.MessageType, m.ModuleName,
       m.ProcessID, m.ThreadID, m.Severity,
       CASE m.Severity WHEN -1073741824 THEN 'Error' WHEN -2147483648 THEN 'Warning'
            ELSE 'Information' END AS SeverityName, m.SiteCode, m.MessageTime AS Time,
       m.Win32Error, m.MessageText, m.Trace
  FROM StatusMessages m
 ORDER BY m.RecordID DESC;

-- name: wmiclass_statusmessage_by_id
SELECT m.RecordID, m.Component, m.MachineName, m.MessageID, m.MessageType, m.ModuleName,
       m.ProcessID, m.ThreadID, m.Severity,
       CASE m.Severity WHEN -1073741824 THEN 'Error' WHEN -2147483648 THEN 'Warning'
            ELSE 'Information' END AS SeverityName, m.SiteCode, m.MessageTime AS Time,
       m.Win32Error, m.MessageText, m.Trace
  FROM StatusMessages m
 WHERE m.RecordID = :key;

-- name: wmiclass_alert
SELECT a.AlertID AS ID, a.AlertName AS Name, a.SiteCode, a.ObjectID, a.Severity,
       CASE a.Severity WHEN 1 THEN 'Error' WHEN 2 THEN 'Warning' ELSE 'Information' END
         AS SeverityName,
       a.AlertState, CASE a.AlertState WHEN 0 THEN 'Active' WHEN 1 THEN 'Postponed'
         WHEN 2 THEN 'Canceled' ELSE 'Never triggered' END AS AlertStateName,
       a.StateTime, a.StateTime AS LastChangeTime, a.Description, a.OccurrenceCount, a.Cause, a.Trace
  FROM Alerts a;

-- name: wmiclass_alert_by_id
SELECT a.AlertID AS ID, a.AlertName AS Name, a.SiteCode, a.ObjectID, a.Severity,
       CASE a.Severity WHEN 1 THEN 'Error' WHEN 2 THEN 'Warning' ELSE 'Information' END
         AS SeverityName,
       a.AlertState, CASE a.AlertState WHEN 0 THEN 'Active' WHEN 1 THEN 'Postponed'
         WHEN 2 THEN 'Canceled' ELSE 'Never triggered' END AS AlertStateName,
       a.StateTime, a.StateTime AS LastChangeTime, a.Description, a.OccurrenceCount, a.Cause, a.Trace
  FROM Alerts a
 WHERE a.AlertID = :key;

-- name: wmiclass_site
SELECT s.SiteCode, s.ServerName, s.SiteName, s.SiteType AS Type, s.SiteVersion AS Version, s.Status,
       s.ParentSiteCode AS ReportingSiteCode, s.InstallDir, s.Cause, s.Trace
  FROM Sites s;

-- name: wmiclass_site_by_code
SELECT s.SiteCode, s.ServerName, s.SiteName, s.SiteType AS Type, s.SiteVersion AS Version, s.Status,
       s.ParentSiteCode AS ReportingSiteCode, s.InstallDir, s.Cause, s.Trace
  FROM Sites s
 WHERE s.SiteCode = :key;

-- name: wmiclass_audit_add
INSERT INTO Audit (AuditTime, UserName, Address, Action, ClassName, ObjectID, Method, Details, Result,
                   Trace)
VALUES (:now, :user, :address, :action, :class, :object, :method, :details, '', :trace);

-- name: wmiclass_supsyncstatus_by_server
SELECT s.SiteCode, s.WSUSServerName, s.WSUSSourceServer, s.SyncCatalogVersion, s.LastSyncState,
       s.LastSyncStateTime, s.LastSyncErrorCode, s.LastSuccessfulSyncTime,
       s.LastReplicationLinkCheckTime, s.ReplicationLinkStatus, s.UpdateSource_UniqueID, s.Cause,
       s.Trace, r.RunningKind, r.RunningOrigin, r.RunningTime, r.RunningTrace,
       r.RunningPhase, r.RunningDone AS ItemsDone, r.RunningTotal AS ItemsTotal,
       r.RunningProgressTime, r.PendingKind, r.PendingOrigin, r.PendingTime, r.RetryTime,
       r.LastStartTime, r.LastEndTime, r.LastSuccessTime, r.LastError AS LastSyncErrorText
  FROM Update_SyncStatus s
  LEFT JOIN Update_SyncRuns r ON r.SiteCode = s.SiteCode
 WHERE s.WSUSServerName = :key;

-- name: wmiclass_componentsummarizer     what the components said in words lately
SELECT m.Component AS ComponentName, m.MachineName, m.SiteCode,
       SUM(CASE WHEN m.Severity = -1073741824 THEN 1 ELSE 0 END) AS Errors,
       SUM(CASE WHEN m.Severity = -2147483648 THEN 1 ELSE 0 END) AS Warnings,
       SUM(CASE WHEN m.Severity = 1073741824 THEN 1 ELSE 0 END) AS Infos,
       MAX(m.MessageTime) AS LastContacted
  FROM StatusMessages m
 GROUP BY m.Component, m.MachineName, m.SiteCode;

-- name: wmiclass_missingpackage    what each machine lacks, a row for an installed package; ours
SELECT p.ResourceID || '/' || p.CI_ID || '/' || p.PackageName || ':' || p.Architecture
         AS MissingPackageID,
       p.ResourceID, m.Name AS MachineName, p.CI_ID, ci.ArticleID, lp.Title AS LocalizedDisplayName,
       COALESCE((SELECT MIN(c.CategoryInstanceName) FROM CI_CategoryRelations r
                 JOIN CI_CategoryInstances c ON c.CategoryInstanceID = r.CategoryInstanceID
                WHERE r.CI_ID = p.CI_ID AND c.CategoryTypeName = 'UpdateClassification'), '')
         AS UpdateClassification,
       p.PackageName, p.Architecture, p.InstalledVersion, p.NewVersion, p.IsHeld,
       (SELECT MAX(f.FileSize) FROM CI_ContentFiles f
         WHERE f.CI_ID = p.CI_ID AND f.PackageName = p.PackageName
           AND f.PackageVersion = p.NewVersion AND f.Architecture IN (p.Architecture, 'all'))
         AS FileSize
  FROM Update_MissingPackages p
  JOIN Machines m ON m.ResourceID = p.ResourceID
  JOIN CI_ConfigurationItems ci ON ci.CI_ID = p.CI_ID
  LEFT JOIN CI_LocalizedProperties lp ON lp.CI_ID = p.CI_ID;

-- name: wmiclass_clientcontacts   clients by last contact; ours. A time ahead of the clock is recent
SELECT s.SiteCode,
       COALESCE(SUM(CASE WHEN m.State = 1 AND c.LastContactTime >= :hour THEN 1 ELSE 0 END), 0)
         AS WithinHour,
       COALESCE(SUM(CASE WHEN m.State = 1 AND c.LastContactTime >= :day
                          AND c.LastContactTime < :hour THEN 1 ELSE 0 END), 0) AS WithinDay,
       COALESCE(SUM(CASE WHEN m.State = 1 AND c.LastContactTime >= :week
                          AND c.LastContactTime < :day THEN 1 ELSE 0 END), 0) AS WithinWeek,
       COALESCE(SUM(CASE WHEN m.State = 1 AND c.LastContactTime < :week THEN 1 ELSE 0 END), 0)
         AS Older,
       COALESCE(SUM(CASE WHEN m.State = 1 AND c.LastContactTime IS NULL THEN 1 ELSE 0 END), 0)
         AS Never,
       COALESCE(SUM(CASE WHEN m.State = 0 THEN 1 ELSE 0 END), 0) AS Pending,
       COALESCE(SUM(CASE WHEN m.State = 2 THEN 1 ELSE 0 END), 0) AS Blocked
  FROM Sites s
  LEFT JOIN Machines m ON m.SiteCode = s.SiteCode
  LEFT JOIN MachineContacts c ON c.ResourceID = m.ResourceID
 GROUP BY s.SiteCode;

-- name: wmiclass_r_system    the clients, with what they said last
SELECT * FROM vSMS_R_System;

-- name: wmiclass_r_system_by_id
SELECT * FROM vSMS_R_System WHERE ResourceID = :key;

-- name: wmiclass_statename
SELECT n.TopicType || '/' || n.StateID AS StateNameID, n.TopicType, n.StateID, n.StateName,
       n.StateDescription
  FROM SR_StateNames n
 ORDER BY n.TopicType, n.StateID;
