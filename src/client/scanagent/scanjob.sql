-- Scan jobs: CCM_ScanJobInstance.

-- name: scanjob_add
INSERT INTO CCM_ScanJobInstance (JobID, UpdateSourceID, RequiredVersion, State, IsUrgent,
                                 CreatedTime, Cause, Trace)
VALUES (:id, :source_id, :required_version, :state, :urgent, :created, :cause, :trace);

-- name: scanjob_save
UPDATE CCM_ScanJobInstance
   SET UpdateSourceID = :source_id, ContentVersion = :content_version,
       RequiredVersion = :required_version, State = :state, IsUrgent = :urgent,
       AgainTrace = :again_trace, AgainVersion = :again_version,
       LocationRequestID = :location_request, ContentLocation = :location,
       LocationVersion = :location_version, Tries = :tries, FailedLocations = :failed_locations, NextTime = :next, FinishTime = :finish,
       ErrorCode = :error_code, ErrorText = :error_text, NumMissing = :missing,
       NumInstalled = :installed, NumNotApplicable = :not_applicable, StateDetails = :details,
       ScanTime = :scan, Cause = :cause, Trace = :trace
 WHERE JobID = :id;

-- name: scanjob_load
SELECT JobID, UpdateSourceID, ContentVersion, RequiredVersion, State, IsUrgent, AgainTrace,
       AgainVersion, LocationRequestID, ContentLocation, LocationVersion, Tries, FailedLocations,
       CreatedTime, NextTime, FinishTime, ErrorCode, ErrorText, NumMissing, NumInstalled, NumNotApplicable,
       StateDetails, ScanTime, Cause, Trace
  FROM CCM_ScanJobInstance WHERE JobID = :id;

-- name: scanjob_active
SELECT JobID FROM CCM_ScanJobInstance WHERE State NOT IN ('Completed', 'Failed')
 ORDER BY CreatedTime DESC, JobID LIMIT 1;

-- name: scanjob_first
SELECT JobID FROM CCM_ScanJobInstance
 WHERE State = :state AND (NextTime IS NULL OR NextTime <= :now)
 ORDER BY CreatedTime, JobID LIMIT 1;

-- name: scanjob_of_request
SELECT JobID FROM CCM_ScanJobInstance
 WHERE State = 'WaitingLocation' AND LocationRequestID = :request;

-- name: scanjob_next_time
SELECT NextTime FROM CCM_ScanJobInstance WHERE State = 'RetryPending' AND NextTime IS NOT NULL
 ORDER BY NextTime LIMIT 1;

-- name: scanjob_all_due
UPDATE CCM_ScanJobInstance SET NextTime = :now WHERE State = 'RetryPending' AND NextTime > :now;

-- name: scanjob_remove_old
DELETE FROM CCM_ScanJobInstance WHERE FinishTime < :before;
