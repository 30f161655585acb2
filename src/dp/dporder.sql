-- What the site server is sending.

-- name: dporder_add
INSERT INTO DPOrder (ID, PackageID, Version, Action, TokenHash, Related, CreatedTime, Cause, Trace)
VALUES (:id, :package_id, :version, :action, :token_hash, :related, :now, 'order', :trace);

-- name: dporder_load
SELECT ID, State, PackageID, Version, Action, TokenHash, Related FROM DPOrder WHERE ID = :id;

-- name: dporder_of_package
SELECT ID, State, PackageID, Version, Action, TokenHash, Related FROM DPOrder WHERE PackageID = :package_id
 ORDER BY CreatedTime DESC, ID LIMIT 1;

-- name: dporder_list
SELECT ID, State, PackageID, Version, Action, TokenHash, Related FROM DPOrder ORDER BY ID LIMIT 100000;

-- name: dporder_done
UPDATE DPOrder SET State = 'Done', Cause = 'commit', Trace = :trace WHERE ID = :id;

-- name: dporder_drop
DELETE FROM DPOrder WHERE PackageID = :package_id;
