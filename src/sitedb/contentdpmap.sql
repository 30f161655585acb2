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
