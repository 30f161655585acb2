-- The state of packages at sites and on distribution points (90-tables 4.4).

-- name: pkgstatus_insert
INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer, Status, UpdateTime, Cause, Trace)
VALUES (:key, :pkg_id, :type, :site, :server, 0, :now, :cause, :trace)
ON CONFLICT (ID, Type, SiteCode, PkgServer) DO NOTHING;

-- name: pkgstatus_load
SELECT PKID, ID, Type, SiteCode, PkgServer, Status, UpdateTime, Location, HTTPUrl, SigURL,
       SigLocation, SourceVersion, Percent, ErrorText, ValidatedTime, DamagedFiles, Cause, Trace
  FROM PkgStatus
 WHERE ID = :pkg_id AND Type = :type AND SiteCode = :site AND PkgServer = :server;

-- name: pkgstatus_list
SELECT PKID, ID, Type, SiteCode, PkgServer, Status, UpdateTime, Location, HTTPUrl, SigURL,
       SigLocation, SourceVersion, Percent, ErrorText, ValidatedTime, DamagedFiles, Cause, Trace
  FROM PkgStatus
 WHERE ID = :pkg_id AND Type = :type
 ORDER BY SiteCode, PkgServer;

-- name: pkgstatus_set_present      DIST-085
UPDATE PkgStatus
   SET Status = :status, UpdateTime = :now, Location = :location, ShareName = '',
       HTTPUrl = :http_url, SourceVersion = :version, Personality = 0, State = 0,
       SigURL = :sig_url, SigLocation = :sig_location, Percent = :percent, ErrorText = '',
       DamagedFiles = 0, Cause = :cause, Trace = :trace
 WHERE ID = :pkg_id AND Type = :type AND SiteCode = :site AND PkgServer = :server;

-- name: pkgstatus_set_available      DIST-014, DIST-067: where it lies, the despooler has written (DIST-065)
UPDATE PkgStatus
   SET Status = :status, UpdateTime = :now, SourceVersion = :version, Percent = :percent,
       ErrorText = '', Cause = :cause, Trace = :trace
 WHERE ID = :pkg_id AND Type = 1 AND SiteCode = :site AND PkgServer = :server;

-- name: pkgstatus_set_state
UPDATE PkgStatus
   SET Status = :status, UpdateTime = :now, Percent = :percent, ErrorText = :error, Cause = :cause,
       Trace = :trace
 WHERE ID = :pkg_id AND Type = :type AND SiteCode = :site AND PkgServer = :server;

-- name: pkgstatus_source_failed
UPDATE PkgStatus
   SET Status = 4, UpdateTime = :now, Percent = 0, ErrorText = :error, NextTryTime = :next,
       AtSite = :at_site, Cause = :cause, Trace = :trace
 WHERE ID = :pkg_id AND Type = 1 AND SiteCode = :site AND PkgServer = :server;

-- name: pkgstatus_source_begun      what failed before is no outcome of this try
UPDATE PkgStatus
   SET Status = 1, UpdateTime = :now, Trace = :trace
 WHERE ID = :pkg_id AND Type = 1 AND SiteCode = :site AND PkgServer = :server AND Status = 4;

-- name: pkgstatus_validated
UPDATE PkgStatus
   SET ValidatedTime = CASE WHEN :damaged = 0 THEN :now ELSE ValidatedTime END,
       -- a validation before failed, and this one did not
       Status = CASE WHEN :damaged = 0 AND Status IN (4, 5) AND DamagedFiles > 0 THEN 3
                     ELSE Status END,
       ErrorText = CASE WHEN :damaged = 0 AND Status IN (4, 5) AND DamagedFiles > 0 THEN ''
                        ELSE ErrorText END,
       DamagedFiles = :damaged, Cause = :cause, Trace = :trace
 WHERE ID = :pkg_id AND Type = 2 AND SiteCode = :site AND PkgServer = :server;

-- name: pkgstatus_list_own_damaged      what a validation found damaged on the site server's own, see pkgstatus.h
SELECT s.PKID, s.ID, s.Type, s.SiteCode, s.PkgServer, s.Status, s.UpdateTime, s.Location, s.HTTPUrl,
       s.SigURL, s.SigLocation, s.SourceVersion, s.Percent, s.ErrorText, s.ValidatedTime,
       s.DamagedFiles, s.Cause, s.Trace
  FROM PkgStatus s
  JOIN DistributionPoints d ON d.NALPath = s.PkgServer AND d.IsColocated = 1
 WHERE s.Type = 2 AND s.Status = 4 AND s.DamagedFiles > 0
 ORDER BY s.ID;

-- name: pkgstatus_own_mended      what was found since then stays
UPDATE PkgStatus
   SET Status = 3, UpdateTime = :now, Percent = 100, ErrorText = '', DamagedFiles = 0
 WHERE PKID = :key AND Status = 4 AND UpdateTime = :found;

-- name: pkgstatus_response      DIST-131, the oldest first
SELECT s.ID, s.PkgServer, s.SiteCode, p.StoredPkgVersion, s.Status, r.PkgVersion, r.ActionState,
       r.ActionData, p.PkgFlags, p.ShareType, r.MessageTime, r.Trace
  FROM PullDPResponse r
  JOIN PkgStatus s ON r.PkgStatusID = s.PKID AND r.PkgStatusID = :key
  JOIN SMSPackages p ON s.ID = p.PkgID
 ORDER BY r.MessageTime
 LIMIT 1;

-- name: pkgstatus_delete_response      DIST-132
DELETE FROM PullDPResponse WHERE PkgStatusID = :key AND MessageTime = :time;
