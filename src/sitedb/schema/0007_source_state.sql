-- When a source that cannot be read is read again, at the latest.

ALTER TABLE PkgStatus ADD COLUMN NextTryTime time;                   -- of the source; Type 1, status 4
