-- A schema for the tests of src/db: the change log, and something to change.

-- include: ../../../../src/db/changelog_tables.sql

CREATE TABLE Things (
  ID serial,
  Name text NOT NULL UNIQUE,
  Number int64,
  Size real,
  Data bytes,
  At time,
  ParentID int64 REFERENCES Things (ID)
);
