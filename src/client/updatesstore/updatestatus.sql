-- The updates store.

-- name: updatestatus_load_all
SELECT UniqueId, RevisionNumber, ReportedState, Digest FROM CCM_UpdateStatus;

-- name: updatestatus_put
INSERT INTO CCM_UpdateStatus (UniqueId, Title, Article, ProductID, RevisionNumber, ScanTime, Sources,
                              Status, UpdateClassification, ReportedState, Digest, Cause,
                              Trace)
VALUES (:id, :title, :article, :product, :revision, :scan, :sources, :status, :class,
        :reported_state, :digest, :cause, :trace)
ON CONFLICT (UniqueId) DO UPDATE
   SET Title = excluded.Title, Article = excluded.Article, ProductID = excluded.ProductID,
       RevisionNumber = excluded.RevisionNumber, ScanTime = excluded.ScanTime,
       Sources = excluded.Sources, Status = excluded.Status,
       UpdateClassification = excluded.UpdateClassification,
       ReportedState = excluded.ReportedState, Digest = excluded.Digest,
       Cause = excluded.Cause, Trace = excluded.Trace;

-- name: updatestatus_set_scanned
UPDATE CCM_UpdateStatus SET ScanTime = :scan, Sources = :sources;

-- name: updatestatus_remove
DELETE FROM CCM_UpdateStatus WHERE UniqueId = :id;

-- name: updatestatus_remove_packages
DELETE FROM CCM_UpdateStatusPackage WHERE UniqueId = :id;

-- name: updatestatus_add_package
INSERT INTO CCM_UpdateStatusPackage (UniqueId, Package, Architecture, InstalledVersion, NewVersion,
                                     IsHeld)
VALUES (:id, :package, :architecture, :installed, :available, :held);

-- name: updatestatus_reported
SELECT UniqueId, ReportedState FROM CCM_UpdateStatus WHERE ReportedState IN (2, 3)
 ORDER BY UniqueId;
