-- The client's identity and its standing with the site.

-- name: clientid_load
SELECT SMSID, State, Reason, AskTime, Tries FROM Client WHERE ID = 1;

-- name: clientid_add
INSERT INTO Client (ID, SMSID, State, ChangeTime, Cause, Trace)
VALUES (1, :smsid, 'new', :now, :cause, :trace);

-- name: clientid_set_state
UPDATE Client
   SET SMSID = :smsid, State = :state, Reason = :reason, Tries = :tries, ChangeTime = :now,
       Cause = :cause, Trace = :trace
 WHERE ID = 1;

-- name: clientid_set_asked
UPDATE Client SET AskTime = :now, Tries = Tries + 1 WHERE ID = 1;
