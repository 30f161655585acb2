-- Versions below which a package is given none any more: before the site was restored from a backup,
-- those may have been given out, with other content.
CREATE TABLE PkgLeastVersions (
  PkgID text PRIMARY KEY,
  Version int64 NOT NULL
);
