-- Whether it is the site's own library that keeps a package from being packaged, and not its source.

ALTER TABLE PkgStatus ADD COLUMN AtSite int64 NOT NULL DEFAULT 0;    -- 1: it is; Type 1, status 4
