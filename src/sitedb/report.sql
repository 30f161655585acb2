-- Reports of state messages.

-- name: report_sender
SELECT m.ResourceID, m.Name, m.SiteCode, m.State,
       COALESCE((SELECT MAX(x.SerialNumber) FROM SR_StateMessages x
                  WHERE x.ResourceID = m.ResourceID AND x.TopicType = 700), 0) AS ResyncSerial,
       (SELECT MAX(x.StateTime) FROM SR_StateMessages x
         WHERE x.ResourceID = m.ResourceID AND x.TopicType = 700) AS ResyncTime
  FROM Machines m
 WHERE m.SMSID = :smsid;

-- name: report_machine_counts
SELECT COUNT(*) AS Number FROM Machines WHERE ResourceID = :machine AND State = 1;

-- name: report_add
INSERT INTO SR_Reports (ResourceID, ReceivedTime, FileName, Trace)
VALUES (:machine, :received, :file, :trace);

-- name: report_count
UPDATE SR_Reports SET Messages = :messages, Invalid = :invalid WHERE ReportID = :id;

-- name: report_refuse
INSERT INTO SR_Reports (ResourceID, ReceivedTime, FileName, Messages, Invalid, Refusal, Trace)
SELECT :machine, :received, :file, :messages, :invalid, :reason, :trace
 WHERE NOT EXISTS (SELECT 1 FROM SR_Reports r
                    WHERE r.ResourceID = :machine AND r.FileName = :file AND r.Refusal <> '');

-- name: report_contact     a time that is still to come was noted before the clock was set back
INSERT INTO MachineContacts (ResourceID, LastContactTime, LastReportTime, LastSerialNumber)
VALUES (:machine, :received, :received, :serial)
ON CONFLICT (ResourceID) DO UPDATE
   SET LastContactTime = CASE WHEN excluded.LastContactTime > MachineContacts.LastContactTime
                                OR MachineContacts.LastContactTime > :now
                              THEN excluded.LastContactTime
                              ELSE MachineContacts.LastContactTime END,
       LastReportTime = CASE WHEN excluded.LastReportTime > COALESCE(MachineContacts.LastReportTime, '')
                               OR MachineContacts.LastReportTime > :now
                             THEN excluded.LastReportTime
                             ELSE MachineContacts.LastReportTime END,
       LastSerialNumber = CASE WHEN excluded.LastSerialNumber > MachineContacts.LastSerialNumber
                               THEN excluded.LastSerialNumber
                               ELSE MachineContacts.LastSerialNumber END;

-- name: report_cap_contacts    so that they age, also those of machines that are not heard of again
UPDATE MachineContacts
   SET LastContactTime = CASE WHEN LastContactTime > :now THEN :now ELSE LastContactTime END,
       LastReportTime = CASE WHEN LastReportTime > :now THEN :now ELSE LastReportTime END
 WHERE LastContactTime > :now OR LastReportTime > :now;

-- name: report_last_refusal
SELECT r.ReceivedTime, r.Refusal
  FROM SR_Reports r
 WHERE r.ResourceID = :machine AND r.Refusal <> ''
 ORDER BY r.ReportID DESC
 LIMIT 1;

-- name: report_aged
SELECT r.ReportID, r.ReceivedTime,
       CASE WHEN EXISTS (SELECT 1 FROM Update_ComplianceStatus s
                          WHERE s.ResourceID = r.ResourceID AND s.CauseID = r.ReportID)
              OR EXISTS (SELECT 1 FROM Update_ScanStatus sc
                          WHERE sc.ResourceID = r.ResourceID AND sc.CauseID = r.ReportID)
              OR EXISTS (SELECT 1 FROM SR_StateMessages x
                          WHERE x.ResourceID = r.ResourceID AND x.CauseID = r.ReportID)
            THEN 1 ELSE 0 END AS IsCause
  FROM SR_Reports r
 WHERE (r.ReceivedTime, r.ReportID) > (:after_time, :after_id) AND r.ReceivedTime < :before
 ORDER BY r.ReceivedTime, r.ReportID
 LIMIT 1000;

-- name: report_remove
DELETE FROM SR_Reports WHERE ReportID = :id;
