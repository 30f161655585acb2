-- The tasks of the state system.

-- name: summarytask_list
SELECT TaskID, TaskName, TaskCommand, RunInterval * 1000000 AS IntervalTime, RunNow, LastStartTime,
       CASE WHEN LastStartTime IS NOT NULL AND LastRunDuration IS NULL THEN 1 ELSE 0 END
       AS Interrupted, NextStartTime
  FROM SR_SummaryTasks
 WHERE Enabled = 1
 ORDER BY TaskID;

-- name: summarytask_asked
SELECT COUNT(*) AS Number FROM SR_SummaryTasks WHERE Enabled = 1 AND RunNow <> 0;

-- name: summarytask_ask
UPDATE SR_SummaryTasks SET RunNow = 1, Cause = :cause, Trace = :trace
 WHERE TaskCommand = :command AND Enabled = 1 AND ManualStart = 1;

-- name: summarytask_begin
UPDATE SR_SummaryTasks SET RunNow = 0, LastStartTime = :now, LastRunDuration = NULL WHERE TaskID = :id;

-- name: summarytask_end
UPDATE SR_SummaryTasks
   SET LastRunDuration = :duration, LastRunResult = :result, NextStartTime = :next,
       LastSuccessfulCompletionTime = CASE WHEN :succeeded = 1 THEN :end
                                           ELSE LastSuccessfulCompletionTime END,
       Cause = :cause, Trace = :trace
 WHERE TaskID = :id;
