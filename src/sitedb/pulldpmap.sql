-- The sources of pull distribution points (90-tables 5.3).

-- name: pulldpmap_put
INSERT INTO PullDPMap (PullDPServerName, SourceDPServerName, Priority)
VALUES (:pull_dp, :source, :priority)
ON CONFLICT (PullDPServerName, SourceDPServerName) DO UPDATE SET Priority = excluded.Priority;

-- name: pulldpmap_remove
DELETE FROM PullDPMap
 WHERE PullDPServerName = :pull_dp AND (:source = '' OR SourceDPServerName = :source);

-- name: pulldpmap_list
SELECT p.SourceDPServerName, p.Priority, COALESCE(d.Url, '') AS Url
  FROM PullDPMap p
  LEFT JOIN DistributionPoints d ON d.ServerName = p.SourceDPServerName
 WHERE p.PullDPServerName = :pull_dp
 ORDER BY p.Priority, p.SourceDPServerName;

-- name: pulldpmap_holders      DIST-096
SELECT p.SourceDPServerName, p.Priority, COALESCE(d.Url, '') AS Url
  FROM PullDPMap p
 INNER JOIN ContentDPMap c ON p.SourceDPServerName = c.ServerName
  LEFT JOIN DistributionPoints d ON d.ServerName = p.SourceDPServerName
 WHERE c.AccessType = 1 AND p.PullDPServerName = :pull_dp AND c.ContentID = :content_id
   AND c.Version = :version
UNION ALL
SELECT d.ServerName AS SourceDPServerName, 1000 AS Priority, d.Url
  FROM DistributionPoints d
 INNER JOIN ContentDPMap c ON d.ServerName = c.ServerName
 WHERE :fallback = 1 AND c.AccessType = 1 AND c.ContentID = :content_id AND c.Version = :version
   AND d.ServerName <> :pull_dp AND d.Maintenance = 0
   AND NOT EXISTS (SELECT 1 FROM PullDPMap m
                    WHERE m.PullDPServerName = :pull_dp AND m.SourceDPServerName = d.ServerName)
 ORDER BY 2, 1;
