-- What a distribution point keeps beside its content library: whose it is, and what it was asked.
--
-- Every row that holds a state has Cause (what made it so) and Trace (in the course of which work).

-- The one row: who this distribution point is, and what the site server told it.
CREATE TABLE SMS_DistributionPoint (
  ID int64 PRIMARY KEY CHECK (ID = 1),
  IdentityGUID text NOT NULL,                -- made at the first start, upper case, without braces
  SiteFingerprint text NOT NULL DEFAULT '',  -- of the certificate of the site it belongs to; "" none
  SiteCode text NOT NULL DEFAULT '',
  ServerName text NOT NULL DEFAULT '',
  NALPath text NOT NULL DEFAULT '',
  ManagementPoint text NOT NULL DEFAULT '',  -- URL, to which reports go
  IsPullDP int64 NOT NULL DEFAULT 0,
  RateLimit text NOT NULL DEFAULT '',        -- of a pull distribution point, as the site wrote it
  Schedule text NOT NULL DEFAULT '',
  VerifyBytesPerSecond int64 NOT NULL DEFAULT 0,
  ChangeTime time,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- Where it may fetch what it lacks, the best first.
CREATE TABLE DPSource (
  Position int64 PRIMARY KEY,
  ServerName text NOT NULL,
  Url text NOT NULL                          -- http://<server>[:port], without a path
);

-- What the site server is sending, and the last that it sent of a package. The bundle is the file
-- orders/<ID>.bundle.
CREATE TABLE DPOrder (
  ID text PRIMARY KEY,                       -- GUID, lower case
  State text NOT NULL DEFAULT 'Open',        -- Open, Done
  PackageID text NOT NULL,
  Version int64 NOT NULL,
  Action text NOT NULL,                      -- add, redist
  TokenHash text NOT NULL,                   -- SHA-256 of the token of its blocks
  Related text NOT NULL DEFAULT '',          -- old content items, separated by commas
  CreatedTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);
CREATE INDEX DPOrder_PackageID ON DPOrder (PackageID);

-- Notifications of a pull distribution point, until the pull component has made jobs of them.
CREATE TABLE SMS_PullDPNotification (
  ID serial,
  PackageID text NOT NULL,
  Version int64 NOT NULL,
  Notification bytes NOT NULL,               -- as it came
  ReceivedTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);
CREATE INDEX SMS_PullDPNotification_PackageID ON SMS_PullDPNotification (PackageID, Version);
