-- What clients are asked to do.

-- name: clienttrigger_withdraw
DELETE FROM ClientTriggers WHERE ResourceID = :id AND ScheduleID = :schedule;

-- name: clienttrigger_take_number
UPDATE ClientTriggerCounter SET LastNumber = LastNumber + 1 WHERE ID = 1 RETURNING LastNumber;

-- name: clienttrigger_leap      after a restore: above every number that was given out
UPDATE ClientTriggerCounter
   SET LastNumber = CASE WHEN LastNumber < :number THEN :number ELSE LastNumber + :stride END;

-- name: clienttrigger_add
INSERT INTO ClientTriggers (TriggerID, ResourceID, ScheduleID, RequestTime, Cause, Trace)
SELECT :number, m.ResourceID, :schedule, :now, :cause, :trace FROM Machines m WHERE m.ResourceID = :id;

-- name: clienttrigger_pending
SELECT TriggerID, ScheduleID FROM ClientTriggers WHERE ResourceID = :id ORDER BY TriggerID;

-- name: clienttrigger_taken
DELETE FROM ClientTriggers WHERE ResourceID = :id AND TriggerID <= :upto;
