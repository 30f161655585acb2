-- Requests for locations, kept until they are answered.

-- name: locationservices_add
INSERT INTO LocationRequest (ID, ContentID, ContentVersion, State, CreatedTime, ExpireTime, Cause,
                             Trace)
VALUES (:id, :content_id, :content_version, 'new', :now, :expire, :cause, :trace);

-- name: locationservices_load
SELECT ID, ContentID, ContentVersion, State, NextTime, ExpireTime, Cause, Trace
  FROM LocationRequest WHERE ID = :id;

-- name: locationservices_due     new ones, and those whose time has come
SELECT ID, ContentID, ContentVersion, State, NextTime, ExpireTime, Cause, Trace
  FROM LocationRequest
 WHERE State = 'new' OR NextTime <= :now
 ORDER BY CreatedTime LIMIT 1;

-- name: locationservices_next_time
SELECT NextTime FROM LocationRequest WHERE NextTime IS NOT NULL ORDER BY NextTime LIMIT 1;

-- name: locationservices_all_due
UPDATE LocationRequest SET NextTime = :now WHERE NextTime > :now;

-- name: locationservices_set_sent
UPDATE LocationRequest SET State = 'sent', NextTime = :next WHERE ID = :id;

-- name: locationservices_set_empty
UPDATE LocationRequest SET State = 'empty', Reason = :reason WHERE ID = :id;

-- name: locationservices_remove
DELETE FROM LocationRequest WHERE ID = :id;
