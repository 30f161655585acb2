-- The last report of each machine that was rejected.

-- name: rejectedreport_put
INSERT INTO SR_RejectedReports (ResourceID, RejectedTime, MessageID, Reason, Cause, Trace)
SELECT m.ResourceID, :time, :message_id, :reason, :cause, :trace
  FROM Machines m WHERE m.ResourceID = :id
ON CONFLICT (ResourceID) DO UPDATE
   SET RejectedTime = excluded.RejectedTime, MessageID = excluded.MessageID,
       Reason = excluded.Reason, Cause = excluded.Cause, Trace = excluded.Trace,
       Rejections = SR_RejectedReports.Rejections + 1;

-- name: rejectedreport_load
SELECT ResourceID, RejectedTime, MessageID, Reason, Rejections, Trace
  FROM SR_RejectedReports
 WHERE ResourceID = :id;
