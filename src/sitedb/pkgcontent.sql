-- The content items of packages, by version.

-- name: pkgcontent_put
INSERT INTO PkgContents (PkgID, Version, ContentID, Hash, SignatureHash, RelatedContentID, Files,
                         Size, CreationTime, Cause, Trace)
VALUES (:pkg_id, :version, :content_id, :hash, :signature_hash, :related, :files, :size, :now, :cause,
        :trace)
ON CONFLICT (PkgID, Version, ContentID) DO UPDATE
   SET Hash = excluded.Hash, SignatureHash = excluded.SignatureHash,
       RelatedContentID = excluded.RelatedContentID, Files = excluded.Files, Size = excluded.Size,
       CreationTime = excluded.CreationTime, Cause = excluded.Cause, Trace = excluded.Trace;

-- name: pkgcontent_list
SELECT PkgID, Version, ContentID, Hash, SignatureHash, RelatedContentID, Files, Size, Cause, Trace
  FROM PkgContents
 WHERE PkgID = :pkg_id AND (:version = 0 OR Version = :version)
 ORDER BY Version DESC, ContentID;

-- name: pkgcontent_load
SELECT PkgID, Version, ContentID, Hash, SignatureHash, RelatedContentID, Files, Size, Cause, Trace
  FROM PkgContents
 WHERE ContentID = :content_id;

-- name: pkgcontent_delete
DELETE FROM PkgContents WHERE PkgID = :pkg_id AND Version = :version;

-- name: pkgcontent_superseded      counted, since versions leap after a restore
SELECT DISTINCT c.Version
  FROM PkgContents c
 WHERE c.PkgID = :pkg_id AND c.Version < :stored
   AND ((SELECT COUNT(DISTINCT v.Version) FROM PkgContents v
          WHERE v.PkgID = :pkg_id AND v.Version > c.Version AND v.Version <= :stored) > :keep
        OR (NOT EXISTS (SELECT 1 FROM PkgStatus s
                         WHERE s.ID = :pkg_id AND s.Type = 2 AND s.SourceVersion = c.Version)
            AND NOT EXISTS (SELECT 1 FROM DistributionJobs j
                             WHERE j.PkgID = :pkg_id AND j.PackageVersion = c.Version)))
 ORDER BY c.Version;

-- name: pkgcontent_kept_bytes      superseded versions
SELECT COALESCE(SUM(c.Size), 0) AS Bytes
  FROM PkgContents c
  JOIN SMSPackages_L l ON l.PkgID = c.PkgID
 WHERE c.Version < l.StoredPkgVersion;

-- name: pkgcontent_oldest_kept
SELECT c.PkgID, c.Version, c.ContentID, c.Hash, c.SignatureHash, c.RelatedContentID, c.Files, c.Size,
       c.Cause, c.Trace
  FROM PkgContents c
  JOIN SMSPackages_L l ON l.PkgID = c.PkgID
 WHERE c.Version < l.StoredPkgVersion
 ORDER BY c.CreationTime, c.PkgID, c.Version, c.ContentID
 LIMIT 1;
