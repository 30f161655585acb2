-- What is remembered of the assignments as a whole.

-- name: policyagent_cookie
SELECT ServerCookie FROM PolicySource WHERE SiteCode = :site;

-- name: policyagent_set_cookie
INSERT INTO PolicySource (SiteCode, ServerCookie, ReplyTime, Trace)
VALUES (:site, :cookie, :now, :trace)
ON CONFLICT (SiteCode) DO UPDATE
   SET ServerCookie = excluded.ServerCookie, ReplyTime = excluded.ReplyTime, Trace = excluded.Trace;

-- name: policyagent_forget_cookies
DELETE FROM PolicySource;

-- name: policyagent_revoke_others      what any other site has assigned
UPDATE CCM_Policy_Policy5 SET PolicyState = 'Revoked', StateTime = :now
 WHERE UPPER(PolicySource) <> UPPER(:source);
