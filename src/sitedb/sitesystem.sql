-- Site systems and their roles.

-- name: sitesystem_put      nothing is written when nothing differs
INSERT INTO SC_SysResUse (SiteCode, RoleTypeID, ServerName, NALPath, InstallOrder, IsDefault, Scheme,
                          Port, AdminURL, AcceptsIntranet, AcceptsInternet, Forest, Cause, Trace)
SELECT :site, :role, :server, :nal_path, COALESCE(MAX(o.InstallOrder), 0) + 1,
       CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END, :scheme, :port, :admin_url, :intranet, :internet,
       :forest, :cause, :trace
  FROM SC_SysResUse o
 WHERE o.SiteCode = :site AND o.RoleTypeID = :role
ON CONFLICT (SiteCode, RoleTypeID, ServerName) DO UPDATE
   SET Scheme = excluded.Scheme, Port = excluded.Port, AdminURL = excluded.AdminURL,
       AcceptsIntranet = excluded.AcceptsIntranet, AcceptsInternet = excluded.AcceptsInternet,
       Forest = excluded.Forest, Cause = excluded.Cause, Trace = excluded.Trace
 WHERE SC_SysResUse.Scheme <> excluded.Scheme OR SC_SysResUse.Port <> excluded.Port
    OR SC_SysResUse.AdminURL <> excluded.AdminURL
    OR SC_SysResUse.AcceptsIntranet <> excluded.AcceptsIntranet
    OR SC_SysResUse.AcceptsInternet <> excluded.AcceptsInternet
    OR SC_SysResUse.Forest <> excluded.Forest;

-- name: sitesystem_rename
UPDATE SC_SysResUse
   SET ServerName = :server, NALPath = :nal_path, Cause = :cause, Trace = :trace
 WHERE SiteCode = :site AND RoleTypeID = :role AND ServerName = :before;

-- name: sitesystem_remove
DELETE FROM SC_SysResUse WHERE SiteCode = :site AND RoleTypeID = :role AND ServerName = :server;

-- name: sitesystem_set_default
UPDATE SC_SysResUse
   SET IsDefault = CASE WHEN ServerName = :server THEN 1 ELSE 0 END, Cause = :cause, Trace = :trace
 WHERE SiteCode = :site AND RoleTypeID = :role;

-- name: sitesystem_known
SELECT COUNT(*) AS Known
  FROM SC_SysResUse
 WHERE SiteCode = :site AND RoleTypeID = :role AND ServerName = :server;

-- name: sitesystem_list
SELECT SiteCode, RoleTypeID, ServerName, NALPath, InstallOrder, IsDefault, Scheme, Port, AdminURL,
       AcceptsIntranet, AcceptsInternet, Forest
  FROM SC_SysResUse
 WHERE SiteCode = :site AND RoleTypeID = :role
 ORDER BY IsDefault DESC, InstallOrder;
