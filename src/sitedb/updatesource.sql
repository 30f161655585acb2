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

-- name: updatesource_raise
UPDATE CI_UpdateSources
   SET ContentVersion = ContentVersion + 1, IsDirty = 0, DateModified = :now, Cause = :cause,
       Trace = :trace
 WHERE UpdateSource_ID = :id AND IsDirty = 1;
