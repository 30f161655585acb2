-- The summary of updates.

-- name: summary_add
INSERT INTO Update_ComplianceCounts (CI_ID, NumMissing, NumInstalled, NumUndetected, LastSummaryTime,
                                     Cause, Trace)
VALUES (:ci, :missing, :installed, :undetected, :now, :cause, :trace)
ON CONFLICT (CI_ID) DO UPDATE
   SET NumMissing = Update_ComplianceCounts.NumMissing + excluded.NumMissing,
       NumInstalled = Update_ComplianceCounts.NumInstalled + excluded.NumInstalled,
       NumUndetected = Update_ComplianceCounts.NumUndetected + excluded.NumUndetected,
       LastSummaryTime = excluded.LastSummaryTime, Cause = excluded.Cause, Trace = excluded.Trace;

-- name: summary_add_machines
INSERT INTO Update_ScanVersions (UpdateSource_ID, SourceVersion, NumMachines, LastSummaryTime)
VALUES (:source, :version, :machines, :now)
ON CONFLICT (UpdateSource_ID, SourceVersion) DO UPDATE
   SET NumMachines = Update_ScanVersions.NumMachines + excluded.NumMachines,
       LastSummaryTime = excluded.LastSummaryTime;

-- name: summary_add_span     at the versions between the two that updates came with
UPDATE Update_ScanVersions
   SET NumMachines = NumMachines + :machines, LastSummaryTime = :now
 WHERE UpdateSource_ID = :source AND SourceVersion > :above AND SourceVersion <= :upto;

-- name: summary_prove      one statement, so that all is of one moment; kinds as in summary.c
SELECT 1 AS Kind, c.CI_ID AS ID, c.MinSourceVersion AS Version, c.Status AS Value, 1 AS Number
  FROM Machines m
  JOIN Update_ComplianceCounted c ON c.ResourceID = m.ResourceID
 WHERE m.State = 1
UNION ALL
SELECT 2, n.CI_ID, ci.MinSourceVersion, 2, n.NumMissing
  FROM Update_ComplianceCounts n JOIN CI_ConfigurationItems ci ON ci.CI_ID = n.CI_ID
 WHERE n.NumMissing <> 0
UNION ALL
SELECT 2, n.CI_ID, ci.MinSourceVersion, 3, n.NumInstalled
  FROM Update_ComplianceCounts n JOIN CI_ConfigurationItems ci ON ci.CI_ID = n.CI_ID
 WHERE n.NumInstalled <> 0
UNION ALL
SELECT 2, n.CI_ID, ci.MinSourceVersion, 0, n.NumUndetected
  FROM Update_ComplianceCounts n JOIN CI_ConfigurationItems ci ON ci.CI_ID = n.CI_ID
 WHERE n.NumUndetected <> 0
UNION ALL
SELECT 3, sc.UpdateSource_ID, sc.LastScanVersion, 0, COUNT(*)
  FROM Machines m
  JOIN Update_ScanStatus sc ON sc.ResourceID = m.ResourceID
 WHERE m.State = 1 AND sc.LastScanVersion > 0
 GROUP BY sc.UpdateSource_ID, sc.LastScanVersion
UNION ALL
SELECT 3, 0, 0, 0, COUNT(*) FROM Machines m WHERE m.State = 1
UNION ALL
SELECT 4, v.UpdateSource_ID, v.SourceVersion, 0, v.NumMachines FROM Update_ScanVersions v
UNION ALL
SELECT DISTINCT 5, ci.UpdateSource_ID, ci.MinSourceVersion, 0, 0 FROM CI_ConfigurationItems ci
UNION ALL
SELECT 6, 0, 0, 0, COUNT(*) FROM CI_ConfigurationItems;

-- name: summary_correct      unless the update's rules have changed since
INSERT INTO Update_ComplianceCounts (CI_ID, NumMissing, NumInstalled, NumUndetected, LastSummaryTime,
                                     Cause, Trace)
SELECT ci.CI_ID, :missing, :installed, :undetected, :now, :cause, :trace
  FROM CI_ConfigurationItems ci
 WHERE ci.CI_ID = :ci AND ci.MinSourceVersion = :version
ON CONFLICT (CI_ID) DO UPDATE
   SET NumMissing = Update_ComplianceCounts.NumMissing + excluded.NumMissing,
       NumInstalled = Update_ComplianceCounts.NumInstalled + excluded.NumInstalled,
       NumUndetected = Update_ComplianceCounts.NumUndetected + excluded.NumUndetected,
       LastSummaryTime = excluded.LastSummaryTime, Cause = excluded.Cause, Trace = excluded.Trace;

-- name: summary_proved
UPDATE Update_ScanVersions SET LastSummaryTime = :now
 WHERE (UpdateSource_ID = 0 AND SourceVersion = 0) OR LastSummaryTime > :now;

-- name: summary_proved_counts    no count is newer than its proof
UPDATE Update_ComplianceCounts SET LastSummaryTime = :now WHERE LastSummaryTime > :now;
