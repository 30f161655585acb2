-- The tables of the change log, put into the first step of each schema that has one. Released:
-- never edited, only altered by later steps.

CREATE TABLE ChangeLog (
  Seq serial,
  Notice text NOT NULL,
  TableName text NOT NULL,
  Op text NOT NULL,
  Value text NOT NULL,
  Origin text NOT NULL,
  Trace text NOT NULL
);

CREATE TABLE ChangeLogReaders (
  Reader text PRIMARY KEY,
  Seq int64 NOT NULL
);

CREATE TABLE ChangeLogContext (
  ID int64 PRIMARY KEY CHECK (ID = 1),
  Origin text NOT NULL,
  Trace text NOT NULL
);

INSERT INTO ChangeLogContext (ID, Origin, Trace) VALUES (1, '', '');

-- @pg   transactions end in another order than they take their numbers (changelog.sql)
ALTER TABLE ChangeLog ADD Xact xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE ChangeLogReaders ADD Xact xid8 NOT NULL DEFAULT '0';
-- @both
