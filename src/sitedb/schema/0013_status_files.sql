-- Status files of transfers that succeeded, until Distribution Manager has stored what they say: a
-- file that a crash took away is made again from here.
CREATE TABLE PkgStatusFiles (
  FileName text PRIMARY KEY,
  Body text NOT NULL
);
