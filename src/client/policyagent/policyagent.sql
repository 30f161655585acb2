-- What is remembered of the assignments as a whole.

-- name: policyagent_cookie
SELECT ServerCookie FROM PolicySource WHERE SiteCode = :site;

-- name: policyagent_set_cookie
INSERT INTO PolicySource (SiteCode, ServerCookie, ReplyTime, Trace)
VALUES (:site, :cookie, :now, :trace)
ON CONFLICT (SiteCode) DO UPDATE
   SET ServerCookie = excluded.ServerCookie, ReplyTime = excluded.ReplyTime, Trace = excluded.Trace;
