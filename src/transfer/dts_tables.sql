-- The tables of the Data Transfer Service, put into a step of each schema whose role has it.
-- Released: never edited, only altered by later steps.

CREATE TABLE DTSJob (
  JobID text PRIMARY KEY,                    -- {GUID}
  Box text NOT NULL,                         -- mailbox of its owner, "@pulldp"
  OwnerKey text NOT NULL,                    -- what the owner knows it by
  Source text NOT NULL,                      -- address that the files' paths are below
  Target text NOT NULL,                      -- folder; nothing is written outside of it
  Priority int64 NOT NULL,                   -- 1 high, 2 medium, 3 low
  State text NOT NULL,                       -- PendingDownload, DownloadingData, RetrievedData,
                                             -- NotifiedComplete; Failed
  Tries int64 NOT NULL DEFAULT 0,            -- in a row without a byte
  BytesDone int64 NOT NULL DEFAULT 0,
  BytesAll int64 NOT NULL DEFAULT 0,         -- as far as sizes were said
  NextTime time,                             -- not before
  ErrorCode int64 NOT NULL DEFAULT 0,        -- of error.def; 0 none
  Error text NOT NULL DEFAULT '',
  CreatedTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);
CREATE INDEX DTSJob_State ON DTSJob (State, Priority, CreatedTime);

CREATE TABLE DTSFile (
  JobID text NOT NULL REFERENCES DTSJob (JobID) ON DELETE CASCADE,
  Seq int64 NOT NULL,
  Path text NOT NULL,                        -- below Source, percent-encoded
  Name text NOT NULL,                        -- in Target
  Title text NOT NULL,                       -- for people
  Size int64 NOT NULL,                       -- of what is fetched; -1 not known
  RangeFrom int64 NOT NULL,                  -- -1: the whole
  IsOptional int64 NOT NULL,                 -- 1: that the source lacks it is no failure
  ETag text NOT NULL DEFAULT '',             -- of what was begun
  PRIMARY KEY (JobID, Seq)
) WITHOUT ROWID;

-- What binds all transfers of this program together.
CREATE TABLE DTSLimit (
  ID int64 PRIMARY KEY CHECK (ID = 1),
  RateLimit int64 NOT NULL,                  -- bytes a second; 0 none
  Schedule text NOT NULL                     -- 168 letters from Sunday 00:00, A, M, H, C; '' open
);
