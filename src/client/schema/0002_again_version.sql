-- The content version that is required of the scan that was asked for while this one runs.
ALTER TABLE CCM_ScanJobInstance ADD COLUMN AgainVersion int64 NOT NULL DEFAULT 0;
