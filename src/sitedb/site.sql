-- The sites of the hierarchy.

-- name: site_this      what fnGetSiteCode() answers, with the rest of the row
SELECT s.SiteCode, s.SiteNumber, s.SiteName, s.ServerName, s.ParentSiteCode, s.SiteType,
       s.SiteVersion, s.InstallDir, s.Status
  FROM SMSData d
  JOIN Sites s ON s.SiteCode = d.ThisSiteCode;

-- name: site_list
SELECT SiteCode, SiteNumber, SiteName, ServerName, ParentSiteCode, SiteType, SiteVersion, InstallDir,
       Status
  FROM Sites
 ORDER BY SiteCode;

-- name: site_put      nothing is written when nothing differs
INSERT INTO Sites (SiteCode, SiteNumber, SiteName, ServerName, ParentSiteCode, SiteType, SiteVersion,
                   InstallDir, Status, Cause, Trace)
VALUES (:code, :number, :name, :server, :parent, :type, :version, :install_dir, 1, :cause, :trace)
ON CONFLICT (SiteCode) DO UPDATE
   SET SiteName = excluded.SiteName, ServerName = excluded.ServerName,
       ParentSiteCode = excluded.ParentSiteCode, SiteType = excluded.SiteType,
       SiteVersion = excluded.SiteVersion, InstallDir = excluded.InstallDir,
       Cause = excluded.Cause, Trace = excluded.Trace
 WHERE Sites.SiteName <> excluded.SiteName OR Sites.ServerName <> excluded.ServerName
    OR Sites.ParentSiteCode <> excluded.ParentSiteCode OR Sites.SiteType <> excluded.SiteType
    OR Sites.SiteVersion <> excluded.SiteVersion OR Sites.InstallDir <> excluded.InstallDir;

-- name: site_own
INSERT INTO SMSData (ID, ThisSiteCode) VALUES (1, :code)
ON CONFLICT (ID) DO NOTHING;
