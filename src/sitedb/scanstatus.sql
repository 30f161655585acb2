-- Scans of machines.

-- name: scanstatus_load
SELECT LastScanState, StateTime, SerialNumber, LastErrorCode, ScanPackageVersion, LastScanTime,
       CompletedVersion, LastScanVersion, LastScanLocation, NumMissing, NumInstalled,
       NumNotApplicable, Digest, ResyncTime, CauseID
  FROM Update_ScanStatus
 WHERE ResourceID = :machine AND UpdateSource_ID = :source;

-- name: scanstatus_version
SELECT LastScanVersion, CASE WHEN ResyncTime IS NULL THEN 0 ELSE 1 END AS Resync
  FROM Update_ScanStatus
 WHERE ResourceID = :machine AND UpdateSource_ID = :source;

-- name: scanstatus_versions
SELECT UpdateSource_ID, LastScanVersion FROM Update_ScanStatus WHERE ResourceID = :machine;

-- name: scanstatus_put
INSERT INTO Update_ScanStatus (ResourceID, UpdateSource_ID, LastScanState, StateTime, SerialNumber,
                               LastErrorCode, ScanPackageVersion, LastScanTime,
                               CompletedVersion, LastScanVersion, LastScanLocation, NumMissing, NumInstalled,
                               NumNotApplicable, Digest, ResyncTime, CauseID)
VALUES (:machine, :source, :state, :time, :serial, :error_code, :package_version, :scan_time,
        :completed, :version, :location, :missing, :installed, :not_applicable, :digest, :resync, :cause)
ON CONFLICT (ResourceID, UpdateSource_ID) DO UPDATE
   SET LastScanState = excluded.LastScanState, StateTime = excluded.StateTime,
       SerialNumber = excluded.SerialNumber, LastErrorCode = excluded.LastErrorCode,
       ScanPackageVersion = excluded.ScanPackageVersion, LastScanTime = excluded.LastScanTime,
       CompletedVersion = excluded.CompletedVersion,
       LastScanVersion = excluded.LastScanVersion, LastScanLocation = excluded.LastScanLocation,
       NumMissing = excluded.NumMissing, NumInstalled = excluded.NumInstalled,
       NumNotApplicable = excluded.NumNotApplicable, Digest = excluded.Digest,
       ResyncTime = excluded.ResyncTime, CauseID = excluded.CauseID;

-- name: scanstatus_set_version
UPDATE Update_ScanStatus SET LastScanVersion = :version
 WHERE ResourceID = :machine AND UpdateSource_ID = :source;

-- name: scanstatus_set_resync
UPDATE Update_ScanStatus SET ResyncTime = :resync
 WHERE ResourceID = :machine AND UpdateSource_ID = :source;

-- name: scanstatus_forget
DELETE FROM Update_ScanStatus WHERE ResourceID = :machine;
