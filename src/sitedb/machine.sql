-- Machines: registration, approval, contact.

-- name: machine_by_smsid
SELECT m.*, c.LastContactTime, c.LastReportTime, COALESCE(c.LastSerialNumber, 0) AS LastSerialNumber
  FROM Machines m
  LEFT JOIN MachineContacts c ON c.ResourceID = m.ResourceID
 WHERE m.SMSID = :smsid;

-- name: machine_sender
SELECT ResourceID, SMSID, Name, State, Certificate, Fingerprint
  FROM Machines
 WHERE SMSID = :smsid;

-- name: machine_by_key
SELECT m.*, c.LastContactTime, c.LastReportTime, COALESCE(c.LastSerialNumber, 0) AS LastSerialNumber
  FROM Machines m
  LEFT JOIN MachineContacts c ON c.ResourceID = m.ResourceID
 WHERE m.Fingerprint = :fingerprint;

-- name: machine_find
SELECT m.*, c.LastContactTime, c.LastReportTime, COALESCE(c.LastSerialNumber, 0) AS LastSerialNumber
  FROM Machines m
  LEFT JOIN MachineContacts c ON c.ResourceID = m.ResourceID
 WHERE m.ResourceID = :number OR m.SMSID = :smsid OR LOWER(m.Name) = LOWER(:text)
    OR LOWER(m.FullName) = LOWER(:text)
 ORDER BY m.ResourceID
 LIMIT 2;

-- name: machine_list
SELECT m.*, c.LastContactTime, c.LastReportTime, COALESCE(c.LastSerialNumber, 0) AS LastSerialNumber
  FROM Machines m
  LEFT JOIN MachineContacts c ON c.ResourceID = m.ResourceID
 WHERE m.ResourceID > :after AND (:state = -1 OR m.State = :state)
 ORDER BY m.ResourceID
 LIMIT :limit;

-- name: machine_add
INSERT INTO Machines (ResourceID, SMSID, Name, FullName, Domain, SiteCode, State, StateTime,
                      RegisteredTime, ClientVersion, OperatingSystem, Architecture, Certificate,
                      Fingerprint, Cause, Trace)
SELECT :id, :smsid, :name, :full_name, :domain, d.ThisSiteCode, :state, :now, :now, :version, :os,
       :architecture, :certificate, :fingerprint, :cause, :trace
  FROM SMSData d;

-- name: machine_refresh
UPDATE Machines
   SET Name = :name, FullName = :full_name, Domain = :domain, ClientVersion = :version,
       OperatingSystem = :os, Architecture = :architecture, Cause = :cause, Trace = :trace
 WHERE ResourceID = :id
   AND (Name <> :name OR FullName <> :full_name OR Domain <> :domain OR ClientVersion <> :version
        OR OperatingSystem <> :os OR Architecture <> :architecture);

-- name: machine_known
SELECT COUNT(*) AS Known FROM Machines WHERE ResourceID = :id;

-- name: machine_set_state
UPDATE Machines SET State = :state, StateTime = :now, Cause = :cause, Trace = :trace
 WHERE ResourceID = :id AND State <> :state;

-- name: machine_touch     a time that is still to come was noted before the clock was set back
INSERT INTO MachineContacts (ResourceID, LastContactTime)
SELECT m.ResourceID, :contact FROM Machines m WHERE m.ResourceID = :id
ON CONFLICT (ResourceID) DO UPDATE SET LastContactTime = excluded.LastContactTime
 WHERE MachineContacts.LastContactTime < excluded.LastContactTime
    OR MachineContacts.LastContactTime > :now;

-- name: machine_delete
DELETE FROM Machines WHERE ResourceID = :id;

-- name: machine_delete_compliance
DELETE FROM Update_ComplianceStatus WHERE ResourceID = :id;

-- name: machine_delete_missing
DELETE FROM Update_MissingPackages WHERE ResourceID = :id;

-- name: machine_delete_scans
DELETE FROM Update_ScanStatus WHERE ResourceID = :id;

-- name: machine_delete_states
DELETE FROM SR_StateMessages WHERE ResourceID = :id;

-- name: machine_delete_reports
DELETE FROM SR_Reports WHERE ResourceID = :id;

-- name: machine_counts
SELECT CAST(COALESCE(SUM(CASE WHEN m.State = 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS Pending,
       CAST(COALESCE(SUM(CASE WHEN m.State = 1 THEN 1 ELSE 0 END), 0) AS BIGINT) AS Approved,
       CAST(COALESCE(SUM(CASE WHEN m.State = 2 THEN 1 ELSE 0 END), 0) AS BIGINT) AS Blocked,
       CAST(COALESCE(SUM(CASE WHEN m.State = 1 AND c.LastContactTime >= :since
                              THEN 1 ELSE 0 END), 0) AS BIGINT) AS Heard,
       CAST(COALESCE(SUM(CASE WHEN m.State = 1 AND c.LastContactTime IS NULL
                              THEN 1 ELSE 0 END), 0) AS BIGINT) AS Never
  FROM Machines m
  LEFT JOIN MachineContacts c ON c.ResourceID = m.ResourceID;
