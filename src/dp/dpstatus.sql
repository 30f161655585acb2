-- Status messages on their way to the site.

-- name: dpstatus_add
INSERT INTO SMS_StatusOutbox (Body, CreatedTime, Cause, Trace) VALUES (:body, :now, :cause, :trace);

-- name: dpstatus_first
SELECT ID, Body, Trace FROM SMS_StatusOutbox ORDER BY ID LIMIT 1;

-- name: dpstatus_drop
DELETE FROM SMS_StatusOutbox WHERE ID = :id;

-- name: dpstatus_trim     the oldest go when nobody takes them for too long
DELETE FROM SMS_StatusOutbox WHERE ID <= (SELECT MAX(o.ID) FROM SMS_StatusOutbox o) - :most;
