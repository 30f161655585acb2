-- Packages that a distribution point holds and this site has no record of there: it was removed by
-- force, or its content outlived the site's database.

CREATE TABLE DPStrayContent (
  DPID int64 NOT NULL REFERENCES DistributionPoints (DPID) ON DELETE CASCADE,
  PkgID text NOT NULL,
  Version int64 NOT NULL,
  Action int64 NOT NULL DEFAULT 0,           -- 3: it is to be removed
  SeenTime time NOT NULL,                    -- when the distribution point said so last
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (DPID, PkgID)
) WITHOUT ROWID;
