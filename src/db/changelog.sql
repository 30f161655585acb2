-- Reading the change log. SQLite has one writer at a time, so that Seq is the order of commit. In
-- PostgreSQL a transaction may commit after one that has a higher Seq: there only rows of
-- transactions below the oldest one still running are read, ordered by transaction and Seq, and a
-- mark is that pair.

-- name: changelog_register      rows that are gone were passed by every reader before
INSERT INTO ChangeLogReaders (Reader, Seq)
SELECT :reader, newest.Seq
  FROM (SELECT COALESCE(MAX(Seq), 0) AS Seq
          FROM (SELECT Seq FROM ChangeLog UNION ALL SELECT Seq FROM ChangeLogReaders) marks) newest
 WHERE NOT EXISTS (SELECT 1 FROM ChangeLogReaders WHERE Reader = :reader);

-- name: changelog_register @pg      what older transactions, still open, will commit is to be seen too
INSERT INTO ChangeLogReaders (Reader, Seq, Xact)
SELECT CAST(:reader AS TEXT), 0, pg_snapshot_xmin(pg_current_snapshot())
 WHERE NOT EXISTS (SELECT 1 FROM ChangeLogReaders WHERE Reader = CAST(:reader AS TEXT));

-- name: changelog_reader_known
SELECT COUNT(*) AS Known FROM ChangeLogReaders WHERE Reader = :reader;

-- name: changelog_read
SELECT Seq, Notice, TableName, Op, Value, Origin, Trace
  FROM ChangeLog
 WHERE Seq > (SELECT Seq FROM ChangeLogReaders WHERE Reader = :reader)
 ORDER BY Seq
 LIMIT :max;

-- name: changelog_read @pg
SELECT c.Seq, c.Notice, c.TableName, c.Op, c.Value, c.Origin, c.Trace
  FROM ChangeLog c, ChangeLogReaders r
 WHERE r.Reader = :reader AND (c.Xact, c.Seq) > (r.Xact, r.Seq)
   AND c.Xact < pg_snapshot_xmin(pg_current_snapshot())
 ORDER BY c.Xact, c.Seq
 LIMIT :max;

-- name: changelog_advance      never back: a repeated handling of old entries moves nothing
UPDATE ChangeLogReaders SET Seq = :seq WHERE Reader = :reader AND Seq < :seq;

-- name: changelog_advance @pg
UPDATE ChangeLogReaders r SET Seq = c.Seq, Xact = c.Xact
  FROM ChangeLog c
 WHERE r.Reader = :reader AND c.Seq = :seq AND (r.Xact, r.Seq) < (c.Xact, c.Seq);

-- name: changelog_trim
DELETE FROM ChangeLog WHERE Seq <= (SELECT MIN(Seq) FROM ChangeLogReaders);

-- name: changelog_trim @pg
DELETE FROM ChangeLog c
 WHERE EXISTS (SELECT 1 FROM ChangeLogReaders)
   AND NOT EXISTS (SELECT 1 FROM ChangeLogReaders r WHERE (r.Xact, r.Seq) < (c.Xact, c.Seq));
