-- The newest registration of each machine.

-- name: machinerequest_take      one from a time that is still to come was made before its clock was set right
INSERT INTO MachineRequests (ResourceID, RequestTime) VALUES (:id, :time)
ON CONFLICT (ResourceID) DO UPDATE SET RequestTime = excluded.RequestTime
 WHERE MachineRequests.RequestTime < excluded.RequestTime
    OR (MachineRequests.RequestTime > :bound AND excluded.RequestTime <= :bound);
