-- Who this distribution point is, and what the site server told it.

-- name: distributionpoint_make
INSERT INTO SMS_DistributionPoint (ID, IdentityGUID, ChangeTime, Cause)
VALUES (1, :guid, :now, 'first start')
ON CONFLICT (ID) DO NOTHING;

-- name: distributionpoint_load
SELECT IdentityGUID, SiteFingerprint, SiteCode, ServerName, NALPath, ManagementPoint, IsPullDP,
       RateLimit, Schedule, VerifyBytesPerSecond
  FROM SMS_DistributionPoint
 WHERE ID = 1;

-- name: distributionpoint_configure
UPDATE SMS_DistributionPoint
   SET SiteFingerprint = :fingerprint, SiteCode = :site_code, ServerName = :server,
       NALPath = :nal_path, ManagementPoint = :management_point, IsPullDP = :is_pull,
       RateLimit = :rate_limit, Schedule = :schedule, VerifyBytesPerSecond = :verify_rate,
       ChangeTime = :now, Cause = 'configure', Trace = :trace
 WHERE ID = 1;

-- name: distributionpoint_drop_sources
DELETE FROM DPSource;

-- name: distributionpoint_add_source
INSERT INTO DPSource (Position, ServerName, Url) VALUES (:position, :server, :url);

-- name: distributionpoint_sources
SELECT ServerName, Url FROM DPSource ORDER BY Position;
