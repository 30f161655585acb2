-- Which distribution point holds which content item (90-tables 5.3).

-- name: contentdpmap_put
INSERT INTO ContentDPMap (ServerName, ContentID, Version, AccessType)
VALUES (:server, :content_id, :version, 1)
ON CONFLICT (ServerName, ContentID, Version) DO NOTHING;

-- name: contentdpmap_remove_others
DELETE FROM ContentDPMap
 WHERE ServerName = :server AND ContentID = :content_id AND Version <> :version;

-- name: contentdpmap_remove
DELETE FROM ContentDPMap WHERE ServerName = :server AND ContentID = :content_id;

-- name: contentdpmap_remove_package
DELETE FROM ContentDPMap
 WHERE ServerName = :server AND Version <> :version
   AND (ContentID = :pkg_id
        OR ContentID IN (SELECT c.ContentID FROM PkgContents c WHERE c.PkgID = :pkg_id));

-- name: contentdpmap_remove_server
DELETE FROM ContentDPMap WHERE ServerName = :server;

-- name: contentdpmap_holders      a classic package stands there by its package ID
SELECT d.ServerName, d.Url
  FROM PkgContents c
  JOIN ContentDPMap m ON m.ContentID IN (c.ContentID, c.PkgID) AND m.Version = c.Version
  JOIN DistributionPoints d ON d.ServerName = m.ServerName
 WHERE c.ContentID = :content_id AND d.IsColocated = 0 AND d.Maintenance = 0
   AND (d.QuarantineTime IS NULL OR d.QuarantineTime < :now)
 ORDER BY d.IsPullDP, d.Priority DESC, d.ServerName;
