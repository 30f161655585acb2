-- What the management point saw of clients.

-- name: machinelink_put
INSERT INTO MachineLinks (ResourceID, PolicyTime, BodyTime, BodyVersion, LocationTime, LocationVersion,
                          LocationURL, LocationReason, ReportTime, ReportSerial)
SELECT m.ResourceID, :policy, :body, :body_version, :location, :location_version, :url, :reason, :report,
       :report_serial
  FROM Machines m WHERE m.ResourceID = :id
ON CONFLICT (ResourceID) DO UPDATE
   SET PolicyTime = COALESCE(excluded.PolicyTime, MachineLinks.PolicyTime),
       BodyTime = COALESCE(excluded.BodyTime, MachineLinks.BodyTime),
       BodyVersion = CASE WHEN excluded.BodyTime IS NULL THEN MachineLinks.BodyVersion
                          ELSE excluded.BodyVersion END,
       LocationTime = COALESCE(excluded.LocationTime, MachineLinks.LocationTime),
       LocationVersion = CASE WHEN excluded.LocationTime IS NULL THEN MachineLinks.LocationVersion
                              ELSE excluded.LocationVersion END,
       LocationURL = CASE WHEN excluded.LocationTime IS NULL THEN MachineLinks.LocationURL
                          ELSE excluded.LocationURL END,
       LocationReason = CASE WHEN excluded.LocationTime IS NULL THEN MachineLinks.LocationReason
                             ELSE excluded.LocationReason END,
       ReportTime = COALESCE(excluded.ReportTime, MachineLinks.ReportTime),
       ReportSerial = CASE WHEN excluded.ReportTime IS NULL THEN MachineLinks.ReportSerial
                           ELSE excluded.ReportSerial END;
