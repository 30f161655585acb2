-- Update_SyncStatus, a row per site and software update point.

-- name: syncstatus_ensure
INSERT INTO Update_SyncStatus (SiteCode, WSUSServerName, UpdateSource_UniqueID, Cause, Trace)
VALUES (:site, :server, :source_id, :cause, :trace)
ON CONFLICT (SiteCode, WSUSServerName) DO NOTHING;

-- name: syncstatus_rename
UPDATE Update_SyncStatus
   SET WSUSServerName = :server, Cause = :cause, Trace = :trace
 WHERE SiteCode = :site AND WSUSServerName = :before
   AND NOT EXISTS (SELECT 1 FROM Update_SyncStatus o
                    WHERE o.SiteCode = :site AND o.WSUSServerName = :server);

-- name: syncstatus_list
SELECT SiteCode, WSUSServerName, UpdateSource_UniqueID, SyncCatalogVersion, LastSuccessfulSyncTime,
       LastSyncState, LastSyncStateTime, LastSyncErrorCode, WSUSSourceServer, Cause, Trace
  FROM Update_SyncStatus
 ORDER BY SiteCode, WSUSServerName;

-- name: syncstatus_ask      the change is what counts (SYNC-019)
UPDATE Update_SyncStatus SET SyncNow = :kind, Cause = :cause, Trace = :trace WHERE SiteCode = :site;

-- name: syncstatus_asked
UPDATE Update_SyncStatus SET SyncNow = NULL WHERE SiteCode = :site;

-- name: syncstatus_set_state
UPDATE Update_SyncStatus
   SET LastSyncState = :state, LastSyncStateTime = :now, Cause = :cause, Trace = :trace
 WHERE SiteCode = :site AND WSUSServerName = :server;

-- name: syncstatus_set_version
UPDATE Update_SyncStatus SET SyncCatalogVersion = :version, Cause = :cause, Trace = :trace
 WHERE SiteCode = :site AND WSUSServerName = :server AND SyncCatalogVersion <> :version;

-- name: syncstatus_succeeded
UPDATE Update_SyncStatus
   SET UpdateSource_UniqueID = :source_id, SyncCatalogVersion = :version,
       LastSuccessfulSyncTime = :time, LastSyncState = 6702, LastSyncStateTime = :time,
       LastSyncErrorCode = :error_code, Cause = :cause, Trace = :trace
 WHERE SiteCode = :site AND WSUSServerName = :server;

-- name: syncstatus_failed
UPDATE Update_SyncStatus
   SET LastSyncState = 6703, LastSyncStateTime = :time, LastSyncErrorCode = :error_code,
       Cause = :cause, Trace = :trace
 WHERE SiteCode = :site AND WSUSServerName = :server;
