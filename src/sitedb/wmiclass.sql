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

-- name: wmiclass_missingpackage    what each machine lacks, a row for an installed package; ours. What
-- other numbers do not count (a machine that is blocked or must say all anew, an older answer) is not here
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
  JOIN Update_ComplianceCounted s ON s.ResourceID = p.ResourceID AND s.CI_ID = p.CI_ID
  LEFT JOIN CI_LocalizedProperties lp ON lp.CI_ID = p.CI_ID
 WHERE m.State = 1 AND s.Status = 2 AND ci.IsExpired = 0;

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

-- ---- content

-- name: wmiclass_packagebaseclass
SELECT p.*, n.Targeted, n.Installed, n.Retrying, n.Failed, r.SourceState, r.SourceStateName,
       r.SourceError, r.SourceFailedTime, r.SourceNextTryTime
  FROM v_Package p
  JOIN vUPK_PackageSource r ON r.PkgID = p.PackageID
  JOIN v_PackageStatusRootSummarizer n ON n.PackageID = p.PackageID
 ORDER BY p.PackageID;

-- name: wmiclass_packagebaseclass_by_id
SELECT p.*, n.Targeted, n.Installed, n.Retrying, n.Failed, r.SourceState, r.SourceStateName,
       r.SourceError, r.SourceFailedTime, r.SourceNextTryTime
  FROM v_Package p
  JOIN vUPK_PackageSource r ON r.PkgID = p.PackageID
  JOIN v_PackageStatusRootSummarizer n ON n.PackageID = p.PackageID
 WHERE p.PackageID = :key;

-- name: wmiclass_package_source_state
SELECT SourceState, SourceError FROM vUPK_PackageSource WHERE PkgID = :id;

-- name: wmiclass_package     all but the content of applications
SELECT p.* FROM v_Package p WHERE p.PackageType <> 8 ORDER BY p.PackageID;

-- name: wmiclass_package_by_id
SELECT p.* FROM v_Package p WHERE p.PackageType <> 8 AND p.PackageID = :key;

-- name: wmiclass_contentpackage
SELECT p.* FROM v_Package p WHERE p.PackageType = 8 ORDER BY p.PackageID;

-- name: wmiclass_contentpackage_by_id
SELECT p.* FROM v_Package p WHERE p.PackageType = 8 AND p.PackageID = :key;

-- name: wmiclass_packagecontent     the content items of each version that the site keeps; ours
SELECT c.PkgID AS PackageID, c.Version, c.ContentID, c.Hash, c.SignatureHash, c.RelatedContentID,
       c.Files, c.Size, c.CreationTime, c.PkgID || '/' || c.ContentID AS PackageContentID
  FROM PkgContents c
 ORDER BY c.PkgID, c.Version DESC, c.ContentID;

-- name: wmiclass_packagecontent_by_package
SELECT c.PkgID AS PackageID, c.Version, c.ContentID, c.Hash, c.SignatureHash, c.RelatedContentID,
       c.Files, c.Size, c.CreationTime, c.PkgID || '/' || c.ContentID AS PackageContentID
  FROM PkgContents c
 WHERE c.PkgID = :value
 ORDER BY c.Version DESC, c.ContentID;

-- name: wmiclass_distributionpoint
SELECT d.* FROM v_DistributionPoint d ORDER BY d.PackageID, d.ServerNALPath;

-- name: wmiclass_distributionpoint_by_package
SELECT d.* FROM v_DistributionPoint d WHERE d.PackageID = :value ORDER BY d.ServerNALPath;

-- name: wmiclass_distributionpointinfo
SELECT d.*, i.NumberErrors, i.NumberInProgress, i.NumberInstalled, i.MessageState
  FROM v_DistributionPointInfo d
  JOIN vSMS_DPStatusInfo i ON i.NALPath = d.NALPath
 ORDER BY d.ServerName;

-- name: wmiclass_distributionpointinfo_by_nal     or by the server's name
SELECT d.*, i.NumberErrors, i.NumberInProgress, i.NumberInstalled, i.MessageState
  FROM v_DistributionPointInfo d
  JOIN vSMS_DPStatusInfo i ON i.NALPath = d.NALPath
 WHERE d.NALPath = :key OR LOWER(d.ServerName) = LOWER(:key);

-- name: wmiclass_pulldpsource     where each pull distribution point fetches from; ours
SELECT m.PullDPServerName || '/' || m.SourceDPServerName AS PullDPSourceID, m.PullDPServerName,
       m.SourceDPServerName, m.Priority AS Rank, COALESCE(d.Url, '') AS Url
  FROM PullDPMap m
  LEFT JOIN DistributionPoints d ON d.ServerName = m.SourceDPServerName
 ORDER BY m.PullDPServerName, m.Priority, m.SourceDPServerName;

-- name: wmiclass_dpstraycontent     what a distribution point holds that was not given to it; ours
SELECT d.ServerName || '/' || s.PkgID AS DPStrayContentID, d.ServerName, d.NALPath,
       s.PkgID AS PackageID, COALESCE(p.Name, '') AS Name, s.Version,
       CASE WHEN s.Action = 3 THEN 1 ELSE 0 END AS IsRemoving, s.SeenTime
  FROM DPStrayContent s
  JOIN DistributionPoints d ON d.DPID = s.DPID
  LEFT JOIN SMSPackages_G p ON p.PkgID = s.PkgID
 WHERE NOT EXISTS (SELECT 1 FROM PkgServers_L l WHERE l.NALPath = d.NALPath AND l.PkgID = s.PkgID)
 ORDER BY d.ServerName, s.PkgID;

-- name: wmiclass_distributionpointgroup
SELECT g.* FROM vSMS_DistributionPointGroup g ORDER BY g.Name;

-- name: wmiclass_distributionpointgroup_by_id
SELECT g.* FROM vSMS_DistributionPointGroup g WHERE g.GroupID = :key OR LOWER(g.Name) = LOWER(:key);

-- name: wmiclass_dpgroupmembers
SELECT m.GroupID || '/' || m.DPNALPath AS DPGroupMemberID, m.GroupID, m.DPNALPath, d.ServerName
  FROM DPGroupMembers m
  LEFT JOIN DistributionPoints d ON d.NALPath = m.DPNALPath
 ORDER BY m.GroupID, m.DPNALPath;

-- name: wmiclass_dpgrouppackages
SELECT p.GroupID || '/' || p.PkgID AS DPGroupPackageID, p.GroupID, p.PkgID, g.Name AS PackageName
  FROM DPGroupPackages p
  LEFT JOIN SMSPackages_G g ON g.PkgID = p.PkgID
 ORDER BY p.GroupID, p.PkgID;

-- name: wmiclass_distributionjob     in the order in which they go (OQ-D21)
SELECT j.* FROM vSMS_DistributionJob j
 ORDER BY j.DynamicOrder DESC, j.Priority, j.DPPriority DESC, j.JobID;

-- name: wmiclass_distributionjob_by_id
SELECT j.* FROM vSMS_DistributionJob j WHERE j.JobID = :key;

-- name: wmiclass_packagestatusdistpoints
SELECT s.* FROM v_PackageStatusDistPointsSumm s ORDER BY s.PackageID, s.ServerNALPath;

-- name: wmiclass_packagestatusdistpoints_by_package
SELECT s.* FROM v_PackageStatusDistPointsSumm s WHERE s.PackageID = :value ORDER BY s.ServerNALPath;

-- name: wmiclass_packagestatusroot
SELECT s.* FROM v_PackageStatusRootSummarizer s ORDER BY s.PackageID;

-- name: wmiclass_packagestatusroot_by_id
SELECT s.* FROM v_PackageStatusRootSummarizer s WHERE s.PackageID = :key;

-- name: wmiclass_packagestatusdetail
SELECT s.PackageID || '/' || s.SiteCode AS PackageSiteID, s.* FROM v_PackageStatusDetailSumm s
 ORDER BY s.PackageID, s.SiteCode;

-- name: wmiclass_distributiondpstatus     the content status page, with the job on the way
SELECT o.PkgID || '/' || o.ServerName AS DistributionDPStatusID, o.PkgID AS PackageID, o.DPID,
       o.NALPath, o.ServerName AS Name, o.SiteCode, o.IsPullDP, o.Name AS PackageName,
       o.StateGroup AS MessageState, o.State, o.StateName, o.SourceVersion, o.StoredPkgVersion,
       o.InstalledVersion, o.Percent, o.Action, o.RefreshTrigger, o.Status, o.ErrorText,
       o.UpdateTime AS LastUpdateDate, o.ValidatedTime, o.DamagedFiles, o.JobID, o.JobState,
       o.JobAction, o.JobVersion, o.SendAction, o.StartTime, o.ReStartTime, o.RetryCount,
       o.TotalSize, o.RemainingSize, o.BytesSent, o.JobError, o.Way, o.Attempts, o.Polls,
       COALESCE((SELECT SUM(c.Size) FROM PkgContents c
                  WHERE c.PkgID = o.PkgID AND c.Version = o.StoredPkgVersion), 0) AS PackageBytes,
       p.Action AS PackageAction, p.Cause AS PackageCause, d.Failures, d.QuarantineTime,
       d.LastError AS DPError, d.Maintenance,
       CASE WHEN o.JobState IN (0, 1, 4) AND (o.IsPullDP = 0 OR o.SendAction = '')
            THEN CAST(o.JobPriority AS text) || ' ' || d.Schedule END AS ClosedUntil,
       r.SourceState, r.SourceStateName, r.SourceError, r.SourceFailedTime, r.SourceNextTryTime,
       o.Cause, o.Trace
  FROM vUPK_PackageOnDPState o
  JOIN vUPK_PackageSource r ON r.PkgID = o.PkgID
  JOIN SMSPackages_L p ON p.PkgID = o.PkgID
  LEFT JOIN DistributionPoints d ON d.DPID = o.DPID
 ORDER BY o.PkgID, o.ServerName;

-- name: wmiclass_distributiondpstatus_by_package
SELECT o.PkgID || '/' || o.ServerName AS DistributionDPStatusID, o.PkgID AS PackageID, o.DPID,
       o.NALPath, o.ServerName AS Name, o.SiteCode, o.IsPullDP, o.Name AS PackageName,
       o.StateGroup AS MessageState, o.State, o.StateName, o.SourceVersion, o.StoredPkgVersion,
       o.InstalledVersion, o.Percent, o.Action, o.RefreshTrigger, o.Status, o.ErrorText,
       o.UpdateTime AS LastUpdateDate, o.ValidatedTime, o.DamagedFiles, o.JobID, o.JobState,
       o.JobAction, o.JobVersion, o.SendAction, o.StartTime, o.ReStartTime, o.RetryCount,
       o.TotalSize, o.RemainingSize, o.BytesSent, o.JobError, o.Way, o.Attempts, o.Polls,
       COALESCE((SELECT SUM(c.Size) FROM PkgContents c
                  WHERE c.PkgID = o.PkgID AND c.Version = o.StoredPkgVersion), 0) AS PackageBytes,
       p.Action AS PackageAction, p.Cause AS PackageCause, d.Failures, d.QuarantineTime,
       d.LastError AS DPError, d.Maintenance,
       CASE WHEN o.JobState IN (0, 1, 4) AND (o.IsPullDP = 0 OR o.SendAction = '')
            THEN CAST(o.JobPriority AS text) || ' ' || d.Schedule END AS ClosedUntil,
       r.SourceState, r.SourceStateName, r.SourceError, r.SourceFailedTime, r.SourceNextTryTime,
       o.Cause, o.Trace
  FROM vUPK_PackageOnDPState o
  JOIN vUPK_PackageSource r ON r.PkgID = o.PkgID
  JOIN SMSPackages_L p ON p.PkgID = o.PkgID
  LEFT JOIN DistributionPoints d ON d.DPID = o.DPID
 WHERE o.PkgID = :value
 ORDER BY o.ServerName;

-- name: wmiclass_dpcontentinfo     what should be on each distribution point
SELECT o.PkgID || '/' || o.ServerName AS DPContentInfoID, o.PkgID AS PackageID, o.PkgID AS ObjectID,
       o.NALPath, o.ServerName, o.Name, o.PackageType, o.SourceVersion,
       o.StoredPkgVersion, o.InstalledVersion,
       COALESCE((SELECT SUM(c.Size) FROM PkgContents c
                  WHERE c.PkgID = o.PkgID AND c.Version = o.InstalledVersion), 0) AS SourceSize,
       o.State, o.StateName, o.ErrorText
  FROM vUPK_PackageOnDPState o
 ORDER BY o.ServerName, o.PkgID;

-- name: wmiclass_dpcontentinfo_by_nal
SELECT o.PkgID || '/' || o.ServerName AS DPContentInfoID, o.PkgID AS PackageID, o.PkgID AS ObjectID,
       o.NALPath, o.ServerName, o.Name, o.PackageType, o.SourceVersion,
       o.StoredPkgVersion, o.InstalledVersion,
       COALESCE((SELECT SUM(c.Size) FROM PkgContents c
                  WHERE c.PkgID = o.PkgID AND c.Version = o.InstalledVersion), 0) AS SourceSize,
       o.State, o.StateName, o.ErrorText
  FROM vUPK_PackageOnDPState o
 WHERE o.NALPath = :value
 ORDER BY o.PkgID;

-- name: wmiclass_dpstatusinfo
SELECT i.* FROM vSMS_DPStatusInfo i ORDER BY i.Name;

-- name: wmiclass_package_twin     a package of the same name, version and language
SELECT MIN(g.PkgID) AS PkgID
  FROM SMSPackages_G g
 WHERE LOWER(g.Name) = LOWER(:name) AND g.Version = :version AND g.Language = :language
   AND g.PkgID <> :id;

-- name: wmiclass_audit     who changed what, the newest first; ours
SELECT a.AuditID, a.AuditTime, a.UserName, a.Address, a.Action, a.ClassName, a.ObjectID, a.Method,
       a.Details, a.Trace
  FROM Audit a
 ORDER BY a.AuditID DESC;
