-- What is being pulled.

-- name: pulljob_put
INSERT INTO SMS_PullDPState (PackageID, Version, JobGUID, Notification, State, Cause, Trace)
VALUES (:package, :version, :guid, :notification, 'Running', :cause, :trace);

-- name: pulljob_load
SELECT PackageID, Version, JobGUID, Notification, State, Reported, ReportedPercent, ReportedTime,
       ProgressTime, Failures, NextTime, Error, Trace
  FROM SMS_PullDPState WHERE PackageID = :package;

-- name: pulljob_list
SELECT PackageID, Version, JobGUID, Notification, State, Reported, ReportedPercent, ReportedTime,
       ProgressTime, Failures, NextTime, Error, Trace
  FROM SMS_PullDPState ORDER BY PackageID;

-- name: pulljob_save
UPDATE SMS_PullDPState
   SET State = :state, Reported = :reported, ReportedPercent = :percent, ReportedTime = :reported_time,
       ProgressTime = :progress_time, Failures = :failures, NextTime = :next, Error = :error
 WHERE PackageID = :package AND JobGUID = :guid;

-- name: pulljob_set_state     once, whoever comes first
UPDATE SMS_PullDPState SET State = :state, Error = '', NextTime = NULL
 WHERE PackageID = :package AND JobGUID = :guid AND State = 'Running';

-- name: pulljob_cancel
UPDATE SMS_PullDPState SET State = 'Cancelled', Cause = 'cancel', NextTime = NULL
 WHERE PackageID = :package AND Version = :version AND State <> 'Succeeded';

-- name: pulljob_end
UPDATE SMS_PullDPState SET State = 'Cancelled', Cause = 'remove', NextTime = NULL
 WHERE PackageID = :package AND State NOT IN ('Succeeded', 'Cancelled');

-- name: pulljob_end_notifications
DELETE FROM SMS_PullDPNotification WHERE PackageID = :package;

-- name: pulljob_cancel_all
UPDATE SMS_PullDPState SET State = 'Cancelled', Cause = 'standard', NextTime = NULL
 WHERE State NOT IN ('Succeeded', 'Cancelled');

-- name: pulljob_drop_notifications
DELETE FROM SMS_PullDPNotification;

-- name: pulljob_pause
UPDATE SMS_PullDPState SET State = 'Paused', Cause = 'pause', NextTime = NULL, Error = ''
 WHERE PackageID = :package AND Version = :version AND State IN ('Running', 'Waiting', 'Failed', 'Paused');

-- name: pulljob_resume
UPDATE SMS_PullDPState SET State = 'Running', Cause = 'resume', NextTime = :now
 WHERE PackageID = :package AND Version = :version AND State = 'Paused';

-- name: pulljob_halt_contents      what it was downloading is planned anew; what has come stays
UPDATE SMS_PullDPContentState
   SET DTSJob = '', State = CASE WHEN State = 4 THEN 1 ELSE 5 END
 WHERE PackageID = :package AND State IN (4, 6, 7);

-- name: pulljob_drop_sources
DELETE FROM SMS_PullDPSource
 WHERE JobGUID IN (SELECT c.JobGUID FROM SMS_PullDPContentState c WHERE c.PackageID = :package);

-- name: pulljob_drop_contents
DELETE FROM SMS_PullDPContentState WHERE PackageID = :package;

-- name: pulljob_drop
DELETE FROM SMS_PullDPState WHERE PackageID = :package;

-- name: pulljob_active
SELECT COUNT(*) AS Number FROM SMS_PullDPState WHERE State IN ('Running', 'Waiting');

-- name: pulljob_progress     what a download of the service has got counts at once; what it will get it
-- knows best, when the sources have said the sizes of all that they make (as ETags show), else no less
SELECT CAST(COALESCE(SUM(CASE WHEN d.JobID IS NULL OR c.State < 6 THEN c.BytesAll
                              WHEN f.Unsized IS NULL OR d.BytesAll > c.BytesAll THEN d.BytesAll
                              ELSE c.BytesAll END), 0) AS BIGINT) AS BytesAll,
       CAST(COALESCE(SUM(CASE WHEN d.JobID IS NULL THEN c.BytesDone ELSE d.BytesDone END), 0) AS BIGINT)
           AS BytesDone,
       CAST(COALESCE(SUM(CASE WHEN c.State = 14 THEN 0 ELSE 1 END), 0) AS BIGINT) AS Unfinished,
       CAST(COALESCE(SUM(CASE WHEN c.State < 13 THEN 1 ELSE 0 END), 0) AS BIGINT) AS Lacking,
       CAST(COALESCE(SUM(CASE WHEN c.State < 6 OR c.State = 9 THEN 1 ELSE 0 END), 0) AS BIGINT) AS Unplanned,
       CAST(COALESCE(SUM(f.Unsized), 0) AS BIGINT) AS Unsized,
       COUNT(*) AS Contents
  FROM SMS_PullDPContentState c
  LEFT JOIN DTSJob d ON d.JobID = c.DTSJob
  LEFT JOIN (SELECT JobID, COUNT(*) AS Unsized FROM DTSFile WHERE Size < 0 AND ETag = ''
              GROUP BY JobID) f ON f.JobID = d.JobID
 WHERE c.PackageID = :package;

-- name: pulljob_add_content
INSERT INTO SMS_PullDPContentState (JobGUID, PackageID, Version, ContentID, RelatedContentID, State,
                                    Cause, Trace)
VALUES (:guid, :package, :version, :content, :related, 1, :cause, :trace);

-- name: pulljob_content
SELECT JobGUID, PackageID, Version, ContentID, RelatedContentID, State, DTSJob, Source, BytesAll,
       BytesDone, Error, Trace
  FROM SMS_PullDPContentState WHERE JobGUID = :guid;

-- name: pulljob_contents
SELECT JobGUID, PackageID, Version, ContentID, RelatedContentID, State, DTSJob, Source, BytesAll,
       BytesDone, Error, Trace
  FROM SMS_PullDPContentState WHERE PackageID = :package ORDER BY ContentID;

-- name: pulljob_open_contents
SELECT c.JobGUID, c.PackageID, c.Version, c.ContentID, c.RelatedContentID, c.State, c.DTSJob, c.Source,
       c.BytesAll, c.BytesDone, c.Error, c.Trace
  FROM SMS_PullDPContentState c JOIN SMS_PullDPState p ON p.PackageID = c.PackageID
 WHERE p.State NOT IN ('Succeeded', 'Cancelled');

-- name: pulljob_runs
SELECT COUNT(*) AS Number
  FROM SMS_PullDPContentState c JOIN SMS_PullDPState p ON p.PackageID = c.PackageID
 WHERE c.JobGUID = :guid AND p.State = 'Running';

-- name: pulljob_save_content
UPDATE SMS_PullDPContentState
   SET State = :state, DTSJob = :dts, Source = :source, BytesAll = :all, BytesDone = :done,
       Error = :error
 WHERE JobGUID = :guid
   AND NOT EXISTS (SELECT 1 FROM SMS_PullDPState p
                    WHERE p.PackageID = SMS_PullDPContentState.PackageID AND p.State IN ('Paused', 'Cancelled'));

-- name: pulljob_add_source
INSERT INTO SMS_PullDPSource (JobGUID, Position, Source) VALUES (:guid, :position, :source);

-- name: pulljob_next_source
SELECT Source FROM SMS_PullDPSource WHERE JobGUID = :guid AND Verdict = 0 ORDER BY Position LIMIT 1;

-- name: pulljob_judge_source
UPDATE SMS_PullDPSource SET Verdict = :verdict WHERE JobGUID = :guid AND Source = :source;

-- name: pulljob_source_again     once, where another has failed, whose bytes may be among these
UPDATE SMS_PullDPSource SET Verdict = 3
 WHERE JobGUID = :guid AND Source = :source AND Verdict = 0
   AND EXISTS (SELECT 1 FROM SMS_PullDPSource o
                WHERE o.JobGUID = SMS_PullDPSource.JobGUID AND o.Verdict = 2);

-- name: pulljob_failed_sources
SELECT COUNT(*) AS Number FROM SMS_PullDPSource WHERE JobGUID = :guid AND Verdict = 2;

-- name: pulljob_forget_verdicts
UPDATE SMS_PullDPSource SET Verdict = 0
 WHERE JobGUID IN (SELECT c.JobGUID FROM SMS_PullDPContentState c WHERE c.PackageID = :package);

-- name: pulljob_first_notification
SELECT ID, Notification, Trace FROM SMS_PullDPNotification ORDER BY ID LIMIT 1;

-- name: pulljob_drop_notification
DELETE FROM SMS_PullDPNotification WHERE ID = :id;

-- name: pulljob_drop_progress     the newest percentage says it all
DELETE FROM SMS_PullDPReport WHERE PackageID = :package AND StateID = 16;

-- name: pulljob_add_report
INSERT INTO SMS_PullDPReport (PackageID, Version, JobGUID, StateID, Data, MessageTime, Cause, Trace)
VALUES (:package, :version, :guid, :state, :data, :time, :cause, :trace);

-- name: pulljob_first_report
SELECT ID, PackageID, Version, JobGUID, StateID, Data, MessageTime, Trace
  FROM SMS_PullDPReport ORDER BY ID LIMIT 1;

-- name: pulljob_drop_report
DELETE FROM SMS_PullDPReport WHERE ID = :id;
