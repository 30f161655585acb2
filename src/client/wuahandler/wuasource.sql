-- Update sources that were added.

-- name: wuasource_load
SELECT UniqueId, ContentVersion, ServerURL FROM WUAUpdateSource WHERE UniqueId = :id;

-- name: wuasource_put
INSERT INTO WUAUpdateSource (UniqueId, ContentType, ContentVersion, ServerURL, AddedTime, Cause,
                             Trace)
VALUES (:id, 2, :version, :server, :now, :cause, :trace)
ON CONFLICT (UniqueId) DO UPDATE
   SET ContentVersion = excluded.ContentVersion, ServerURL = excluded.ServerURL,
       AddedTime = excluded.AddedTime, Cause = excluded.Cause, Trace = excluded.Trace;
