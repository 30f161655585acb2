-- The database of rowreader.

CREATE TABLE Seen (
  Kind text NOT NULL,
  Trace text NOT NULL,
  PRIMARY KEY (Kind, Trace)
) WITHOUT ROWID;

-- No key: an effect that is made twice shows.
CREATE TABLE Effects (
  Kind text NOT NULL,
  Trace text NOT NULL,
  Seq int64 NOT NULL
);
