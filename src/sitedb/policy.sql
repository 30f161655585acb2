-- Policies, their assignments, and which of them carries whose settings.

-- name: policy_settings
SELECT PolicyID, PolicyAssignmentID, SourceCRC, PADBID
  FROM SettingsPolicy
 WHERE SourceID = :source_id AND SourceType = :source_type;

-- name: policy_version
SELECT Version FROM Policy WHERE PolicyID = :policy_id;

-- name: policy_put_settings
INSERT INTO SettingsPolicy (SourceID, SourceType, PolicyID, PolicyAssignmentID, SourceCRC, PADBID,
                            Cause, Trace)
VALUES (:source_id, :source_type, :policy_id, :assignment_id, :crc, :padbid, :cause, :trace)
ON CONFLICT (SourceID, SourceType) DO UPDATE
   SET PolicyID = excluded.PolicyID, PolicyAssignmentID = excluded.PolicyAssignmentID,
       SourceCRC = excluded.SourceCRC, PADBID = excluded.PADBID, Cause = excluded.Cause,
       Trace = excluded.Trace;

-- name: policy_put
INSERT INTO Policy (PolicyID, Version, Body, PolicyHash, PolicyCategory, Cause, Trace)
VALUES (:policy_id, :version, :body, :hash, :category, :cause, :trace)
ON CONFLICT (PolicyID) DO UPDATE
   SET Version = excluded.Version, Body = excluded.Body, PolicyHash = excluded.PolicyHash,
       PolicyCategory = excluded.PolicyCategory, Cause = excluded.Cause, Trace = excluded.Trace;

-- name: policy_begin_assignment      in process, without hash: not to be served (COMP-013)
INSERT INTO PolicyAssignment (PADBID, PolicyAssignmentID, PolicyID, Version, InProcess, Cause, Trace)
VALUES (:padbid, :assignment_id, :policy_id, :version, 1, :cause, :trace)
ON CONFLICT (PADBID) DO UPDATE
   SET Version = excluded.Version, InProcess = 1, BodyHash = NULL, IsTombstoned = 0,
       Cause = excluded.Cause, Trace = excluded.Trace;

-- name: policy_finish_assignment
UPDATE PolicyAssignment
   SET Body = :body, BodyHash = :body_hash, BodySignature = :body_signature,
       TombstoneBody = :tombstone, TombstoneBodyHash = :tombstone_hash,
       TombstoneBodySignature = :tombstone_signature, HashAlgOID = :oid, HashAlgId = :alg,
       InProcess = 0, LastUpdateTime = :now, Cause = :cause, Trace = :trace
 WHERE PADBID = :padbid AND InProcess = 1;

-- name: policy_withdraw
UPDATE PolicyAssignment
   SET IsTombstoned = 1, LastUpdateTime = :now, Cause = :cause, Trace = :trace
 WHERE PADBID = :padbid AND InProcess = 0;

-- name: policy_assignments
SELECT a.PADBID, a.PolicyAssignmentID, a.PolicyID, a.Version, p.PolicyCategory, p.PolicyHash,
       p.PolicyFlags, p.PolicyPriority, a.IsTombstoned,
       CASE WHEN a.IsTombstoned = 1 THEN a.TombstoneBody ELSE a.Body END AS Body,
       CASE WHEN a.IsTombstoned = 1 THEN a.TombstoneBodyHash ELSE a.BodyHash END AS BodyHash,
       CASE WHEN a.IsTombstoned = 1 THEN a.TombstoneBodySignature ELSE a.BodySignature END
       AS BodySignature, a.LastUpdateTime
  FROM PolicyAssignment a
  JOIN Policy p ON p.PolicyID = a.PolicyID
 WHERE a.InProcess = 0 AND a.LastUpdateTime > :since
 ORDER BY a.PADBID;

-- name: policy_body
SELECT Body FROM Policy WHERE PolicyID = :policy_id AND (:version = '' OR Version = :version);
