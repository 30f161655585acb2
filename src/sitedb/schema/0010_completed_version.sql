-- What a machine's last completed scan saw, beside what counts of it (LastScanVersion): nothing
-- does while the states at this site are not those that the machine reported.

ALTER TABLE Update_ScanStatus ADD COLUMN CompletedVersion int64 NOT NULL DEFAULT 0;
UPDATE Update_ScanStatus SET CompletedVersion = LastScanVersion;
