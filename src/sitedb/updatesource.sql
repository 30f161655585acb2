-- The update source and its content version.

-- name: updatesource_load
SELECT UpdateSource_ID, UpdateSource_UniqueID, UpdateSourceName, SourceSite, ContentVersion, IsDirty,
       DateCreated, DateModified
  FROM CI_UpdateSources
 ORDER BY UpdateSource_ID
 LIMIT 1;

-- name: updatesource_add
INSERT INTO CI_UpdateSources (UpdateSource_ID, UpdateSource_UniqueID, UpdateSourceName, SourceSite,
                              DateCreated, DateModified, Cause, Trace)
SELECT :id, :unique_id, :name, d.ThisSiteCode, :now, :now, :cause, :trace
  FROM SMSData d;

-- name: updatesource_set_dirty
UPDATE CI_UpdateSources SET IsDirty = 1, Cause = :cause, Trace = :trace
 WHERE UpdateSource_ID = :id AND IsDirty = 0;

-- name: updatesource_add_version   where machines are counted that scanned at it or later (sitedb/summary.h)
INSERT INTO Update_ScanVersions (UpdateSource_ID, SourceVersion)
SELECT s.UpdateSource_ID, s.ContentVersion + 1 FROM CI_UpdateSources s WHERE s.UpdateSource_ID = :id
ON CONFLICT (UpdateSource_ID, SourceVersion) DO NOTHING;

-- name: updatesource_raise
UPDATE CI_UpdateSources
   SET ContentVersion = ContentVersion + 1, IsDirty = 0, DateModified = :now, Cause = :cause,
       Trace = :trace
 WHERE UpdateSource_ID = :id AND IsDirty = 1;

-- name: updatesource_leap      after a restore: above every version that was given out
UPDATE CI_UpdateSources
   SET ContentVersion = CASE WHEN ContentVersion < :version THEN :version ELSE ContentVersion + 1 END,
       DateModified = :now, Cause = :cause, Trace = :trace
 WHERE ContentVersion > 0;

-- name: updatesource_leap_status   which is also the notice that has the policies written anew
UPDATE Update_SyncStatus
   SET SyncCatalogVersion = CASE WHEN SyncCatalogVersion < :version THEN :version
                                 ELSE SyncCatalogVersion + 1 END,
       Cause = :cause, Trace = :trace
 WHERE SyncCatalogVersion > 0;
