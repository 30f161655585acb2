-- The distribution points of packages (90-tables 4.3).

-- name: pkgserver_insert      DIST-031
INSERT INTO PkgServers (PkgID, NALPath, SiteCode, SiteName, SourceSite, LastRefresh, RefreshTrigger,
                        UpdateMask, Action, Cause, Trace)
SELECT :pkg_id, :nal, :site, Sites.SiteName, :source_site, '1970-04-10T06:35:00.000Z', 0, 0, 2,
       :cause, :trace
  FROM Sites WHERE SiteCode = :site;

-- name: pkgserver_add_again      a pending removal becomes an addition; so does what failed, was cancelled or given up
UPDATE PkgServers_L SET Action = 2, Cause = :cause, Trace = :trace
 WHERE PkgID = :pkg_id AND NALPath = :nal AND SiteCode = :site
   AND (Action = 3
        OR (Action = 0
            AND (EXISTS (SELECT 1 FROM PkgStatus s
                          WHERE s.ID = :pkg_id AND s.Type = 2 AND s.SiteCode = :site
                            AND s.PkgServer = :nal AND s.Status = 5)
                 OR EXISTS (SELECT 1 FROM DistributionJobs j
                              JOIN DistributionPoints d ON d.DPID = j.DPID
                             WHERE d.NALPath = :nal AND j.PkgID = :pkg_id
                               AND (j.Action = 5 OR j.State = 6)))
            AND NOT EXISTS (SELECT 1 FROM DistributionJobs j
                              JOIN DistributionPoints d ON d.DPID = j.DPID
                             WHERE d.NALPath = :nal AND j.PkgID = :pkg_id
                               AND j.Action <> 5 AND j.State <> 6)));

-- name: pkgserver_redistribute      DIST-151
UPDATE PkgServers_L SET RefreshTrigger = 1, Action = 2, Cause = :cause, Trace = :trace
 WHERE PkgID = :pkg_id AND NALPath = :nal AND SiteCode = :site AND Action <> 3;

-- name: pkgserver_remove
UPDATE PkgServers_L SET Action = 3, Cause = :cause, Trace = :trace
 WHERE PkgID = :pkg_id AND NALPath = :nal AND SiteCode = :site;

-- name: pkgserver_validate
UPDATE PkgServers_L
   SET Action = CASE WHEN Action = 0 THEN 4 ELSE Action END, Cause = :cause, Trace = :trace
 WHERE PkgID = :pkg_id AND NALPath = :nal AND SiteCode = :site;

-- name: pkgserver_mark_update      DIST-141: one that is to be added or to go stays so
UPDATE PkgServers_L SET Action = 1, Cause = :cause, Trace = :trace
 WHERE PkgID = :pkg_id AND SiteCode = :site AND Action NOT IN (2, 3);

-- name: pkgserver_mark_remove
UPDATE PkgServers_L SET Action = 3, Cause = :cause, Trace = :trace
 WHERE PkgID = :pkg_id AND Action <> 3;

-- name: pkgserver_load
SELECT g.PkgID, g.NALPath, g.SiteCode, g.SourceSite, l.LastRefresh, l.RefreshTrigger, l.UpdateMask,
       l.Action, l.Cause, l.Trace
  FROM PkgServers_L l
  JOIN PkgServers_G g ON g.PkgID = l.PkgID AND g.NALPath = l.NALPath AND g.SiteCode = l.SiteCode
 WHERE l.PkgID = :pkg_id AND l.NALPath = :nal AND l.SiteCode = :site;

-- name: pkgserver_list
SELECT g.PkgID, g.NALPath, g.SiteCode, g.SourceSite, l.LastRefresh, l.RefreshTrigger, l.UpdateMask,
       l.Action, l.Cause, l.Trace
  FROM PkgServers_L l
  JOIN PkgServers_G g ON g.PkgID = l.PkgID AND g.NALPath = l.NALPath AND g.SiteCode = l.SiteCode
 WHERE l.PkgID = :pkg_id AND l.SiteCode = :site AND l.Action >= :least
 ORDER BY l.NALPath;

-- name: pkgserver_list_of
SELECT g.PkgID, g.NALPath, g.SiteCode, g.SourceSite, l.LastRefresh, l.RefreshTrigger, l.UpdateMask,
       l.Action, l.Cause, l.Trace
  FROM PkgServers_L l
  JOIN PkgServers_G g ON g.PkgID = l.PkgID AND g.NALPath = l.NALPath AND g.SiteCode = l.SiteCode
 WHERE l.NALPath = :nal
 ORDER BY l.PkgID;

-- name: pkgserver_list_waiting
SELECT g.PkgID, g.NALPath, g.SiteCode, g.SourceSite, l.LastRefresh, l.RefreshTrigger, l.UpdateMask,
       l.Action, l.Cause, l.Trace
  FROM PkgServers_L l
  JOIN PkgServers_G g ON g.PkgID = l.PkgID AND g.NALPath = l.NALPath AND g.SiteCode = l.SiteCode
 WHERE l.NALPath = :nal AND l.Action IN (3, 4)
 ORDER BY l.PkgID;

-- name: pkgserver_list_held      nothing is pending and nothing under way
SELECT l.PkgID, s.SourceVersion AS Version
  FROM PkgServers_L l
  JOIN PkgStatus s ON s.ID = l.PkgID AND s.Type = 2 AND s.SiteCode = l.SiteCode
                  AND s.PkgServer = l.NALPath
  JOIN SMSPackages p ON p.PkgID = l.PkgID
 WHERE l.NALPath = :nal AND l.Action = 0 AND s.Status = 3 AND s.SourceVersion = p.StoredPkgVersion
   AND s.UpdateTime < :before
   AND NOT EXISTS (SELECT 1 FROM DistributionJobs j
                     JOIN DistributionPoints d ON d.DPID = j.DPID
                    WHERE d.NALPath = l.NALPath AND j.PkgID = l.PkgID)
 ORDER BY l.PkgID;

-- name: pkgserver_reset_action     what was asked for meanwhile, a delete (3) say, must survive (DIST-072)
UPDATE PkgServers_L
   SET UpdateMask = 0, Action = 0, RefreshTrigger = 0, LastRefresh = :now
 WHERE PkgID = :pkg_id AND NALPath = :nal AND SiteCode = :site
   AND Action = :action AND RefreshTrigger = :trigger AND Action <> 3;

-- name: pkgserver_delete_removed
DELETE FROM PkgServers
 WHERE PkgID = :pkg_id AND NALPath = :nal AND SiteCode = :site AND Action = 3;
