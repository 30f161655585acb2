-- Requests and runs of a site's synchronization.

-- name: syncrun_load
SELECT SiteCode, PendingKind, PendingOrigin, PendingTime, PendingTrace, TakenSeq, RunningKind,
       RunningOrigin, RunningTime, RunningTrace, RunningPhase, RunningDone, RunningTotal,
       RunningProgressTime, RetryKind, RetryTime, Interruptions, Anchor, LastStartTime, LastEndTime,
       LastSuccessTime, LastError, Cause, Trace
  FROM Update_SyncRuns
 WHERE SiteCode = :site;

-- name: syncrun_ensure
INSERT INTO Update_SyncRuns (SiteCode) VALUES (:site)
ON CONFLICT (SiteCode) DO NOTHING;

-- name: syncrun_take      a notice that was taken before changes no row
UPDATE Update_SyncRuns SET TakenSeq = :seq WHERE SiteCode = :site AND TakenSeq < :seq;

-- name: syncrun_take_full      a full run does what an earlier notice of the other kind asks for
UPDATE Update_SyncRuns
   SET TakenFullSeq = :seq, TakenSeq = CASE WHEN TakenSeq < :seq THEN :seq ELSE TakenSeq END
 WHERE SiteCode = :site AND TakenFullSeq < :seq;

-- name: syncrun_request      an equal or weaker request is met by the one that waits
UPDATE Update_SyncRuns
   SET PendingKind = :kind, PendingOrigin = :origin, PendingTime = :now, PendingTrace = :trace
 WHERE SiteCode = :site AND PendingKind < :kind;

-- name: syncrun_begin
UPDATE Update_SyncRuns
   SET RunningKind = CASE WHEN RetryKind > PendingKind THEN RetryKind ELSE PendingKind END,
       RunningOrigin = PendingOrigin, RunningTime = :now, RunningTrace = PendingTrace,
       RunningPhase = '', RunningDone = 0, RunningTotal = 0, RunningProgressTime = NULL,
       LastStartTime = :now, PendingKind = 0, PendingOrigin = '', PendingTime = NULL,
       PendingTrace = '', RetryKind = 0, RetryTime = NULL
 WHERE SiteCode = :site;

-- name: syncrun_progress
UPDATE Update_SyncRuns
   SET RunningPhase = :phase, RunningDone = :done, RunningTotal = :total, RunningProgressTime = :now
 WHERE SiteCode = :site AND RunningKind <> 0;

-- name: syncrun_succeed
UPDATE Update_SyncRuns
   SET Anchor = :anchor, LastEndTime = :now, LastSuccessTime = :now, LastError = :why,
       Interruptions = 0, RetryKind = RunningKind * :again,
       RetryTime = :retry, Trace = RunningTrace, Cause = :cause,
       RunningKind = 0, RunningOrigin = '', RunningTime = NULL, RunningTrace = '',
       RunningPhase = '', RunningProgressTime = NULL
 WHERE SiteCode = :site AND RunningKind <> 0;

-- name: syncrun_fail
UPDATE Update_SyncRuns
   SET RetryKind = RunningKind, RetryTime = :retry, LastEndTime = :now, LastError = :why,
       Interruptions = Interruptions * :interrupted + :interrupted, Trace = RunningTrace,
       Cause = :cause, RunningKind = 0, RunningOrigin = '', RunningTime = NULL, RunningTrace = '',
       RunningPhase = '', RunningProgressTime = NULL
 WHERE SiteCode = :site AND RunningKind <> 0;
