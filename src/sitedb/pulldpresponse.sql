-- What pull distribution points answer, and who they are.

-- name: pulldpresponse_sender     by the GUID that it gave itself, spelled in capitals without braces
SELECT DPID, ServerName, NALPath, SiteCode, Certificate
  FROM DistributionPoints
 WHERE UPPER(REPLACE(REPLACE(IdentityGUID, '{', ''), '}', '')) = :guid AND Certificate <> '';

-- name: pulldpresponse_status_row     OQ-X03
SELECT PKID FROM PkgStatus WHERE ID = :pkg_id AND Type = 2 AND PkgServer = :nal ORDER BY PKID LIMIT 1;

-- name: pulldpresponse_older     what was said of that version since, or of a later one
SELECT COUNT(*) AS Number
  FROM SR_StateMessages
 WHERE ResourceID = :sender AND TopicType = 902 AND TopicID = :pkg_id
   AND (SerialNumber > :version OR (SerialNumber = :version AND StateTime >= :time));

-- name: pulldpresponse_ahead     of the sender's own site's package, a version that the site has not made
SELECT COUNT(*) AS Number
  FROM SMSPackages p
 WHERE p.PkgID = :pkg_id AND p.SourceSite = :site AND p.StoredPkgVersion < :version;

-- name: pulldpresponse_update     one answer a row: the newest says all
UPDATE PullDPResponse
   SET MessageTime = :time, PkgVersion = :version, ActionState = :state, ActionData = :data,
       Cause = :cause, Trace = :trace
 WHERE PkgStatusID = :key;

-- name: pulldpresponse_insert
INSERT INTO PullDPResponse (PkgStatusID, MessageTime, PkgVersion, ActionState, ActionData, Cause, Trace)
SELECT :key, :time, :version, :state, :data, :cause, :trace
 WHERE NOT EXISTS (SELECT 1 FROM PullDPResponse r WHERE r.PkgStatusID = :key);
