-- What clients are asked to do.

-- name: clienttrigger_withdraw
DELETE FROM ClientTriggers WHERE ResourceID = :id AND ScheduleID = :schedule;

-- name: clienttrigger_add
INSERT INTO ClientTriggers (ResourceID, ScheduleID, RequestTime, Cause, Trace)
SELECT m.ResourceID, :schedule, :now, :cause, :trace FROM Machines m WHERE m.ResourceID = :id;

-- name: clienttrigger_pending
SELECT TriggerID, ScheduleID FROM ClientTriggers WHERE ResourceID = :id ORDER BY TriggerID;

-- name: clienttrigger_taken
DELETE FROM ClientTriggers WHERE ResourceID = :id AND TriggerID <= :upto;
