-- All that is known of one machine and one update.

-- name: why_facts
SELECT ci.CI_ID, ci.ArticleID, COALESCE(lp.Title, '') AS Title, ci.CI_UniqueID,
       ci.Cause AS UpdateCause, ci.MinSourceVersion, ci.DateCreated, ci.DateLastModified, ci.IsExpired,
       ci.IsSuperseded, src.ContentVersion,
       (SELECT MAX(y.LastSuccessfulSyncTime) FROM Update_SyncStatus y
         WHERE y.UpdateSource_UniqueID = src.UpdateSource_UniqueID) AS SyncTime,
       (SELECT COALESCE(MAX(y.SyncCatalogVersion), 0) FROM Update_SyncStatus y
         WHERE y.UpdateSource_UniqueID = src.UpdateSource_UniqueID) AS SyncVersion,
       m.ResourceID, m.Name, m.Cause AS StateCause, m.State, m.StateTime, m.RegisteredTime,
       c.LastContactTime, c.LastReportTime, COALESCE(c.LastSerialNumber, 0) AS LastSerialNumber,
       COALESCE(sp.PolicyID, '') AS PolicyID, COALESCE(p.Version, '') AS PolicyVersion,
       COALESCE(a.Cause, '') AS PolicyCause, a.LastUpdateTime AS PolicyMadeTime,
       CASE WHEN a.InProcess = 0 AND a.IsTombstoned = 0 AND p.Body IS NOT NULL
              AND a.BodySignature IS NOT NULL THEN 1 ELSE 0 END AS PolicyReady,
       p.Body AS PolicyBody,
       k.PolicyTime AS AskedPolicyTime, k.BodyTime, COALESCE(k.BodyVersion, 0) AS BodyVersion,
       k.LocationTime, COALESCE(k.LocationVersion, 0) AS LocationVersion,
       COALESCE(k.LocationURL, '') AS LocationURL, COALESCE(k.LocationReason, '') AS LocationReason,
       k.ReportTime AS RelayedTime, COALESCE(k.ReportSerial, 0) AS RelayedSerial,
       j.RejectedTime, COALESCE(j.Reason, '') AS RejectedReason,
       COALESCE(j.MessageID, '') AS RejectedID,
       rf.ReceivedTime AS RefusedTime, COALESCE(rf.Refusal, '') AS RefusedReason,
       COALESCE(rf.FileName, '') AS RefusedFile,
       COALESCE(sc.LastScanState, 0) AS ScanState, sc.StateTime AS ScanStateTime,
       COALESCE(n.StateName, '') AS ScanStateName, COALESCE(sc.LastErrorCode, 0) AS ScanError,
       COALESCE(sc.ScanPackageVersion, 0) AS ScanPackageVersion, sc.LastScanTime,
       COALESCE(sc.CompletedVersion, 0) AS ScanVersion,
       COALESCE(sc.LastScanLocation, '') AS ScanLocation, sc.ResyncTime,
       CASE WHEN s.Status IS NULL THEN 0 ELSE 1 END AS HasStatus, COALESCE(s.Status, 0) AS Status,
       s.StateTime AS StatusTime, rs.ReceivedTime AS StatusReceivedTime,
       su.LastSummaryTime, v.LastSummaryTime AS ProvedTime, su.NumMissing AS KeptMissing,
       su.NumInstalled AS KeptInstalled, su.NumUnknown AS KeptUnknown, su.NumTotal AS KeptTotal
  FROM CI_ConfigurationItems ci
  JOIN CI_UpdateSources src ON src.UpdateSource_ID = ci.UpdateSource_ID
  JOIN Machines m ON m.ResourceID = :machine
  JOIN Update_ComplianceSummary su ON su.CI_ID = ci.CI_ID
  LEFT JOIN CI_LocalizedProperties lp ON lp.CI_ID = ci.CI_ID
  LEFT JOIN MachineContacts c ON c.ResourceID = m.ResourceID
  LEFT JOIN SettingsPolicy sp ON sp.SourceID = m.SiteCode AND sp.SourceType = 'UpdateSource'
  LEFT JOIN Policy p ON p.PolicyID = sp.PolicyID
  LEFT JOIN PolicyAssignment a ON a.PADBID = sp.PADBID
  LEFT JOIN MachineLinks k ON k.ResourceID = m.ResourceID
  LEFT JOIN SR_RejectedReports j ON j.ResourceID = m.ResourceID
  LEFT JOIN SR_Reports rf
    ON rf.ReportID = (SELECT MAX(x.ReportID) FROM SR_Reports x
                       WHERE x.ResourceID = m.ResourceID AND x.Refusal <> '')
  LEFT JOIN Update_ScanStatus sc
    ON sc.ResourceID = m.ResourceID AND sc.UpdateSource_ID = ci.UpdateSource_ID
  LEFT JOIN SR_StateNames n ON n.TopicType = 501 AND n.StateID = sc.LastScanState
  LEFT JOIN Update_ComplianceStatus s ON s.ResourceID = m.ResourceID AND s.CI_ID = ci.CI_ID
  LEFT JOIN SR_Reports rs ON rs.ReportID = s.CauseID
  LEFT JOIN Update_ScanVersions v ON v.UpdateSource_ID = 0 AND v.SourceVersion = 0
 WHERE ci.CI_ID = :ci;

-- name: why_live    the sums counted now
SELECT CAST(l.NumMissing AS BIGINT) AS LiveMissing, CAST(l.NumInstalled AS BIGINT) AS LiveInstalled,
       CAST(l.NumUnknown AS BIGINT) AS LiveUnknown, CAST(l.NumTotal AS BIGINT) AS LiveTotal
  FROM v_Update_ComplianceSummary_Live l
 WHERE l.CI_ID = :ci;
