-- Distribution points (90-tables 5.2).

-- name: distpoint_put
INSERT INTO DistributionPoints (NALPath, ServerName, SiteCode, IsPullDP, IsColocated, Priority, Url,
                                Description, RateLimit, Schedule, Maintenance, Cause, Trace)
VALUES (:nal, :server, :site, :is_pull, :is_colocated, :priority, :url, :description, :rate_limit,
        :schedule, :maintenance, :cause, :trace)
ON CONFLICT (NALPath) DO UPDATE
   SET IsPullDP = excluded.IsPullDP, IsColocated = excluded.IsColocated,
       Priority = excluded.Priority, Url = excluded.Url, Description = excluded.Description,
       RateLimit = excluded.RateLimit, Schedule = excluded.Schedule,
       Maintenance = excluded.Maintenance, Failures = 0, QuarantineTime = NULL,
       Cause = excluded.Cause, Trace = excluded.Trace
RETURNING DPID;

-- name: distpoint_is_pull
SELECT IsPullDP FROM DistributionPoints WHERE NALPath = :nal;

-- name: distpoint_notify
INSERT INTO DPNotification (DPID, TimeKey) VALUES (:id, :now);

-- name: distpoint_remove_told      rows whose own notice is still to come stay
DELETE FROM DPNotification
 WHERE CAST(DPID AS text) = :id
   AND NOT EXISTS (SELECT 1 FROM ChangeLog
                    WHERE Notice = 'DPNotify_Add' AND Value = :id AND Seq > :seq);

-- name: distpoint_package
SELECT MIN(s.PkgID) AS PkgID
  FROM PkgServers_L s
  JOIN DistributionPoints d ON d.NALPath = s.NALPath
 WHERE d.DPID = :id;

-- name: distpoint_delete_jobs
DELETE FROM DistributionJobs WHERE DPID = :id;

-- name: distpoint_delete_sources
DELETE FROM PullDPMap
 WHERE PullDPServerName = (SELECT ServerName FROM DistributionPoints WHERE DPID = :id)
    OR SourceDPServerName = (SELECT ServerName FROM DistributionPoints WHERE DPID = :id);

-- name: distpoint_delete_holdings
DELETE FROM ContentDPMap
 WHERE ServerName = (SELECT ServerName FROM DistributionPoints WHERE DPID = :id);

-- name: distpoint_delete_stray
DELETE FROM DPStrayContent WHERE DPID = :id;

-- name: distpoint_delete_members
DELETE FROM DPGroupMembers
 WHERE DPNALPath = (SELECT NALPath FROM DistributionPoints WHERE DPID = :id);

-- name: distpoint_delete
DELETE FROM DistributionPoints WHERE DPID = :id;

-- name: distpoint_find
SELECT DPID, NALPath, ServerName, SiteCode, IsPullDP, IsColocated, Priority, Url, Description,
       RateLimit, Schedule, Maintenance, IdentityGUID, Certificate, SoftwareVersion, BytesFree,
       BytesTotal, ConfiguredTime, ContactTime, Failures, QuarantineTime, LastError, Cause, Trace
  FROM DistributionPoints
 WHERE DPID = :id OR NALPath = :nal OR LOWER(ServerName) = LOWER(:server)
 ORDER BY DPID
 LIMIT 1;

-- name: distpoint_list
SELECT DPID, NALPath, ServerName, SiteCode, IsPullDP, IsColocated, Priority, Url, Description,
       RateLimit, Schedule, Maintenance, IdentityGUID, Certificate, SoftwareVersion, BytesFree,
       BytesTotal, ConfiguredTime, ContactTime, Failures, QuarantineTime, LastError, Cause, Trace
  FROM DistributionPoints
 WHERE SiteCode = :site
 ORDER BY ServerName;

-- name: distpoint_configured
UPDATE DistributionPoints
   SET IdentityGUID = :identity, Certificate = :certificate, SoftwareVersion = :software,
       BytesFree = :bytes_free, BytesTotal = :bytes_total, ConfiguredTime = :now,
       ContactTime = :now, Failures = 0, QuarantineTime = NULL, LastError = ''
 WHERE DPID = :id;

-- name: distpoint_answered
UPDATE DistributionPoints
   SET ContactTime = :now, Failures = 0, QuarantineTime = NULL, LastError = '',
       BytesFree = CASE WHEN :bytes_free >= 0 THEN :bytes_free ELSE BytesFree END
 WHERE DPID = :id;

-- name: distpoint_failed
UPDATE DistributionPoints
   SET Failures = :failures, QuarantineTime = :quarantine, LastError = :why
 WHERE DPID = :id;
