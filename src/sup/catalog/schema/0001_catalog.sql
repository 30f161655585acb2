-- The update engine's catalogue. Change numbers only grow; a reader that has seen everything up to
-- one asks for what lies above. Numbers of revisions are never given out twice.

CREATE TABLE CatalogState (
  ID int64 PRIMARY KEY CHECK (ID = 1),
  Epoch text NOT NULL,             -- GUID of this catalogue; changes of another one mean nothing here
  Change int64 NOT NULL,           -- the last change number given out
  RevisionID int64 NOT NULL,       -- the last number of a revision given out
  Sources text NOT NULL,           -- in the form of apt's .sources; empty: the machine's own
  LastStarted time,
  LastEnded time,
  LastGood time,                   -- end of the last run in which no suite failed
  LastResult text NOT NULL         -- a sentence
);

-- Company, ProductFamily, Product, UpdateClassification.
CREATE TABLE CatalogCategories (
  CategoryID text PRIMARY KEY,     -- GUID
  CategoryType text NOT NULL,
  ParentID text NOT NULL,          -- '' for companies and classifications
  Title text NOT NULL,
  RevisionID int64 NOT NULL UNIQUE,
  Revision int64 NOT NULL,
  Change int64 NOT NULL
);

-- What somebody chose; what is not listed is wanted.
CREATE TABLE CatalogSubscriptions (
  CategoryID text PRIMARY KEY,
  Wanted int64 NOT NULL
);

CREATE TABLE CatalogProducts (
  ProductID int64 PRIMARY KEY,
  CategoryID text NOT NULL UNIQUE,
  Origin text NOT NULL,
  Codename text NOT NULL,
  Version text NOT NULL,           -- as os-release has it ("12"); '' if the archive says none
  Rule text NOT NULL,              -- for whom it is (deb/machine.h)
  EndOfLife text NOT NULL,         -- day; '' if not known
  UNIQUE (Origin, Codename)
);

-- A suite at a URI, as some source names it, and what was last seen of it.
CREATE TABLE CatalogSuites (
  SuiteID int64 PRIMARY KEY,
  URI text NOT NULL,
  Suite text NOT NULL,             -- as asked for
  ProductID int64,                 -- null until it was read once
  Codename text NOT NULL,          -- as its Release says
  ReleaseSuite text NOT NULL,
  Priority int64 NOT NULL,         -- 500, 100 or 1
  Classification text NOT NULL,    -- letter, see deb/evalset.h
  ETag text NOT NULL,
  LastModified text NOT NULL,
  SHA256 text NOT NULL,            -- of InRelease
  Wants text NOT NULL,             -- components, architectures and keys it was read with
  ReleaseDate time,
  ValidUntil time,
  Checked time,                    -- when it was last known to be so
  Changed time,                    -- when its content last changed
  Failed time,                     -- since when it cannot be read; null if it can
  Failure text NOT NULL,           -- why
  UNIQUE (URI, Suite)
);

-- The indices of a suite with all their stanzas, from which updates are computed.
CREATE TABLE CatalogIndexes (
  SuiteID int64 NOT NULL REFERENCES CatalogSuites (SuiteID),
  Component text NOT NULL,         -- '' of a flat archive
  Architecture text NOT NULL,      -- '' of a flat archive
  Serves text NOT NULL,            -- architectures for which 'all' packages of it count
  SHA256 text NOT NULL,            -- of the index as fetched
  Stanzas int64 NOT NULL,
  Refused int64 NOT NULL,
  Content bytes NOT NULL,          -- stanzas.h, compressed
  PRIMARY KEY (SuiteID, Component, Architecture)
);

CREATE TABLE CatalogUpdates (
  RevisionID int64 PRIMARY KEY,    -- a new one with each revision
  UpdateID text NOT NULL UNIQUE,
  ProductID int64 NOT NULL REFERENCES CatalogProducts (ProductID),
  Source text NOT NULL,
  Version text NOT NULL,
  Revision int64 NOT NULL,
  Expired int64 NOT NULL,
  Classification text NOT NULL,
  Severity text NOT NULL,          -- Critical, Important, Moderate, Low, ''
  Description text NOT NULL,
  URL text NOT NULL,               -- more information
  SupersededBy text NOT NULL,      -- UpdateIDs, separated by blanks
  FileCount int64 NOT NULL,
  FileSize int64 NOT NULL,
  Files text NOT NULL,             -- a line per file, see catalog_files.c
  Posted time NOT NULL,            -- date of the Release that first had it
  Revised time NOT NULL,           -- and of the one that first had this revision
  RevisionHash int64 NOT NULL,     -- over what makes a new revision
  RowHash int64 NOT NULL,          -- over all that readers see
  FirstChange int64 NOT NULL,      -- with which it came
  Change int64 NOT NULL
);

CREATE INDEX CatalogUpdatesByChange ON CatalogUpdates (Change, RevisionID);
CREATE INDEX CatalogUpdatesByProduct ON CatalogUpdates (ProductID, RevisionID);

-- The last evaluation sets of each product and architecture; the highest number is the present one.
CREATE TABLE CatalogSets (
  ProductID int64 NOT NULL REFERENCES CatalogProducts (ProductID),
  Architecture text NOT NULL,
  Number int64 NOT NULL,
  SHA256 text NOT NULL,            -- of the plain text
  PlainSize int64 NOT NULL,
  Content bytes NOT NULL,          -- zstd
  Created time NOT NULL,
  PRIMARY KEY (ProductID, Architecture, Number)
);

-- Steps from earlier sets to the present one.
CREATE TABLE CatalogSteps (
  ProductID int64 NOT NULL REFERENCES CatalogProducts (ProductID),
  Architecture text NOT NULL,
  FromSHA256 text NOT NULL,
  FromNumber int64 NOT NULL,
  ToNumber int64 NOT NULL,
  Content bytes NOT NULL,          -- zstd
  PRIMARY KEY (ProductID, Architecture, FromSHA256)
);
