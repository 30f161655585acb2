-- When scans were made and are to be made.

-- name: scanagent_history_load
SELECT FirstTime, AnchorTime, LastLocation FROM ScanHistory WHERE ID = 1;

-- name: scanagent_history_set_first
INSERT INTO ScanHistory (ID, FirstTime, Cause, Trace) VALUES (1, :first, :cause, :trace)
ON CONFLICT (ID) DO UPDATE
   SET FirstTime = excluded.FirstTime, Cause = excluded.Cause, Trace = excluded.Trace;

-- name: scanagent_history_set_started
INSERT INTO ScanHistory (ID, AnchorTime, Cause, Trace) VALUES (1, :now, :cause, :trace)
ON CONFLICT (ID) DO UPDATE
   SET AnchorTime = excluded.AnchorTime, Cause = excluded.Cause, Trace = excluded.Trace;

-- name: scanagent_history_set_good
INSERT INTO ScanHistory (ID, LastLocation, LastScanTime) VALUES (1, :location, :scan)
ON CONFLICT (ID) DO UPDATE
   SET LastLocation = excluded.LastLocation, LastScanTime = excluded.LastScanTime;
