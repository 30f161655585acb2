-- The newest notice of a full synchronization that became a request, apart from those of any kind
-- (TakenSeq): one that is taken late, behind a newer one of the other kind, is none that was taken.
ALTER TABLE Update_SyncRuns ADD COLUMN TakenFullSeq int64 NOT NULL DEFAULT 0;
UPDATE Update_SyncRuns SET TakenFullSeq = TakenSeq;
