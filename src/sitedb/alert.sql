-- Alerts, one per name, site and object.

-- name: alert_raise
INSERT INTO Alerts (AlertName, SiteCode, ObjectID, Severity, AlertState, StateTime, Description,
                    OccurrenceCount, Cause, Trace)
VALUES (:name, :site, :object, :severity, 0, :now, :description, 1, :cause, :trace)
ON CONFLICT (AlertName, SiteCode, ObjectID) DO UPDATE
   SET StateTime = CASE WHEN Alerts.AlertState = 0 THEN Alerts.StateTime
                        ELSE excluded.StateTime END,
       OccurrenceCount = CASE WHEN Alerts.AlertState = 0 THEN Alerts.OccurrenceCount
                              ELSE Alerts.OccurrenceCount + 1 END,
       AlertState = 0, Severity = excluded.Severity, Description = excluded.Description,
       Cause = excluded.Cause, Trace = excluded.Trace;

-- name: alert_cancel
INSERT INTO Alerts (AlertName, SiteCode, ObjectID, AlertState, StateTime, Cause, Trace)
VALUES (:name, :site, :object, 2, :now, :cause, :trace)
ON CONFLICT (AlertName, SiteCode, ObjectID) DO UPDATE
   SET AlertState = 2, StateTime = excluded.StateTime, Cause = excluded.Cause,
       Trace = excluded.Trace
 WHERE Alerts.AlertState <> 2;

-- name: alert_list
SELECT AlertID, AlertName, SiteCode, ObjectID, Severity, AlertState, StateTime, Description,
       OccurrenceCount, Cause, Trace
  FROM Alerts
 ORDER BY CASE WHEN AlertState = 0 THEN 0 ELSE 1 END, StateTime DESC, AlertID;
