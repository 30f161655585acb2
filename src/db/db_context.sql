-- The one-row table that tells the triggers of the change log where a change comes from.

-- name: db_context_exists
SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'ChangeLogContext';

-- name: db_context_exists @pg
SELECT COUNT(*) FROM pg_class WHERE relkind = 'r' AND relname = 'changelogcontext';

-- name: db_context_set
UPDATE ChangeLogContext SET Origin = :origin, Trace = :trace WHERE ID = 1;

-- name: db_context_set @pg      lasts until the end of the transaction
SELECT set_config('upkeep.origin', :origin, true), set_config('upkeep.trace', :trace, true);
