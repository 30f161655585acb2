-- Rows that wake smsdbmon and that no noun writes yet.

-- name: rows_add_point
INSERT INTO DistributionPoints (DPID, NALPath, ServerName, SiteCode)
VALUES (1, '["Display=\\DP1.EXAMPLE.ORG"]MSWNET:["SMS_SITE=PS1"]\\DP1.EXAMPLE.ORG\', 'DP1.EXAMPLE.ORG', 'PS1');

-- name: rows_add_job
INSERT INTO DistributionJobs (DPID, PkgID, PackageVersion, Action, CreationTime)
VALUES (1, :pkg_id, 1, 1, :now);

-- name: rows_add_status
INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer)
VALUES (72057594037928008, 'PS100039', 2, 'PS1', 'DP1.EXAMPLE.ORG');

-- name: rows_add_response
INSERT INTO PullDPResponse (PkgStatusID, MessageTime, PkgVersion, ActionState)
VALUES (72057594037928008, :now, 3, 1);

-- name: rows_set_response
UPDATE PullDPResponse SET ActionState = 2 WHERE PkgStatusID = 72057594037928008;

-- name: rows_count_notifications
SELECT COUNT(*) AS Number FROM PkgNotification;

-- name: rows_count_changes
SELECT COUNT(*) AS Number FROM ChangeLog;

-- name: rows_add_unknown      as a trigger that a newer program has left behind
INSERT INTO ChangeLog (Notice, TableName, Op, Value, Origin, Trace)
VALUES ('Newer_Notice', 'Newer', 'INSERT', 'x', '', '');
