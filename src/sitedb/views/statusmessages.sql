-- The views of status messages (53-database 8).

-- The text in words and the trace stand behind the product's columns.
CREATE VIEW v_StatusMessage AS
  SELECT m.Component, m.MachineName, m.MessageID, m.MessageType, m.ModuleName, m.PartOfTransaction,
         m.PerClient, m.ProcessID, m.RecordID, m.ReportFunction, m.Severity, m.SiteCode,
         m.SuccessfulTransaction, m.ThreadID, m.MessageTime AS Time, m.SiteCode AS TopLevelSiteCode,
         m.Win32Error,
         m.MessageText, m.Trace
    FROM StatusMessages m;

CREATE VIEW v_StatMsgInsStrings AS
  SELECT i.InsStrIndex, i.InsStrValue, i.RecordID
    FROM StatusMessageInsStrs i;

CREATE VIEW v_StatMsgAttributes AS
  SELECT a.AttributeID, a.AttributeTime, a.AttributeValue, a.RecordID
    FROM StatusMessageAttributes a;

CREATE VIEW v_StatMsgWithInsStrings AS
  SELECT m.Component,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 0) AS InsString1,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 9) AS InsString10,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 1) AS InsString2,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 2) AS InsString3,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 3) AS InsString4,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 4) AS InsString5,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 5) AS InsString6,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 6) AS InsString7,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 7) AS InsString8,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 8) AS InsString9,
         m.MachineName, m.MessageID, m.MessageType, m.ModuleName, m.PartOfTransaction, m.PerClient,
         m.ProcessID, m.RecordID, m.ReportFunction, 0 AS ResourceID, m.Severity, m.SiteCode,
         m.SuccessfulTransaction, m.ThreadID, m.MessageTime AS Time, m.SiteCode AS TopLevelSiteCode,
         m.Win32Error
    FROM StatusMessages m;
