-- What came of a command.

-- name: command_scan
SELECT State, ErrorText, NumMissing, NumInstalled, NumNotApplicable
  FROM CCM_ScanJobInstance WHERE Trace = :trace AND FinishTime IS NOT NULL;

-- name: command_policy
SELECT COUNT(*) FROM PolicySource WHERE ReplyTime >= :since;

-- name: command_unsent
SELECT COUNT(*) FROM CCM_StateMsg WHERE MessageSent = 0;

-- name: command_letters     commands that nobody has served yet
SELECT COUNT(*) FROM Letter WHERE Trace = :trace;
