-- The views of what machines reported about updates, and their sums (53-database 2, 5).
--
-- A machine's answer counts when its last completed scan saw the content version that brought the
-- update or its rules; then no row means not required. Without such a scan, or while the site holds
-- other states than the machine reported, the answer is unknown (OQ-C27), whatever an earlier
-- revision of the update said.

CREATE VIEW v_UpdateComplianceStatus AS
  SELECT s.CI_ID, 0 AS EnforcementSource, 0 AS LastEnforcementMessageID,
         CAST(NULL AS TEXT) AS LastEnforcementMessageTime, 0 AS LastEnforcementStatusMsgID,
         0 AS LastErrorCode, r.ReceivedTime AS LastLocalChangeTime,
         s.StateTime AS LastStatusChangeTime,
         COALESCE(sc.LastScanTime, s.StateTime) AS LastStatusCheckTime, s.ResourceID, s.Status
    FROM Update_ComplianceStatus s
    JOIN CI_ConfigurationItems ci ON ci.CI_ID = s.CI_ID
    LEFT JOIN Update_ScanStatus sc
      ON sc.ResourceID = s.ResourceID AND sc.UpdateSource_ID = ci.UpdateSource_ID
    LEFT JOIN SR_Reports r ON r.ReportID = s.CauseID;

CREATE VIEW v_Update_ComplianceStatus AS
  SELECT s.CI_ID, 0 AS EnforcementSource, 0 AS LastEnforcementMessageID,
         CAST(NULL AS TEXT) AS LastEnforcementMessageTime, 0 AS LastEnforcementStatusMsgID,
         0 AS LastErrorCode, r.ReceivedTime AS LastLocalChangeTime,
         s.StateTime AS LastStatusChangeTime,
         COALESCE(sc.LastScanTime, s.StateTime) AS LastStatusCheckTime, s.ResourceID, s.Status
    FROM Update_ComplianceStatus s
    JOIN CI_ConfigurationItems ci ON ci.CI_ID = s.CI_ID
    LEFT JOIN Update_ScanStatus sc
      ON sc.ResourceID = s.ResourceID AND sc.UpdateSource_ID = ci.UpdateSource_ID
    LEFT JOIN SR_Reports r ON r.ReportID = s.CauseID;

CREATE VIEW v_Update_ComplianceStatusReported AS
  SELECT s.CI_ID, 0 AS EnforcementSource, 0 AS LastEnforcementMessageID,
         CAST(NULL AS TEXT) AS LastEnforcementMessageTime, 0 AS LastEnforcementStatusMsgID,
         0 AS LastErrorCode, r.ReceivedTime AS LastLocalChangeTime,
         s.StateTime AS LastStatusChangeTime,
         COALESCE(sc.LastScanTime, s.StateTime) AS LastStatusCheckTime, s.ResourceID, s.Status
    FROM Update_ComplianceStatus s
    JOIN CI_ConfigurationItems ci ON ci.CI_ID = s.CI_ID
    LEFT JOIN Update_ScanStatus sc
      ON sc.ResourceID = s.ResourceID AND sc.UpdateSource_ID = ci.UpdateSource_ID
    LEFT JOIN SR_Reports r ON r.ReportID = s.CauseID
    WHERE sc.LastScanVersion >= ci.MinSourceVersion;

-- One row for every approved machine and update; huge: always ask for one machine or one update.
CREATE VIEW v_Update_ComplianceStatusAll AS
  SELECT ci.CI_ID, 0 AS EnforcementSource, 0 AS LastEnforcementMessageID,
         CAST(NULL AS TEXT) AS LastEnforcementMessageTime, 0 AS LastEnforcementStatusMsgID,
         0 AS LastErrorCode, r.ReceivedTime AS LastLocalChangeTime,
         s.StateTime AS LastStatusChangeTime, sc.LastScanTime AS LastStatusCheckTime, m.ResourceID,
         CASE WHEN sc.LastScanVersion IS NULL OR sc.LastScanVersion < ci.MinSourceVersion THEN 0
              ELSE COALESCE(s.Status, 1) END AS Status
    FROM Machines m
    CROSS JOIN CI_ConfigurationItems ci
    LEFT JOIN Update_ScanStatus sc
      ON sc.ResourceID = m.ResourceID AND sc.UpdateSource_ID = ci.UpdateSource_ID
    LEFT JOIN Update_ComplianceStatus s ON s.ResourceID = m.ResourceID AND s.CI_ID = ci.CI_ID
    LEFT JOIN SR_Reports r ON r.ReportID = s.CauseID
    WHERE m.State = 1 AND ci.CIType_ID IN (1, 8);

-- Counted: who lacks it, who has it, how many machines there are, how many have scanned for it. What
-- is neither missing nor installed nor undetected on a machine that has scanned is not required.
CREATE VIEW Update_ComplianceSummary AS
  SELECT ci.CI_ID, t.NumMachines AS NumTotal, COALESCE(n.NumMissing, 0) AS NumMissing,
         COALESCE(n.NumInstalled, 0) AS NumInstalled,
         COALESCE(v.NumMachines, 0) - COALESCE(n.NumMissing, 0) - COALESCE(n.NumInstalled, 0)
           - COALESCE(n.NumUndetected, 0) AS NumNotApplicable,
         t.NumMachines - COALESCE(v.NumMachines, 0) + COALESCE(n.NumUndetected, 0) AS NumUnknown,
         COALESCE(n.NumFailed, 0) AS NumFailed,
         CASE WHEN n.LastSummaryTime > COALESCE(t.LastSummaryTime, '')
                   AND n.LastSummaryTime > COALESCE(v.LastSummaryTime, '') THEN n.LastSummaryTime
              WHEN v.LastSummaryTime > COALESCE(t.LastSummaryTime, '') THEN v.LastSummaryTime
              ELSE t.LastSummaryTime END AS LastSummaryTime,
         COALESCE(n.Cause, '') AS Cause, COALESCE(n.Trace, '') AS Trace
    FROM CI_ConfigurationItems ci
    CROSS JOIN Update_ScanVersions t
    LEFT JOIN Update_ScanVersions v
      ON v.UpdateSource_ID = ci.UpdateSource_ID AND v.SourceVersion = ci.MinSourceVersion
    LEFT JOIN Update_ComplianceCounts n ON n.CI_ID = ci.CI_ID
    WHERE t.UpdateSource_ID = 0 AND t.SourceVersion = 0;

CREATE VIEW v_Update_ComplianceSummary AS
  SELECT s.CI_ID, s.LastSummaryTime, s.NumFailed, s.NumInstalled, s.NumMissing, s.NumNotApplicable,
         s.NumInstalled AS NumPresent, s.NumTotal, s.NumUnknown
    FROM Update_ComplianceSummary s;

CREATE VIEW vSMS_UpdateComplianceSummary AS
  SELECT s.CI_ID, s.LastSummaryTime, s.NumFailed, s.NumInstalled, s.NumMissing, s.NumNotApplicable,
         s.NumInstalled AS NumPresent, s.NumTotal, s.NumUnknown
    FROM Update_ComplianceSummary s;

-- The same computed now; ask for one update.
CREATE VIEW v_Update_ComplianceSummary_Live AS
  SELECT a.CI_ID, MAX(a.LastStatusCheckTime) AS LastSummaryTime, 0 AS NumFailed,
         SUM(CASE a.Status WHEN 3 THEN 1 ELSE 0 END) AS NumInstalled,
         SUM(CASE a.Status WHEN 2 THEN 1 ELSE 0 END) AS NumMissing,
         SUM(CASE a.Status WHEN 1 THEN 1 ELSE 0 END) AS NumNotApplicable, 0 AS NumPending,
         SUM(CASE a.Status WHEN 3 THEN 1 ELSE 0 END) AS NumPresent, COUNT(*) AS NumTotal,
         SUM(CASE a.Status WHEN 0 THEN 1 ELSE 0 END) AS NumUnknown
    FROM v_Update_ComplianceStatusAll a
    GROUP BY a.CI_ID;

CREATE VIEW vSMS_SoftwareUpdate AS
  SELECT '' AS ApplicabilityCondition, 0 AS ApplicableAtUserLogon, ci.ArticleID, ci.BulletinID,
         '' AS CI_CRC, ci.CI_ID, ci.CI_UniqueID, ci.CIType_ID, ci.RevisionNumber AS CIVersion,
         0 AS CMTag, '' AS CMTagName, 0 AS ConfigurationFlags, '' AS ContentSourcePath,
         '' AS CreatedBy, ci.CustomSeverity,
         CASE ci.CustomSeverity WHEN 10 THEN 'Critical' WHEN 8 THEN 'Important' WHEN 6 THEN 'Moderate'
              WHEN 2 THEN 'Low' ELSE '' END AS CustomSeverityName,
         ci.DateCreated, ci.DateLastModified, ci.DatePosted, ci.DateRevised,
         ci.DatePosted AS EffectiveDate, 0 AS EULAAccepted, 0 AS EULAExists,
         CAST(NULL AS TEXT) AS EULASignoffDate, '' AS EULASignoffUser, 1 AS InUse, 0 AS IsBroken,
         0 AS IsBundle, 0 AS IsChild, 0 AS IsContentProvisioned,
         CASE WHEN ci.IsExpired = 0 THEN 1 ELSE 0 END AS IsDeployable, 0 AS IsDeployed,
         ci.IsEnabled, ci.IsExpired, ci.IsHidden, 1 AS IsLatest, 0 AS IsMetadataOnlyUpdate,
         0 AS IsOfflineServiceable, 0 AS IsQuarantined, 0 AS IsSignificantRevision, ci.IsSuperseded,
         ci.IsTombstoned, 0 AS IsUserCI, 0 AS IsUserDefined, '' AS LastModifiedBy,
         su.LastSummaryTime AS LastStatusTime, ci.MaxExecutionTime, ci.MinSourceVersion,
         ci.CI_ID AS ModelId, ci.CI_UniqueID AS ModelName, ci.DateLastModified AS ModifiedTime,
         COALESCE(su.NumMissing, 0) AS NumMissing,
         COALESCE(su.NumNotApplicable, 0) AS NumNotApplicable,
         COALESCE(su.NumInstalled, 0) AS NumPresent, COALESCE(su.NumTotal, 0) AS NumTotal,
         COALESCE(su.NumUnknown, 0) AS NumUnknown,
         CASE WHEN COALESCE(su.NumTotal, 0) = 0 THEN 0
              ELSE (su.NumInstalled + su.NumNotApplicable) * 100 / su.NumTotal END AS PercentCompliant,
         0 AS PermittedUses, 1 AS PlatformType, 0 AS Precedence, 0 AS RequiresExclusiveHandling,
         ci.RevisionNumber, '' AS RevisionTag, '' AS SDMPackageDigest,
         ci.RevisionNumber AS SDMPackageVersion, '' AS SedoObjectVersion, ci.Severity,
         CASE ci.Severity WHEN 10 THEN 'Critical' WHEN 8 THEN 'Important' WHEN 6 THEN 'Moderate'
              WHEN 2 THEN 'Low' ELSE '' END AS SeverityName,
         ci.SourceSite, ci.UpdateSource_ID
    FROM CI_ConfigurationItems ci
    JOIN Update_ComplianceSummary su ON su.CI_ID = ci.CI_ID
    WHERE ci.CIType_ID IN (1, 8);

CREATE VIEW v_UpdateScanStatus AS
  SELECT sc.LastErrorCode, r.ReceivedTime AS LastLocalChangeTime,
         sc.LastScanLocation AS LastScanPackageLocation,
         sc.CompletedVersion AS LastScanPackageVersion, sc.LastScanState, sc.LastScanTime,
         0 AS LastStatusMessageID, '' AS LastWUAVersion, sc.ResourceID, sc.ScanPackageVersion,
         sc.StateTime AS ScanTime, sc.UpdateSource_ID
    FROM Update_ScanStatus sc
    LEFT JOIN SR_Reports r ON r.ReportID = sc.CauseID;

CREATE VIEW v_UpdateState_Combined AS
  SELECT s.CI_ID, 0 AS EnforcementSource, 0 AS LastEnforcementStatusMsgID, 0 AS LastErrorCode,
         s.ResourceID, s.Status AS StateID, s.StateTime, 500 AS StateType
    FROM Update_ComplianceStatus s;

CREATE VIEW v_StateNames AS
  SELECT n.StateDescription, n.StateID, n.StateName, n.TopicType
    FROM SR_StateNames n;

CREATE VIEW v_SummaryTasks AS
  SELECT t.Enabled, t.LastRunDuration, t.LastRunResult, t.LastStartTime,
         t.LastSuccessfulCompletionTime, t.NextStartTime, t.RunInterval, t.RunNow, 6 AS SiteTypes,
         t.TaskCommand, t.TaskName, '' AS TaskParameter
    FROM SR_SummaryTasks t;

-- The columns of 90-tables (OQ-T07) stand behind those of 53-database.
CREATE VIEW vSR_SummaryTasks AS
  SELECT t.Enabled, t.LastRunDuration, t.LastRunResult, t.LastStartTime,
         t.LastSuccessfulCompletionTime, t.NextStartTime, t.RunInterval, t.RunNow, 6 AS SiteTypes,
         t.TaskCommand, t.TaskID, t.TaskName, '' AS TaskParameter,
         t.RunInterval / 60 AS IntervalMinutes, t.LastStartTime AS LastRun,
         t.LastRunDuration AS LastDuration, t.LastRunResult AS LastStatus, t.ManualStart
    FROM SR_SummaryTasks t;
