-- The newest registration of each machine.

-- name: machinerequest_take
INSERT INTO MachineRequests (ResourceID, RequestTime) VALUES (:id, :time)
ON CONFLICT (ResourceID) DO UPDATE SET RequestTime = excluded.RequestTime
 WHERE MachineRequests.RequestTime < excluded.RequestTime;
