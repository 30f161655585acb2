-- Policies: CCM_Policy_Policy5.

-- name: policyrow_load
SELECT PolicyID, PolicyVersion, PolicySource, PolicyCategory, PolicyState, AssignmentID, PolicyHash,
       PolicyLocation, Body, Cause, Trace
  FROM CCM_Policy_Policy5 WHERE PolicyID = :id AND PolicyVersion = :version;

-- name: policyrow_first
SELECT PolicyID, PolicyVersion, PolicySource, PolicyCategory, PolicyState, AssignmentID, PolicyHash,
       PolicyLocation, Body, Cause, Trace
  FROM CCM_Policy_Policy5 WHERE PolicyState = :state
 ORDER BY ReceivedTime, PolicyID, PolicyVersion LIMIT 1;

-- name: policyrow_put
INSERT INTO CCM_Policy_Policy5 (PolicyID, PolicyVersion, PolicySource, PolicyCategory, PolicyState,
                                AssignmentID, PolicyHash, PolicyLocation, ReceivedTime, StateTime,
                                Cause, Trace)
VALUES (:id, :version, :source, :category, :state, :assignment_id, :hash, :location, :now, :now,
        :cause, :trace)
ON CONFLICT (PolicyID, PolicyVersion) DO UPDATE
   SET PolicySource = excluded.PolicySource, PolicyCategory = excluded.PolicyCategory,
       PolicyState = excluded.PolicyState, AssignmentID = excluded.AssignmentID,
       PolicyHash = excluded.PolicyHash, PolicyLocation = excluded.PolicyLocation,
       ReceivedTime = excluded.ReceivedTime, StateTime = excluded.StateTime, Body = NULL,
       Cause = excluded.Cause, Trace = excluded.Trace;

-- name: policyrow_set_body
UPDATE CCM_Policy_Policy5 SET Body = :body, PolicyState = 'Compiled', StateTime = :now
 WHERE PolicyID = :id AND PolicyVersion = :version;

-- name: policyrow_set_state
UPDATE CCM_Policy_Policy5 SET PolicyState = :state, StateTime = :now
 WHERE PolicyID = :id AND PolicyVersion = :version;

-- name: policyrow_revoke
UPDATE CCM_Policy_Policy5 SET PolicyState = 'Revoked', StateTime = :now WHERE PolicyID = :id;

-- name: policyrow_remove
DELETE FROM CCM_Policy_Policy5 WHERE PolicyID = :id AND PolicyVersion = :version;

-- name: policyrow_remove_pending
DELETE FROM CCM_Policy_Policy5
 WHERE PolicyID = :id AND PolicyVersion <> :version AND PolicyState IN ('Requested', 'Compiled');

-- name: policyrow_remove_settled
DELETE FROM CCM_Policy_Policy5
 WHERE PolicyID = :id AND PolicyVersion <> :version AND PolicyState IN ('Active', 'Invalid');

-- name: policyrow_remove_revoked
DELETE FROM CCM_Policy_Policy5 WHERE PolicyID = :id AND PolicyState = 'Revoked';
