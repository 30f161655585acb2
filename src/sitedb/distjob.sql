-- Jobs of Package Transfer Manager (90-tables 5.1).

-- name: distjob_cancel_for      DynamicOrder and Action announce a change (DistributionJob_Change)
UPDATE DistributionJobs SET Action = 5, Cause = :cause, Trace = :trace
 WHERE DPID = :dp_id AND PkgID = :pkg_id AND Action <> 5;

-- name: distjob_count_for      that are to bring that version there
SELECT COUNT(*) AS Jobs
  FROM DistributionJobs
 WHERE DPID = :dp_id AND PkgID = :pkg_id AND PackageVersion = :version AND Action <> 5;

-- name: distjob_redistributes      whether one that is taken back was to send everything
SELECT COUNT(*) AS Waiting
  FROM DistributionJobs
 WHERE DPID = :dp_id AND PkgID = :pkg_id AND Action = 2 AND State <> 6;

-- name: distjob_add      DIST-071
INSERT INTO DistributionJobs (DPID, PkgID, PackageVersion, State, CreationTime, Action, Priority,
                              Cause, Trace)
SELECT :dp_id, :pkg_id, :version, 0, :now, :action, p.Priority, :cause, :trace
  FROM SMSPackages_G p
 WHERE p.PkgID = :pkg_id
RETURNING JobID;

-- name: distjob_load
SELECT JobID, DPID, PkgID, PackageVersion, State, Action, SendAction, CreationTime, StartTime,
       ReStartTime, LastUpdateTime, RetryCount, DynamicOrder, TotalSize, RemainingSize, BytesSent,
       Priority, Attempts, Polls, LastError, Way, Cause, Trace
  FROM DistributionJobs
 WHERE JobID = :id;

-- name: distjob_list      OQ-D21; what was moved by hand goes first, or last
SELECT j.JobID, j.DPID, j.PkgID, j.PackageVersion, j.State, j.Action, j.SendAction, j.CreationTime,
       j.StartTime, j.ReStartTime, j.LastUpdateTime, j.RetryCount, j.DynamicOrder, j.TotalSize,
       j.RemainingSize, j.BytesSent, j.Priority, j.Attempts, j.Polls, j.LastError, j.Way, j.Cause,
       j.Trace
  FROM DistributionJobs j
  JOIN DistributionPoints d ON d.DPID = j.DPID
 ORDER BY j.DynamicOrder DESC, j.Priority, d.Priority DESC, j.CreationTime, j.JobID;

-- name: distjob_list_of      one package's; CROSS JOIN: by the index of the jobs, point by point
SELECT j.JobID, j.DPID, j.PkgID, j.PackageVersion, j.State, j.Action, j.SendAction, j.CreationTime,
       j.StartTime, j.ReStartTime, j.LastUpdateTime, j.RetryCount, j.DynamicOrder, j.TotalSize,
       j.RemainingSize, j.BytesSent, j.Priority, j.Attempts, j.Polls, j.LastError, j.Way, j.Cause,
       j.Trace
  FROM DistributionPoints d
 CROSS JOIN DistributionJobs j
 WHERE j.DPID = d.DPID AND j.PkgID = :pkg_id
 ORDER BY j.DynamicOrder DESC, j.Priority, d.Priority DESC, j.CreationTime, j.JobID;

-- name: distjob_of_point
SELECT JobID, DPID, PkgID, PackageVersion, State, Action, SendAction, CreationTime, StartTime,
       ReStartTime, LastUpdateTime, RetryCount, DynamicOrder, TotalSize, RemainingSize, BytesSent,
       Priority, Attempts, Polls, LastError, Way, Cause, Trace
  FROM DistributionJobs
 WHERE DPID = :dp_id AND Action <> 5
 ORDER BY JobID;

-- name: distjob_count_active      DIST-099; one that was told and is told again is no other
SELECT COUNT(*) AS Active FROM DistributionJobs job
  JOIN DistributionPoints dp ON dp.DPID = job.DPID AND dp.NALPath = :nal
 WHERE job.State IN (2, 3, 4) AND job.Action <> 5 AND COALESCE(job.SendAction, '') <> ''
   AND job.JobID <> :but;

-- name: distjob_cancel      what is done for a job stays the work of the action that made it
UPDATE DistributionJobs SET Action = 5, Cause = :cause
 WHERE JobID = :id AND Action <> 5;

-- name: distjob_pause      a pull that was begun is paused once its distribution point has taken that
UPDATE DistributionJobs
   SET State = 8, Cause = :cause,
       ReStartTime = CASE WHEN StartTime IS NULL OR NOT EXISTS
                               (SELECT 1 FROM DistributionPoints d
                                 WHERE d.DPID = DistributionJobs.DPID AND d.IsPullDP = 1)
                          THEN ReStartTime END,
       LastError = CASE WHEN StartTime IS NULL OR NOT EXISTS
                             (SELECT 1 FROM DistributionPoints d
                               WHERE d.DPID = DistributionJobs.DPID AND d.IsPullDP = 1)
                        THEN LastError
                        ELSE 'its distribution point has not taken the pause yet' END
 WHERE JobID = :id AND State <> 8 AND Action <> 5;

-- name: distjob_pause_waits
UPDATE DistributionJobs SET ReStartTime = :restart, LastError = :why, LastUpdateTime = :now
 WHERE JobID = :id AND State = 8;

-- name: distjob_resume
UPDATE DistributionJobs
   SET State = 0, ReStartTime = NULL, DynamicOrder = DynamicOrder + CASE WHEN State = 8 THEN 0 ELSE 1 END,
       RetryCount = 0, Polls = CASE WHEN State = 6 THEN 0 ELSE Polls END, LastError = '',
       Cause = :cause
 WHERE JobID = :id AND State IN (4, 6, 8) AND Action <> 5;

-- name: distjob_to_top
UPDATE DistributionJobs
   SET DynamicOrder = (SELECT MAX(o.DynamicOrder) FROM DistributionJobs o) + 1, Cause = :cause
 WHERE JobID = :id AND Action <> 5;

-- name: distjob_to_bottom
UPDATE DistributionJobs
   SET DynamicOrder = (SELECT MIN(o.DynamicOrder) FROM DistributionJobs o) - 1, Cause = :cause
 WHERE JobID = :id AND Action <> 5;

-- name: distjob_start
UPDATE DistributionJobs
   SET State = CASE WHEN SendAction = '' THEN 2 ELSE State END,
       StartTime = COALESCE(StartTime, :now), LastUpdateTime = :now
 WHERE JobID = :id AND State <> 8 AND Action <> 5;

-- name: distjob_progress
UPDATE DistributionJobs
   SET State = CASE WHEN State = 8 THEN 8 ELSE 3 END, TotalSize = :total, RemainingSize = :remaining,
       BytesSent = :sent, Way = :way, LastUpdateTime = :now
 WHERE JobID = :id;

-- name: distjob_put_back
UPDATE DistributionJobs SET State = 0, LastUpdateTime = :now
 WHERE JobID = :id AND State IN (1, 2, 3) AND SendAction = '' AND Action <> 5;

-- name: distjob_retry
UPDATE DistributionJobs
   SET State = CASE WHEN State = 8 THEN 8 ELSE :state END, RetryCount = :count,
       ReStartTime = :restart, LastError = :why, LastUpdateTime = :now
 WHERE JobID = :id;

-- name: distjob_wait      it is not told, or no longer: a source and room are looked for anew
UPDATE DistributionJobs
   SET SendAction = '', State = CASE WHEN State = 8 THEN 8 ELSE 4 END, RetryCount = :count,
       ReStartTime = :restart, LastError = :why, LastUpdateTime = :now
 WHERE JobID = :id;

-- name: distjob_told      DIST-104
UPDATE DistributionJobs
   SET SendAction = 'PullQueryResultAction', State = CASE WHEN State = 8 THEN 8 ELSE 3 END,
       LastUpdateTime = :now, ReStartTime = :restart, Attempts = :attempts, Polls = :polls,
       RetryCount = 0, LastError = :why
 WHERE JobID = :id;

-- name: distjob_delete
DELETE FROM DistributionJobs WHERE JobID = :id;

-- name: distjob_pull_done      DIST-133; not a later one that was never told, but for what is there now
DELETE FROM DistributionJobs
 WHERE DPID = :dp_id AND PkgID = :pkg_id
   AND (PackageVersion < :version
        OR PackageVersion = :version
           AND (Attempts > 0 OR CreationTime <= :said AND (Action = 1 OR State IN (2, 3))));

-- name: distjob_pull_cancelled      one that was told later is asked after, at once
UPDATE DistributionJobs SET ReStartTime = :now
 WHERE DPID = :dp_id AND PkgID = :pkg_id AND PackageVersion = :version AND SendAction <> ''
   AND State <> 8 AND Action <> 5;

-- name: distjob_pull_progress
UPDATE DistributionJobs
   SET TotalSize = CASE WHEN :all > 0 THEN :all ELSE TotalSize END,
       RemainingSize = CASE WHEN :all > 0 THEN :all - :done
                            ELSE TotalSize - TotalSize * :percent / 100 END,
       LastUpdateTime = :now,
       LastError = CASE WHEN SendAction = '' OR State = 8 THEN LastError ELSE '' END
 WHERE DPID = :dp_id AND PkgID = :pkg_id AND PackageVersion = :version;

-- name: distjob_pull_waits
UPDATE DistributionJobs SET LastError = :why, LastUpdateTime = :now
 WHERE DPID = :dp_id AND PkgID = :pkg_id AND PackageVersion = :version AND SendAction <> ''
   AND State <> 8 AND Action <> 5;

-- name: distjob_pull_failed
UPDATE DistributionJobs
   SET SendAction = '', State = CASE WHEN State = 8 THEN 8 ELSE 4 END,
       ReStartTime = CASE WHEN State = 8 THEN ReStartTime ELSE :restart END,
       RetryCount = RetryCount + 1,
       LastError = CASE WHEN State = 8 THEN LastError ELSE :why END, LastUpdateTime = :now
 WHERE DPID = :dp_id AND PkgID = :pkg_id AND PackageVersion = :version AND Action <> 5
   AND (Attempts > 0 OR State IN (2, 3));

-- name: distjob_source_ready
UPDATE DistributionJobs SET ReStartTime = :now
 WHERE PkgID = :pkg_id AND PackageVersion = :version AND State = 4 AND SendAction = ''
   AND DPID IN (SELECT d.DPID
                  FROM DistributionPoints d
                  JOIN PullDPMap m ON m.PullDPServerName = d.ServerName
                 WHERE m.SourceDPServerName = :source);

-- name: distjob_first_without_room
SELECT PkgID FROM DistributionJobs
 WHERE JobID = (SELECT MIN(JobID) FROM DistributionJobs
                 WHERE DPID = :dp_id AND State = 4 AND SendAction = '' AND LastError = :why
                   AND ReStartTime > :now);

-- name: distjob_room_ready
UPDATE DistributionJobs SET ReStartTime = :now
 WHERE JobID = (SELECT MIN(JobID) FROM DistributionJobs
                 WHERE DPID = :dp_id AND State = 4 AND SendAction = '' AND LastError = :why
                   AND ReStartTime > :now);
