-- The site database: sites, synchronization, updates, policy, machines and their states, alerts,
-- status messages, audit. Names are the specification's (90-tables, 53-database).
--
-- Every row that holds a state has Cause (what made it so) and Trace (in the course of which work);
-- the mass tables have CauseID in their place, the row of SR_Reports that has both. Numeric keys
-- that replicate have the site's number in their upper bits (SiteKeys gives them out).

-- include: ../../db/changelog_tables.sql

-- Before anybody can write: smsdbmon reads from the first row on.
INSERT INTO ChangeLogReaders (Reader, Seq) VALUES ('smsdbmon', 0);

-- ---- sites -----------------------------------------------------------------------------------

CREATE TABLE Sites (
  SiteCode text PRIMARY KEY CHECK (LENGTH(SiteCode) = 3),
  SiteNumber int64 NOT NULL UNIQUE CHECK (SiteNumber BETWEEN 1 AND 127),
  SiteName text NOT NULL,
  ServerName text NOT NULL,
  ParentSiteCode text NOT NULL DEFAULT '',
  SiteType int64 NOT NULL,                   -- 1 secondary, 2 primary, 4 central
  SiteVersion text NOT NULL DEFAULT '',
  InstallDir text NOT NULL DEFAULT '',
  Status int64 NOT NULL DEFAULT 1,           -- 1 active, 2 pending, 3 failed, 4 deleted
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- Which of the sites this database belongs to: what fnGetSiteCode() answers.
CREATE TABLE SMSData (
  ID int64 PRIMARY KEY CHECK (ID = 1),
  ThisSiteCode text NOT NULL REFERENCES Sites (SiteCode)
);

-- The last number given out for each kind of key.
CREATE TABLE SiteKeys (
  KeyName text PRIMARY KEY,
  LastNumber int64 NOT NULL
);

-- Site systems and their roles; a SUP is RoleTypeID 8. The first SUP of a site is its default.
CREATE TABLE SC_SysResUse (
  SiteCode text NOT NULL REFERENCES Sites (SiteCode),
  RoleTypeID int64 NOT NULL,                 -- 2 management point, 3 DP, 6 site server, 8 SUP
  ServerName text NOT NULL,                  -- FQDN
  NALPath text NOT NULL,
  InstallOrder int64 NOT NULL,
  IsDefault int64 NOT NULL DEFAULT 0,
  Scheme text NOT NULL DEFAULT 'http',
  Port int64 NOT NULL,
  AdminURL text NOT NULL DEFAULT '',         -- where the site server reaches it
  AcceptsIntranet int64 NOT NULL DEFAULT 1,
  AcceptsInternet int64 NOT NULL DEFAULT 0,
  Forest text NOT NULL DEFAULT '',
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (SiteCode, RoleTypeID, ServerName)
) WITHOUT ROWID;

-- ---- synchronization -------------------------------------------------------------------------

CREATE TABLE CI_UpdateSources (
  UpdateSource_ID int64 PRIMARY KEY,
  UpdateSource_UniqueID text NOT NULL UNIQUE, -- {GUID}
  UpdateSourceName text NOT NULL,
  SourceSite text NOT NULL,
  ContentVersion int64 NOT NULL DEFAULT 0,    -- grows by one with each run that changed something
  IsDirty int64 NOT NULL DEFAULT 0,           -- something changed since the version last grew
  DateCreated time NOT NULL,
  DateModified time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

CREATE TABLE Update_SyncStatus (
  SiteCode text NOT NULL,
  WSUSServerName text NOT NULL,
  UpdateSource_UniqueID text NOT NULL,
  SyncNow text,                               -- SELF or FULL for a moment, else null
  SyncCatalogVersion int64 NOT NULL DEFAULT 0,
  LastSuccessfulSyncTime time,
  LastSyncState int64 NOT NULL DEFAULT 0,     -- 6701 to 6708, 0 never
  LastSyncStateTime time,
  LastSyncErrorCode int64 NOT NULL DEFAULT 0,
  WSUSSourceServer text NOT NULL DEFAULT '',
  LastReplicationLinkCheckTime time,
  ReplicationLinkStatus int64 NOT NULL DEFAULT 0,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (SiteCode, WSUSServerName)
) WITHOUT ROWID;

-- What WSyncMgr must not forget: the request that waits, the run that goes on, the retry, and the
-- mark up to which the engine's changes are in this database. Kinds: 0 none, 1 delta, 2 full.
CREATE TABLE Update_SyncRuns (
  SiteCode text PRIMARY KEY,
  PendingKind int64 NOT NULL DEFAULT 0 CHECK (PendingKind IN (0, 1, 2)),
  PendingOrigin text NOT NULL DEFAULT '',     -- schedule, local, parent, retry, installation
  PendingTime time,
  PendingTrace text NOT NULL DEFAULT '',
  TakenSeq int64 NOT NULL DEFAULT 0,          -- newest notice that became a request
  RunningKind int64 NOT NULL DEFAULT 0 CHECK (RunningKind IN (0, 1, 2)),
  RunningOrigin text NOT NULL DEFAULT '',
  RunningTime time,
  RunningTrace text NOT NULL DEFAULT '',
  RunningPhase text NOT NULL DEFAULT '',
  RunningDone int64 NOT NULL DEFAULT 0,
  RunningTotal int64 NOT NULL DEFAULT 0,
  RunningProgressTime time,
  RetryKind int64 NOT NULL DEFAULT 0 CHECK (RetryKind IN (0, 1, 2)),
  RetryTime time,
  Interruptions int64 NOT NULL DEFAULT 0,     -- runs in a row that a stop cut short
  Anchor text NOT NULL DEFAULT '',
  LastStartTime time,
  LastEndTime time,
  LastSuccessTime time,
  LastError text NOT NULL DEFAULT '',
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- ---- categories and updates ------------------------------------------------------------------

CREATE TABLE CI_CategoryInstances (
  CategoryInstanceID int64 PRIMARY KEY,
  CategoryInstance_UniqueID text NOT NULL UNIQUE, -- Product:<guid>, UpdateClassification:<guid>
  CategoryTypeName text NOT NULL,             -- Company, ProductFamily, Product, UpdateClassification
  CategoryInstanceName text NOT NULL,
  ParentCategoryInstanceID int64 REFERENCES CI_CategoryInstances (CategoryInstanceID),
  AllowSubscription int64 NOT NULL DEFAULT 0,
  IsSubscribed int64 NOT NULL DEFAULT 0,
  IsDeleted int64 NOT NULL DEFAULT 0,
  EndOfLife time,                             -- past it, "no missing updates" is not good news
  SourceSite text NOT NULL,
  DateLastModified time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- One row per update in its newest revision; texts and files stand apart, so that summaries and
-- lists read small rows.
CREATE TABLE CI_ConfigurationItems (
  CI_ID int64 PRIMARY KEY,
  CI_UniqueID text NOT NULL UNIQUE,           -- the GUID of the update, lower case
  CIType_ID int64 NOT NULL DEFAULT 1,
  RevisionNumber int64 NOT NULL,
  UpdateSource_ID int64 NOT NULL REFERENCES CI_UpdateSources (UpdateSource_ID),
  MinSourceVersion int64 NOT NULL,            -- the content version that brought it or its rules
  ArticleID text NOT NULL DEFAULT '',
  BulletinID text NOT NULL DEFAULT '',
  Severity int64 NOT NULL DEFAULT 0,          -- 10 critical, 8 important, 6 moderate, 2 low, 0 none
  CustomSeverity int64 NOT NULL DEFAULT 0,
  UpdateType text NOT NULL DEFAULT 'Software',
  MaxExecutionTime int64 NOT NULL DEFAULT 600,
  ContentSize int64 NOT NULL DEFAULT 0,       -- bytes of all files
  IsSuperseded int64 NOT NULL DEFAULT 0,
  IsExpired int64 NOT NULL DEFAULT 0,
  IsTombstoned int64 NOT NULL DEFAULT 0,
  IsEnabled int64 NOT NULL DEFAULT 1,
  IsHidden int64 NOT NULL DEFAULT 0,
  DatePosted time,
  DateRevised time,
  DateCreated time NOT NULL,
  DateLastModified time NOT NULL,
  SourceSite text NOT NULL,
  Digest bytes NOT NULL,                      -- of all that the source said of it
  RuleDigest bytes NOT NULL,                  -- of what decides the answer of a scan
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

CREATE TABLE CI_LocalizedProperties (
  CI_ID int64 PRIMARY KEY REFERENCES CI_ConfigurationItems (CI_ID) ON DELETE CASCADE,
  LocaleID int64 NOT NULL DEFAULT 1033,
  Title text NOT NULL,
  Description text NOT NULL DEFAULT '',
  InfoURL text NOT NULL DEFAULT '',
  ReferenceURLs text NOT NULL DEFAULT '',     -- advisories, CVE entries: one a line
  DisplayOwners text NOT NULL DEFAULT ''
);

CREATE TABLE CI_CategoryRelations (
  CI_ID int64 NOT NULL REFERENCES CI_ConfigurationItems (CI_ID) ON DELETE CASCADE,
  CategoryInstanceID int64 NOT NULL REFERENCES CI_CategoryInstances (CategoryInstanceID),
  PRIMARY KEY (CI_ID, CategoryInstanceID)
) WITHOUT ROWID;

-- RelationType 6: FromCI_ID supersedes ToCI_ID. The key begins with ToCI_ID, because the question
-- is always what supersedes an update.
CREATE TABLE CI_ConfigurationItemRelations (
  ToCI_ID int64 NOT NULL REFERENCES CI_ConfigurationItems (CI_ID) ON DELETE CASCADE,
  RelationType int64 NOT NULL,
  FromCI_ID int64 NOT NULL REFERENCES CI_ConfigurationItems (CI_ID) ON DELETE CASCADE,
  PRIMARY KEY (ToCI_ID, RelationType, FromCI_ID)
) WITHOUT ROWID;

-- The files of an update; of a Debian one, with the binary package that each carries.
CREATE TABLE CI_ContentFiles (
  CI_ID int64 NOT NULL REFERENCES CI_ConfigurationItems (CI_ID) ON DELETE CASCADE,
  Ordinal int64 NOT NULL,
  FileName text NOT NULL,
  FileSize int64 NOT NULL,
  FileHash bytes NOT NULL,                    -- SHA-256
  SourceURL text NOT NULL,
  PackageName text NOT NULL DEFAULT '',
  Architecture text NOT NULL DEFAULT '',
  PackageVersion text NOT NULL DEFAULT '',
  IsOwned int64 NOT NULL DEFAULT 1,           -- 0: another update has a higher version of it
  PRIMARY KEY (CI_ID, Ordinal)
) WITHOUT ROWID;

-- ---- alerts, status messages, audit ----------------------------------------------------------

CREATE TABLE Alerts (
  AlertID serial,
  AlertName text NOT NULL,                    -- Synchronization
  SiteCode text NOT NULL,
  ObjectID text NOT NULL DEFAULT '',
  Severity int64 NOT NULL DEFAULT 1,          -- 1 error, 2 warning, 3 information
  AlertState int64 NOT NULL,                  -- 0 active, 1 postponed, 2 cancelled, 5 never triggered
  StateTime time NOT NULL,
  Description text NOT NULL DEFAULT '',
  OccurrenceCount int64 NOT NULL DEFAULT 0,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  UNIQUE (AlertName, SiteCode, ObjectID)
);

CREATE TABLE StatusMessages (
  RecordID serial,
  ModuleName text NOT NULL,
  Severity int64 NOT NULL,                    -- signed, as views have it
  MessageID int64 NOT NULL,
  MessageType int64 NOT NULL DEFAULT 256,
  ReportFunction int64 NOT NULL DEFAULT 0,
  SuccessfulTransaction int64 NOT NULL DEFAULT 0,
  PartOfTransaction int64 NOT NULL DEFAULT 0,
  PerClient int64 NOT NULL DEFAULT 0,
  Win32Error int64 NOT NULL DEFAULT 0,
  MessageTime time NOT NULL,
  SiteCode text NOT NULL,
  MachineName text NOT NULL,
  Component text NOT NULL,
  ProcessID int64 NOT NULL,
  ThreadID int64 NOT NULL,
  MessageText text NOT NULL DEFAULT '',       -- in words, with its strings put in
  Trace text NOT NULL DEFAULT ''
);
CREATE INDEX StatusMessages_Time ON StatusMessages (MessageTime);

CREATE TABLE StatusMessageInsStrs (
  RecordID int64 NOT NULL REFERENCES StatusMessages (RecordID) ON DELETE CASCADE,
  InsStrIndex int64 NOT NULL,
  InsStrValue text NOT NULL,
  PRIMARY KEY (RecordID, InsStrIndex)
) WITHOUT ROWID;

CREATE TABLE StatusMessageAttributes (
  RecordID int64 NOT NULL REFERENCES StatusMessages (RecordID) ON DELETE CASCADE,
  AttributeID int64 NOT NULL,
  AttributeValue text NOT NULL,
  AttributeTime time NOT NULL,
  PRIMARY KEY (RecordID, AttributeID)
) WITHOUT ROWID;
CREATE INDEX StatusMessageAttributes_Value ON StatusMessageAttributes (AttributeID, AttributeValue);

CREATE TABLE Audit (
  AuditID serial,
  AuditTime time NOT NULL,
  UserName text NOT NULL,
  Address text NOT NULL DEFAULT '',
  Action text NOT NULL,                       -- created, modified, deleted, called
  ClassName text NOT NULL,
  ObjectID text NOT NULL DEFAULT '',
  Method text NOT NULL DEFAULT '',
  Details text NOT NULL DEFAULT '',
  Result text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- ---- policy ----------------------------------------------------------------------------------

CREATE TABLE Policy (
  PolicyID text PRIMARY KEY,                  -- {GUID}
  Version text NOT NULL,                      -- 40.00
  Body bytes,
  PolicyHash text NOT NULL DEFAULT '',        -- SHA256:<hex>
  PolicyCategory text NOT NULL DEFAULT '',
  PolicyFlags int64 NOT NULL DEFAULT 0,
  PolicyPriority int64 NOT NULL DEFAULT 25,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- InProcess is 1 from the insert on until hash and signature are there: such a row is not served.
CREATE TABLE PolicyAssignment (
  PADBID int64 PRIMARY KEY,
  PolicyAssignmentID text NOT NULL UNIQUE,
  PolicyID text NOT NULL,
  Version text NOT NULL,
  Body bytes,
  InProcess int64 NOT NULL DEFAULT 1,
  IsTombstoned int64 NOT NULL DEFAULT 0,
  BodyHash text,
  BodySignature text,
  TombstoneBody bytes,
  TombstoneBodyHash text,
  TombstoneBodySignature text,
  HashAlgOID text,
  HashAlgId int64,
  LastUpdateTime time,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

CREATE TABLE SettingsPolicy (
  SourceID text NOT NULL,                     -- site code
  SourceType text NOT NULL,                   -- UpdateSource
  PolicyID text NOT NULL,
  PolicyAssignmentID text NOT NULL,
  SourceCRC text NOT NULL DEFAULT '',
  PADBID int64 NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (SourceID, SourceType)
) WITHOUT ROWID;

-- ---- machines and what they report -----------------------------------------------------------

CREATE TABLE Machines (
  ResourceID int64 PRIMARY KEY,
  SMSID text NOT NULL UNIQUE,                 -- GUID:<guid>
  Name text NOT NULL,
  FullName text NOT NULL DEFAULT '',          -- FQDN
  Domain text NOT NULL DEFAULT '',
  SiteCode text NOT NULL,
  State int64 NOT NULL,                       -- 0 pending, 1 approved, 2 blocked
  StateTime time NOT NULL,
  RegisteredTime time NOT NULL,
  ClientVersion text NOT NULL DEFAULT '',
  OperatingSystem text NOT NULL DEFAULT '',
  Architecture text NOT NULL DEFAULT '',
  Certificate text NOT NULL,                  -- PEM, the public half of the machine's key
  Fingerprint text NOT NULL UNIQUE,           -- SHA-256 of it
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);
CREATE INDEX Machines_Name ON Machines (Name);
CREATE INDEX Machines_State ON Machines (State);   -- small, where the rows are large

-- What changes with every contact; apart from Machines, so that its row is small.
CREATE TABLE MachineContacts (
  ResourceID int64 PRIMARY KEY REFERENCES Machines (ResourceID) ON DELETE CASCADE,
  LastContactTime time NOT NULL,
  LastReportTime time,
  LastSerialNumber int64 NOT NULL DEFAULT 0
);

-- A report that changed something: the cause of the states it brought; or one that was refused.
CREATE TABLE SR_Reports (
  ReportID serial,
  ResourceID int64 NOT NULL,                  -- 0 of a client that is not known
  ReceivedTime time NOT NULL,
  FileName text NOT NULL,
  Messages int64 NOT NULL DEFAULT 0,
  Invalid int64 NOT NULL DEFAULT 0,
  Refusal text NOT NULL DEFAULT '',           -- why nothing of it was taken, in a sentence
  Trace text NOT NULL DEFAULT ''
);
CREATE INDEX SR_Reports_Time ON SR_Reports (ReceivedTime);
CREATE INDEX SR_Reports_Refused ON SR_Reports (ResourceID, FileName) WHERE Refusal <> '';

-- Topic 500. StateTime and SerialNumber are those of the message, by which a late one is known.
CREATE TABLE Update_ComplianceStatus (
  ResourceID int64 NOT NULL,
  CI_ID int64 NOT NULL,
  Status int64 NOT NULL,                      -- 0 unknown, 1 not required, 2 required, 3 installed
  Revision int64 NOT NULL,
  StateTime time NOT NULL,
  SerialNumber int64 NOT NULL,
  CauseID int64 NOT NULL,
  PRIMARY KEY (ResourceID, CI_ID)
) WITHOUT ROWID;

-- Which installed packages make an update missing.
CREATE TABLE Update_MissingPackages (
  ResourceID int64 NOT NULL,
  CI_ID int64 NOT NULL,
  PackageName text NOT NULL,
  Architecture text NOT NULL,
  InstalledVersion text NOT NULL,
  NewVersion text NOT NULL,
  IsHeld int64 NOT NULL DEFAULT 0,
  PRIMARY KEY (ResourceID, CI_ID, PackageName, Architecture)
) WITHOUT ROWID;

-- Topic 501: the newest state of a machine's scans, and the last one that was completed.
CREATE TABLE Update_ScanStatus (
  ResourceID int64 NOT NULL,
  UpdateSource_ID int64 NOT NULL,
  LastScanState int64 NOT NULL,
  StateTime time NOT NULL,
  SerialNumber int64 NOT NULL,
  LastErrorCode int64 NOT NULL DEFAULT 0,
  ScanPackageVersion int64 NOT NULL DEFAULT 0,
  LastScanTime time,                          -- of the last completed scan, with what follows
  LastScanVersion int64 NOT NULL DEFAULT 0,   -- at most the content version of this database
  LastScanLocation text NOT NULL DEFAULT '',
  NumMissing int64 NOT NULL DEFAULT 0,
  NumInstalled int64 NOT NULL DEFAULT 0,
  NumNotApplicable int64 NOT NULL DEFAULT 0,
  Digest text NOT NULL DEFAULT '',
  ResyncTime time,                            -- when a full resend was asked for, if it is due
  CauseID int64 NOT NULL,
  PRIMARY KEY (ResourceID, UpdateSource_ID)
) WITHOUT ROWID;

-- Every other topic, and whatever is unknown: the newest state of each.
CREATE TABLE SR_StateMessages (
  ResourceID int64 NOT NULL,
  TopicType int64 NOT NULL,
  TopicID text NOT NULL,
  StateID int64 NOT NULL,
  StateTime time NOT NULL,
  SerialNumber int64 NOT NULL,
  Parameters text NOT NULL DEFAULT '',        -- one a line
  Details text NOT NULL DEFAULT '',
  CauseID int64 NOT NULL,
  PRIMARY KEY (ResourceID, TopicType, TopicID)
) WITHOUT ROWID;
-- States of updates that this database does not know yet wait here until it does.
CREATE INDEX SR_StateMessages_Waiting ON SR_StateMessages (TopicID) WHERE TopicType = 500;

CREATE TABLE SR_StateNames (
  TopicType int64 NOT NULL,
  StateID int64 NOT NULL,
  StateName text NOT NULL,
  StateDescription text NOT NULL,
  PRIMARY KEY (TopicType, StateID)
) WITHOUT ROWID;

CREATE TABLE SR_SummaryTasks (
  TaskID int64 PRIMARY KEY,
  TaskName text NOT NULL UNIQUE,
  TaskCommand text NOT NULL DEFAULT '',
  RunInterval int64 NOT NULL,                 -- seconds
  Enabled int64 NOT NULL DEFAULT 1,
  RunNow int64 NOT NULL DEFAULT 0,
  ManualStart int64 NOT NULL DEFAULT 0,       -- may be started by hand
  LastStartTime time,
  LastRunDuration int64,                      -- milliseconds
  LastRunResult int64,
  LastSuccessfulCompletionTime time,
  NextStartTime time,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- What is counted of each update while states come in. A machine counts when it is approved and its
-- last completed scan saw the version that brought the update or its rules. How many are not
-- required or unknown is not counted but follows (view Update_ComplianceSummary): a scan of one
-- machine turns all unknowns into not required, which must not cost a row each.
CREATE TABLE Update_ComplianceCounts (
  CI_ID int64 PRIMARY KEY,
  NumMissing int64 NOT NULL DEFAULT 0,
  NumInstalled int64 NOT NULL DEFAULT 0,
  NumUndetected int64 NOT NULL DEFAULT 0,     -- scanned, and yet reported as unknown
  NumFailed int64 NOT NULL DEFAULT 0,
  LastSummaryTime time NOT NULL,              -- of the last change
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- How many approved machines completed their last scan at this content version or a later one. The
-- row of source 0, version 0 counts all approved machines; its time is that of the last proof.
CREATE TABLE Update_ScanVersions (
  UpdateSource_ID int64 NOT NULL,
  SourceVersion int64 NOT NULL,
  NumMachines int64 NOT NULL DEFAULT 0,
  LastSummaryTime time,
  PRIMARY KEY (UpdateSource_ID, SourceVersion)
) WITHOUT ROWID;
INSERT INTO Update_ScanVersions (UpdateSource_ID, SourceVersion) VALUES (0, 0);
