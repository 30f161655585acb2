-- Status messages.

-- name: statusmessage_add
INSERT INTO StatusMessages (ModuleName, Severity, MessageID, MessageTime, SiteCode, MachineName,
                            Component, ProcessID, ThreadID, MessageText, Trace)
VALUES ('SMS Server', :severity, :id, :time, :site, :machine, :component, :pid, :tid, :text, :trace)
RETURNING RecordID;

-- name: statusmessage_add_string
INSERT INTO StatusMessageInsStrs (RecordID, InsStrIndex, InsStrValue)
VALUES (:record, :index, :value);

-- name: statusmessage_add_attribute
INSERT INTO StatusMessageAttributes (RecordID, AttributeID, AttributeValue, AttributeTime)
VALUES (:record, :id, :value, :time);

-- name: statusmessage_rows
SELECT m.RecordID, m.Time, m.Severity, m.MessageID, m.MessageType, m.Component, m.MachineName,
       m.SiteCode, m.ProcessID, m.ThreadID, m.ModuleName, m.Win32Error, s.MessageText, s.Trace,
       m.InsString1, m.InsString2, m.InsString3, m.InsString4, m.InsString5, m.InsString6,
       m.InsString7, m.InsString8, m.InsString9, m.InsString10
  FROM v_StatMsgWithInsStrings m
  JOIN StatusMessages s ON s.RecordID = m.RecordID
 WHERE (:before = 0 OR m.RecordID < :before) AND (:component = '' OR m.Component = :component)
   AND (:id = 0 OR m.MessageID = :id) AND (:severity = 0 OR m.Severity = :severity)
   AND m.Time >= :since
   AND (:attribute = '' OR EXISTS (SELECT 1 FROM StatusMessageAttributes a
                                    WHERE a.RecordID = m.RecordID AND a.AttributeValue = :attribute))
 ORDER BY m.RecordID DESC
 LIMIT :limit;

-- name: statusmessage_trim
DELETE FROM StatusMessages WHERE MessageTime < :before;

-- name: statusmessage_known     the same message of the same thread at the same time
SELECT COUNT(*) AS Number FROM StatusMessages
 WHERE MessageTime = :time AND MachineName = :machine AND Component = :component
   AND MessageID = :id AND ProcessID = :pid AND ThreadID = :tid AND MessageText = :text;
