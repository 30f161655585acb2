-- The client's own database: what it is, what it was told, what it found, what it has to send.
-- Tables of stored classes have the classes' names (90-tables, 9); a namespace is a table.
--
-- Every row that holds a state has Cause (what made it so) and Trace (in the course of which work).

-- ---- who this client is ------------------------------------------------------------------------

-- The one row: the client's GUID, and what the site says of it.
CREATE TABLE Client (
  ID int64 PRIMARY KEY CHECK (ID = 1),
  SMSID text NOT NULL,                       -- GUID, upper case, without the prefix
  State text NOT NULL,                       -- new, pending, registered, rejected
  Reason text NOT NULL DEFAULT '',           -- what the site says about it
  ChangeTime time NOT NULL,
  AskTime time,                              -- of the last registration or confirmation sent
  Tries int64 NOT NULL DEFAULT 0,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- ---- between components ------------------------------------------------------------------------

-- A letter to a component; written with what led to it, removed with what it led to.
CREATE TABLE Letter (
  ID serial,
  Box text NOT NULL,
  Kind text NOT NULL,
  LetterKey text NOT NULL DEFAULT '',
  Body bytes,
  SentTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);
CREATE INDEX Letter_Box ON Letter (Box, ID);

-- The outgoing queue (client protocol, 11).
CREATE TABLE OutgoingMessage (
  Seq serial,
  ID text NOT NULL UNIQUE,                   -- {GUID}
  Queue text NOT NULL,                       -- mp:[http]mp_locationmanager; "" for a plain GET
  Endpoint text NOT NULL,                    -- MP_LocationManager
  ReplyTo text NOT NULL DEFAULT '',          -- local endpoint; "" if no reply is expected
  Box text NOT NULL DEFAULT '',              -- who gets the reply or the receipt
  ReplyKey text NOT NULL DEFAULT '',         -- by which that one knows it
  Body bytes,                                -- of a GET: path and query
  IsOpen int64 NOT NULL DEFAULT 0,           -- may go before the client is registered
  CreatedTime time NOT NULL,
  ExpireTime time,
  Tries int64 NOT NULL DEFAULT 0,
  LastError text NOT NULL DEFAULT '',
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- ---- policy ------------------------------------------------------------------------------------

-- What the last reply of the management point said of the assignments as a whole.
CREATE TABLE PolicySource (
  SiteCode text PRIMARY KEY,
  ServerCookie text NOT NULL DEFAULT '',
  ReplyTime time,
  Trace text NOT NULL DEFAULT ''
);

-- RequestedConfig. Requested: the assignment is here and the body under way; Compiled: the body is
-- here and good; Active: applied; Revoked: the site has withdrawn it.
CREATE TABLE CCM_Policy_Policy5 (
  PolicyID text NOT NULL,
  PolicyVersion text NOT NULL,
  PolicySource text NOT NULL,
  PolicyCategory text NOT NULL,
  PolicyState text NOT NULL,
  AssignmentID text NOT NULL,
  PolicyHash text NOT NULL,
  PolicyLocation text NOT NULL DEFAULT '',
  Body bytes,
  ReceivedTime time NOT NULL,
  StateTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (PolicyID, PolicyVersion)
) WITHOUT ROWID;

-- ActualConfig: the instance as it stands in the body of the active policy (COMP-020).
CREATE TABLE CCM_UpdateSource (
  UniqueId text PRIMARY KEY,
  ContentVersion int64 NOT NULL,
  ContentType int64 NOT NULL,
  PolicyID text NOT NULL,
  PolicyVersion text NOT NULL,
  ChangeTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- ActualConfig, properties of every other class.
CREATE TABLE CCM_ActualConfig (
  ClassName text NOT NULL,
  Name text NOT NULL,
  Value text NOT NULL,
  PolicyID text NOT NULL,
  ChangeTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (ClassName, Name, PolicyID)
) WITHOUT ROWID;

-- ---- location ----------------------------------------------------------------------------------

CREATE TABLE LocationRequest (
  ID text PRIMARY KEY,                       -- {GUID}
  ContentID text NOT NULL,
  ContentVersion int64 NOT NULL,
  State text NOT NULL,                       -- new, sent, empty
  Reason text NOT NULL DEFAULT '',           -- why the last answer was empty
  CreatedTime time NOT NULL,
  NextTime time,                             -- when it is sent again
  ExpireTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- ---- scan --------------------------------------------------------------------------------------

CREATE TABLE CCM_ScanJobInstance (
  JobID text PRIMARY KEY,                    -- {GUID}
  UpdateSourceID text NOT NULL,              -- {GUID}; "" as long as there is no policy
  ContentVersion int64 NOT NULL DEFAULT 0,   -- of the policy
  RequiredVersion int64 NOT NULL DEFAULT 0,
  State text NOT NULL,
  IsUrgent int64 NOT NULL DEFAULT 0,         -- somebody waits: report at once
  AgainTrace text NOT NULL DEFAULT '',       -- asked for once more while it ran; trace of that
  LocationRequestID text NOT NULL DEFAULT '',
  ContentLocation text NOT NULL DEFAULT '',
  LocationVersion text NOT NULL DEFAULT '',
  Tries int64 NOT NULL DEFAULT 0,            -- failures on ContentLocation
  FailedLocations text NOT NULL DEFAULT '',  -- left for good by this job, one a line
  CreatedTime time NOT NULL,
  NextTime time,
  FinishTime time,
  ErrorCode int64 NOT NULL DEFAULT 0,
  ErrorText text NOT NULL DEFAULT '',
  NumMissing int64 NOT NULL DEFAULT 0,
  NumInstalled int64 NOT NULL DEFAULT 0,
  NumNotApplicable int64 NOT NULL DEFAULT 0,
  StateDetails text NOT NULL DEFAULT '',     -- of the state message of the completed scan
  ScanTime time,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- What is remembered of the scans of an update source: when the next one is due (counted from
-- AnchorTime; FirstTime as long as there was none), and who answered the last good one (COMP-081).
CREATE TABLE ScanHistory (
  ID int64 PRIMARY KEY CHECK (ID = 1),
  FirstTime time,
  AnchorTime time,
  LastLocation text NOT NULL DEFAULT '',
  LastScanTime time,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- The update sources that WUAHandler has added.
CREATE TABLE WUAUpdateSource (
  UniqueId text PRIMARY KEY,
  ContentType int64 NOT NULL,
  ContentVersion int64 NOT NULL,
  ServerURL text NOT NULL,
  AddedTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- ---- what was found ----------------------------------------------------------------------------

CREATE TABLE CCM_UpdateStatus (
  UniqueId text PRIMARY KEY,                 -- GUID, lower case
  Title text NOT NULL,
  Article text NOT NULL DEFAULT '',
  Bulletin text NOT NULL DEFAULT '',
  Language text NOT NULL DEFAULT '',
  ProductID text NOT NULL,
  RevisionNumber int64 NOT NULL,
  ScanTime time NOT NULL,
  Sources text NOT NULL,                     -- {update source} and content version
  Status text NOT NULL,                      -- Missing, Installed
  UpdateClassification text NOT NULL,
  ReportedState int64 NOT NULL DEFAULT 0,    -- state ID last raised; 0 none
  Digest text NOT NULL,                      -- of all of it, by which a change is known
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);

-- Which installed packages make an update missing (DEB-041).
CREATE TABLE CCM_UpdateStatusPackage (
  UniqueId text NOT NULL REFERENCES CCM_UpdateStatus (UniqueId) ON DELETE CASCADE,
  Package text NOT NULL,
  Architecture text NOT NULL,
  InstalledVersion text NOT NULL,
  NewVersion text NOT NULL,
  IsHeld int64 NOT NULL DEFAULT 0,
  PRIMARY KEY (UniqueId, Package, Architecture)
) WITHOUT ROWID;

-- ---- state messages ----------------------------------------------------------------------------

CREATE TABLE CCM_StateMsg (
  TopicType int64 NOT NULL,
  TopicID text NOT NULL,
  TopicIDType int64 NOT NULL,
  StateID int64 NOT NULL,
  ParamCount int64 NOT NULL DEFAULT 0,
  Param1 text NOT NULL DEFAULT '',
  Param2 text NOT NULL DEFAULT '',
  Param3 text NOT NULL DEFAULT '',
  Param4 text NOT NULL DEFAULT '',
  Param5 text NOT NULL DEFAULT '',
  StateDetails text NOT NULL DEFAULT '',
  MessageTime time NOT NULL,
  MessageSent int64 NOT NULL DEFAULT 0,
  SerialNumber int64 NOT NULL DEFAULT 0,     -- of the last report that carried it
  ReportID text NOT NULL DEFAULT '',         -- message on its way with it; "" none
  IsRecorded int64 NOT NULL DEFAULT 0,       -- StateMessage has seen it
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  PRIMARY KEY (TopicType, TopicID)
) WITHOUT ROWID;
CREATE INDEX CCM_StateMsg_Unsent ON CCM_StateMsg (MessageSent, ReportID);

-- The last serial number given to a message.
CREATE TABLE CCM_StateMsg_SerialNum (
  ID int64 PRIMARY KEY CHECK (ID = 1),
  SerialNumber int64 NOT NULL
);
INSERT INTO CCM_StateMsg_SerialNum (ID, SerialNumber) VALUES (1, 0);
