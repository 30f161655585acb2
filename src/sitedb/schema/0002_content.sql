-- Packages, distribution points, jobs and what pull distribution points answer (90-tables 4, 5).
-- The views SMSPackages and PkgServers, and the triggers that fan their rows out, are in
-- views/content.sql.

-- What every site knows of a package.
CREATE TABLE SMSPackages_G (
  PkgID text PRIMARY KEY,
  Name text NOT NULL DEFAULT '',
  Version text NOT NULL DEFAULT '',
  Language text NOT NULL DEFAULT '',
  Manufacturer text NOT NULL DEFAULT '',
  Description text NOT NULL DEFAULT '',
  ISVString text NOT NULL DEFAULT '',
  Hash text NOT NULL DEFAULT '',
  NewHash text NOT NULL DEFAULT '',
  Source text NOT NULL DEFAULT '',
  SourceSite text NOT NULL,
  RefreshSchedule text NOT NULL DEFAULT '',
  ShareName text NOT NULL DEFAULT '',
  PreferredAddress text NOT NULL DEFAULT '',
  StorePkgFlag int64 NOT NULL DEFAULT 2,
  ShareType int64 NOT NULL DEFAULT 1,
  HashVersion int64 NOT NULL DEFAULT 1,
  Architecture text NOT NULL DEFAULT '',
  ImagePath text NOT NULL DEFAULT '',
  Permission int64 NOT NULL DEFAULT 15,
  UseForcedDisconnect int64 NOT NULL DEFAULT 0,
  ForcedRetryDelay int64 NOT NULL DEFAULT 2,
  DisconnectDelay int64 NOT NULL DEFAULT 5,
  IgnoreSchedule int64 NOT NULL DEFAULT 0,
  Priority int64 NOT NULL DEFAULT 2,
  PkgFlags int64 NOT NULL DEFAULT 16777216,
  MIFFilename text NOT NULL DEFAULT '',
  MIFPublisher text NOT NULL DEFAULT '',
  MIFName text NOT NULL DEFAULT '',
  MIFVersion text NOT NULL DEFAULT '',
  SourceVersion int64 NOT NULL DEFAULT 1,
  SourceDate time,
  SourceSize int64 NOT NULL DEFAULT 0,
  SourceCompSize int64 NOT NULL DEFAULT 0,
  ImageFlags int64 NOT NULL DEFAULT 0,
  PackageType int64 NOT NULL DEFAULT 0,
  AlternateContentProviders text NOT NULL DEFAULT '',
  SourceLocaleID int64 NOT NULL DEFAULT 1033,
  TransformReadiness int64 NOT NULL DEFAULT 0,
  TransformAnalysisDate time,
  DefaultImage int64 NOT NULL DEFAULT 0,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- What is true of it at this site only.
CREATE TABLE SMSPackages_L (
  PkgID text PRIMARY KEY,
  StoredPkgPath text NOT NULL DEFAULT '',
  StoredPkgVersion int64 NOT NULL DEFAULT 0,
  LastRefresh time,
  UpdateMask int64 NOT NULL DEFAULT 0,
  UpdateMaskEx int64 NOT NULL DEFAULT 0,
  Action int64 NOT NULL DEFAULT 0,            -- 0 none, 1 update, 2 add, 3 delete, 4 validate, 5 cancel
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- A queue: rows go when the notice has become a file.
CREATE TABLE PkgNotification (
  NotificationID serial,
  PkgID text NOT NULL,
  Priority int64 NOT NULL DEFAULT 2,
  Type int64 NOT NULL,                        -- bits: 1 package, 2 program, 4 package server
  TimeKey time NOT NULL
);

CREATE TABLE PkgServers_G (
  PkgID text NOT NULL,
  NALPath text NOT NULL,
  SiteCode text NOT NULL,
  SiteName text NOT NULL DEFAULT '',
  SourceSite text NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (PkgID, NALPath, SiteCode)
) WITHOUT ROWID;

CREATE TABLE PkgServers_L (
  PkgID text NOT NULL,
  NALPath text NOT NULL,
  SiteCode text NOT NULL,
  LastRefresh time,
  RefreshTrigger int64 NOT NULL DEFAULT 0,
  UpdateMask int64 NOT NULL DEFAULT 0,
  Action int64 NOT NULL DEFAULT 0,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (PkgID, NALPath, SiteCode)
) WITHOUT ROWID;

CREATE TABLE PkgStatus (
  PKID int64 PRIMARY KEY,
  ID text NOT NULL,
  Type int64 NOT NULL,                        -- 1 site, 2 distribution point
  SiteCode text NOT NULL,
  PkgServer text NOT NULL,
  Status int64 NOT NULL DEFAULT 0,            -- 0 none, 1 sent, 2 received, 3 installed, 4 retry, 5 failed
  UpdateTime time,
  Location text NOT NULL DEFAULT '',
  ShareName text NOT NULL DEFAULT '',
  HTTPUrl text NOT NULL DEFAULT '',
  SourceVersion int64 NOT NULL DEFAULT 0,
  Personality int64 NOT NULL DEFAULT 0,
  State int64 NOT NULL DEFAULT 0,
  SigURL text NOT NULL DEFAULT '',
  SigLocation text NOT NULL DEFAULT '',
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  UNIQUE (ID, Type, SiteCode, PkgServer)
);

CREATE TABLE DistributionPoints (
  DPID serial,
  NALPath text NOT NULL UNIQUE,
  ServerName text NOT NULL,
  SiteCode text NOT NULL,
  Action int64 NOT NULL DEFAULT 0,
  IsPullDP int64 NOT NULL DEFAULT 0,
  Priority int64 NOT NULL DEFAULT 200,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

CREATE TABLE DistributionJobs (
  JobID serial,
  DPID int64 NOT NULL REFERENCES DistributionPoints (DPID),
  PkgID text NOT NULL,
  PackageVersion int64 NOT NULL,
  State int64 NOT NULL DEFAULT 0,
  Action int64 NOT NULL,
  SendAction text NOT NULL DEFAULT '',
  CreationTime time NOT NULL,
  StartTime time,
  ReStartTime time,
  LastUpdateTime time,
  RetryCount int64 NOT NULL DEFAULT 0,
  DynamicOrder int64 NOT NULL DEFAULT 0,
  TotalSize int64 NOT NULL DEFAULT 0,
  RemainingSize int64 NOT NULL DEFAULT 0,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);
CREATE INDEX DistributionJobs_Target ON DistributionJobs (DPID, PkgID);

CREATE TABLE PullDPMap (
  PullDPServerName text NOT NULL,
  SourceDPServerName text NOT NULL,
  Priority int64 NOT NULL DEFAULT 1,
  PRIMARY KEY (PullDPServerName, SourceDPServerName)
) WITHOUT ROWID;

CREATE TABLE ContentDPMap (
  ServerName text NOT NULL,
  ContentID text NOT NULL,
  Version int64 NOT NULL,
  AccessType int64 NOT NULL DEFAULT 1,
  PRIMARY KEY (ServerName, ContentID, Version)
) WITHOUT ROWID;

CREATE TABLE PullDPResponse (
  PkgStatusID int64 NOT NULL REFERENCES PkgStatus (PKID),
  MessageTime time NOT NULL,
  PkgVersion int64 NOT NULL,
  ActionState int64 NOT NULL,
  ActionData text NOT NULL DEFAULT '',
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (PkgStatusID, MessageTime)
) WITHOUT ROWID;
