-- Distribution on one site: what is known of a distribution point, the content items of a package,
-- the progress of each job, and groups.

-- Where the site server reaches a distribution point, what it is told, and what it said of itself.
ALTER TABLE DistributionPoints ADD COLUMN Url text NOT NULL DEFAULT '';         -- http://DP:80
ALTER TABLE DistributionPoints ADD COLUMN IsColocated int64 NOT NULL DEFAULT 0; -- on the site server
ALTER TABLE DistributionPoints ADD COLUMN Description text NOT NULL DEFAULT '';
ALTER TABLE DistributionPoints ADD COLUMN RateLimit int64 NOT NULL DEFAULT 0;   -- bytes a second
-- For each hour of the week from Sunday 00:00, local time of the site: A all priorities, M medium
-- and high, H high only, C closed. '': open.
ALTER TABLE DistributionPoints ADD COLUMN Schedule text NOT NULL DEFAULT '';
ALTER TABLE DistributionPoints ADD COLUMN Maintenance int64 NOT NULL DEFAULT 0; -- 1: nothing is sent
ALTER TABLE DistributionPoints ADD COLUMN IdentityGUID text NOT NULL DEFAULT '';
ALTER TABLE DistributionPoints ADD COLUMN Certificate text NOT NULL DEFAULT ''; -- PEM
ALTER TABLE DistributionPoints ADD COLUMN SoftwareVersion text NOT NULL DEFAULT '';
ALTER TABLE DistributionPoints ADD COLUMN BytesFree int64 NOT NULL DEFAULT 0;
ALTER TABLE DistributionPoints ADD COLUMN BytesTotal int64 NOT NULL DEFAULT 0;
ALTER TABLE DistributionPoints ADD COLUMN ConfiguredTime time;      -- it last took its configuration
ALTER TABLE DistributionPoints ADD COLUMN ContactTime time;         -- it last answered
ALTER TABLE DistributionPoints ADD COLUMN Failures int64 NOT NULL DEFAULT 0;    -- calls in a row
ALTER TABLE DistributionPoints ADD COLUMN QuarantineTime time;      -- is let alone until then
ALTER TABLE DistributionPoints ADD COLUMN LastError text NOT NULL DEFAULT '';
CREATE INDEX DistributionPoints_Server ON DistributionPoints (ServerName);

ALTER TABLE DistributionJobs ADD COLUMN Priority int64 NOT NULL DEFAULT 2;      -- of the package
ALTER TABLE DistributionJobs ADD COLUMN BytesSent int64 NOT NULL DEFAULT 0;     -- on the wire
ALTER TABLE DistributionJobs ADD COLUMN Attempts int64 NOT NULL DEFAULT 0;      -- of notification
ALTER TABLE DistributionJobs ADD COLUMN Polls int64 NOT NULL DEFAULT 0;
ALTER TABLE DistributionJobs ADD COLUMN LastError text NOT NULL DEFAULT '';
ALTER TABLE DistributionJobs ADD COLUMN Way text NOT NULL DEFAULT '';  -- what travelled how, for people

-- How far a package is on a distribution point, as it last said (StateMessage 902) or was seen.
ALTER TABLE PkgStatus ADD COLUMN Percent int64 NOT NULL DEFAULT 0;
ALTER TABLE PkgStatus ADD COLUMN ErrorText text NOT NULL DEFAULT '';
ALTER TABLE PkgStatus ADD COLUMN ValidatedTime time;                 -- all its files were read and right
ALTER TABLE PkgStatus ADD COLUMN DamagedFiles int64 NOT NULL DEFAULT 0; -- at the last validation

-- The content items of a package at its versions that this site keeps: the stored one, and older
-- ones that deltas are made from.
CREATE TABLE PkgContents (
  PkgID text NOT NULL,
  Version int64 NOT NULL,
  ContentID text NOT NULL,
  Hash text NOT NULL,                         -- of DIST-019, upper-case hexadecimal
  SignatureHash text NOT NULL DEFAULT '',
  RelatedContentID text NOT NULL DEFAULT '',  -- the same item in the version before; '' none
  Files int64 NOT NULL,
  Size int64 NOT NULL,                        -- bytes
  CreationTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (PkgID, Version, ContentID)
) WITHOUT ROWID;
CREATE INDEX PkgContents_Content ON PkgContents (ContentID);

-- The counter of package IDs of this site (DIST-005).
CREATE TABLE PkgCounter (
  SiteCode text PRIMARY KEY,
  LastNumber int64 NOT NULL
);

CREATE TABLE DPGroups (
  GroupID text PRIMARY KEY,                   -- {GUID}
  Name text NOT NULL UNIQUE,
  Description text NOT NULL DEFAULT '',
  SourceSite text NOT NULL,
  CreatedBy text NOT NULL DEFAULT '',
  CreatedOn time NOT NULL,
  ModifiedBy text NOT NULL DEFAULT '',
  ModifiedOn time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

CREATE TABLE DPGroupMembers (
  GroupID text NOT NULL REFERENCES DPGroups (GroupID) ON DELETE CASCADE,
  DPNALPath text NOT NULL,
  PRIMARY KEY (GroupID, DPNALPath)
) WITHOUT ROWID;

-- What goes to every member, whoever joins.
CREATE TABLE DPGroupPackages (
  GroupID text NOT NULL REFERENCES DPGroups (GroupID) ON DELETE CASCADE,
  PkgID text NOT NULL,
  PRIMARY KEY (GroupID, PkgID)
) WITHOUT ROWID;

-- A queue: rows go when the notice has become a file (DistMgr's DP manager, .DPN).
CREATE TABLE DPNotification (
  NotificationID serial,
  DPID int64 NOT NULL,
  TimeKey time NOT NULL
);
