-- What a pull distribution point fetches, and what it has to say of it.

-- include: ../../transfer/dts_tables.sql

-- A package that is being pulled; one that is done or cancelled goes, one that failed stays until the
-- next notification or its next try.
CREATE TABLE SMS_PullDPState (
  PackageID text PRIMARY KEY,
  Version int64 NOT NULL,
  JobGUID text NOT NULL,                     -- {GUID}, a new one each notification
  Notification bytes NOT NULL,
  State text NOT NULL,                       -- Running, Waiting, Paused, Failed, Succeeded, Cancelled
  Reported int64 NOT NULL DEFAULT 0,         -- bits of state messages that were raised once
  ReportedPercent int64 NOT NULL DEFAULT 0,
  ReportedTime time,                         -- of the last of them
  ProgressTime time,                         -- of the last with a percentage
  Failures int64 NOT NULL DEFAULT 0,         -- in a row
  NextTime time,                             -- of the next try; NULL: none is planned
  Error text NOT NULL DEFAULT '',
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

CREATE TABLE SMS_PullDPContentState (
  JobGUID text PRIMARY KEY,                  -- {GUID} of the content job
  PackageID text NOT NULL REFERENCES SMS_PullDPState (PackageID) ON DELETE CASCADE,
  Version int64 NOT NULL,
  ContentID text NOT NULL,
  RelatedContentID text NOT NULL DEFAULT '',
  State int64 NOT NULL,                      -- numbers of DIST-112
  DTSJob text NOT NULL DEFAULT '',           -- what it waits for; '' nothing
  Source text NOT NULL DEFAULT '',           -- address it is fetched from
  BytesAll int64 NOT NULL DEFAULT 0,         -- to be moved
  BytesDone int64 NOT NULL DEFAULT 0,
  Error text NOT NULL DEFAULT '',
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);
CREATE INDEX SMS_PullDPContentState_PackageID ON SMS_PullDPContentState (PackageID);

-- Where a content item can be had, in the order of trying.
CREATE TABLE SMS_PullDPSource (
  JobGUID text NOT NULL REFERENCES SMS_PullDPContentState (JobGUID) ON DELETE CASCADE,
  Position int64 NOT NULL,
  Source text NOT NULL,                      -- "http://dp:80"
  Verdict int64 NOT NULL DEFAULT 0,          -- 0 not tried, 1 lacks the content, 2 failed
  PRIMARY KEY (JobGUID, Position)
) WITHOUT ROWID;

-- State messages until the management point has taken them.
CREATE TABLE SMS_PullDPReport (
  ID serial,
  PackageID text NOT NULL,
  Version int64 NOT NULL,
  JobGUID text NOT NULL,
  StateID int64 NOT NULL,
  Data text NOT NULL DEFAULT '',             -- percentage, or why it failed
  MessageTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- Status messages until the management point has taken them.
CREATE TABLE SMS_StatusOutbox (
  ID serial,
  Body text NOT NULL,                        -- wire/statusdoc
  CreatedTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);
