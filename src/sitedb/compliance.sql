-- States of updates on machines, and the packages behind them.

-- name: compliance_find_update
SELECT CI_ID, UpdateSource_ID, MinSourceVersion FROM CI_ConfigurationItems WHERE CI_UniqueID = :guid;

-- name: compliance_compare
SELECT Status,
       CASE WHEN :time > :now OR StateTime > :now THEN CASE WHEN :serial > SerialNumber THEN 1 ELSE 0 END
            WHEN :time > StateTime OR (:time = StateTime AND :serial > SerialNumber) THEN 1
            ELSE 0 END AS Newer
  FROM Update_ComplianceStatus
 WHERE ResourceID = :machine AND CI_ID = :ci;

-- name: compliance_put
INSERT INTO Update_ComplianceStatus (ResourceID, CI_ID, Status, Revision, StateTime, SerialNumber,
                                     CauseID)
VALUES (:machine, :ci, :status, :revision, :time, :serial, :cause)
ON CONFLICT (ResourceID, CI_ID) DO UPDATE
   SET Status = excluded.Status, Revision = excluded.Revision, StateTime = excluded.StateTime,
       SerialNumber = excluded.SerialNumber, CauseID = excluded.CauseID;

-- name: compliance_add_package
INSERT INTO Update_MissingPackages (ResourceID, CI_ID, PackageName, Architecture, InstalledVersion,
                                    NewVersion, IsHeld)
VALUES (:machine, :ci, :name, :architecture, :installed, :available, :held)
ON CONFLICT (ResourceID, CI_ID, PackageName, Architecture) DO UPDATE
   SET InstalledVersion = excluded.InstalledVersion, NewVersion = excluded.NewVersion,
       IsHeld = excluded.IsHeld;

-- name: compliance_drop_packages
DELETE FROM Update_MissingPackages WHERE ResourceID = :machine AND CI_ID = :ci;

-- name: compliance_between
SELECT s.CI_ID, s.Status
  FROM Update_ComplianceStatus s
  JOIN CI_ConfigurationItems ci ON ci.CI_ID = s.CI_ID
 WHERE s.ResourceID = :machine AND s.Status <> 1 AND ci.UpdateSource_ID = :source
   AND ci.MinSourceVersion > :above AND ci.MinSourceVersion <= :upto;

-- name: compliance_reported
SELECT ci.CI_UniqueID AS UpdateID, s.Status AS Status
  FROM Update_ComplianceStatus s
  JOIN CI_ConfigurationItems ci ON ci.CI_ID = s.CI_ID
 WHERE s.ResourceID = :machine AND s.Status IN (2, 3)
UNION ALL
SELECT x.TopicID, x.StateID
  FROM SR_StateMessages x
 WHERE x.ResourceID = :machine AND x.TopicType = 500 AND x.StateID IN (2, 3)
 ORDER BY 1;

-- name: compliance_forget
DELETE FROM Update_ComplianceStatus WHERE ResourceID = :machine;

-- name: compliance_forget_packages
DELETE FROM Update_MissingPackages WHERE ResourceID = :machine;

-- name: compliance_forget_waiting
DELETE FROM SR_StateMessages WHERE ResourceID = :machine AND TopicType = 500;

-- name: compliance_aged      a machine whose states are gone already is not found again
SELECT c.ResourceID
  FROM MachineContacts c
 WHERE c.LastReportTime < :before
   AND (EXISTS (SELECT 1 FROM Update_ScanStatus sc WHERE sc.ResourceID = c.ResourceID)
        OR EXISTS (SELECT 1 FROM Update_ComplianceStatus s WHERE s.ResourceID = c.ResourceID))
 ORDER BY c.ResourceID
 LIMIT :max;
