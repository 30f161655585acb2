-- Letters between the client's components.

-- name: work_add_letter
INSERT INTO Letter (Box, Kind, LetterKey, Body, SentTime, Cause, Trace)
VALUES (:box, :kind, :key, :body, :now, :cause, :trace);

-- name: work_first_letter
SELECT ID, Kind, LetterKey, Body, Cause, Trace FROM Letter WHERE Box = :box ORDER BY ID LIMIT 1;

-- name: work_remove_letter
DELETE FROM Letter WHERE ID = :id;
